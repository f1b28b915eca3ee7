"""The brand in its data centre: surveys, what was recorded, and the exports of it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.moments import iso_ms
from sandbox.qualtrics import app
from sandbox.qualtrics.exports import Exports
from sandbox.qualtrics.words import (
    CLIENT_ID,
    CLIENT_SECRET,
    COMMENT,
    DATA_CENTRE,
    GROUPS,
    NORMAL,
    PREVIEW,
    RELATIONSHIP,
    SATISFACTION,
    SCORE,
    TOKEN,
)
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row
from sandbox.unsigned import Unsigned


@dataclass
class Settings:
    """What control may switch."""

    polls: int = 1  # looks at an export before it is complete
    padding: int = 0  # letters of an embedded field, so that an export can be larger than memory
    extra_headers: bool = True  # two more rows below a CSV's header
    exports_per_minute: int = 0


class Qualtrics(SurveyTool):
    """Its own fault kinds: failed_export, lost_progress (no progressId), expired_token."""

    title = "Qualtrics"
    fault_kinds = frozenset({"failed_export", "lost_progress", "expired_token"}) | deliveries.FAULT_KINDS
    channels = ("email", "anonymous", "sms")
    token = TOKEN
    data_centre = DATA_CENTRE
    client = (CLIENT_ID, CLIENT_SECRET)

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self.minute = Budget(room.clock, 60)
        self.exports = Exports(self)
        self.tokens: dict[str, float] = {}  # access token → when it dies
        self.webhook = Unsigned(room, "qualtrics", shape="form")
        self.knobs |= {"preview": self._preview, "webhook": self.webhook.set}
        self.app: ASGIApp = app.build(self)

    def env(self, url: str) -> dict[str, str]:
        return {
            "QUALTRICS_URL": f"{url}/{DATA_CENTRE}/API/v3",
            "QUALTRICS_TOKEN": TOKEN,
            "QUALTRICS_SURVEY": RELATIONSHIP.id,
            "QUALTRICS_SCORE": SCORE,
            "QUALTRICS_COMMENT": COMMENT,
            "QUALTRICS_CLIENT_ID": CLIENT_ID,
            "QUALTRICS_CLIENT_SECRET": CLIENT_SECRET,
        }

    def refusal(self, fault: Fault) -> Response:
        headers = {}
        if fault.status == 429 and fault.retry_after is not None:
            headers["Retry-After"] = f"{fault.retry_after:g}"
        return app.refused(fault.status, "RP_0", "An error occurred", headers).reply()

    def response_id(self, number: int, created: float) -> str:
        return f"R_{number:015d}"

    def told(self, event: str, row: Row) -> None:
        """A notice with ids; what else is in it is not documented."""
        if event == "created" and row["finished"]:
            topic = f"surveyengine.completedResponse.{row['survey']}"
            self.webhook.tell({"Topic": topic, "SurveyID": row["survey"], "ResponseID": row["id"]})

    def _preview(self, given: Row) -> Row:
        """{score}: the author looks at the survey before it goes out, and that is recorded too"""
        return self.row("responses", self.add("responses", {**given, "channel": "preview"}))

    def values(self, row: Row) -> Row:
        """What was recorded: the date of recording is when somebody was done, and an edit does not move it."""
        person, nps = self.person(row) or {}, self.surveys[row["survey"]].kind == "nps"
        at = iso_ms(row["created_at"])
        told: Row = {
            "startDate": iso_ms(row["created_at"] - 60),
            "endDate": at,
            "status": PREVIEW if row["channel"] == "preview" else NORMAL,
            "ipAddress": "192.0.2.7",
            "progress": 100 if row["finished"] else 50,
            "duration": 60,
            "finished": int(row["finished"]),
            "recordedDate": at,
            "responseId": row["id"],
            "recipientLastName": person.get("last_name"),
            "recipientFirstName": person.get("first_name"),
            "recipientEmail": row["email"],
            "externalDataReference": person.get("external_id"),
            "locationLatitude": "52.5",
            "locationLongitude": "13.4",
            "distributionChannel": row["channel"],
            "userLanguage": "EN",
        }
        if row["score"] is not None:
            told[SCORE] = row["score"]
            if nps:
                told[f"{SCORE}_NPS_GROUP"] = GROUPS[_segment(row["score"])]
        if row["comment"]:
            told[COMMENT] = row["comment"]
        told["plan"] = "team"
        if self.settings.padding:
            told["padding"] = "x" * self.settings.padding
        return {
            name: value
            for name, value in {**told, **row["properties"], **row["raw"]}.items()
            if value is not None
        }

    def shown(self, row: Row) -> Row:
        values, labels = self.values(row), {}
        if f"{SCORE}_NPS_GROUP" in values:
            labels[f"{SCORE}_NPS_GROUP"] = _segment(row["score"]).capitalize()
        labels["finished"] = "True" if row["finished"] else "False"
        return {
            "responseId": row["id"],
            "values": values,
            "labels": labels,
            "displayedFields": [SCORE, COMMENT],
        }

    def definition(self, survey: Survey) -> Row:
        kind = {"QuestionType": "MC", "Selector": "NPS" if survey.kind == "nps" else "SAVR"}
        questions = {
            SCORE: {"QuestionID": SCORE, "QuestionText": survey.name, **kind},
            "QID2": {"QuestionID": "QID2", "QuestionText": "Why?", "QuestionType": "TE", "Selector": "ESTB"},
        }
        return {"SurveyID": survey.id, "SurveyName": survey.name, "Questions": questions}


def _segment(score: int) -> str:
    return "promoter" if score >= 9 else "passive" if score >= 7 else "detractor"
