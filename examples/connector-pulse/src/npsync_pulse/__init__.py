"""Answers from Pulse kiosks."""

from __future__ import annotations

from collections.abc import Sequence

from npsync.connect import Confidence, Connector, Needs, Source, Tools
from npsync_pulse.settings import PulseSettings


def _source(settings: PulseSettings, tools: Tools) -> Source:
    from npsync_pulse.source import Pulse  # only when a connection is opened: `npsync --help` stays quick

    return Pulse(settings, tools)


def _grants(settings: PulseSettings, needs: Needs) -> Sequence[str]:
    return ["An API key with the right to read changes (Pulse: Settings > Keys > Read only)."]


CONNECTOR = Connector(
    name="pulse",
    title="Pulse kiosks",
    settings=PulseSettings,
    grants=_grants,
    source=_source,
    channels=("kiosk",),
    edits="Pulse tells every edit and every deletion as a change of its own.",
    limits="60 calls a minute.",
    confidence=Confidence.VERIFIED,
    starter="""\
type: pulse
base_url: https://pulse.example.com
key: "${PULSE_KEY}"
""",
)
