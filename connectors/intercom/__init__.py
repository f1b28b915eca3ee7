"""Intercom: contacts and companies to write to, and conversations closed and opened again as events that ask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import Confidence, Connector, Destination, EventSource, Inbound, Needs, Source, Tools
from connectors.intercom.kinds import KINDS
from connectors.intercom.settings import IntercomSettings
from connectors.provisioning import Provisioner


def _open(settings: IntercomSettings, tools: Tools) -> Destination:
    from connectors.intercom.destination import Intercom

    return Intercom(settings, tools)


def _source(settings: IntercomSettings, tools: Tools) -> Source:
    from connectors.intercom.answers import IntercomAnswers

    return IntercomAnswers(settings, tools)


def _events(settings: IntercomSettings, tools: Tools) -> EventSource:
    from connectors.intercom.events import IntercomEvents

    return IntercomEvents(settings, tools)


def _inbound(settings: IntercomSettings, folder: Path) -> Inbound:
    from connectors.intercom.inbound import IntercomInbound

    return IntercomInbound(settings)


def _provisioner(settings: IntercomSettings, tools: Tools) -> Provisioner:
    from connectors.intercom.provisioning import IntercomProvisioner

    return IntercomProvisioner(settings, tools)


def _grants(settings: IntercomSettings, needs: Needs) -> Sequence[str]:
    from connectors.intercom.access import grants

    return grants(settings, needs)


CONNECTOR = Connector(
    name="intercom",
    title="Intercom",
    settings=IntercomSettings,
    grants=_grants,
    source=_source,
    only_pushed=True,
    destination=_open,
    events=_events,
    event_kinds=KINDS,
    inbound=_inbound,
    provisioner=_provisioner,
    objects=("contacts", "companies"),
    own_field=lambda words: f"custom_attributes.{words.lower().replace(' ', '_')}",
    edits="Answers come as they are given (`hooks` and `answers`); Intercom has no list of them to read again.",
    created="created_at",
    opted_out={"contacts": "unsubscribed_from_emails"},
    bounced={"contacts": "has_hard_bounced"},
    match_fields={"email": "email", "phone": "phone", "external_id": "external_id"},
    limits="1,500 calls per 10 seconds, less where Intercom says so; one call per contact written and per conversation "
    "read again",
    confidence=Confidence.PARTIAL,
    starter="""\
type: intercom
access_token: "${INTERCOM_TOKEN}"
region: us                              # eu or au
# base_url: "${INTERCOM_URL}"           # the sandbox's address, to try things out
# provision: {access_token: "${INTERCOM_ADMIN_TOKEN}"}   # who may create attributes, for npsync provision alone
# hooks: {client_secret: "${INTERCOM_CLIENT_SECRET}"}
# answers: {score: "5001", comment: "5002"}   # of Intercom's own surveys: the questions' ids
""",
)
