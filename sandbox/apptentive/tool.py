"""The account: two apps, their surveys, the people who use them, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox.apptentive import app
from sandbox.apptentive.words import (
    APPS,
    COMMENT,
    KEY,
    RATING,
    REASON,
    REASONS,
    RELATIONSHIP,
    SATISFACTION,
    SCORE,
)
from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.surveys import Survey, SurveyTool
from sandbox.toy import Room, Row


@dataclass
class Settings:
    """What control may switch: the limit, and what the vendor's documents leave open."""

    per_five_minutes: int = 100
    page_size: int = 50  # when the call names none
    largest: int = 100
    wrapper: str = "responses"  # responses, data, or nothing: the reply is the list
    has_more: bool = True
    synthetic_ids: bool = True  # may `starts_after` be an id that no row has?
    answers: str = "states"  # arrays: as older surveys send them


class Apptentive(SurveyTool):
    title = "Apptentive"
    anonymous_every = 4
    channels = ("ios", "web")

    def __init__(self, room: Room) -> None:
        super().__init__(room, (RELATIONSHIP, SATISFACTION), Settings())
        self.budget = Budget(room.clock, 300)
        self.app: ASGIApp = app.build(self)

    def env(self, url: str) -> dict[str, str]:
        return {
            "APPTENTIVE_URL": url,
            "APPTENTIVE_KEY": KEY,
            "APPTENTIVE_APP": next(iter(APPS)),
            "APPTENTIVE_SURVEY": RELATIONSHIP.id,
            "APPTENTIVE_SCORE": SCORE,
            "APPTENTIVE_COMMENT": COMMENT,
        }

    def refusal(self, fault: Fault) -> Response:
        """It does not say how long to wait."""
        return Response(
            orjson.dumps({"error": f"status {fault.status}"}), fault.status, media_type="application/json"
        )

    def response_id(self, number: int, created: float) -> str:
        """An ObjectId begins with the time it was made: here the answer's arrival."""
        return f"{int(created):08x}{number:016x}"

    def person_id(self, number: int) -> str:
        return f"5e00{number:020x}"

    def app_of(self, row: Row) -> str:
        """An answer belongs to the app it was given in."""
        return (
            list(APPS)[self.channels.index(row["channel"])]
            if row["channel"] in self.channels
            else next(iter(APPS))
        )

    def shown(self, row: Row) -> Row:
        number = int(row["id"][8:], 16)
        # Answers wait on the device until there is a network, and not every device knows what day it is.
        given = row["created_at"] - (172_800 if number % 20 == 0 else 2)
        told = {
            "id": row["id"],
            "created_at": row["created_at"],
            "client_created_at": 86_400.0 if number % 50 == 49 else given,
            "client_created_at_utc_offset": -21_600,
            "nonce": f"00000000-0000-4000-8000-{number:012d}",
            "app_id": self.app_of(row),
            "survey_id": row["survey"],
            "person_id": row["person"] or f"5e0f{number:020x}",
            "conversation_id": f"5e1f{number:020x}",
            "answers": self._answers(row),
        }
        return {**told, **row["raw"]}

    def person_shown(self, person: Row) -> Row:
        custom: dict[str, Any] = {"plan": "team"}
        if person["external_id"]:
            custom["customer_id"] = person["external_id"]
        name = " ".join(part for part in (person["first_name"], person["last_name"]) if part)
        return {
            "id": person["id"],
            "name": name or None,
            "email": person["email"],
            "custom_data": custom,
            "mparticle_id": None,
        }

    def everybody(self) -> list[Row]:
        """Also those who never said who they are."""
        known = [self.person_shown(person) for person in self.rows("people")]
        strangers = [
            {
                "id": self.shown(row)["person_id"],
                "name": None,
                "email": None,
                "custom_data": {},
                "mparticle_id": None,
            }
            for row in self.rows("responses")
            if row["person"] is None
        ]
        return sorted([*known, *strangers], key=lambda person: str(person["id"]))

    def _answers(self, row: Row) -> Row:
        if row["survey"] == SATISFACTION.id:
            number, text = row["score"], None
            choice = None if number is None else list(REASONS)[number % len(REASONS)]
            values: dict[str, list[Row]] = {
                RATING: [] if number is None else [{"value": number}],
                REASON: []
                if choice is None
                else [{"id": choice, **({"value": "Colour"} if number % 3 == 2 else {})}],
            }
        else:
            number, text = row["score"], row["comment"]
            values = {
                SCORE: [] if number is None else [{"value": number}],
                COMMENT: [] if not text else [{"value": text}],
            }
        if self.settings.answers == "arrays":
            return {question: value for question, value in values.items() if value}
        left = "empty" if row["finished"] else "skipped"
        return {
            question: {"state": "answered", "value": value} if value else {"state": left}
            for question, value in values.items()
        }

    def definition(self, survey: Survey) -> Row:
        if survey.kind == "nps":
            scale = {
                "type": "range",
                "min": 0,
                "max": 10,
                "min_label": "Not likely",
                "max_label": "Very likely",
            }
            questions = [
                {"id": SCORE, "value": survey.name, "required": True, **scale},
                {"id": COMMENT, "value": "Why?", "type": "singleline", "required": False, "multiline": True},
            ]
        else:
            choices = [{"id": id, "value": text} for id, text in REASONS.items()]
            questions = [
                {"id": RATING, "value": survey.name, "type": "range", "min": 1, "max": 5, "required": True},
                {"id": REASON, "value": "What mattered?", "type": "multichoice", "answer_choices": choices},
            ]
        return {"id": survey.id, "name": survey.name, "questions": questions}
