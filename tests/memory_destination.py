"""A CRM and a survey tool in memory: real ones in behaviour, with knobs for bad days and without latency.

`MemoryCrm` fulfils connectors.contract.Destination, `MemorySource` Source. Nothing here knows what the engine wants.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

from connectors.contract import Allowance, Lookup, Only, Way
from nps.changes import Batch, Cause, Deferred, Hit, Outcome, Record, Rejected, Unknown, Written
from nps.errors import BudgetError, NpsyncError, RejectedError
from nps.responses import Cursor, Page, SurveyResponse
from nps.schema import FieldSchema, FieldType, ObjectSchema
from nps.values import Json, Value

OBJECT = "contacts"
FIELDS = {
    "email": FieldType.TEXT,
    "code": FieldType.TEXT,
    "company": FieldType.TEXT,
    "nps": FieldType.INTEGER,
    "segment": FieldType.TEXT,
    "comment": FieldType.TEXT,
    "asked": FieldType.TEXT,
    "last": FieldType.DATETIME,
    "owner": FieldType.TEXT,
}
COMPANIES = "companies"
COMPANY_FIELDS = {
    "name": FieldType.TEXT,
    "nps": FieldType.INTEGER,
    "margin": FieldType.NUMBER,
    "responses": FieldType.INTEGER,
    "promoters": FieldType.INTEGER,
    "passives": FieldType.INTEGER,
    "detractors": FieldType.INTEGER,
    "coverage": FieldType.INTEGER,
    "before": FieldType.INTEGER,
    "lowest": FieldType.INTEGER,
    "last": FieldType.DATETIME,
    "says": FieldType.TEXT,
}


class Killed(BaseException):
    """The process is gone, between any two steps."""


class MemoryCrm:
    """Contacts and companies by id. A merged one is found under its survivor, whose e-mails then are both."""

    def __init__(self, *, batch: int = 3) -> None:
        self.batch = batch
        self.contacts: dict[str, dict[str, Json]] = {}
        self.companies: dict[str, dict[str, Json]] = {}
        self.survivors: dict[str, str] = {}  # merged id → where it went
        self.aliases: dict[str, str] = {}  # e-mail of a merged contact → survivor
        self.tells_merges = False  # whether a found survivor says whom it absorbed
        self.jobs: dict[str, list[Outcome]] | None = (
            None  # a dict: writes are jobs that can be asked for later
        )
        self.left: int | None = None  # calls of today's budget; None: nobody counts
        self.refused: set[str] = set()
        self.cause = Cause.UNKNOWN  # of refusals
        self.locked: set[str] = set()
        self.silent: set[str] = set()  # written, and no answer ever says so
        self.before_call: Callable[[str], None] = lambda call: None  # may raise
        self.after_write: Callable[[], None] = lambda: None  # may raise: the reply is lost
        self.calls: list[str] = []
        self.writes: list[tuple[str, Mapping[str, Json]]] = []
        self._numbers = count(1)
        self._lock = threading.RLock()

    # ------------------------------------------------------------ what people do in it

    def add(self, email: str | None = None, **fields: Json) -> str:
        id = f"c{next(self._numbers)}"
        self.contacts[id] = dict.fromkeys(FIELDS) | {"email": email} | fields
        return id

    def found(self, company: str) -> None:
        self.companies[company] = dict.fromkeys(COMPANY_FIELDS) | {"name": company.title()}

    def merge_companies(self, loser: str, survivor: str) -> None:
        del self.companies[loser]
        self.survivors[loser] = survivor
        for contact in self.contacts.values():
            if contact["company"] == loser:
                contact["company"] = survivor

    def merge(self, loser: str, survivor: str, *, keeps_email: bool = True) -> None:
        email = self.contacts.pop(loser)["email"]
        self.aliases = {known: survivor if at == loser else at for known, at in self.aliases.items()}
        if keeps_email and email is not None:
            self.aliases[str(email)] = survivor
        self.survivors[loser] = survivor

    def shown(self, *names: str) -> dict[str, tuple[Json, ...]]:
        return {id: tuple(fields[name] for name in names) for id, fields in self.contacts.items()}

    # ------------------------------------------------------------ what npsync asks of it

    def describe(self, object: str) -> ObjectSchema:
        self._call("describe")
        fields = {
            name: FieldSchema(name, name, type, writable=name != "email")
            for name, type in (COMPANY_FIELDS if object == COMPANIES else FIELDS).items()
        }
        return ObjectSchema(object, fields)

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        self._call("find")
        with self._lock:
            return [
                Hit(lookup.field, value, self._record(id, fields, self._absorbed(id)))
                for lookup in lookups
                for value in lookup.values
                for id in self.named(lookup.field, value)
            ]

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        self._call("get")
        with self._lock:
            asked: dict[str, list[str]] = {}
            for id in ids:
                survivor = self._end(id)
                if survivor in self._held(object) and _allowed(self._held(object)[survivor], only):
                    asked.setdefault(survivor, []).append(id)
            return [
                self._record(id, fields, tuple(one for one in names if one != id), object)
                for id, names in asked.items()
            ]

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        meant = [id for id, held in self.contacts.items() if _allowed(held, only)]
        for start in range(0, len(meant), self.batch):
            self._call("records")
            yield [self._record(id, fields, ()) for id in meant[start : start + self.batch]]

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        def written(value: Value) -> Json:
            if isinstance(value, datetime | date):
                return value.isoformat()
            if isinstance(value, tuple):
                return ";".join(value)
            if isinstance(value, str) and len(value) > 40:
                raise RejectedError(f"{field} holds 40 characters", code="too_long", field=field)
            return value or None if isinstance(value, str) else value  # type: ignore[return-value]

        return written

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        return lambda live: live  # type: ignore[return-value]

    def ways(self, object: str, count: int) -> Sequence[Way]:
        return [Way("batch", self.batch, lambda records: -(-records // self.batch))]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        assert len(batch.changes) <= self.batch
        handle = f"job{batch.id}"
        if self.jobs is not None:
            remember(handle)
        self._call("write")
        with self._lock:
            held = self._held(batch.object)
            outcomes = [self._written(one.record_id, one.after, held) for one in batch.changes]
            if self.jobs is not None:
                self.jobs[handle] = outcomes
        self.after_write()
        return outcomes

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        self._call("resume")
        return None if self.jobs is None else self.jobs.get(handle)

    def allowance(self) -> Allowance | None:
        return None if self.left is None else Allowance(max(self.left, 0))

    def close(self) -> None:
        pass

    def _written(self, id: str, after: Mapping[str, Json], held: dict[str, dict[str, Json]]) -> Outcome:
        if id not in held:
            return Rejected(id, "gone", "there is no such contact")
        if id in self.refused:
            return Rejected(id, "validation", "the score is not wanted here", "nps", self.cause)
        if id in self.locked:
            return Deferred(id, "somebody has it open")
        held[id].update(after)
        self.writes.append((id, dict(after)))
        return Unknown(id, "the answer does not mention it") if id in self.silent else Written(id)

    def named(self, field: str, value: str) -> list[str]:
        found = {id: None for id, fields in self.contacts.items() if fields[field] == value}
        if field == "email" and (alias := self._end(self.aliases.get(value, ""))) in self.contacts:
            found[alias] = None
        return list(found)

    def _end(self, id: str) -> str:
        while id in self.survivors:
            id = self.survivors[id]
        return id

    def _absorbed(self, id: str) -> tuple[str, ...]:
        return tuple(old for old in self.survivors if self._end(old) == id) if self.tells_merges else ()

    def _held(self, object: str) -> dict[str, dict[str, Json]]:
        return self.companies if object == COMPANIES else self.contacts

    def _record(
        self, id: str, fields: Sequence[str], merged: tuple[str, ...], object: str = OBJECT
    ) -> Record:
        held = self._held(object)[id]
        return Record(object, id, {name: held[name] for name in fields}, merged)

    def _call(self, call: str) -> None:
        if self.left is not None:
            if self.left < 1:
                raise BudgetError("crm: the daily call budget is spent")
            self.left -= 1
        self.calls.append(call)
        self.before_call(call)


class MemorySource:
    """A survey tool that tells everything that ever happened to an answer, in order."""

    def __init__(self, *, page: int = 2) -> None:
        self.page = page
        self.told: list[SurveyResponse] = []
        self.before_page: Callable[[], None] = lambda: None  # may raise

    def tell(self, *responses: SurveyResponse) -> None:
        self.told += responses

    def read(self, cursor: Cursor | None, *, since: datetime | None) -> Iterator[Page]:
        start: Any = cursor.state["next"] if cursor else 0
        for place in range(start, len(self.told), self.page):
            self.before_page()
            answers = tuple(self.told[place : place + self.page])
            yield Page(answers, Cursor({"next": place + len(answers)}))

    def close(self) -> None:
        pass


class BadDay:
    """Lets so many calls pass, then raises once. Put it on the knobs of a CRM and of sources."""

    def __init__(self, after: int, failure: NpsyncError | Killed) -> None:
        self.left, self.failure = after, failure
        self.over = False

    def __call__(self, *_call: str) -> None:
        self.left -= 1
        if self.left < 0 and not self.over:
            self.over = True
            raise self.failure


def heal(crm: MemoryCrm, *sources: MemorySource) -> None:
    crm.before_call = lambda call: None
    crm.after_write = lambda: None
    for source in sources:
        source.before_page = lambda: None
    crm.refused.clear()
    crm.locked.clear()
    crm.silent.clear()


def _allowed(held: Mapping[str, Json], only: Only) -> bool:
    return all(
        held[name] in wanted if isinstance(wanted, list) else held[name] == wanted
        for name, wanted in only.items()
    )
