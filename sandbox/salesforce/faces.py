"""How Salesforce's records look on a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandbox.faces import Card, Face, Related, Rollup, details, labelled, moment, nothing_else, score, told
from sandbox.salesforce import related
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
            ("Type", row.get("Type")),
            ("Plan", row.get("Plan__c")),
            ("Product line", row.get("Product_Line__c")),
            ("Annual revenue", _money(row.get("AnnualRevenue"))),
            ("Owner", _name_of(toy, "User", row["OwnerId"])),
            ("Contact id", row["PersonContactId"]),
            ("Account id", row["Id"]),
            ("Last modified", moment(row["LastModifiedDate"])),
        ),
        nps=score(row, *_PERSON_NPS),
        rollup=None if person else _rollup(row),
    )


def _rollup(row: Row) -> Rollup:
    facts = ((label, told(row.get(name))) for name, label in _ROLLED_UP.items() if name != "NPS__c")
    return Rollup(told(row.get("NPS__c")), tuple((label, fact) for label, fact in facts if fact is not None))


def _money(amount: float | None) -> str | None:
    return None if amount is None else f"{amount:,.0f}"


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
            ("CSAT", told(row.get("CSAT_Score__c"))),
            ("Case id", row["Id"]),
            ("Last modified", moment(row["LastModifiedDate"])),
        ),
        nps=score(row, *_CSAT),
    )


def _marks(row: Row, *marks: tuple[str, bool]) -> tuple[str, ...]:
    merged = row.get("MasterRecordId")
    every = (*marks, (f"Merged into {merged}", merged), ("Deleted", row["IsDeleted"] and not merged))
    return tuple(mark for mark, holds in every if holds)


def _face(
    object: str,
    word: str,
    card: Callable[[Toy, Row], Card],
    names: str,
    labels: dict[str, str],
    beside: Callable[[Toy, Row], Sequence[Related]] = nothing_else,
) -> Face:
    """`names` are the fields a search looks through."""

    def hay(row: Row) -> str:
        return " ".join(str(row.get(name) or "") for name in (*names.split(), "Id")).lower()

    return Face("salesforce", "Salesforce", object, word, card, hay, labels, beside)


FACES = (
    _face("Contact", "contact", _contact, "Name Email Customer_Id__c", labelled(*_NPS), related.of_contact),
    _face(
        "Account",
        "account",
        _account,
        "Name PersonEmail",
        labelled(*_PERSON_NPS) | _ROLLED_UP,
        related.of_account,
    ),
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
