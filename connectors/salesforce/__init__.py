"""Salesforce: scores, segments and dates onto contacts, accounts and any other object.

Importing this package is cheap; the vendor's library is imported when a connection is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import (
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
    WantedField,
)
from connectors.salesforce.ids import long_id
from connectors.salesforce.kinds import KINDS
from connectors.salesforce.permissions import grants
from connectors.salesforce.settings import SalesforceSettings

_STARTER = """\
type: salesforce
login_host: acme.my.salesforce.com          # your My Domain; test orgs: acme--uat.sandbox.my.salesforce.com
auth: {flow: client_credentials, client_id: "${SF_ID}", client_secret: "${SF_SECRET}"}
budget: {keep_for_others: 40%}              # of the org's daily API calls
# account_managers: NPS_Account_Managers     # the permission set or profile that is to read the fields
# provision: {auth: {flow: client_credentials, client_id: "${SF_ADMIN_ID}", client_secret: "${SF_ADMIN_SECRET}"}}
"""


def _events(settings: SalesforceSettings, tools: Tools) -> EventSource:
    from connectors.salesforce.events import SalesforceEvents

    return SalesforceEvents(settings, tools)


def _sender(settings: SalesforceSettings, tools: Tools) -> Sender:
    from connectors.field_sender import FieldSender

    return FieldSender(settings.sends or {}, _destination(settings, tools), tools)


def _sends(settings: SalesforceSettings) -> Sends | None:
    from connectors.by_field import sends

    return sends(settings.sends)


def _inbound(settings: SalesforceSettings, folder: Path) -> Inbound:
    from connectors.salesforce.inbound import SalesforceInbound

    return SalesforceInbound(settings)


def _destination(settings: SalesforceSettings, tools: Tools) -> Destination:
    from connectors.salesforce.destination import SalesforceDestination

    return SalesforceDestination(settings, tools)


def _provisioner(settings: SalesforceSettings, tools: Tools) -> Provisioner:
    from connectors.salesforce.provisioning.provisioner import SalesforceProvisioner

    return SalesforceProvisioner(settings, tools)


def _provision_grants(settings: SalesforceSettings, needs: Needs) -> Sequence[str]:
    from connectors.salesforce.provisioning.wording import provision_grants

    return provision_grants(settings)


def _also_wants(settings: SalesforceSettings, needs: Needs) -> Sequence[WantedField]:
    from connectors.salesforce.provisioning.wording import task_key

    return task_key(settings, needs)


def _layout(settings: SalesforceSettings, made: Sequence[Wanted]) -> Sequence[str]:
    from connectors.salesforce.provisioning.wording import layout

    return layout(settings, made)


CONNECTOR = Connector(
    name="salesforce",
    title="Salesforce",
    settings=SalesforceSettings,
    grants=grants,
    destination=_destination,
    events=_events,
    event_kinds=KINDS,
    inbound=_inbound,
    provisioner=_provisioner,
    provision_grants=_provision_grants,
    also_wants=_also_wants,
    layout=_layout,
    sender=_sender,
    sends=_sends,
    creates=frozenset(Creates),
    objects=("Contact", "Account", "Lead", "Case"),
    own_field=lambda words: f"{words.title().replace('Nps', 'NPS').replace(' ', '_')}__c",
    created="CreatedDate",
    opted_out={
        "Contact": "HasOptedOutOfEmail",
        "Lead": "HasOptedOutOfEmail",
        "Account": "PersonHasOptedOutOfEmail",
    },
    bounced={"Contact": "IsEmailBounced", "Lead": "IsEmailBounced"},
    match_fields={"email": "Email", "phone": "MobilePhone", "external_id": "Customer_Id__c"},
    record_id=long_id,
    limits="Daily API calls of the whole org; npsync leaves the share the YAML names to others. "
    "200 records a call, Bulk API 2.0 from 10,000 changes.",
    starter=_STARTER,
)
