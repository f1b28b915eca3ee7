"""How Salesforce's records look on a page."""

from __future__ import annotations

from sandbox.faces import Card, Face, details, labelled, moment, score
from sandbox.toy import NoSuchRecord, Row, Toy

_NPS = ("NPS_Score__c", "NPS_Segment__c", "NPS_Last_Survey__c", "NPS_Comment__c", "NPS_Trend__c")


def _contact(toy: Toy, row: Row) -> Card:
    account = _name_of(toy, "Account", row["AccountId"])
    marks = [
        ("Deleted", row["IsDeleted"] and not row["MasterRecordId"]),
        (f"Merged into {row['MasterRecordId']}", row["MasterRecordId"]),
        ("Email opt out", row["HasOptedOutOfEmail"]),
        ("Person account", row["IsPersonAccount"]),
    ]
    return Card(
        id=row["Id"],
        name=row["Name"] or "–",
        company=account or "No account",
        role=row.get("Role__c") or "",
        email=row["Email"] or "",
        marks=tuple(mark for mark, holds in marks if holds),
        details=details(
            ("Email", row["Email"]),
            ("Mobile", row["MobilePhone"]),
            ("Phone", row["Phone"]),
            ("Account", account),
            ("Role", row.get("Role__c")),
            ("Owner", _name_of(toy, "User", row["OwnerId"])),
            ("Customer id", row.get("Customer_Id__c")),
            ("Contact id", row["Id"]),
            ("Last modified", moment(row["LastModifiedDate"])),
        ),
        nps=score(row, *_NPS),
    )


def _name_of(toy: Toy, object: str, id: str | None) -> str | None:
    if id is None:
        return None
    try:
        name = toy.row(object, id)["Name"]
    except NoSuchRecord:
        return None
    return str(name)


CONTACT = Face(
    "salesforce",
    "Salesforce",
    "Contact",
    "contact",
    _contact,
    lambda row: f"{row['Name']} {row['Email']} {row.get('Customer_Id__c')} {row['Id']}".lower(),
    labelled(*_NPS),
)
FACES = (CONTACT,)
