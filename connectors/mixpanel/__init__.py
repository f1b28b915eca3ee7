"""Mixpanel: features used and cohorts entered, as events that ask for a survey."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Confidence, Connector, EventSource, Inbound, Needs, Tools
from connectors.mixpanel.kinds import KINDS
from connectors.mixpanel.settings import MixpanelSettings


def _events(settings: MixpanelSettings, tools: Tools) -> EventSource:
    from connectors.mixpanel.events import MixpanelEvents

    return MixpanelEvents(settings, tools)


def _inbound(settings: MixpanelSettings) -> Inbound:
    from connectors.mixpanel.inbound import MixpanelInbound

    return MixpanelInbound(settings)


def _grants(settings: MixpanelSettings, needs: Needs) -> Sequence[str]:
    granted = []
    if settings.service_account is not None:
        granted.append(
            "A service account that is a member of the project; Consumer is enough to export its events."
        )
    if settings.hooks is not None:
        granted.append("A Webhook destination with Basic auth, and the cohorts that are to be synced to it.")
    return granted


CONNECTOR = Connector(
    name="mixpanel",
    title="Mixpanel",
    settings=MixpanelSettings,
    grants=_grants,
    events=_events,
    event_kinds=KINDS,
    inbound=_inbound,
    limits="60 exports an hour and 3 a second for the whole project; one of them per poll, more where a poll finds "
    "100,000 events",
    confidence=Confidence.PARTIAL,
    starter="""\
type: mixpanel
project_id: "2195193"
residency: us                           # eu or in
service_account: {username: "${MIXPANEL_USER}", secret: "${MIXPANEL_SECRET}"}
# hooks: {username: npsync, password: "${MIXPANEL_HOOK_PASSWORD}"}
""",
)
