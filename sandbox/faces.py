"""How a person in each system looks on a page: the same card, whatever the vendor calls its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.toy import NoSuchRecord, Row, Toy


@dataclass(frozen=True)
class Score:
    """What the NPS fields of a record show."""

    score: int | None
    segment: str | None  # promoter, passive, detractor, as the field says
    last_survey: str | None
    comment: str | None
    trend: str | None

    @property
    def band(self) -> str:
        """The segment its number belongs to, for colour."""
        if self.score is None:
            return "none"
        return "promoter" if self.score >= 9 else "passive" if self.score >= 7 else "detractor"

    @property
    def empty(self) -> bool:
        return (self.score, self.segment, self.last_survey, self.comment, self.trend) == (None,) * 5


@dataclass(frozen=True)
class Card:
    """One person in one system."""

    id: str
    name: str
    company: str
    role: str
    email: str
    marks: tuple[str, ...]  # what a reader must not miss: opted out, deleted …
    details: tuple[tuple[str, str], ...]
    nps: Score


@dataclass(frozen=True)
class Face:
    vendor: str
    title: str
    object: str
    word: str  # what the vendor calls one
    card: Callable[[Toy, Row], Card]
    hay: Callable[[Row], str]  # the text a search looks through
    labels: Mapping[str, str]  # field → the words on the card


def _salesforce(toy: Toy, row: Row) -> Card:
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
        details=_details(
            ("Email", row["Email"]),
            ("Mobile", row["MobilePhone"]),
            ("Phone", row["Phone"]),
            ("Account", account),
            ("Role", row.get("Role__c")),
            ("Owner", _name_of(toy, "User", row["OwnerId"])),
            ("Customer id", row.get("Customer_Id__c")),
            ("Contact id", row["Id"]),
            ("Last modified", _moment(row["LastModifiedDate"])),
        ),
        nps=_score(
            row, "NPS_Score__c", "NPS_Segment__c", "NPS_Last_Survey__c", "NPS_Comment__c", "NPS_Trend__c"
        ),
    )


def _hubspot(toy: Toy, row: Row) -> Card:
    name = " ".join(part for part in (row.get("firstname"), row.get("lastname")) if part)
    return Card(
        id=row["id"],
        name=name or row.get("email") or "–",
        company=row.get("company") or "No company",
        role="",
        email=row.get("email") or "",
        marks=("Email opt out",) if row.get("hs_email_optout") == "true" else (),
        details=_details(
            ("Email", row.get("email")),
            ("More e-mails", row.get("hs_additional_emails")),
            ("Mobile", row.get("mobilephone")),
            ("Company", row.get("company")),
            ("Customer id", row.get("customer_id")),
            ("Record id", row["id"]),
            ("Merged records", row.get("hs_merged_object_ids")),
            ("Last modified", _moment(row.get("lastmodifieddate"))),
        ),
        nps=_score(row, "nps_score", "nps_segment", "nps_last_survey", "nps_comment", "nps_trend"),
    )


def _score(row: Row, score: str, segment: str, last_survey: str, comment: str, trend: str) -> Score:
    number = row.get(score)
    return Score(
        score=int(float(number)) if number not in (None, "") else None,
        segment=row.get(segment) or None,
        last_survey=row.get(last_survey) or None,
        comment=row.get(comment) or None,
        trend=row.get(trend) or None,
    )


def _name_of(toy: Toy, object: str, id: str | None) -> str | None:
    if id is None:
        return None
    try:
        name = toy.row(object, id)["Name"]
    except NoSuchRecord:
        return None
    return str(name)


def _details(*pairs: tuple[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((label, str(value)) for label, value in pairs if value)


def _moment(text: str | None) -> str:
    return f"{text[:10]} {text[11:16]} UTC" if text else ""


_LABELS = ("Score", "Segment", "Last survey", "Comment", "Trend")
SALESFORCE = Face(
    "salesforce",
    "Salesforce",
    "Contact",
    "contact",
    _salesforce,
    lambda row: f"{row['Name']} {row['Email']} {row.get('Customer_Id__c')} {row['Id']}".lower(),
    dict(
        zip(
            ("NPS_Score__c", "NPS_Segment__c", "NPS_Last_Survey__c", "NPS_Comment__c", "NPS_Trend__c"),
            _LABELS,
            strict=True,
        )
    ),
)
HUBSPOT = Face(
    "hubspot",
    "HubSpot",
    "contacts",
    "contact",
    _hubspot,
    lambda row: (
        f"{row['firstname']} {row['lastname']} {row['email']} {row['customer_id']} {row['id']}".lower()
    ),
    dict(
        zip(("nps_score", "nps_segment", "nps_last_survey", "nps_comment", "nps_trend"), _LABELS, strict=True)
    ),
)
FACES = {face.vendor: face for face in (SALESFORCE, HUBSPOT)}
