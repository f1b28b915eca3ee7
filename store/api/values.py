"""The values the store gives and takes; rows never leave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from nps.changes import Cause, Change
from nps.responses import SurveyResponse
from nps.values import Json, JsonFields

Live = Callable[[str], Mapping[str, Json]]
"""What a record shows now, by its id; nothing for one that is gone."""


class State(StrEnum):
    """The one current state of an answer version in a sync."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    WAITING = "waiting"
    REVIEW = "review"
    HELD = "held"
    REJECTED = "rejected"
    EXCLUDED = "excluded"
    PENDING = "pending"


class Received(msgspec.Struct, frozen=True):
    """What became of one page. `forgotten` are answers of people who were forgotten, `too_old` those that
    `retention.answers` does not keep any more: they are not stored."""

    new: int
    edited: int
    repeated: int
    forgotten: int = 0
    too_old: int = 0


class Lease(msgspec.Struct, frozen=True):
    """A fenced lock: every transaction of its holder proves that `token` is still the current one."""

    name: str
    owner: str
    token: int


class Taken(msgspec.Struct, frozen=True):
    """An answer version a sync is about to settle. `newest` is false when an edit overtook it. `earlier` are the
    numbers of older versions of the same answer that already have a state in this sync. `matched` is the record
    this version was matched to when it had a state before (taken up again, or expired): that record is planned
    anew, whatever the keys name now. `again`: it had a state before."""

    number: int
    response: SurveyResponse
    newest: bool
    received_at: datetime
    earlier: tuple[int, ...] = ()
    matched: str | None = None
    again: bool = False
    person: int = 0  # answers of one person share it


class Counted(msgspec.Struct, frozen=True):
    """One answer that counts for a record, as light as the newest rule needs it."""

    number: int
    record_id: str
    source: str
    id: str
    answered_at: datetime
    received_at: datetime
    score: int | float | str | None
    state: State


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one answer version, with what explains it."""

    number: int
    state: State
    record_id: str | None = None
    rule: str = ""  # the match rule that decided, as in the YAML: "email = Email"
    code: str = ""  # why: a stable word ("map_miss", "ambiguous", "other_survey")
    reason: str = ""  # why: a sentence for people, without personal data
    look_again: datetime | None = None  # waiting: when its keys are looked up again by themselves, if ever
    field: str | None = None
    candidates: tuple[str, ...] = ()  # review: the record ids between which a person decides
    cause: Cause = Cause.UNKNOWN  # rejected: what stands behind it


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run as the history shows it. `report` is the JSON object the run ended with."""

    id: int
    sync: str
    kind: str
    status: str  # running | succeeded | partial | failed | stopped
    started_at: datetime
    ended_at: datetime | None
    report: Mapping[str, Json]


class DeadLetterRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    sync: str
    run: int
    response: int | None
    record_id: str | None
    code: str
    reason: str
    field: str | None
    created_at: datetime
    status: str  # open | retried | discarded | resolved
    cause: Cause
    attempts: int  # retries so far, by a person or by itself


class Asked(msgspec.Struct, frozen=True):
    """What a person wants planned anew: answer versions, and records in which something is to be cleared."""

    answers: tuple[int, ...] = ()
    records: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.answers or self.records)


class Tried(msgspec.Struct, frozen=True):
    """One change as it was sent for an answer, and what became of it."""

    run: int
    at: datetime
    outcome: str  # written | rejected | deferred | unknown
    code: str
    message: str
    after: JsonFields


class Stored(msgspec.Struct, frozen=True):
    """An answer version as the inbox holds it."""

    number: int
    person: int
    received_at: datetime
    response: SurveyResponse


class Link(msgspec.Struct, frozen=True):
    """A person's decision: this key value, or this one answer (`answer_scope`), belongs to that record."""

    scope: str
    value: str
    record_id: str


class Wrote(msgspec.Struct, frozen=True):
    """So many records of one object that a run wrote."""

    connection: str
    object: str
    records: int


class Restoring(msgspec.Struct, frozen=True):
    """A change that takes another back (`undoes`). `holds` are the answers that its record has by now: a later run
    leaves the fields alone while one of them decides. The answer of the change taken back need not be among them."""

    change: Change
    holds: tuple[int, ...] = ()


class Unwritten(msgspec.Struct, frozen=True):
    """A change that did not become a write: its outcome (rejected, deferred, unknown), the code and words for it."""

    change: Change
    outcome: str
    code: str
    message: str


class Progress(msgspec.Struct, frozen=True):
    """How far a run is: so many of so many in this phase. `total` None: nobody can know."""

    run: int
    phase: str
    done: int
    total: int | None
    noted_at: datetime
