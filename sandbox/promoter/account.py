"""The account: its campaigns and contacts, who may be surveyed again, and what people answered."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox.faults import Fault
from sandbox.promoter import app
from sandbox.promoter.words import API_KEY, CAMPAIGNS, Refusal
from sandbox.shelves import Shelves, switched
from sandbox.toy import Room, Row

_DAY = 86_400
_SCALARS = (str, int, float, bool)


@dataclass
class Settings:
    """What control may switch."""

    throttle_days: int = 30  # 30, 60, 90 or 180; beside it nobody is asked twice in a day
    campaign_field: str = "campaign_id"  # or campaign: which one the account reads is not documented
    page: int = 25
    per_minute: int = 0


class Promoter(Shelves):
    title = "Promoter.io"
    # Knobs: set {setting: value} · answer {id of a survey, score, comment} · unsubscribe {email}
    # · deactivate {email, active}

    def __init__(self, room: Room) -> None:
        super().__init__(
            room,
            {
                "surveys": ("sent_date", "email", "campaign", "attributes", "state"),
                "feedback": ("posted_date", "email", "score", "comment", "status"),
                "contacts": ("email", "first_name", "last_name", "unsubscribed", "active"),
            },
        )
        self.settings = Settings()
        self.app: ASGIApp = app.build(self)
        self._feedback_ids = itertools.count(270)
        self._minute = (0, 0)
        self._by_email: dict[str, str] = {}
        self.knobs = {
            "set": lambda given: switched(self.settings, given),
            "answer": self._answer,
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
        """Feedback may be added as it is: {email, score, comment, posted_date, attributes}"""
        if object != "feedback":
            return super().add(object, fields)
        contact = self.contact({"email": fields["email"]})
        row = self._feedback(contact, int(fields["score"]), fields.get("comment"), None)
        if "posted_date" in fields:
            row["posted_date"] = fields["posted_date"]
        return str(row["id"])

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
            "sent_date": self._now().isoformat().replace("+00:00", "Z"),
            "sent": self.room.clock.time(),
            "contact": person["id"],
            "email": person["email"],
            "campaign": int(campaign),
            "attributes": scalars(attributes),
            "state": "sent",
        }
        return self.put("surveys", id, row)

    def contact(self, given: Mapping[str, Any]) -> Row:
        """The contact of this address, made or brought up to date."""
        email = str(given.get("email") or "").strip().lower()
        if "@" not in email or "." not in email.rpartition("@")[2]:
            raise Refusal({"contact": {"email": ["Enter a valid email address."]}})
        known = self._by_email.get(email)
        if known is None:
            known = self._by_email[email] = str(50_000 + self.next_number())
            now = self._now().isoformat().replace("+00:00", "Z")
            contact = {"id": int(known), "email": email, "first_name": "", "last_name": ""}
            self.put(
                "contacts",
                known,
                {**contact, "created_date": now, "attributes": {}, "unsubscribed": False, "active": True},
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
        """{id, score, comment}: the person of a survey answers; once more, and it is an edit"""
        survey = self.row("surveys", str(given["id"]))
        score, comment = int(given["score"]), given.get("comment")
        if survey["state"] == "answered":
            row = next(row for row in self.shelves["feedback"].values() if row["survey"] == survey["id"])
            now = self._now().isoformat().replace("+00:00", "Z")
            row |= {"score": score, "comment": comment, "score_modified": now, "comment_updated_date": now}
            return row
        survey["state"] = "answered"
        return self._feedback(self.shelves["contacts"][str(survey["contact"])], score, comment, survey)

    def _mark(self, given: Row, name: str, *, value: bool) -> Row:
        contact = self.contact({"email": given["email"]})
        contact[name] = value
        return contact

    def _feedback(self, contact: Row, score: int, comment: str | None, survey: Row | None) -> Row:
        if not 0 <= score <= 10:
            raise ValueError(f"a score is 0 to 10, got {score}")
        now = self._now().isoformat().replace("+00:00", "Z")
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

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.room.clock.time(), UTC)


def scalars(attributes: Any) -> dict[str, Any]:
    """Lists and objects are not stored, without a word."""
    given = attributes if isinstance(attributes, Mapping) else {}
    return {str(name): value for name, value in given.items() if isinstance(value, _SCALARS)}
