"""How Salesforce's records look on a page."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.faces import Card, Face, details, labelled, moment, score
from sandbox.toy import NoSuchRecord, Row, Toy

_ROLLED_UP = {
    "NPS__c": "NPS",
    "NPS_Responses__c": "Responses",
    "NPS_Margin__c": "Margin",
    "NPS_Detractors__c": "Detractors",
    "NPS_Last_Score__c": "Last score",
}
_CSAT = ("CSAT_Score__c", "CSAT_Segment__c", "CSAT_Answered__c", "CSAT_Comment__c", "CSAT_Trend__c")
_NPS = ("NPS_Score__c", "NPS_Segment__c", "NPS_Last_Survey__c", "NPS_Comment__c", "NPS_Trend__c")
_PERSON_NPS = ("NPS_Score__pc", "NPS_Segment__pc", "NPS_Last_Survey__pc", "NPS_Comment__pc", "NPS_Trend__pc")


def _contact(toy: Toy, row: Row) -> Card:
    account = _name_of(toy, "Account", row["AccountId"])
    marks = _marks(
        row, ("Email opt out", row["HasOptedOutOfEmail"]), ("Person account", row["IsPersonAccount"])
    )
    return Card(
        id=row["Id"],
        name=row["Name"] or "–",
        company=account or "No account",
        role=row.get("Role__c") or "",
        email=row["Email"] or "",
        marks=marks,
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


def _account(toy: Toy, row: Row) -> Card:
    person = row["IsPersonAccount"]
    return Card(
        id=row["Id"],
        name=row["Name"] or "–",
        company=row["Website"] or ("A person" if person else "No website"),
        role=row.get("Role__pc") or "",
        email=row["PersonEmail"] or "",
        marks=_marks(row, ("Person account", person), ("Email opt out", row["PersonHasOptedOutOfEmail"])),
        details=details(
            ("Email", row["PersonEmail"]),
            ("Mobile", row["PersonMobilePhone"]),
            ("Customer id", row.get("Customer_Id__pc")),
            ("Account key", row.get("Account_Key__c")),
            ("Tier", row.get("Tier__c")),
            *((label, _told(row.get(name))) for name, label in _ROLLED_UP.items()),
            ("Owner", _name_of(toy, "User", row["OwnerId"])),
            ("Contact id", row["PersonContactId"]),
            ("Account id", row["Id"]),
            ("Last modified", moment(row["LastModifiedDate"])),
        ),
        nps=score(row, *_PERSON_NPS),
    )


def _lead(toy: Toy, row: Row) -> Card:
    return Card(
        id=row["Id"],
        name=row["Name"] or "–",
        company=row["Company"] or "No company",
        role="",
        email=row["Email"] or "",
        marks=_marks(row, ("Converted", row["IsConverted"]), ("Email opt out", row["HasOptedOutOfEmail"])),
        details=details(
            ("Email", row["Email"]),
            ("Mobile", row["MobilePhone"]),
            ("Status", row["Status"]),
            ("Became the contact", row["ConvertedContactId"]),
            ("Owner", _name_of(toy, "User", row["OwnerId"])),
            ("Lead id", row["Id"]),
            ("Last modified", moment(row["LastModifiedDate"])),
        ),
        nps=score(row, *_NPS),
    )


def _subscription(toy: Toy, row: Row) -> Card:
    contact = _name_of(toy, "Contact", row.get("Contact__c"))
    return Card(
        id=row["Id"],
        name=row["Name"] or row.get("Subscription_Key__c") or "–",
        company=contact or "No contact",
        role="",
        email=row.get("Billing_Email__c") or "",
        marks=_marks(row),
        details=details(
            ("Key", row.get("Subscription_Key__c")),
            ("Contact", contact),
            ("Plan", row.get("Plan__c")),
            ("Billing email", row.get("Billing_Email__c")),
            ("Id", row["Id"]),
            ("Last modified", moment(row["LastModifiedDate"])),
        ),
        nps=score(row, *_NPS),
    )


def _case(toy: Toy, row: Row) -> Card:
    contact = _name_of(toy, "Contact", row["ContactId"])
    return Card(
        id=row["Id"],
        name=row["Subject"] or row["CaseNumber"] or "–",
        company=contact or "No contact",
        role="",
        email=row["ContactEmail"] or "",
        marks=_marks(row, ("Closed", row["IsClosed"])),
        details=details(
            ("Number", row["CaseNumber"]),
            ("Status", row["Status"]),
            ("Contact", contact),
            ("CSAT", _told(row.get("CSAT_Score__c"))),
            ("Case id", row["Id"]),
            ("Last modified", moment(row["LastModifiedDate"])),
        ),
        nps=score(row, *_CSAT),
    )


def _marks(row: Row, *marks: tuple[str, bool]) -> tuple[str, ...]:
    merged = row.get("MasterRecordId")
    every = (*marks, (f"Merged into {merged}", merged), ("Deleted", row["IsDeleted"] and not merged))
    return tuple(mark for mark, holds in every if holds)


def _told(number: float | None) -> str | None:
    """0 is a number."""
    return None if number is None else f"{number:g}"


def _face(
    object: str, word: str, card: Callable[[Toy, Row], Card], names: str, labels: dict[str, str]
) -> Face:
    """`names` are the fields a search looks through."""

    def hay(row: Row) -> str:
        return " ".join(str(row.get(name) or "") for name in (*names.split(), "Id")).lower()

    return Face("salesforce", "Salesforce", object, word, card, hay, labels)


FACES = (
    _face("Contact", "contact", _contact, "Name Email Customer_Id__c", labelled(*_NPS)),
    _face("Account", "account", _account, "Name PersonEmail", labelled(*_PERSON_NPS) | _ROLLED_UP),
    _face("Lead", "lead", _lead, "Name Email Company", labelled(*_NPS)),
    _face(
        "Subscription__c",
        "subscription",
        _subscription,
        "Name Subscription_Key__c Billing_Email__c",
        labelled(*_NPS),
    ),
    _face("Case", "case", _case, "Subject CaseNumber ContactEmail", labelled(*_CSAT)),
)
