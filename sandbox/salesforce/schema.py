"""The objects of the toy org and their fields, and how describe shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SEGMENTS = ("Promoter", "Passive", "Detractor")
_TEXT = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "reference", "id"})


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
    calculated: bool = False
    indexed: bool = False

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
    def is_text(self) -> bool:
        return self.type in _TEXT

    def describe(self, *, may_edit: bool) -> dict[str, Any]:
        editable = self.updateable and may_edit
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
            "createable": editable,
            "updateable": editable,
            "calculated": self.calculated,
            "autoNumber": False,
            "defaultedOnCreate": self.type == "boolean",
            "externalId": self.external_id,
            "idLookup": self.external_id or self.name in ("Id", "Email"),
            "unique": self.unique,
            "caseSensitive": False,
            "custom": self.custom,
            "encrypted": False,
            "filterable": self.type != "textarea" or self.length <= 255,
            "sortable": self.type != "textarea",
            "groupable": self.type != "textarea",
            "picklistValues": [
                {"value": value, "label": value, "active": True, "defaultValue": False}
                for value in self.values
            ],
            "restrictedPicklist": self.restricted,
            "dependentPicklist": False,
            "controllerName": None,
            "referenceTo": [self.to] if self.to else [],
            "relationshipName": self.relationship,
            "permissionable": self.custom,
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


def _system() -> tuple[Field, ...]:
    """What every object has."""
    return (
        Field("IsDeleted", "boolean", "Deleted", nillable=False, updateable=False),
        Field("CreatedDate", "datetime", "Created Date", nillable=False, updateable=False),
        Field("LastModifiedDate", "datetime", "Last Modified Date", nillable=False, updateable=False),
        Field("LastModifiedById", "reference", "Last Modified By ID", 18, updateable=False, to="User"),
        Field("SystemModstamp", "datetime", "System Modstamp", nillable=False, updateable=False),
    )


def _id(label: str) -> Field:
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
        _id("Contact ID"),
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
        *_system(),
    ),
)
ACCOUNT = ObjectType(
    "Account",
    "001",
    (
        _id("Account ID"),
        _master("Account"),
        Field("Name", "string", "Account Name", 255, nillable=False),
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
        *_system(),
    ),
)
USER = ObjectType(
    "User",
    "005",
    (
        _id("User ID"),
        Field("Username", "string", "Username", 80, nillable=False),
        Field("Name", "string", "Full Name", 121, nillable=False, updateable=False),
        Field("Email", "email", "Email", 128, nillable=False),
        Field("IsActive", "boolean", "Active", nillable=False),
        *_system(),
    ),
)
CASE = ObjectType(
    "Case",
    "500",
    (
        _id("Case ID"),
        _master("Case"),
        Field("CaseNumber", "string", "Case Number", 30, nillable=False, updateable=False),
        Field("Subject", "string", "Subject", 255),
        Field("Status", "picklist", "Status", 255, values=("New", "Working", "Escalated", "Closed")),
        Field("Priority", "picklist", "Priority", 255, values=("High", "Medium", "Low")),
        Field("IsClosed", "boolean", "Closed", nillable=False, updateable=False, calculated=True),
        Field("ClosedDate", "datetime", "Closed Date", updateable=False),
        Field("ContactId", "reference", "Contact ID", 18, to="Contact", indexed=True),
        Field("AccountId", "reference", "Account ID", 18, to="Account"),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        Field("SuppliedEmail", "email", "Web Email", 80),
        *_system(),
    ),
)
OBJECTS = (CONTACT, ACCOUNT, USER, CASE)
CLOSED_STATUSES = frozenset({"Closed"})
