"""A wanted write, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from nps.values import JsonFields


class Record(msgspec.Struct, frozen=True):
    """A CRM record as it is now: `fields` in the vendor's canonical JSON, None for empty.

    `merged` are ids that were absorbed into this record: those that were asked for, and those the vendor tells anyway.
    """

    object: str
    id: str
    fields: JsonFields
    merged: tuple[str, ...] = ()


class MatchKey(msgspec.Struct, frozen=True):
    """One normalised identifier of a person and the record field it is compared with."""

    response: str  # email | phone | external_id | properties.x …
    field: str  # the record's field
    value: str


class Hit(msgspec.Struct, frozen=True):
    """A record that one looked-up value names."""

    field: str
    value: str  # as it was asked for
    record: Record


class Rank(IntEnum):
    """What a change is worth to the people who look at the record. The most valuable are written first, and what a
    spent budget leaves for later are the least."""

    DETRACTOR = 0  # somebody is waiting to call them
    FIRST_FILL = 1
    CHANGED = 2  # another score or segment
    REST = 3  # a comment, a date


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest write that makes one record show what is wanted.

    `before` and `after` hold the same names, in the vendor's canonical JSON. `id` is the journal's number for it
    (0 while only planned in memory); `response` the journal's number of the answer that caused it, None when a
    record is cleared because no answer is left. `undoes` is the journal's number of the change that this one takes
    back (also in part); no answer causes such a change, and it moves no answer's state.
    """

    id: int = 0
    object: str
    record_id: str
    key: str = ""  # the match key that led here, for people
    before: JsonFields
    after: JsonFields
    response: int | None = None
    rank: int = Rank.FIRST_FILL
    account: str = ""  # records of one account are written together (row locks)
    undoes: int | None = None


class Cause(StrEnum):
    """What stands behind a refusal, and so who can do something about it."""

    ANSWER = (
        "answer"  # the answer itself: unreadable, off the scale, without a key (whoever runs the survey tool)
    )
    MAPPING = "mapping"  # the YAML: a value it does not list, too long, a broken expression (RevOps)
    RECORD = "record"  # a rule of the CRM speaks against this record as it is (the CRM's admin, its owner)
    PERMISSION = "permission"  # the credential may not write it (the CRM's admin)
    GONE = "gone"  # deleted or merged away since it was read
    TRANSIENT = "transient"  # the vendor stumbled; tried again by itself
    UNKNOWN = "unknown"


class Written(msgspec.Struct, frozen=True):
    """The vendor confirmed this record."""

    record_id: str


class Made(msgspec.Struct, frozen=True):
    """The vendor created something under our key `record_id`, or had it already; `id` is its own name for it."""

    record_id: str
    id: str


class Rejected(msgspec.Struct, frozen=True):
    """The vendor refused this record as it is; `code` is the vendor's own. `in_doubt`: the record may show the change
    all the same, or a part of it; so it counts as ours as far as it is shown."""

    record_id: str
    code: str
    message: str
    field: str | None = None
    cause: Cause = Cause.UNKNOWN
    in_doubt: bool = False


class Deferred(msgspec.Struct, frozen=True):
    """Not now: locked, busy, or the budget is spent. The change is wanted again by the next run. `tried` is false
    when it did not get as far as the vendor: that says nothing about the record."""

    record_id: str
    reason: str
    until: datetime | None = None
    tried: bool = True


class Unknown(msgspec.Struct, frozen=True):
    """The call's fate is not known; the record must be read before anything is repeated."""

    record_id: str
    reason: str


Outcome = Written | Rejected | Deferred | Unknown


def after_doubt(outcome: Outcome, reason: str) -> Outcome:
    """What became of a record in the end, when an earlier call with it may have been carried out (`reason`): that it
    was put off or refused since does not take that back."""
    match outcome:
        case Rejected():
            return msgspec.structs.replace(outcome, in_doubt=True)
        case Deferred():
            return Unknown(outcome.record_id, reason)
        case _:
            return outcome


class Batch(msgspec.Struct, frozen=True):
    """Changes of one object that go out in one call or job. `id` is the journal's number; `api` one of the
    destination's own ways to write (its `ways`)."""

    id: int
    object: str
    api: str
    changes: tuple[Change, ...]
