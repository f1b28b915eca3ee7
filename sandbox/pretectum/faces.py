"""How a data object looks on a page."""

from __future__ import annotations

from sandbox.faces import Card, Face, details, labelled, score
from sandbox.toy import Row, Toy

_NPS = ("NPS Score", "NPS Segment", "NPS Last Survey", "NPS Comment", "NPS Trend")


def _card(toy: Toy, row: Row) -> Card:
    name = " ".join(row[part] for part in ("First Name", "Last Name") if part in row)
    marks = [
        ("Deleted", row["deleted"]),
        ("Email opt out", str(row.get("Email Opt Out")).lower() == "true"),
        ("Values that do not fit", bool(row["errors"])),
    ]
    return Card(
        id=row["id"],
        name=name or row.get("Company Name") or row.get("Email") or "–",
        company=row.get("Company Name") or "No company",
        role=row.get("Role") or "",
        email=row.get("Email") or "",
        marks=tuple(mark for mark, holds in marks if holds),
        details=details(
            ("Email", row.get("Email")),
            ("Phone", row.get("Phone")),
            ("Company", row.get("Company Name")),
            ("Customer id", row.get("Customer Id")),
            ("Account id", row.get("Account Id")),
            ("NPS of the account", row.get("NPS")),
            ("Responses of the account", row.get("NPS Responses")),
            ("Dataset", row["dataset"]),
            ("Version", row["version"]),
            ("Does not fit", "; ".join(text for one in row["errors"] for text in one["errors"])),
            ("Data object id", row["id"]),
        ),
        nps=score(row, *_NPS),
    )


def _hay(row: Row) -> str:
    names = ("First Name", "Last Name", "Email", "Customer Id", "Company Name", "id")
    return " ".join(str(row.get(name, "")) for name in names).lower()


FACES = (Face("pretectum", "Pretectum", "customers", "data object", _card, _hay, labelled(*_NPS)),)
