"""The account: two forms, what people filled in, and the webhooks of each form."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.moments import iso
from sandbox.serving import reply
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row
from sandbox.typeform import app
from sandbox.typeform.webhooks import Webhooks

TOKEN = "tfp_sandbox_5Q8w2"
RELATIONSHIP = Survey("Rel8tN", "How likely are you to recommend us?", "nps")
SATISFACTION = Survey("Supp0r", "How was our support?", "csat")
SCORE, COMMENT, EMAIL = "nps_score", "nps_reason", "your_email"  # the refs of questions


@dataclass
class Settings:
    """What control may switch."""

    per_second: int = 2
    lag: float = 0.0  # seconds until a submission is listed; half an hour was reported
    scale: str = "nps"  # or opinion_scale, rating: the type of the question that asks for the score
    identity: str = "hidden"  # or answer: is the e-mail a hidden field, or an answer


class Typeform(SurveyTool):
    title = "Typeform"
    token = TOKEN
    fault_kinds = deliveries.FAULT_KINDS

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self.second = Budget(room.clock, 1)
        self.webhooks = Webhooks(room, self.shown, self.definition)
        self.knobs["webhook"] = lambda given: self.webhooks.set(
            str(given.get("form", RELATIONSHIP.id)), given
        )
        self.app: ASGIApp = app.build(self)

    def env(self, url: str) -> dict[str, str]:
        return {"TYPEFORM_URL": url, "TYPEFORM_TOKEN": TOKEN, "TYPEFORM_FORM": RELATIONSHIP.id}

    def refusal(self, fault: Fault) -> Response:
        headers = {}
        if fault.status == 429:
            headers["Retry-After"] = f"{1.0 if fault.retry_after is None else fault.retry_after:g}"
        return reply({"code": "ERROR", "description": f"status {fault.status}"}, fault.status, headers)

    def response_id(self, number: int, created: float) -> str:
        """A token says nothing of its age."""
        return hashlib.blake2b(f"typeform {number}".encode(), digest_size=16).hexdigest()

    def told(self, event: str, row: Row) -> None:
        """Only a submission is told; a response is not edited afterwards, and nobody hears of one that is deleted."""
        if event == "created" and row["finished"]:
            self.webhooks.tell(row)

    def definition(self, form: str) -> Row:
        survey = self.surveys[form]
        kind = self.settings.scale if survey.kind == "nps" else "rating"
        fields = [
            {
                "id": "f0",
                "ref": SCORE,
                "type": kind,
                "title": survey.name,
                "properties": {"steps": _steps(kind)},
            },
            {"id": "f1", "ref": COMMENT, "type": "long_text", "title": "Why?"},
        ]
        if self.settings.identity == "answer":
            fields.append({"id": "f2", "ref": EMAIL, "type": "email", "title": "Your e-mail"})
        return {"id": form, "title": survey.name, "hidden": ["email", "customer_id"], "fields": fields}

    def shown(self, row: Row) -> Row:
        """Unanswered questions are not there; `calculated.score` is a quiz's and never the answer."""
        person, fields = self.person(row) or {}, self.definition(row["survey"])["fields"]
        score, comment = ({name: field[name] for name in ("id", "type", "ref")} for field in fields[:2])
        answers: list[Row] = []
        if row["score"] is not None:
            answers.append({"type": "number", "number": row["score"], "field": score})
        if row["comment"]:
            answers.append({"type": "text", "text": row["comment"], "field": comment})
        hidden = {"email": person.get("email") or "", "customer_id": person.get("external_id") or ""}
        if self.settings.identity == "answer":
            email = {"id": "f2", "type": "email", "ref": EMAIL}
            answers += (
                [{"type": "email", "email": hidden["email"], "field": email}] if hidden["email"] else []
            )
            hidden = {}
        told = {
            "landing_id": row["id"],
            "token": row["id"],
            "response_id": row["id"],
            "response_type": "completed" if row["finished"] else "partial",
            "landed_at": iso(row["created_at"] - 40),
            "submitted_at": iso(row["created_at"]) if row["finished"] else "0001-01-01T00:00:00Z",
            "metadata": {
                "user_agent": "Mozilla/5.0",
                "platform": "other",
                "referer": "https://acme.example/",
            },
            "hidden": {**hidden, **row["properties"]},
            "calculated": {"score": 0},
            "variables": [],
            "tags": [],
            "answers": answers,
        }
        return {**told, **row["raw"]}


def _steps(kind: str) -> int:
    return 5 if kind == "rating" else 11
