"""The tool as the sandbox sees it: its rows, who gave them, and what control may do to them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp

from sandbox.budgets import Budget
from sandbox.faults import Fault
from sandbox.moments import WRITERS, moment
from sandbox.paged import app
from sandbox.paged.doors import CLIENT_ID, CLIENT_SECRET, KEY, PASSWORD, USER, Doors
from sandbox.paged.settings import Settings
from sandbox.serving import Files
from sandbox.shelves import Shelves, switched
from sandbox.surveys import answers_in, keys_of
from sandbox.toy import Room, Row
from sandbox.world import Customer

_FIRST_BIG = 2**53 + 1  # two neighbours from here on are one and the same float
_LABELS = {0: "Not at all likely", 5: "Neutral", 10: "Extremely likely"}
_FIELDS = (
    "score",
    "comment",
    "created_at",
    "updated_at",
    "survey",
    "type",
    "finished",
    "deleted",
    "excluded",
)
_PERSON = ("email", "phone", "external_id", "name")


class Paged(Shelves):
    """Its own fault kinds: error_inside (200, and the body says it failed), expired_token, redirect (the listing is a
    file on another host) and shuffle (rows of a page in no order)."""

    title = "Paged"
    fault_kinds = frozenset({"error_inside", "expired_token", "redirect", "shuffle"})

    def __init__(self, room: Room) -> None:
        columns = ("created_at", "score", "comment", "email", "survey", "type", "finished", "id")
        super().__init__(room, {"responses": columns, "people": ("id", *_PERSON)}, self._begin)
        self.settings = Settings()
        self.doors = Doors(room.clock)
        self.minute, self.day = Budget(room.clock, 60), Budget(room.clock, 86_400)
        self.files = Files()  # what a redirect leads to
        self.app: ASGIApp = app.build(self)
        self._people: dict[Any, str] = {}
        self._person_numbers = itertools.count(1)
        self.knobs = {
            "set": self._set,
            "reset": self._reset,
            "clear": lambda given: {"cleared": self._clear()},
            "edit": self._edit,
            "forget": self._forget,
            "expire_tokens": lambda given: {"expired": self.doors.expire()},
        }

    def env(self, url: str) -> dict[str, str]:
        return {
            "PAGED_URL": url,
            "PAGED_KEY": KEY,
            "PAGED_USER": USER,
            "PAGED_PASSWORD": PASSWORD,
            "PAGED_CLIENT_ID": CLIENT_ID,
            "PAGED_CLIENT_SECRET": CLIENT_SECRET,
            "PAGED_REFRESH_TOKEN": self.doors.refresh,
        }

    def refusal(self, fault: Fault) -> Response:
        if fault.status == 429:
            return self.too_many(1.0 if fault.retry_after is None else fault.retry_after)
        return Response(
            orjson.dumps({"error": f"status {fault.status}"}), fault.status, media_type="application/json"
        )

    def too_many(self, wait: float) -> Response:
        at = self.room.clock.time() + wait
        headers = {
            "retry_after": {"Retry-After": f"{wait:.0f}"},
            "retry_date": {"Retry-After": formatdate(at, usegmt=True)},
            "reset_unix": {"X-RateLimit-Reset": str(int(at))},
            "reset_seconds": {"X-RateLimit-Reset": f"{wait:.0f}"},
        }.get(self.settings.says, {})
        return Response(b'{"error":"too many requests"}', 429, headers, media_type="application/json")

    # ------------------------------------------------------------ rows as the API shows them

    def id_of(self, row: Row) -> Any:
        number = int(row["id"])
        match self.settings.ids:
            case "text":
                return f"r{number}"
            case "big":
                return _FIRST_BIG + number
            case "objectid":
                return f"{int(row['created_at']):08x}{number:016x}"
            case _:
                return number

    def shown(self, row: Row) -> Row:
        when, person = WRITERS[self.settings.times], self._shelves["people"].get(row["person"] or "")
        told = {
            "id": self.id_of(row),
            "created_at": when(row["created_at"]),
            "updated_at": when(row["updated_at"]),
            "score": self._score(row["score"]),
            "comment": row["comment"],
            "survey_id": row["survey"],
            **{
                name: row[name]
                for name in ("type", "finished", "deleted", "excluded", "channel", "properties")
            },
            "person_id": row["person"],
        }
        if self.settings.people == "inline":
            told["person"] = person
        return {**told, **row["raw"]}

    def people_of(self, rows: Sequence[Row]) -> list[Row]:
        ids = {row["person"]: None for row in rows if row["person"] is not None}
        return [person for person in map(self._shelves["people"].get, ids) if person is not None]

    def _score(self, score: Any) -> Any:
        if not isinstance(score, int) or self.settings.scores == "number":
            return score
        label = _LABELS.get(score)
        return str(score) if self.settings.scores == "text" or label is None else f"{score} - {label}"

    # ------------------------------------------------------------ control

    def add(self, object: str, fields: Row) -> str:
        """A response {score, comment, created_at, updated_at, survey, type, finished, deleted, excluded, channel,
        properties, email, phone, external_id, name, raw}: now and by nobody unless told; `raw` is shown as it is"""
        if object != "responses":
            raise ValueError("people come with what they answer")
        known = {*_FIELDS, *_PERSON, "channel", "properties", "raw"}
        if unknown := fields.keys() - known:
            raise ValueError(f"no field {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known))}")
        return str(self._response(fields)["id"])

    def change(self, object: str, id: str, fields: Row) -> None:
        """As it is said: `updated_at` moves only if the fields say so; the knob `edit` moves it."""
        times: Row = {name: moment(fields[name]) for name in ("created_at", "updated_at") if name in fields}
        super().change(object, id, {**fields, **times})

    def _response(self, fields: Row) -> Row:
        number = str(self.next_number())
        created = moment(fields["created_at"]) if "created_at" in fields else self.room.clock.time()
        row = {
            "id": number,
            "created_at": created,
            "updated_at": moment(fields["updated_at"]) if "updated_at" in fields else created,
            "score": fields.get("score"),
            "comment": fields.get("comment"),
            "survey": str(fields.get("survey", "relationship")),
            "type": fields.get("type", "nps"),
            "finished": fields.get("finished", True),
            "deleted": fields.get("deleted", False),
            "excluded": fields.get("excluded", False),
            "channel": fields.get("channel", "email"),
            "properties": dict(fields.get("properties") or {}),
            "person": self._person({name: fields.get(name) for name in _PERSON}),
            "email": fields.get("email"),
            "raw": dict(fields.get("raw") or {}),
        }
        return self.put("responses", number, row)

    def _person(self, fields: Mapping[str, Any]) -> str | None:
        """The person of these keys; None of none."""
        keys = tuple(fields[name] for name in ("email", "phone", "external_id"))
        if keys == (None, None, None):
            return None
        id = self._people.get(keys)
        if id is None or id not in self._shelves["people"]:
            id = self._people[keys] = f"p{next(self._person_numbers)}"
            self.put("people", id, {"id": id, **fields})
        return id

    def _begin(self) -> None:
        for index, (answer, customer) in enumerate(answers_in(self.room, "paged")):
            anonymous = index % 9 == 4
            fields: Row = {} if anonymous else _keys(customer)
            at, updated = answer.created_at.timestamp(), answer.updated_at.timestamp()
            fields |= {"score": answer.score, "comment": answer.text, "created_at": at, "updated_at": updated}
            self._response({**fields, **_UGLY.get(index % 40, {}), "excluded": answer.excluded})

    def _set(self, given: Row) -> Row:
        wanted = replace(self.settings)
        told = switched(wanted, given)
        wanted.check()
        self.settings = wanted
        return told

    def _reset(self, given: Row) -> Row:
        """Every setting as it was in the beginning"""
        self.settings = Settings()
        return switched(self.settings, {})

    def _clear(self) -> int:
        count = len(self.shelves["responses"])
        for rows in self.shelves.values():
            rows.clear()
        return count

    def _edit(self, given: Row) -> Row:
        """{id, score, comment, finished …}: somebody thinks again, and `updated_at` moves"""
        row = self.row("responses", str(given["id"]))
        fields = {name: value for name, value in given.items() if name != "id"}
        super().change("responses", row["id"], fields)
        row["updated_at"] = max(self.room.clock.time(), row["updated_at"])
        return row

    def _forget(self, given: Row) -> Row:
        """{id of a response}: its giver is erased, and what they wrote; the number stays"""
        row = self.row("responses", str(given["id"]))
        self._shelves["people"].pop(row["person"] or "", None)
        row |= {"deleted": True, "comment": None, "email": None, "updated_at": self.room.clock.time()}
        return row


_UGLY: dict[int, Row] = {  # by place in forty
    7: {"score": None},
    15: {"finished": False, "comment": None},
    23: {"type": "csat", "score": 4, "survey": "after-support"},
    31: {"raw": {"score": "not applicable"}},
}


def _keys(customer: Customer) -> Row:
    known = keys_of(customer)
    return {**{name: known[name] for name in ("email", "phone", "external_id")}, "name": customer.name}
