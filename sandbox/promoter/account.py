"""The account: its campaigns and contacts, who may be surveyed again, and what people answered."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.faults import Fault
from sandbox.moments import iso, iso_us
from sandbox.promoter import app
from sandbox.promoter.words import API_KEY, CAMPAIGNS, Refusal
from sandbox.shelves import Shelves, switched
from sandbox.surveys import answers_in, keys_of
from sandbox.toy import Room, Row
from sandbox.unsigned import Unsigned

_DAY = 86_400
_SCALARS = (str, int, float, bool)


@dataclass
class Settings:
    """What control may switch."""

    throttle_days: int = 30  # 30, 60, 90 or 180; beside it nobody is asked twice in a day
    campaign_field: str = "campaign_id"  # or campaign: which one the account reads is not documented
    page: int = 25
    per_minute: int = 0
    order: str = "oldest"  # newest or none: the vendor promises no order
    odd_hours: bool = False  # 2014-10-10T8:20:00Z, as in an old fixture


class Promoter(Shelves):
    title = "Promoter.io"
    fault_kinds = deliveries.FAULT_KINDS

    def __init__(self, room: Room) -> None:
        super().__init__(
            room,
            {
                "surveys": ("sent_date", "email", "campaign", "attributes", "state"),
                "feedback": ("posted_date", "email", "score", "comment", "status"),
                "contacts": ("email", "first_name", "last_name", "unsubscribed", "active"),
            },
            self._begin,
        )
        self.settings = Settings()
        self.app: ASGIApp = app.build(self)
        self.webhook = Unsigned(room, "promoter")
        self._feedback_ids = itertools.count(270)
        self._minute = (0, 0)
        self._by_email: dict[str, str] = {}
        switched(
            self.settings, {name: most for name, most in room.limits.items() if hasattr(self.settings, name)}
        )
        self.knobs = {
            "set": lambda given: switched(self.settings, given),
            "answer": self._answer,
            "edit": self._edit,
            "webhook": self._set_webhook,
            "unsubscribe": lambda given: self._mark(given, "unsubscribed", value=True),
            "deactivate": lambda given: self._mark(given, "active", value=bool(given.get("active", False))),
        }

    def env(self, url: str) -> dict[str, str]:
        return {"PROMOTER_URL": f"{url}/api", "PROMOTER_KEY": API_KEY}

    def refusal(self, fault: Fault) -> Response:
        wait = 1.0 if fault.retry_after is None else fault.retry_after
        words = {429: f"Request was throttled. Expected available in {wait:.1f} seconds."}
        body = {"detail": words.get(fault.status, "A server error occurred.")}
        headers = {"Retry-After": f"{wait:g}"} if fault.status == 429 else {}
        return Response(orjson.dumps(body), fault.status, headers, media_type="application/json")

    def add(self, object: str, fields: Row) -> str:
        """Feedback may be added as it is: {email, score, comment, posted_date, attributes, campaign, status}; the
        attributes are the contact's"""
        if object != "feedback":
            return super().add(object, fields)
        row = self._given(fields)
        self.tell("feedback.added_or_changed", row["id"])
        return str(row["id"])

    def remove(self, object: str, id: str) -> None:
        super().remove(object, id)
        if object == "feedback":
            self.tell("feedback.removed", int(id))

    def tell(self, event: str, id: int) -> None:
        """What the body looks like is not documented; an id is somewhere in it."""
        body: Any = {"id": id}
        for name in reversed(str(self.webhook.given.get("id_at", "data.id")).split(".")[:-1]):
            body = {name: body}
        self.webhook.tell({"event": event, **body})

    def _set_webhook(self, given: Row) -> Row:
        """{url, headers, id_at: id, data.id or feedback.id}; url null ends it"""
        if given.get("id_at", "id") not in ("id", "data.id", "feedback.id"):
            raise ValueError("id_at is id, data.id or feedback.id")
        return self.webhook.set(given)

    def _given(self, fields: Row) -> Row:
        """Somebody answered without a survey of ours."""
        person: Row = {
            name: fields[name]
            for name in ("email", "attributes", "first_name", "last_name")
            if name in fields
        }
        known = self.contact(person, since=fields.get("posted_date"))
        row = self._feedback(known, int(fields["score"]), fields.get("comment"), None)
        row |= {name: fields[name] for name in ("campaign", "status") if name in fields}
        if "posted_date" in fields:
            for name in ("posted_date", "score_created", "score_modified"):
                row[name] = fields["posted_date"]
        return row

    # ------------------------------------------------------------ surveys

    def survey(self, contact: Any, campaign: Any, attributes: Any) -> Row:
        """What `POST /api/v2/survey/` does; a Refusal in the vendor's words."""
        if not isinstance(contact, Mapping):
            raise Refusal({"contact": ["This field is required."]})
        if campaign is None:
            raise Refusal({self.settings.campaign_field: ["This field is required."]})
        if not str(campaign).isdigit() or int(campaign) not in CAMPAIGNS:
            raise Refusal(
                {self.settings.campaign_field: [f'Invalid pk "{campaign}" - object does not exist.']}
            )
        person = self.contact(contact)
        if not self._eligible(person):
            raise Refusal({"non_field_errors": ["Contact is not eligible for survey."]})
        id = str(self.next_number())
        row = {
            "id": id,
            "sent_date": self._told_now(),
            "sent": self.room.clock.time(),
            "contact": person["id"],
            "email": person["email"],
            "campaign": int(campaign),
            "attributes": scalars(attributes),
            "state": "sent",
        }
        return self.put("surveys", id, row)

    def contact(self, given: Mapping[str, Any], *, since: str | None = None) -> Row:
        """The contact of this address, made (at that time, or now) or brought up to date."""
        email = str(given.get("email") or "").strip().lower()
        if "@" not in email or "." not in email.rpartition("@")[2]:
            raise Refusal({"contact": {"email": ["Enter a valid email address."]}})
        known = self._by_email.get(email)
        if known is None:
            known = self._by_email[email] = str(50_000 + self.next_number())
            contact = {"id": int(known), "email": email, "first_name": "", "last_name": ""}
            self.put(
                "contacts",
                known,
                {
                    **contact,
                    "created_date": since or self._told_now(),
                    "attributes": {},
                    "unsubscribed": False,
                    "active": True,
                },
            )
        row = self.shelves["contacts"][known]
        row |= {name: str(given[name]) for name in ("first_name", "last_name") if given.get(name)}
        row["attributes"] |= scalars(given.get("attributes"))
        return row

    def _eligible(self, person: Row) -> bool:
        if person["unsubscribed"] or not person["active"]:
            return False
        rest = max(1, self.settings.throttle_days) * _DAY
        now = self.room.clock.time()
        surveys = self.shelves["surveys"].values()
        return all(row["sent"] <= now - rest for row in surveys if row["contact"] == person["id"])

    def spend(self) -> float | None:
        """One call of the minute; the seconds to wait when there is none left."""
        if not self.settings.per_minute:
            return None
        now = self.room.clock.time()
        minute, used = self._minute
        used = used if int(now // 60) == minute else 0
        self._minute = int(now // 60), used + 1
        if used < self.settings.per_minute:
            return None
        self.room.traffic.limit_met("promoter", "per_minute")
        return 60 - now % 60

    # ------------------------------------------------------------ knobs

    def _answer(self, given: Row) -> Row:
        """{id of a survey, or email; score, comment}: somebody answers; a survey's answer once more is an edit"""
        if "id" not in given:
            return self.row("feedback", self.add("feedback", given))
        survey = self.row("surveys", str(given["id"]))
        if survey["state"] == "answered":
            row = next(row for row in self.shelves["feedback"].values() if row["survey"] == survey["id"])
            return self._edit({"comment": None, **given, "id": row["id"]})
        survey["state"] = "answered"
        person = self.shelves["contacts"][str(survey["contact"])]
        row = self._feedback(person, int(given["score"]), given.get("comment"), survey)
        self.tell("feedback.added_or_changed", row["id"])
        return row

    def _edit(self, given: Row) -> Row:
        """{id of feedback, score, comment}: the dates of what changed move, the date it was posted does not"""
        row, now = self.row("feedback", str(given["id"])), self._told_now()
        if "score" in given:
            row |= {"score": _score(given["score"]), "score_modified": now}
        if "comment" in given:
            row |= {"comment": given["comment"], "comment_updated_date": now}
        self.tell("feedback.added_or_changed", row["id"])
        return row

    def _mark(self, given: Row, name: str, *, value: bool) -> Row:
        contact = self.contact({"email": given["email"]})
        contact[name] = value
        return contact

    def _begin(self) -> None:
        """The customers' answers: without an e-mail address nobody is a contact here."""
        for answer, customer in answers_in(self.room, "promoter"):
            known = keys_of(customer)
            if not known["email"]:
                continue
            attributes = {"customer_id": known["external_id"]} if known["external_id"] else {}
            row = self._given(
                {
                    **{name: known[name] for name in ("email", "first_name", "last_name")},
                    "attributes": attributes,
                    "score": answer.score,
                    "comment": answer.text,
                    "campaign": 100 if answer.id % 10 == 0 else 99,
                    "posted_date": iso(answer.created_at.timestamp()),
                }
            )
            edited = iso(answer.updated_at.timestamp())
            row |= {"score_modified": edited, "comment_updated_date": edited if answer.text else None}

    def _feedback(self, contact: Row, score: int, comment: str | None, survey: Row | None) -> Row:
        score, now = _score(score), self._told_now()
        id = str(next(self._feedback_ids))
        row = {
            "id": int(id),
            "contact": contact["id"],
            "email": contact["email"],
            "score": score,
            "comment": comment,
            "posted_date": now,
            "score_created": now,
            "score_modified": now,
            "comment_updated_date": now if comment else None,
            "campaign": survey["campaign"] if survey else next(iter(CAMPAIGNS)),
            "survey": survey["id"] if survey else None,
            "sent_date": survey["sent_date"] if survey else None,
            "attributes": dict(survey["attributes"]) if survey else {},
            "status": "OPEN",
        }
        return self.put("feedback", id, row)

    def _told_now(self) -> str:
        return iso_us(self.room.clock.time())


def _score(told: Any) -> int:
    score = int(told)
    if not 0 <= score <= 10:
        raise ValueError(f"a score is 0 to 10, got {score}")
    return score


def scalars(attributes: Any) -> dict[str, Any]:
    """Lists and objects are not stored, without a word."""
    given = attributes if isinstance(attributes, Mapping) else {}
    return {str(name): value for name, value in given.items() if isinstance(value, _SCALARS)}
