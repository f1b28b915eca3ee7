"""The workspace: its surveys and contacts, and responses that move on while somebody is still answering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.formbricks import app
from sandbox.formbricks.webhooks import SECRET, Webhooks
from sandbox.moments import iso_ms
from sandbox.serving import reply
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row

KEY = "fbk_sandbox_2Kd93m"
WORKSPACE = "clwrkspc00000000000000001"
RELATIONSHIP = Survey("clsrvy000000000000000nps1", "Relationship", "nps")
SATISFACTION = Survey("clsrvy00000000000000csat1", "After support", "csat")
SCORE, COMMENT = "npsq00000000000000000001", "text00000000000000000001"


@dataclass
class Settings:
    """What control may switch."""

    per_minute: int = 100  # for each version of the API
    enterprise: bool = True  # contacts are a feature one pays for
    ties: str = "kept"  # or shuffled: rows of one stamp stand in no order, and another one for each call


class Formbricks(SurveyTool):
    """Its own fault kind, shuffle: rows of one stamp in no order."""

    title = "Formbricks"
    fault_kinds = frozenset({"shuffle"}) | deliveries.FAULT_KINDS
    channels = ("link", "app")
    key = KEY
    workspace = WORKSPACE

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self.minutes = {version: Budget(room.clock, 60) for version in ("v1", "v2")}
        self.webhooks = Webhooks(room, self.pushed)
        self.knobs |= {"webhook": self.webhooks.set, "import": self._import}
        self.app: ASGIApp = app.build(self)

    def env(self, url: str) -> dict[str, str]:
        return {
            "FORMBRICKS_URL": f"{url}/api",
            "FORMBRICKS_KEY": KEY,
            "FORMBRICKS_SURVEY": RELATIONSHIP.id,
            "FORMBRICKS_SCORE": SCORE,
            "FORMBRICKS_COMMENT": COMMENT,
            "FORMBRICKS_WEBHOOK_SECRET": SECRET,
        }

    def refusal(self, fault: Fault) -> Response:
        return reply({"error": {"code": fault.status, "message": f"status {fault.status}"}}, fault.status)

    def response_id(self, number: int, created: float) -> str:
        return f"clresp{number:019d}"

    def person_id(self, number: int) -> str:
        return f"clcont{number:019d}"

    def told(self, event: str, row: Row) -> None:
        names = {"created": ["responseCreated"], "updated": ["responseUpdated"]}.get(event, [])
        if names and row["finished"]:
            names.append("responseFinished")
        for name in names:
            self.webhooks.tell(name, row)

    def shown(self, row: Row) -> Row:
        """As version 2 lists it; `contactAttributes` is how the contact was when they answered."""
        data: dict[str, Any] = {**row["properties"]}
        if row["score"] is not None:
            data[SCORE] = row["score"]
        if row["comment"]:
            data[COMMENT] = row["comment"]
        told = {
            "id": row["id"],
            "createdAt": iso_ms(row["created_at"]),
            "updatedAt": iso_ms(row["updated_at"]),
            "finished": row["finished"],
            "surveyId": row["survey"],
            "contactId": row["person"],
            "endingId": "clend0000000000000000001" if row["finished"] else None,
            "data": data,
            "variables": {},
            "ttc": {SCORE: 3100},
            "meta": {"url": "https://app.acme.example/", "userAgent": {"os": "macOS"}, "country": "DE"},
            "contactAttributes": self.attributes(row),
            "singleUseId": None,
            "language": "default",
            "displayId": None,
        }
        return {**told, **row["raw"]}

    def attributes(self, row: Row) -> Row | None:
        person = self.person(row)
        if person is None:
            return None
        named = {"email": person["email"], "userId": person["external_id"], "firstName": person["first_name"]}
        return {name: value for name, value in named.items() if value}

    def pushed(self, row: Row) -> Row:
        """A webhook tells more than the list: the contact, tags and the survey."""
        survey = self.surveys[row["survey"]]
        contact = (
            {"id": row["person"], "userId": (self.attributes(row) or {}).get("userId")}
            if row["person"]
            else None
        )
        status = {"title": survey.name, "type": row["channel"], "status": "inProgress"}
        return {**self.shown(row), "contact": contact, "tags": [], "survey": status}

    def definition(self, survey: Survey) -> Row:
        questions = [
            {
                "id": SCORE,
                "type": "nps" if survey.kind == "nps" else "csat",
                "headline": {"default": survey.name},
            },
            {"id": COMMENT, "type": "openText", "headline": {"default": "Why?"}},
        ]
        return {
            "id": survey.id,
            "name": survey.name,
            "type": "link",
            "status": "inProgress",
            "workspaceId": WORKSPACE,
            "questions": questions,
        }

    def _import(self, given: Row) -> Row:
        """{count, at}: somebody imports answers, and all of them have one stamp"""
        at = given.get("at", self.now())
        count = int(given["count"])
        ids = [
            self.add(
                "responses", {"score": index % 11, "email": f"import{index}@import.example", "created_at": at}
            )
            for index in range(count)
        ]
        return {"first": ids[0], "last": ids[-1], "count": count} if ids else {"count": 0}
