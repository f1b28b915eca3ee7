"""How Intercom's contacts and companies look on a page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.faces import Card, Face, details, labelled, score
from sandbox.toy import NoSuchRecord, Row, Toy

_NPS = ("nps_score", "nps_segment", "nps_last_survey_at", "nps_comment", "nps_trend")


def _contact(toy: Toy, row: Row) -> Card:
    custom = row["custom_attributes"]
    marks = [
        ("Lead", row["role"] == "lead"),
        ("Unsubscribed from e-mails", row["unsubscribed_from_emails"]),
        ("Hard bounce", row["has_hard_bounced"]),
        ("Marked an e-mail as spam", row["marked_email_as_spam"]),
    ]
    company = _company_name(toy, row)
    return Card(
        id=row["id"],
        name=row["name"] or row["email"] or "–",
        company=company or "No company",
        role=custom.get("role") or "",
        email=row["email"] or "",
        marks=tuple(mark for mark, holds in marks if holds),
        details=details(
            ("Email", row["email"]),
            ("Phone", row["phone"]),
            ("Company", company),
            ("External id", row["external_id"]),
            ("Role", row["role"]),
            *_others(custom),
            ("Updated", _moment(row["updated_at"])),
            ("Contact id", row["id"]),
        ),
        nps=_score(custom),
    )


def _company(toy: Toy, row: Row) -> Card:
    custom = row["custom_attributes"]
    return Card(
        id=row["id"],
        name=row["name"] or row["company_id"],
        company=row["website"] or "No website",
        role="",
        email="",
        marks=(),
        details=details(
            ("Company id", row["company_id"]),
            ("Website", row["website"]),
            ("People", row["user_count"]),
            *_others(custom),
            ("Updated", _moment(row["updated_at"])),
            ("Id", row["id"]),
        ),
        nps=_score(custom),
    )


def _company_name(toy: Toy, row: Row) -> str | None:
    ids = [one["id"] for one in row["companies"]["data"]]
    try:
        return str(toy.row("companies", ids[0])["name"]) if ids else None
    except NoSuchRecord:
        return None


def _others(custom: Row) -> list[tuple[str, Any]]:
    """Attributes that the score does not show, 0 and false too."""
    return [(name, str(value)) for name, value in custom.items() if name not in _NPS and value is not None]


def _score(custom: Row) -> Any:
    at = custom.get("nps_last_survey_at")
    return score({**custom, "nps_last_survey_at": _moment(at)[:10] if isinstance(at, int) else at}, *_NPS)


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def _hay(*names: str) -> Any:
    return lambda row: " ".join(str(row[name] or "") for name in names).lower()


FACES = (
    Face(
        "intercom",
        "Intercom",
        "contacts",
        "contact",
        _contact,
        _hay("name", "email", "external_id", "id"),
        labelled(*_NPS),
    ),
    Face(
        "intercom",
        "Intercom",
        "companies",
        "company",
        _company,
        _hay("name", "company_id", "id"),
        labelled(*_NPS),
    ),
)
