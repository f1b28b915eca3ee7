"""Survey tools whose HTTP API is described in YAML instead of in code: `type: http`, and the presets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connectors.contract import Confidence, Connector, Inbound, Needs, Source, Tools


def _source(settings: Any, tools: Tools) -> Source:
    from connectors.declared.source import DeclaredSource

    return DeclaredSource(settings.described(tools.folder), tools)


def _inbound(settings: Any, folder: Path) -> Inbound | None:
    from connectors.declared.inbound import inbound_of

    return inbound_of(settings.described(folder))


def _grants(settings: Any, needs: Needs) -> Sequence[str]:
    return ["A key or client of the tool's API that may read answers, and no more; give it to npsync alone."]


def __getattr__(name: str) -> Connector:
    """CONNECTOR is made when it is asked for: who needs one part of this package needs not all of it."""
    if name != "CONNECTOR":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from connectors.declared.settings import HttpSettings

    return Connector(
        name="http",
        title="Any survey tool with an HTTP API, described in YAML",
        settings=HttpSettings,
        grants=_grants,
        source=_source,
        inbound=_inbound,
        edits="At once where the tool pushes (`push`); else what the description's `since.overlap` reads again.",
        limits="What the description's `throttle` says: npsync paces itself.",
        confidence=Confidence.VERIFIED,
        starter=STARTER,
    )


STARTER = """\
type: http
base_url: https://api.pulse.example
auth: {kind: bearer, token: "${PULSE_TOKEN}"}
request: {path: /v1/answers}
records: answers                        # where a reply holds the rows
pages: {kind: page, param: page}        # or next_link, last_row, offset, cursor, moving_start
since: {kind: time, field: updated_at, param: updated_since}
fields:                                 # our name: where a row holds it
  id: id
  score: score
  comment: comment
  answered_at: created_at
  updated_at: updated_at
  email: person.email
"""
