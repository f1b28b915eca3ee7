"""The toy Wootric as the sandbox sees it: its web application, and the handles control and pages use."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox import deliveries
from sandbox.faults import Fault
from sandbox.knobs import Knob, turn
from sandbox.toy import NoSuchRecord, Room, Row, Show
from sandbox.wootric import app
from sandbox.wootric.books import Answer, Books, Decline, EndUser
from sandbox.wootric.furnish import FIRST_DECLINE, FIRST_PERSON, furnish
from sandbox.wootric.settings import Settings
from sandbox.wootric.shapes import answers_shown, declines_shown, people_shown
from sandbox.wootric.surveying import Surveying
from sandbox.wootric.times import seconds
from sandbox.wootric.tokens import (
    ACCOUNT_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    SECOND_ACCOUNT_TOKEN,
    Refusal,
    Tokens,
)
from sandbox.wootric.webhooks import Webhooks
from sandbox.world import RELATIONSHIP_SURVEY, any_score

_FIRST_ANSWER = 505_000_001
_STILL_EDITED = 50  # people come back to an answer while it is fresh
_ANSWER_FIELDS = {"score", "text", "excluded_from_calculations", "completed", "tags"}
_NEW_ANSWER_FIELDS = _ANSWER_FIELDS | {
    "end_user_id",
    "email",
    "external_id",
    "survey_id",
    "created_at",
    "channel",
}
_PERSON_FIELDS = {"email", "external_id", "phone_number", "properties"}


class Office:
    """What `--limit wootric.per_minute=…` and the command `set` may change is in settings.py."""

    fault_kinds = frozenset({"expired_token"}) | deliveries.FAULT_KINDS

    def __init__(self, room: Room) -> None:
        self._room = room
        self._settings = Settings().changed(room.limits)
        self._books = Books()
        self._tokens = Tokens(room)
        accounts = {ACCOUNT_TOKEN: self._books, SECOND_ACCOUNT_TOKEN: Books()}
        self._surveying = Surveying(self._now, lambda: self._settings)
        desk = app.Desk(
            accounts, self._tokens, lambda: self._settings, self._surveying, self._welcome, self._amend
        )
        self.app: ASGIApp = app.build(desk)
        self._webhooks = Webhooks(room, self._books, lambda: self._settings)
        furnish(self._books, room.world)
        self._commands: dict[str, Knob] = {
            "set": self._set,
            "expire_tokens": self._expire_tokens,
            "live": self._live,
            "answer": self._answer_ask,
            "decline": self._decline_ask,
            "opt_out": self._opt_out,
            "webhook": self._webhooks.set,
        }

    def env(self, url: str) -> dict[str, str]:
        return {
            "WOOTRIC_URL": url,
            "WOOTRIC_ID": CLIENT_ID,
            "WOOTRIC_SECRET": CLIENT_SECRET,
            "WOOTRIC_ACCOUNT_TOKEN": ACCOUNT_TOKEN,
        }

    def refusal(self, fault: Fault) -> Response:
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        if fault.status == 429 and not fault.detail.get("silent"):
            headers["X-Rate-Limit-Limit"] = "100"
            headers["X-Rate-Limit-Remaining"] = "0"
            headers["X-Rate-Limit-Reset"] = str(int(self._now() + fault.detail.get("reset_in", 1)))
        return app.refused(Refusal(fault.status, {"error": f"status {fault.status}"}, headers))

    def objects(self) -> Mapping[str, int]:
        books = self._books
        return {
            "responses": len(books.answers),
            "end_users": len(books.people),
            "declines": len(books.declines),
            "asked": len(self._surveying),
        }

    def rows(self, object: str) -> Iterator[Row]:
        """As the API lists them now, oldest first."""
        if object == "asked":
            return self._surveying.shown(self._books)
        if object == "responses":
            return map(answers_shown(self._books, self._settings), self._books.answers.all())
        if object == "end_users":
            people = list(self._books.people.values())
            return map(people_shown(self._books, self._settings), people)
        return map(declines_shown(self._settings), self._books.declines.all())

    def row(self, object: str, id: str) -> Row:
        if object == "asked":
            return self._surveying.one(self._books, self._surveying.ask(id))
        if object == "responses":
            return answers_shown(self._books, self._settings)(self._answer(id))
        if object == "end_users":
            return people_shown(self._books, self._settings)(self._person(id))
        return declines_shown(self._settings)(self._decline(id))

    def looks(self, show: Show) -> list[Route]:
        async def listed(request: Request) -> Response:
            columns = ("at", "email", "external_id", "channel", "state", "reason", "properties", "response")
            rows = list(self.rows("asked"))[:-101:-1]
            told = [{**row, "at": f"{datetime.fromtimestamp(row['at'], UTC):%Y-%m-%d %H:%M}"} for row in rows]
            return show("shelves.html", title="Wootric", tables=[("asked", columns, told)])

        return [Route("/", listed)]

    def change(self, object: str, id: str, fields: Row) -> None:
        """Responses take score, text, excluded_from_calculations, completed, tags;
        end users email, external_id, phone_number, properties. `updated_at` moves to now."""
        if object == "responses":
            self._change_answer(self._answer(id), fields)
        elif object == "end_users":
            self._change_person(self._person(id), fields)
        else:
            raise ValueError(f"{object} do not change")

    def add(self, object: str, fields: Row) -> str:
        """A response names its giver by end_user_id, external_id or email (unknown people become end users);
        `created_at` (UNIX seconds or ISO with a zone) is now unless told."""
        if object == "responses":
            return str(self._add_answer(fields).id)
        if object == "end_users":
            return str(self._add_person(fields).id)
        if object == "asked":
            raise ValueError("people are asked over the API")
        return str(self._add_decline(fields).id)

    def remove(self, object: str, id: str) -> None:
        """Without a trace; an end user takes their answers along."""
        if object == "responses":
            self._books.withdraw(self._answer(id))
        elif object == "end_users":
            self._books.forget(self._person(id))
        else:
            self._books.declines.remove(self._decline(id))

    def merge(self, object: str, winner: str, loser: str) -> None:
        raise ValueError("Wootric does not merge")

    def command(self, name: str, arguments: Row) -> Any:
        return turn(self._commands, name, arguments)

    def _set(self, wanted: Row) -> Row:
        """{setting: value, …} → all settings; {} only shows them."""
        self._settings = self._settings.changed(wanted)
        return asdict(self._settings)

    def _expire_tokens(self, wanted: Row) -> Row:
        return {"expired": self._tokens.expire()}

    def _live(self, wanted: Row) -> Row:
        """{"answers", "edits", "withdrawals"}: so many things happen now, to people and answers drawn by "seed".
        People score as they always did, or the breaker would rightly stop who reads them."""
        rng = random.Random(wanted.get("seed", len(self._books.answers)))
        people = list(self._books.people)
        added = [
            self._add_answer({"end_user_id": rng.choice(people), "score": any_score(rng), "text": None}).id
            for _ in range(wanted.get("answers", 0))
        ]
        latest = [answer.id for answer in self._books.answers.latest(_STILL_EDITED)]
        picked = rng.sample(latest, min(len(latest), wanted.get("edits", 0) + wanted.get("withdrawals", 0)))
        edited, withdrawn = picked[: wanted.get("edits", 0)], picked[wanted.get("edits", 0) :]
        for number in edited:
            fields = {"score": any_score(rng), "text": "On second thought …"}
            self._change_answer(self._answer(str(number)), fields)
        for number in withdrawn:
            self._books.withdraw(self._answer(str(number)))
        return {"added": added, "edited": edited, "withdrawn": withdrawn}

    def _answer_ask(self, wanted: Row) -> Row:
        """{"id" of an ask, "score", "text"}: the person answers, and the answer carries what was passed; {"email" …}
        and no ask: somebody answers by themselves"""
        if "id" not in wanted:
            return self.row("responses", str(self._add_answer(wanted).id))
        ask, fields = self._surveying.answered(str(wanted["id"]))
        given = {name: value for name, value in wanted.items() if name != "id"}
        answer = self._add_answer({**fields, **given})
        ask.answer = answer.id
        person = self._books.people[ask.end_user]
        person.forced = frozenset()
        return self.row("responses", str(answer.id))

    def _decline_ask(self, wanted: Row) -> Row:
        """{"id" of an ask}: the person closes the survey without a score"""
        ask = self._surveying.waiting(str(wanted["id"]))
        ask.declined = True
        return self.row("declines", self.add("declines", {"end_user_id": ask.end_user}))

    def _opt_out(self, wanted: Row) -> Row:
        """{"id" of an end user}: the person wants no more surveys"""
        person = self._person(str(wanted["id"]))
        person.surveys_disabled = True
        self._books.touched(person, self._now())
        return self.row("end_users", str(person.id))

    def _now(self) -> int:
        return int(self._room.clock.time())

    def _answer(self, id: str) -> Answer:
        answer = self._books.answers.by_id.get(_number(id))
        if answer is None:
            raise NoSuchRecord(f"no response {id}")
        return answer

    def _person(self, id: str) -> EndUser:
        person = self._books.people.get(_number(id))
        if person is None:
            raise NoSuchRecord(f"no end user {id}")
        return person

    def _decline(self, id: str) -> Decline:
        decline = self._books.declines.by_id.get(_number(id))
        if decline is None:
            raise NoSuchRecord(f"no decline {id}")
        return decline

    def _change_answer(self, answer: Answer, fields: Row) -> None:
        _only(fields, _ANSWER_FIELDS)
        answer.score = int(fields.get("score", answer.score))
        answer.text = fields.get("text", answer.text)
        answer.excluded = bool(fields.get("excluded_from_calculations", answer.excluded))
        answer.completed = bool(fields.get("completed", answer.completed))
        answer.tags = tuple(fields.get("tags", answer.tags))
        # An edit within the second of its creation must still be seen to be one.
        answer.updated = max(self._now(), answer.updated + 1)
        self._touch(answer)
        self._webhooks.tell("updated", answer)

    def _change_person(self, person: EndUser, fields: Row) -> None:
        self._amend(self._books, person, fields)

    def _amend(self, books: Books, person: EndUser, fields: Mapping[str, Any]) -> None:
        _only(fields, _PERSON_FIELDS)

        def change(one: EndUser) -> None:
            one.email = fields.get("email", one.email)
            one.external_id = fields.get("external_id", one.external_id)
            one.phone = fields.get("phone_number", one.phone)
            one.properties = fields.get("properties", one.properties)
            one.updated = max(self._now(), one.updated)

        books.changed(person, change)

    def _add_answer(self, fields: Row) -> Answer:
        _only(fields, _NEW_ANSWER_FIELDS)
        created = seconds(fields["created_at"]) if "created_at" in fields else self._now()
        answer = Answer(
            id=self._books.answers.next_id(_FIRST_ANSWER),
            end_user=self._giver(fields, created).id,
            survey=int(fields.get("survey_id", RELATIONSHIP_SURVEY)),
            score=int(fields["score"]),
            text=fields.get("text"),
            created=created,
            updated=created,
            excluded=bool(fields.get("excluded_from_calculations", False)),
            completed=bool(fields.get("completed", False)),
            channel=str(fields.get("channel", "email")),
            tags=tuple(fields.get("tags", ())),
        )
        self._books.record(answer)
        self._touch(answer)
        self._webhooks.tell("created", answer)
        return answer

    def _giver(self, fields: Row, created: int) -> EndUser:
        email, external_id = fields.get("email"), fields.get("external_id")
        if "end_user_id" in fields:
            return self._person(str(fields["end_user_id"]))
        known = (external_id and self._books.by_external_id(external_id)) or (
            email and self._books.by_email(email)
        )
        if known:
            return known
        if not email and not external_id:
            raise ValueError("a response needs end_user_id, external_id or email")
        return self._add_person({"email": email, "external_id": external_id}, created)

    def _welcome(self, books: Books, fields: Mapping[str, Any]) -> EndUser:
        return self._add_person(fields, books=books)

    def _add_person(
        self, fields: Mapping[str, Any], created: int | None = None, *, books: Books | None = None
    ) -> EndUser:
        _only(fields, _PERSON_FIELDS)
        books = self._books if books is None else books
        now = self._now() if created is None else created
        person = EndUser(
            id=max(books.people, default=FIRST_PERSON) + 1,
            created=now,
            updated=now,
            email=fields.get("email"),
            external_id=fields.get("external_id"),
            phone=fields.get("phone_number"),
            properties=fields.get("properties") or {},
        )
        books.welcome(person)
        return person

    def _add_decline(self, fields: Row) -> Decline:
        now = self._now()
        decline = Decline(
            self._books.declines.next_id(FIRST_DECLINE),
            self._person(str(fields["end_user_id"])).id,
            int(fields.get("survey_id", RELATIONSHIP_SURVEY)),
            now,
            now,
        )
        self._books.declines.add(decline)
        self._webhooks.tell("created", decline)
        return decline

    def _touch(self, answer: Answer) -> None:
        if self._settings.answers_touch_people:
            self._books.touched(self._books.people[answer.end_user], answer.updated)


def _number(id: str) -> int:
    return int(id) if id.isdigit() else -1


def _only(fields: Mapping[str, Any], allowed: set[str]) -> None:
    if unknown := fields.keys() - allowed:
        raise ValueError(f"no field {', '.join(sorted(unknown))}; there are: {', '.join(sorted(allowed))}")
