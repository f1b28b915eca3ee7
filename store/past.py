"""What the store tells about the past of one person or record (`store.history`): frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from nps.changes import Change
from nps.responses import SurveyResponse
from store.api import Settled


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an answer, as the inbox holds it."""

    number: int
    version: int  # 1 as it first came; an edit adds one
    newest: bool
    person: int  # answers of one person share it (`nps.keys.person_number`)
    received_at: datetime
    response: SurveyResponse


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a version in one sync. `run` is the one that settled it; None: it lies in the work."""

    sync: str
    run: int | None
    settled: Settled


class Journalled(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a record with everything the journal knows about it."""

    change: Change
    connection: str
    run: int
    sync: str
    kind: str  # of the run: run, undo …
    outcome: str  # planned | open | written | rejected | deferred | unknown
    code: str
    message: str
    at: datetime  # when its outcome was known; while it is not, when its run began

    @property
    def written(self) -> bool:
        return self.outcome == "written"

    @property
    def in_doubt(self) -> bool:
        """It may have arrived, whole or in part: no reply confirmed it, and none refused it. (A write that was cut off
        counts as put off when the record, read afterwards, does not show all of it.)"""
        return self.outcome in ("open", "unknown", "deferred")


class Linked(msgspec.Struct, frozen=True):
    """A person's decision: this key value is that record. `scope` is connection.object."""

    scope: str
    value: str
    record_id: str
    linked_at: datetime


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """What a person typed, in every way an answer may spell it. `persons` are the numbers of the person it would be."""

    text: str
    email: str | None = None
    phones: Sequence[str] = ()
    persons: Sequence[int] = ()
