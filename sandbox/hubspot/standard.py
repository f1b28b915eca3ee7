"""The properties a toy HubSpot account is born with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    created: str = "createdate"
    made: bool = False  # the API makes them, and puts them away: never so a customer
    required: tuple[str, ...] = ()
    longest: Mapping[str, int] = field(default_factory=dict)
    own: bool = False  # of this account's own, with more names and labels
    aliases: tuple[str, ...] = ()
    labels: tuple[str, str] = ("", "")
    primary: str = ""


def text(name: str, label: str, field_type: str = "text") -> Property:
    return Property(name, label, field_type=field_type)


def moment(name: str, label: str) -> Property:
    return Property(name, label, "datetime", "date", read_only=True)


RECORD_ID = Property("hs_object_id", "Record ID", "number", "number", read_only=True)
MERGED_IDS = Property("hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", read_only=True)
# The last of them left: an archived owner, who still owns some records.
_OWNERS = tuple(
    Option(f"Owner {number}", str(64_492_916 + number), hidden=number > 3) for number in (1, 2, 3, 4)
)
OWNER = Property("hubspot_owner_id", "Owner", "enumeration", "select", options=_OWNERS)

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
_ONBOARDING = tuple(Option(word.capitalize(), word) for word in ("started", "done"))

CONTACTS = ObjectType(
    name="contacts",
    singular="CONTACT",
    type_id="0-1",
    modified="lastmodifieddate",
    shown_by_default=("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    properties=(
        Property("email", "Email", unique=True),
        text("firstname", "First Name"),
        text("lastname", "Last Name"),
        text("phone", "Phone Number", "phonenumber"),
        text("mobilephone", "Mobile Phone Number", "phonenumber"),
        text("company", "Company Name"),
        Property("customer_id", "Customer ID", unique=True, hubspot_defined=False),
        Property("hs_additional_emails", "Additional email addresses", "string", "text"),
        Property("hs_email_optout", "Unsubscribed from all email", "bool", "booleancheckbox", read_only=True),
        Property("hs_calculated_merged_vids", "Merged vids with timestamps", calculated=True, read_only=True),
        MERGED_IDS,
        OWNER,
        moment("createdate", "Create Date"),
        moment("lastmodifieddate", "Last Modified Date"),
        RECORD_ID,
        *_NPS,
        Property(
            "hs_email_hard_bounce_reason_enum",
            "Email hard bounce reason",
            "enumeration",
            "select",
            options=tuple(Option(reason, reason) for reason in ("UNKNOWN_USER", "POLICY", "MAILBOX_FULL")),
            read_only=True,
        ),
        Property("time_zone", "Time zone", hubspot_defined=False),
        Property("survey_consent", "Survey consent", "bool", "booleancheckbox", hubspot_defined=False),
        Property("sms_consent", "SMS consent", "bool", "booleancheckbox", hubspot_defined=False),
        Property(
            "nps_last_invited", "NPS last invited", "datetime", "date", NPS_GROUP, hubspot_defined=False
        ),
        Property("npsync_survey", "Survey to send", "string", "text", NPS_GROUP, hubspot_defined=False),
        Property("npsync_survey_link", "Survey link", "string", "text", NPS_GROUP, hubspot_defined=False),
        Property(
            "onboarding", "Onboarding", "enumeration", "select", options=_ONBOARDING, hubspot_defined=False
        ),
        Property("reports_used", "Reports used", "number", "number", hubspot_defined=False),
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
        text("name", "Company name"),
        text("domain", "Company Domain Name"),
        text("industry", "Industry"),
        Property("annualrevenue", "Annual Revenue", "number", "number"),
        text("type", "Type"),
        Property("plan", "Plan", "string", "text", hubspot_defined=False),
        Property("product_line", "Product line", "string", "text", hubspot_defined=False),
        text("phone", "Phone Number", "phonenumber"),
        Property("billing_email", "Billing email", hubspot_defined=False),
        Property("customer_id", "Customer ID", unique=True, hubspot_defined=False),
        MERGED_IDS,
        OWNER,
        moment("createdate", "Create Date"),
        moment("hs_lastmodifieddate", "Last Modified Date"),
        RECORD_ID,
        Property("nps", "NPS", "number", "number", NPS_GROUP, hubspot_defined=False),
        Property("nps_responses", "NPS responses", "number", "number", NPS_GROUP, hubspot_defined=False),
        Property("nps_margin", "NPS margin", "number", "number", NPS_GROUP, hubspot_defined=False),
        Property("nps_detractors", "NPS detractors", "number", "number", NPS_GROUP, hubspot_defined=False),
        *_NPS,
    ),
    groups={"companyinformation": "Company information", "contactinformation": "Basics", NPS_GROUP: "NPS"},
    read_scope="crm.objects.companies.read",
    write_scope="crm.objects.companies.write",
    schema_scope="crm.schemas.companies.write",
)
