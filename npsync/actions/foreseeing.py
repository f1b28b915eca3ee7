"""What would change, field by field, and whether the connected systems fit the YAML: told as the outcome of an action.
Nothing is written anywhere.

Changes are kept for a day, until the next time that is pruned, and until somebody is forgotten (`store.acting`): they
hold what customers said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

from nps.errors import AccessError, NpsyncError
from nps.values import Json
from npsync import opening
from npsync.checking.access import try_out
from npsync.checking.live import check as compare
from npsync.checking.readers import WARNINGS
from npsync.config.secrets import redact

if TYPE_CHECKING:
    from connectors.contract import Clock
    from nps.changes import Change
    from npsync.config import Config, Problem
    from npsync.opening import Opened
    from store.api import Store

MOST = 50  # changes told
LONGEST = 400  # characters of one value told

Outcome = dict[str, Json]


def check(config: Config, store: Store, clock: Clock, stop: Callable[[], bool]) -> Outcome:
    """The YAML beside the live systems, and what each credential may do."""
    with opening.opened(config, store, clock, stop=stop) as connections:
        found = compare(config, connections)
        granted: dict[str, Json] = {name: _granted(config, name, connections) for name in config.connections}
    return {
        "status": "partial" if any(each.code not in WARNINGS for each in found) else "succeeded",
        "problems": [_line(each) for each in found if each.code not in WARNINGS],
        "warnings": [_line(each) for each in found if each.code in WARNINGS],
        "granted": granted,
    }


def _granted(config: Config, name: str, connections: Opened) -> dict[str, Json]:
    try:
        tested = try_out(config, name, connections)
    except NpsyncError as error:
        return {"refused": isinstance(error, AccessError), "problem": redact(str(error)), "grants": []}
    return {
        "refused": False,
        "problem": "",
        "grants": [
            {"permission": one.permission, "why": one.why, "verdict": one.verdict.value, "detail": one.detail}
            for one in tested.grants
        ],
    }


def _line(problem: Problem) -> str:
    return redact(str(problem))


def told(changes: Iterable[Change], most: int = MOST) -> list[Json]:
    """The first of these changes: record, before and after."""
    return [
        {
            "object": change.object,
            "id": change.record_id,
            "before": {name: _cut(change.before.get(name)) for name in change.after},
            "after": {name: _cut(value) for name, value in change.after.items()},
        }
        for change in islice(changes, most)
    ]


def _cut(value: Json) -> Json:
    return value if not isinstance(value, str) or len(value) <= LONGEST else value[: LONGEST - 1] + "…"
