"""Mixpanel: features used and cohorts entered, as events that ask for a survey; profiles as a place to write to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import (
    Confidence,
    Connector,
    Destination,
    EventSource,
    Inbound,
    Needs,
    Tools,
    WriteOnly,
)
from connectors.mixpanel.kinds import KINDS
from connectors.mixpanel.settings import WRITE_ONLY, MixpanelSettings


def _events(settings: MixpanelSettings, tools: Tools) -> EventSource:
    from connectors.mixpanel.events import MixpanelEvents

    return MixpanelEvents(settings, tools)


def _destination(settings: MixpanelSettings, tools: Tools) -> Destination:
    from connectors.mixpanel.destination import MixpanelProfiles

    return MixpanelProfiles(settings, tools)


def _why_write_only(settings: MixpanelSettings) -> str:
    return WRITE_ONLY if settings.write_only else ""


def _inbound(settings: MixpanelSettings, folder: Path) -> Inbound:
    from connectors.mixpanel.inbound import MixpanelInbound

    return MixpanelInbound(settings)


def _grants(settings: MixpanelSettings, needs: Needs) -> Sequence[str]:
    granted = []
    if settings.service_account is not None:
        granted.append(
            "A service account that is a member of the project; Consumer is enough to export its events and to read "
            "its profiles."
        )
    if settings.project_token is not None:
        granted.append("The project's token: updates of profiles need nothing else.")
    if settings.hooks is not None:
        granted.append("A Webhook destination with Basic auth, and the cohorts that are to be synced to it.")
    return granted


CONNECTOR = Connector(
    name="mixpanel",
    title="Mixpanel",
    settings=MixpanelSettings,
    grants=_grants,
    destination=_destination,
    write_only=WriteOnly(
        "without service_account: no comparing before a write, no undo, no verify", why=_why_write_only
    ),
    objects=("profiles",),
    match_fields={"external_id": "distinct_id"},
    record_id=lambda text: text.strip() or None,
    events=_events,
    event_kinds=KINDS,
    inbound=_inbound,
    limits="60 exports an hour and 3 a second for the whole project; one of them per poll, more where a poll finds "
    "100,000 events. 60 looks at profiles an hour, a thousand profiles each; updates by the thousand",
    confidence=Confidence.PARTIAL,
    starter="""\
type: mixpanel
project_id: "2195193"
residency: us                           # eu or in
service_account: {username: "${MIXPANEL_USER}", secret: "${MIXPANEL_SECRET}"}
project_token: "${MIXPANEL_TOKEN}"      # to write profiles; leave it out for events alone
# hooks: {username: npsync, password: "${MIXPANEL_HOOK_PASSWORD}"}
""",
)
