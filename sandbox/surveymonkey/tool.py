"""The account: two surveys, their definitions, and responses whose answers are choices, not numbers."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.moments import iso_offset
from sandbox.serving import reply
from sandbox.surveymonkey import app
from sandbox.surveymonkey.webhooks import CLIENT_ID, CLIENT_SECRET, Webhooks
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row

TOKEN = "surveymonkey-sandbox-token"
RELATIONSHIP = Survey("509001", "Relationship", "nps")
SATISFACTION = Survey("509002", "After support", "csat")
COLLECTOR, PAGE = "40001", "60001"
_LOW, _HIGH = "Not at all likely", "Extremely likely"


@dataclass
class Settings:
    """What control may switch."""

    per_minute: int = 120
    per_day: int = 500
    contact: str = (
        "typed"  # plain, or recipient: only GET …/recipients/{id} knows; the shape is not documented
    )
    texts: str = "number"  # or label: what simple_text says of a scale


class SurveyMonkey(SurveyTool):
    title = "SurveyMonkey"
    fault_kinds = deliveries.FAULT_KINDS
    channels = ("email", "weblink")
    token = TOKEN

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self.minute, self.day = Budget(room.clock, 60), Budget(room.clock, 86_400)
        self.webhooks = Webhooks(room)
        self.knobs |= {"webhook": self.webhooks.set, "preview": self._preview}
        self.app: ASGIApp = app.build(self)

    def env(self, url: str) -> dict[str, str]:
        return {
            "SURVEYMONKEY_URL": f"{url}/v3",
            "SURVEYMONKEY_TOKEN": TOKEN,
            "SURVEYMONKEY_SURVEY": RELATIONSHIP.id,
            "SURVEYMONKEY_SCORE": question_ids(RELATIONSHIP)[0],
            "SURVEYMONKEY_COMMENT": question_ids(RELATIONSHIP)[1],
            "SURVEYMONKEY_CLIENT_ID": CLIENT_ID,
            "SURVEYMONKEY_CLIENT_SECRET": CLIENT_SECRET,
        }

    def refusal(self, fault: Fault) -> Response:
        if fault.status == 429:
            return reply(app.error_body(429, "1040", "Rate limit reached"), 429, app.budget_headers(self))
        return reply(app.error_body(fault.status, "1050", "Internal server error"), fault.status)

    def response_id(self, number: int, created: float) -> str:
        return str(7_000_000_000 + number)

    def told(self, event: str, row: Row) -> None:
        """A finished response is told as created and completed; one that is changed, as updated for each page."""
        names = {
            "created": ("response_created", *(("response_completed",) if row["finished"] else ())),
            "updated": ("response_updated",),
            "deleted": ("response_deleted",),
        }[event]
        for name in names:
            self.webhooks.tell(name, row["survey"], row["id"], row["person"])

    def shown(self, row: Row, *, simple: bool) -> Row:
        person = self.person(row) or {}
        by_mail = row["channel"] == "email" and row["person"] is not None
        metadata: Row = {}
        if by_mail and person.get("email") and self.settings.contact != "recipient":
            contact = {name: person[name] for name in ("email", "first_name", "last_name") if person[name]}
            if self.settings.contact == "typed":
                contact = {name: {"type": "string", "value": value} for name, value in contact.items()}
            metadata = {"contact": contact}
        variables = {"customer_id": person["external_id"]} if person.get("external_id") else {}
        told = {
            "id": row["id"],
            "survey_id": row["survey"],
            "collector_id": COLLECTOR if by_mail else "40002",
            "recipient_id": str(row["person"]) if by_mail else "",
            "response_status": "completed" if row["finished"] else "partial",
            "collection_mode": "default",
            "custom_value": "",
            "custom_variables": {**variables, **row["properties"]},
            "ip_address": "192.0.2.7",
            "date_created": iso_offset(row["created_at"]),
            "date_modified": iso_offset(row["updated_at"]),
            "total_time": 42,
            "edit_url": f"https://www.surveymonkey.example/r/?sm={row['id']}",
            "analyze_url": f"https://www.surveymonkey.example/analyze/browse/?respondent_id={row['id']}",
            "metadata": metadata,
            "pages": [{"id": PAGE, "questions": self._questions(row, simple=simple)}],
        }
        return {**told, **row["raw"]}

    def _questions(self, row: Row, *, simple: bool) -> list[Row]:
        survey = self.surveys[row["survey"]]
        scale, text = question_ids(survey)
        told: list[Row] = []
        if row["score"] is not None:
            score = int(row["score"])
            answer: Row = {"choice_id": choice_id(survey, score), "row_id": f"{scale}00"}
            if simple:
                answer["simple_text"] = (
                    str(score) if self.settings.texts == "number" else label(survey, score)
                )
            told.append({"id": scale, "answers": [answer]})
        if row["comment"]:
            answer = {"tag_data": [], "text": row["comment"]}
            told.append(
                {"id": text, "answers": [answer | ({"simple_text": row["comment"]} if simple else {})]}
            )
        return told

    def details(self, survey: Survey) -> Row:
        scale, text = question_ids(survey)
        scores = range(11) if survey.kind == "nps" else range(1, 6)
        choices = [{"id": choice_id(survey, score), "text": label(survey, score)} for score in scores]
        rating = {
            "id": scale,
            "family": "matrix",
            "subtype": "rating",
            "headings": [{"heading": f"{survey.name}: how likely are you to recommend us?"}],
            "answers": {"rows": [{"id": f"{scale}00", "text": ""}], "choices": choices},
        }
        why = {"id": text, "family": "open_ended", "subtype": "essay", "headings": [{"heading": "Why?"}]}
        page = {"id": PAGE, "title": "", "position": 1, "question_count": 2, "questions": [rating, why]}
        return {"id": survey.id, "title": survey.name, "language": "en", "page_count": 1, "pages": [page]}

    def _preview(self, given: Row) -> Row:
        """{score}: the author looks at the survey before it goes out, and that is in the list too"""
        raw = {"collection_mode": "survey_preview"}
        return self.row("responses", self.add("responses", {"score": given["score"], "raw": raw}))


def question_ids(survey: Survey) -> tuple[str, str]:
    return f"{survey.id}1", f"{survey.id}2"


def choice_id(survey: Survey, score: int) -> str:
    """It has no likeness with the number it stands for."""
    return str(int(survey.id) * 1000 + 700 + score * 13 % 97)


def label(survey: Survey, score: int) -> str:
    ends = {0: _LOW, 10: _HIGH} if survey.kind == "nps" else {1: _LOW, 5: _HIGH}
    return f"{score} - {ends[score]}" if score in ends else str(score)
