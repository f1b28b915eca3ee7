"""How HubSpot's records look on a page."""

from __future__ import annotations

from sandbox.faces import Card, Face, details, labelled, moment, score
from sandbox.toy import Row, Toy

_NPS = ("nps_score", "nps_segment", "nps_last_survey", "nps_comment", "nps_trend")


def _contact(toy: Toy, row: Row) -> Card:
    name = " ".join(part for part in (row.get("firstname"), row.get("lastname")) if part)
    return Card(
        id=row["id"],
        name=name or row.get("email") or "–",
        company=row.get("company") or "No company",
        role="",
        email=row.get("email") or "",
        marks=("Email opt out",) if row.get("hs_email_optout") == "true" else (),
        details=details(
            ("Email", row.get("email")),
            ("More e-mails", row.get("hs_additional_emails")),
            ("Mobile", row.get("mobilephone")),
            ("Company", row.get("company")),
            ("Customer id", row.get("customer_id")),
            ("Record id", row["id"]),
            ("Merged records", row.get("hs_merged_object_ids")),
            ("Last modified", moment(row.get("lastmodifieddate"))),
        ),
        nps=score(row, *_NPS),
    )


CONTACT = Face(
    "hubspot",
    "HubSpot",
    "contacts",
    "contact",
    _contact,
    lambda row: (
        f"{row['firstname']} {row['lastname']} {row['email']} {row['customer_id']} {row['id']}".lower()
    ),
    labelled(*_NPS),
)
FACES = (CONTACT,)
