"""How profiles of people and groups look on a page."""

from __future__ import annotations

from sandbox.faces import Card, Face, details, labelled, score
from sandbox.toy import Row, Toy

_NPS = ("NPS Score", "NPS Segment", "NPS Last Survey", "NPS Comment", "NPS Trend")


def _card(toy: Toy, row: Row) -> Card:
    held = row["properties"]
    return Card(
        id=row["id"],
        name=str(held.get("$name") or held.get("$email") or row["id"]),
        company=str(held.get("Company") or held.get("Domain") or "No company"),
        role="",
        email=str(held.get("$email") or ""),
        marks=(),
        details=details(
            ("Id", row["id"]),
            *((name, str(value)) for name, value in held.items() if name not in _NPS and value is not None),
        ),
        nps=score(held, *_NPS),
    )


def _hay(row: Row) -> str:
    held = row["properties"]
    return " ".join(str(one or "") for one in (held.get("$name"), held.get("$email"), row["id"])).lower()


FACES = (
    Face("mixpanel", "Mixpanel", "profiles", "profile", _card, _hay, labelled(*_NPS)),
    Face("mixpanel", "Mixpanel", "groups", "group", _card, _hay, labelled(*_NPS)),
)
