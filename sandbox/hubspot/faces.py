"""How HubSpot's records look on a page."""

from __future__ import annotations

from sandbox.faces import Card, Face, Rollup, details, labelled, moment, score
from sandbox.hubspot import related
from sandbox.toy import Row, Toy

_ROLLED_UP = {
    "nps": "NPS",
    "nps_responses": "Responses",
    "nps_margin": "Margin",
    "nps_detractors": "Detractors",
}
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


def _company(toy: Toy, row: Row) -> Card:
    return Card(
        id=row["id"],
        name=row.get("name") or row.get("domain") or "–",
        company=row.get("domain") or "No domain",
        role="",
        email=row.get("billing_email") or "",
        marks=(),
        details=details(
            ("Domain", row.get("domain")),
            ("Billing email", row.get("billing_email")),
            ("Phone", row.get("phone")),
            ("Customer id", row.get("customer_id")),
            ("Type", row.get("type")),
            ("Plan", row.get("plan")),
            ("Product line", row.get("product_line")),
            ("Annual revenue", row.get("annualrevenue")),
            ("Record id", row["id"]),
            ("Merged records", row.get("hs_merged_object_ids")),
            ("Last modified", moment(row.get("hs_lastmodifieddate"))),
        ),
        nps=score(row, *_NPS),
        rollup=_rollup(row),
    )


def _rollup(row: Row) -> Rollup:
    facts = ((label, row.get(name)) for name, label in _ROLLED_UP.items() if name != "nps")
    return Rollup(row.get("nps"), tuple((label, fact) for label, fact in facts if fact is not None))


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
    related.of_contact,
)
COMPANY = Face(
    "hubspot",
    "HubSpot",
    "companies",
    "company",
    _company,
    lambda row: f"{row['name']} {row['domain']} {row['billing_email']} {row['id']}".lower(),
    labelled(*_NPS) | _ROLLED_UP,
    related.of_company,
)
FACES = (CONTACT, COMPANY)
