"""What the toy survey tools have in common: the world's customers answered, and answer again when control says so."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sandbox.moments import moment
from sandbox.shelves import Shelves, switched
from sandbox.toy import NoSuchRecord, Room, Row
from sandbox.world import OTHER_SURVEY, Answer, Customer

_MOST = 400  # answers to begin with, unless --limit vendor.answers=… says more
_AMONG = 2_000  # of the customers, those who may have been asked
_ANSWER = ("score", "comment", "finished", "excluded", "channel", "properties", "raw")
_PERSON = ("email", "external_id", "phone", "first_name", "last_name", "company")
_TIMES = ("created_at", "updated_at")
_ROUGH: dict[int, Row] = {11: {"finished": False, "comment": None}, 27: {"score": None}}  # by place in forty


@dataclass(frozen=True)
class Survey:
    id: str
    name: str
    kind: str  # nps or csat


class SurveyTool(Shelves):
    """A tool inherits this, says how it names answers and people, and shows them in its own shape.

    A response is {id, survey, created_at, updated_at (UNIX seconds), score, comment, finished, excluded, channel,
    properties, person, email, raw}; `raw` overrules what the tool would show. Whoever gave it is in `people`, unless
    nobody knows.
    """

    anonymous_every = 9  # so many-th answer names nobody
    channels: Sequence[str] = ("email",)

    def __init__(
        self,
        room: Room,
        surveys: Sequence[Survey],
        settings: Any,
        shelves: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        responses = ("created_at", "score", "comment", "email", "survey", "finished", "id")
        columns = {"responses": responses, "people": ("id", *_PERSON), **(shelves or {})}
        super().__init__(room, columns, self._begin)
        self.surveys = {survey.id: survey for survey in surveys}
        self.settings = settings
        switched(settings, {name: most for name, most in room.limits.items() if hasattr(settings, name)})
        self._people: dict[tuple[Any, ...], str] = {}
        self._people_numbers = itertools.count(1)
        self.knobs = {
            "set": lambda given: switched(self.settings, given),
            "answer": self._answer,
            "edit": self._edit,
            "forget": self._forget,
        }

    # ------------------------------------------------------------ what a tool says for itself

    def response_id(self, number: int, created: float) -> str:
        return str(number)

    def person_id(self, number: int) -> str:
        return str(number)

    def score_in(self, survey: Survey, score: int) -> int:
        """What somebody who would have said `score` of ten says in this survey."""
        return score if survey.kind == "nps" else min(score, 5) or 1

    def told(self, event: str, row: Row) -> None:
        """A response was created, updated or deleted after the sandbox began: a tool that pushes does it here."""

    # ------------------------------------------------------------ for the tool's addresses

    def now(self) -> float:
        return self.room.clock.time()

    def person(self, row: Row) -> Row | None:
        return self.shelves["people"].get(row["person"] or "")

    def of_survey(self, survey: str) -> list[Row]:
        return [row for row in self.shelves["responses"].values() if row["survey"] == survey]

    # ------------------------------------------------------------ control

    def add(self, object: str, fields: Row) -> str:
        """A response {score, comment, finished, excluded, channel, properties, raw, survey, created_at, updated_at,
        email, external_id, phone, first_name, last_name, company}: now, by nobody, in the first survey unless told"""
        if object != "responses":
            raise ValueError(f"{object} come by themselves")
        known = (*_ANSWER, *_PERSON, *_TIMES, "survey")
        if unknown := fields.keys() - set(known):
            raise ValueError(f"no field {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
        row = self._response(fields)
        self.told("created", row)
        return str(row["id"])

    def change(self, object: str, id: str, fields: Row) -> None:
        """As it is said, and nobody is told; the knob `edit` is what people do."""
        times: Row = {name: moment(fields[name]) for name in _TIMES if name in fields}
        super().change(object, id, {**fields, **times})

    def remove(self, object: str, id: str) -> None:
        row = self.row(object, id)
        super().remove(object, id)
        if object == "responses":
            self.told("deleted", row)

    def _answer(self, given: Row) -> Row:
        """{customer: 17 or any field of a person, score, comment …}: somebody answers now"""
        fields = {name: value for name, value in given.items() if name != "customer"}
        if "customer" in given:
            fields = {**keys_of(self._customer(int(given["customer"]))), **fields}
        return self.row("responses", self.add("responses", fields))

    def _edit(self, given: Row) -> Row:
        """{id, score, comment, finished …}: somebody thinks again, and the updated time moves"""
        row = self.row("responses", str(given["id"]))
        fields = {name: value for name, value in given.items() if name != "id"}
        super().change("responses", row["id"], fields)
        row["updated_at"] = max(self.now(), row["updated_at"])
        self.told("updated", row)
        return row

    def _forget(self, given: Row) -> Row:
        """{id of a response}: its giver is erased with what they wrote; the number stays"""
        row = self.row("responses", str(given["id"]))
        self.shelves["people"].pop(row["person"] or "", None)
        row |= {"comment": None, "email": None, "updated_at": self.now()}  # whoever it names is not there
        return row

    def _customer(self, number: int) -> Customer:
        found = next((one for one in self.room.world.customers() if one.number == number), None)
        if found is None:
            raise NoSuchRecord(f"no customer {number}")
        return found

    # ------------------------------------------------------------ the books

    def _begin(self) -> None:
        first, other = next(iter(self.surveys.values())), list(self.surveys.values())[-1]
        for index, (answer, customer) in enumerate(answers_in(self.room, type(self).__module__)):
            anonymous = index % self.anonymous_every == self.anonymous_every // 2
            fields: Row = {} if anonymous else keys_of(customer)
            survey = other if answer.survey == OTHER_SURVEY else first
            fields |= {"survey": survey.id, "score": self.score_in(survey, answer.score)}
            fields |= {
                "comment": answer.text,
                "created_at": answer.created_at.timestamp(),
                "updated_at": answer.updated_at.timestamp(),
                "excluded": answer.excluded,
                "channel": self.channels[answer.customer % len(self.channels)],
            }
            self._response({**fields, **_ROUGH.get(index % 40, {})})

    def _response(self, fields: Row) -> Row:
        created = moment(fields["created_at"]) if "created_at" in fields else self.now()
        score = fields.get("score")
        if score is not None and type(score) is not int:
            raise ValueError("a score is a whole number or null; `raw` shows anything")
        survey = str(fields.get("survey", next(iter(self.surveys))))
        if survey not in self.surveys:
            raise ValueError(f"no survey {survey}; there are: {', '.join(self.surveys)}")
        id = self.response_id(self.next_number(), created)
        row = {
            "id": id,
            "survey": survey,
            "created_at": created,
            "updated_at": moment(fields["updated_at"]) if "updated_at" in fields else created,
            "score": score,
            "comment": fields.get("comment"),
            "finished": fields.get("finished", True),
            "excluded": fields.get("excluded", False),
            "channel": fields.get("channel", self.channels[0]),
            "properties": dict(fields.get("properties") or {}),
            "person": self._person({name: fields.get(name) for name in _PERSON}),
            "email": fields.get("email"),
            "raw": dict(fields.get("raw") or {}),
        }
        return self.put("responses", id, row)

    def _person(self, fields: Row) -> str | None:
        """The person of these keys; None of none."""
        keys = (fields["email"], fields["external_id"], fields["phone"])
        if keys == (None, None, None):
            return None
        id = self._people.get(keys)
        if id is None or id not in self.shelves["people"]:
            id = self._people[keys] = self.person_id(next(self._people_numbers))
            self.put("people", id, {"id": id, **fields})
        return id


def answers_in(room: Room, tool: str) -> Iterator[tuple[Answer, Customer]]:
    """What the customers answered in one tool, oldest first. A large world has no more to say here than a small one:
    toys are furnished while somebody waits for the first reply."""
    most = room.limits.get("answers", min(room.world.responses, _MOST))
    world, among = replace(room.world, responses=most), max(most, _AMONG)
    answers = list(world.answers(tool, among))
    gave = {answer.customer for answer in answers}
    people = {one.number: one for one in itertools.islice(world.customers(), among) if one.number in gave}
    return ((answer, people[answer.customer]) for answer in answers)


def keys_of(customer: Customer) -> Row:
    """What a survey tool knows of a customer."""
    return {
        "email": customer.survey_email,
        "external_id": customer.survey_external_id,
        "phone": customer.phone if customer.takes_texts or not customer.survey_email else None,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "company": customer.company.name if customer.company else None,
    }
