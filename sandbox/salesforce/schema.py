"""The objects of the toy org and their fields, and how describe shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SEGMENTS = ("Promoter", "Passive", "Detractor")
_TEXT = frozenset(
    {
        "string",
        "textarea",
        "email",
        "phone",
        "url",
        "picklist",
        "multipicklist",
        "combobox",
        "reference",
        "id",
    }
)
_NUMBERS = frozenset({"double", "currency", "percent", "int"})


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    updateable: bool = True
    external_id: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    to: str | None = None  # a reference's object
    also: tuple[str, ...] = ()  # the others it may point to
    calculated: bool = False
    indexed: bool = False
    create_only: bool = False
    auto_number: bool = False
    help: str | None = None

    @property
    def custom(self) -> bool:
        return self.name.endswith(("__c", "__pc"))

    @property
    def relationship(self) -> str | None:
        """The name one hop to the parent goes by."""
        if self.to is None:
            return None
        return f"{self.name[:-3]}__r" if self.custom else self.name.removesuffix("Id")

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.to, *self.also) if self.to else ()

    @property
    def is_text(self) -> bool:
        return self.type in _TEXT

    @property
    def is_number(self) -> bool:
        return self.type in _NUMBERS

    @property
    def filterable(self) -> bool:
        return self.type != "textarea" or self.length <= 255

    def describe(self, *, may_edit: bool) -> dict[str, Any]:
        createable = self.updateable and may_edit
        editable = createable and not self.create_only
        return {
            "name": self.name,
            "label": self.label or self.name.removesuffix("__c").replace("_", " "),
            "type": self.type,
            "length": self.length,
            "byteLength": self.length * 3,
            "precision": self.precision,
            "scale": self.scale,
            "digits": 0,
            "nillable": self.nillable,
            "createable": createable,
            "updateable": editable,
            "calculated": self.calculated,
            "autoNumber": self.auto_number,
            "defaultedOnCreate": self.type == "boolean",
            "externalId": self.external_id,
            "idLookup": self.external_id or self.name in ("Id", "Email"),
            "unique": self.unique,
            "caseSensitive": False,
            "custom": self.custom,
            "encrypted": False,
            "filterable": self.filterable,
            "sortable": self.type != "textarea",
            "groupable": self.type != "textarea",
            "picklistValues": [
                {"value": value, "label": value, "active": True, "defaultValue": False}
                for value in self.values
            ],
            "restrictedPicklist": self.restricted,
            "dependentPicklist": False,
            "controllerName": None,
            "referenceTo": list(self.targets),
            "relationshipName": self.relationship,
            "permissionable": self.custom,
            "inlineHelpText": self.help,
            "soapType": _SOAP.get(self.type, "xsd:string"),
            "compoundFieldName": "Name" if self.name in ("FirstName", "LastName") else None,
        }


_SOAP = {"id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "double": "xsd:double"} | {
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "int": "xsd:int",
}


@dataclass(frozen=True)
class ObjectType:
    name: str
    prefix: str  # the first three characters of its ids
    fields: tuple[Field, ...]
    label: str = ""
    plural: str = ""
    setup: bool = False  # only an administrator writes it


def system() -> tuple[Field, ...]:
    """What every object has."""
    return (
        Field("IsDeleted", "boolean", "Deleted", nillable=False, updateable=False),
        Field("CreatedDate", "datetime", "Created Date", nillable=False, updateable=False),
        Field("LastModifiedDate", "datetime", "Last Modified Date", nillable=False, updateable=False),
        Field("LastModifiedById", "reference", "Last Modified By ID", 18, updateable=False, to="User"),
        Field("SystemModstamp", "datetime", "System Modstamp", nillable=False, updateable=False),
    )


def own_id(label: str) -> Field:
    return Field("Id", "id", label, 18, nillable=False, updateable=False)


def _master(object: str) -> Field:
    return Field("MasterRecordId", "reference", "Master Record ID", 18, updateable=False, to=object)


def nps_fields(suffix: str = "__c") -> tuple[Field, ...]:
    return (
        Field(f"NPS_Score{suffix}", "double", "NPS Score", precision=2),
        Field(f"NPS_Segment{suffix}", "picklist", "NPS Segment", 255, values=SEGMENTS, restricted=True),
        Field(f"NPS_Last_Survey{suffix}", "date", "NPS Last Survey"),
        Field(f"NPS_Comment{suffix}", "textarea", "NPS Comment", 255),
        Field(f"NPS_Trend{suffix}", "string", "NPS Trend", 10),
    )


_CUSTOMER_ID = Field(
    "Customer_Id__c", "string", "Customer Id", 40, external_id=True, unique=True, indexed=True
)

CONTACT = ObjectType(
    "Contact",
    "003",
    (
        own_id("Contact ID"),
        _master("Contact"),
        Field("FirstName", "string", "First Name", 40),
        Field("LastName", "string", "Last Name", 80, nillable=False),
        Field("Name", "string", "Full Name", 121, nillable=False, updateable=False),
        Field("Email", "email", "Email", 80, indexed=True),
        Field("Phone", "phone", "Business Phone", 40),
        Field("MobilePhone", "phone", "Mobile Phone", 40, indexed=True),
        Field("AccountId", "reference", "Account ID", 18, to="Account", indexed=True),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        Field("HasOptedOutOfEmail", "boolean", "Email Opt Out", nillable=False),
        Field("IsPersonAccount", "boolean", "Is Person Account", nillable=False, updateable=False),
        _CUSTOMER_ID,
        Field("Role__c", "string", "Role", 80),
        *nps_fields(),
        Field("IsEmailBounced", "boolean", "Is Email Bounced", nillable=False, updateable=False),
        Field("EmailBouncedDate", "datetime", "Email Bounced Date", updateable=False),
        Field("DoNotCall", "boolean", "Do Not Call", nillable=False),
        Field("NPS_Last_Invited__c", "datetime", "NPS Last Invited"),
        Field("Survey_Consent__c", "boolean", "Survey Consent", nillable=False),
        Field("SMS_Consent__c", "boolean", "SMS Consent", nillable=False),
        Field("Active_User__c", "boolean", "Active User", nillable=False),
        Field("Onboarding__c", "picklist", "Onboarding", 255, values=("Started", "In progress", "Done")),
        Field("Reports_Used__c", "double", "Reports Used", precision=8),
        Field("Time_Zone__c", "string", "Time Zone", 40),
        Field("CSAT_Score__c", "double", "CSAT Score", precision=2),
        Field("CSAT_Last_Survey__c", "date", "CSAT Last Survey"),
        *system(),
    ),
)
ACCOUNT = ObjectType(
    "Account",
    "001",
    (
        own_id("Account ID"),
        _master("Account"),
        Field("Name", "string", "Account Name", 255, nillable=False),
        Field("FirstName", "string", "First Name", 40),
        Field("LastName", "string", "Last Name", 80),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        Field("Website", "url", "Website", 255),
        Field("IsPersonAccount", "boolean", "Is Person Account", nillable=False, updateable=False),
        Field("PersonContactId", "reference", "Contact ID", 18, updateable=False, to="Contact", indexed=True),
        Field("PersonEmail", "email", "Email", 80, indexed=True),
        Field("PersonMobilePhone", "phone", "Mobile", 40),
        Field("PersonHasOptedOutOfEmail", "boolean", "Email Opt Out", nillable=False),
        Field("Customer_Id__pc", "string", "Customer Id", 40, external_id=True, unique=True, indexed=True),
        Field("Role__pc", "string", "Role", 80),
        *nps_fields("__pc"),
        Field("NPS__c", "double", "NPS", precision=3),
        Field("NPS_Responses__c", "double", "NPS Responses", precision=6),
        Field("NPS_Margin__c", "double", "NPS Margin", precision=5, scale=2),
        Field("NPS_Detractors__c", "double", "NPS Detractors", precision=6),
        Field("NPS_Last_Score__c", "double", "Last NPS Score", precision=2),
        Field("Account_Key__c", "string", "Account Key", 40, external_id=True, unique=True, indexed=True),
        Field("Tier__c", "picklist", "Tier", 255, values=("Standard", "Growth", "Strategic")),
        Field("Type", "picklist", "Account Type", 255, values=("Customer", "Partner", "Prospect")),
        Field("AnnualRevenue", "currency", "Annual Revenue", precision=18),
        Field("Plan__c", "picklist", "Plan", 255, values=("Starter", "Team", "Enterprise")),
        Field(
            "Product_Line__c", "picklist", "Product Line", 255, values=("Analytics", "Payments", "Support")
        ),
        Field("Renewed_On__c", "date", "Renewed On"),
        *system(),
    ),
)
LEAD_STATUSES = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
)
LEAD = ObjectType(
    "Lead",
    "00Q",
    (
        own_id("Lead ID"),
        _master("Lead"),
        Field("FirstName", "string", "First Name", 40),
        Field("LastName", "string", "Last Name", 80, nillable=False),
        Field("Name", "string", "Full Name", 121, nillable=False, updateable=False),
        Field("Company", "string", "Company", 255, nillable=False),
        Field("Email", "email", "Email", 80, indexed=True),
        Field("Phone", "phone", "Phone", 40),
        Field("MobilePhone", "phone", "Mobile Phone", 40, indexed=True),
        Field("Status", "picklist", "Status", 255, values=LEAD_STATUSES),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        Field("HasOptedOutOfEmail", "boolean", "Email Opt Out", nillable=False),
        Field("IsConverted", "boolean", "Converted", nillable=False, updateable=False),
        Field("ConvertedDate", "date", "Converted Date", updateable=False),
        Field("ConvertedContactId", "reference", "Converted Contact ID", 18, updateable=False, to="Contact"),
        Field("ConvertedAccountId", "reference", "Converted Account ID", 18, updateable=False, to="Account"),
        *nps_fields(),
        *system(),
    ),
)
SUBSCRIPTION = ObjectType(
    "Subscription__c",  # an object of this org's own
    "a01",
    (
        own_id("Record ID"),
        Field("Name", "string", "Subscription Name", 80),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        Field(
            "Subscription_Key__c",
            "string",
            "Subscription Key",
            40,
            external_id=True,
            unique=True,
            indexed=True,
        ),
        Field("Contact__c", "reference", "Contact", 18, to="Contact", indexed=True),
        Field("Billing_Email__c", "email", "Billing Email", 80, indexed=True),
        Field("Billing_Phone__c", "phone", "Billing Phone", 40, indexed=True),
        Field("Plan__c", "picklist", "Plan", 255, values=("Starter", "Team", "Enterprise")),
        *nps_fields(),
        *system(),
    ),
)
USER = ObjectType(
    "User",
    "005",
    (
        own_id("User ID"),
        Field("Username", "string", "Username", 80, nillable=False),
        Field("Name", "string", "Full Name", 121, nillable=False, updateable=False),
        Field("Email", "email", "Email", 128, nillable=False),
        Field("IsActive", "boolean", "Active", nillable=False),
        *system(),
    ),
)
# The names are the org's own, and several of them may mean closed.
CASE_STATUSES = {
    "New": False,
    "Working": False,
    "Escalated": False,
    "Closed": True,
    "Resolved": True,
    "Closed - Spam": True,
}
CLOSED_STATUSES = frozenset(name for name, closed in CASE_STATUSES.items() if closed)
CASE = ObjectType(
    "Case",
    "500",
    (
        own_id("Case ID"),
        _master("Case"),
        Field("CaseNumber", "string", "Case Number", 30, nillable=False, updateable=False),
        Field("Subject", "string", "Subject", 255),
        Field("Status", "picklist", "Status", 255, values=tuple(CASE_STATUSES)),
        Field("Priority", "picklist", "Priority", 255, values=("High", "Medium", "Low")),
        Field("Origin", "picklist", "Case Origin", 255, values=("Email", "Phone", "Web")),
        Field("Type", "picklist", "Case Type", 255, values=("Question", "Problem", "Internal")),
        Field("Reason", "picklist", "Case Reason", 255),
        Field("IsClosed", "boolean", "Closed", nillable=False, updateable=False, calculated=True),
        Field("ClosedDate", "datetime", "Closed Date", updateable=False),
        Field("IsClosedOnCreate", "boolean", "Closed When Created", nillable=False, updateable=False),
        Field("ContactId", "reference", "Contact ID", 18, to="Contact", indexed=True),
        Field("ContactEmail", "email", "Contact Email", 80, updateable=False),
        Field("AccountId", "reference", "Account ID", 18, to="Account"),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        Field("ParentId", "reference", "Parent Case ID", 18, to="Case"),
        Field("SuppliedEmail", "email", "Web Email", 80),
        Field("SuppliedName", "string", "Web Name", 80),
        Field("CSAT_Score__c", "double", "CSAT Score", precision=2),
        Field("CSAT_Comment__c", "textarea", "CSAT Comment", 255),
        Field("CSAT_Answered__c", "datetime", "CSAT Answered"),
        *system(),
    ),
)
CASE_STATUS = ObjectType(
    "CaseStatus",
    "01J",
    (
        own_id("Case Status ID"),
        Field("ApiName", "string", "API Name", 255, nillable=False, updateable=False),
        Field("MasterLabel", "string", "Master Label", 255, nillable=False, updateable=False),
        Field("IsClosed", "boolean", "Closed", nillable=False, updateable=False),
        Field("IsDefault", "boolean", "Default", nillable=False, updateable=False),
        Field("SortOrder", "double", "Sort Order", precision=4, updateable=False),
        *system(),
    ),
)
CASE_HISTORY = ObjectType(
    "CaseHistory",
    "017",
    (
        own_id("Case History ID"),
        Field("CaseId", "reference", "Case ID", 18, updateable=False, to="Case", indexed=True),
        Field("Field", "picklist", "Changed Field", 255, updateable=False),
        Field("OldValue", "string", "Old Value", 255, updateable=False),
        Field("NewValue", "string", "New Value", 255, updateable=False),
        Field("CreatedById", "reference", "Created By ID", 18, updateable=False, to="User"),
        *system(),
    ),
)
STANDARD = (CONTACT, ACCOUNT, LEAD, SUBSCRIPTION, USER, CASE, CASE_STATUS, CASE_HISTORY)
