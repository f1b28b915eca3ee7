"""The properties a toy HubSpot account is born with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.hubspot.definitions import Option, Property

NPS_GROUP = "nps"


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One kind of CRM record and the words HubSpot uses for it."""

    name: str
    singular: str
    type_id: str
    modified: str
    shown_by_default: tuple[str, ...]
    properties: tuple[Property, ...]
    groups: Mapping[str, str]
    read_scope: str
    write_scope: str
    schema_scope: str


def _text(name: str, label: str, field_type: str = "text") -> Property:
    return Property(name, label, field_type=field_type)


def _moment(name: str, label: str) -> Property:
    return Property(name, label, "datetime", "date", read_only=True)


_RECORD_ID = Property("hs_object_id", "Record ID", "number", "number", read_only=True)
_MERGED_IDS = Property("hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", read_only=True)
_OWNERS = tuple(Option(f"Owner {number}", str(64_492_916 + number)) for number in (1, 2, 3))
_OWNER = Property("hubspot_owner_id", "Owner", "enumeration", "select", options=_OWNERS)

_NPS_SEGMENTS = (
    Option("Promoter", "promoter", 0),
    Option("Passive", "passive", 1),
    Option("Detractor", "detractor", 2),
)
_NPS = (
    Property("nps_score", "NPS score", "number", "number", NPS_GROUP, hubspot_defined=False),
    Property(
        "nps_segment", "NPS segment", "enumeration", "select", NPS_GROUP, _NPS_SEGMENTS, hubspot_defined=False
    ),
    Property("nps_last_survey", "NPS last survey", "date", "date", NPS_GROUP, hubspot_defined=False),
    Property("nps_comment", "NPS comment", "string", "textarea", NPS_GROUP, hubspot_defined=False),
    Property("nps_trend", "NPS trend", "string", "text", NPS_GROUP, hubspot_defined=False),
)

CONTACTS = ObjectType(
    name="contacts",
    singular="CONTACT",
    type_id="0-1",
    modified="lastmodifieddate",
    shown_by_default=("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    properties=(
        Property("email", "Email", unique=True),
        _text("firstname", "First Name"),
        _text("lastname", "Last Name"),
        _text("phone", "Phone Number", "phonenumber"),
        _text("mobilephone", "Mobile Phone Number", "phonenumber"),
        _text("company", "Company Name"),
        Property("customer_id", "Customer ID", unique=True, hubspot_defined=False),
        Property("hs_additional_emails", "Additional email addresses", "string", "text"),
        Property("hs_email_optout", "Unsubscribed from all email", "bool", "booleancheckbox", read_only=True),
        Property("hs_calculated_merged_vids", "Merged vids with timestamps", calculated=True, read_only=True),
        _MERGED_IDS,
        _OWNER,
        _moment("createdate", "Create Date"),
        _moment("lastmodifieddate", "Last Modified Date"),
        _RECORD_ID,
        *_NPS,
    ),
    groups={"contactinformation": "Contact information", NPS_GROUP: "NPS"},
    read_scope="crm.objects.contacts.read",
    write_scope="crm.objects.contacts.write",
    schema_scope="crm.schemas.contacts.write",
)

COMPANIES = ObjectType(
    name="companies",
    singular="COMPANY",
    type_id="0-2",
    modified="hs_lastmodifieddate",
    shown_by_default=("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    properties=(
        _text("name", "Company name"),
        _text("domain", "Company Domain Name"),
        _text("industry", "Industry"),
        Property("customer_id", "Customer ID", unique=True, hubspot_defined=False),
        _MERGED_IDS,
        _OWNER,
        _moment("createdate", "Create Date"),
        _moment("hs_lastmodifieddate", "Last Modified Date"),
        _RECORD_ID,
        Property("nps", "NPS", "number", "number", NPS_GROUP, hubspot_defined=False),
        Property("nps_responses", "NPS responses", "number", "number", NPS_GROUP, hubspot_defined=False),
        Property("nps_margin", "NPS margin", "number", "number", NPS_GROUP, hubspot_defined=False),
        Property("nps_detractors", "NPS detractors", "number", "number", NPS_GROUP, hubspot_defined=False),
    ),
    groups={"companyinformation": "Company information", "contactinformation": "Basics", NPS_GROUP: "NPS"},
    read_scope="crm.objects.companies.read",
    write_scope="crm.objects.companies.write",
    schema_scope="crm.schemas.companies.write",
)
