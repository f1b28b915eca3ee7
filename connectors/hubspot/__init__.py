"""HubSpot: contacts, companies, tickets and custom objects as a place to write to.

Importing this imports neither the vendor's client nor anything that needs it: `npsync --help` stays quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import (
    Confidence,
    Connector,
    Creates,
    Destination,
    EventSource,
    Inbound,
    Needs,
    Provisioner,
    Sender,
    Sends,
    Tools,
    Wanted,
)
from connectors.hubspot.kinds import KINDS
from connectors.hubspot.settings import HubSpotSettings


def _open(settings: HubSpotSettings, tools: Tools) -> Destination:
    from connectors.hubspot.opening import open_destination

    return open_destination(settings, tools)


def _events(settings: HubSpotSettings, tools: Tools) -> EventSource:
    from connectors.hubspot.events import HubSpotEvents

    return HubSpotEvents(settings, tools)


def _sender(settings: HubSpotSettings, tools: Tools) -> Sender:
    from connectors.field_sender import FieldSender

    return FieldSender(settings.sends or {}, _open(settings, tools), tools)


def _sends(settings: HubSpotSettings) -> Sends | None:
    from connectors.by_field import sends

    return sends(settings.sends)


def _inbound(settings: HubSpotSettings, folder: Path) -> Inbound:
    from connectors.hubspot.inbound import HubSpotInbound

    return HubSpotInbound(settings)


def _record_id(text: str) -> str | None:
    """HubSpot's ids are whole numbers."""
    text = text.strip()
    return text if text.isascii() and text.isdigit() else None


def _grants(settings: HubSpotSettings, needs: Needs) -> Sequence[str]:
    from connectors.hubspot.access import grants

    return grants(needs)


def _provisioner(settings: HubSpotSettings, tools: Tools) -> Provisioner:
    from connectors.hubspot.provisioning.provisioner import HubSpotProvisioner

    return HubSpotProvisioner(settings, tools)


def _provision_grants(settings: HubSpotSettings, needs: Needs) -> Sequence[str]:
    from connectors.hubspot.provisioning.wording import provision_grants

    return provision_grants(settings, needs)


def _layout(settings: HubSpotSettings, made: Sequence[Wanted]) -> Sequence[str]:
    from connectors.hubspot.provisioning.wording import layout

    return layout(settings, made)


_PEOPLE = ("contacts", "contact", "0-1")  # as people may spell the one object

CONNECTOR = Connector(
    name="hubspot",
    title="HubSpot",
    settings=HubSpotSettings,
    grants=_grants,
    destination=_open,
    events=_events,
    event_kinds=KINDS,
    inbound=_inbound,
    provisioner=_provisioner,
    provision_grants=_provision_grants,
    layout=_layout,
    sender=_sender,
    sends=_sends,
    creates=frozenset(Creates),
    objects=("contacts", "companies", "tickets", "deals"),
    created="createdate",
    opted_out=dict.fromkeys(_PEOPLE, "hs_email_optout"),
    bounced=dict.fromkeys(_PEOPLE, "hs_email_hard_bounce_reason_enum"),
    match_fields={"email": "email", "phone": "phone"},
    record_id=_record_id,
    limits="190 calls per 10 seconds and 5 searches per second, less where HubSpot says so; batches of 100",
    confidence=Confidence.PARTIAL,
    starter="""\
type: hubspot
token: "${HUBSPOT_TOKEN}"          # a service key: Settings > Integrations > Service Keys
# provision: {token: "${HUBSPOT_ADMIN_TOKEN}"}   # who may create properties, for npsync provision alone
# base_url: "${HUBSPOT_URL}"       # the sandbox's address, to try things out
""",
)
