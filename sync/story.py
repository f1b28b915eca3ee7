"""The story of a record as `npsync why` tells it: frozen values, made by `sync.explaining`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from nps.values import Json
from store.api.outbox import Outgoing
from store.past import Linked


class Because(StrEnum):
    """Why a field shows what it shows."""

    ANSWER = "answer"  # npsync wrote what this answer says
    UNDONE = "undone"  # an undo wrote back what was there before
    CLEARED = "cleared"  # npsync emptied it: no answer was left
    PUT_BACK = "put_back"  # npsync put back what was there before answers that belong to another record
    ROLLED_UP = "rolled_up"  # npsync wrote what the people of this account answered, in figures
    MERGED = "merged"  # npsync wrote it to a record that was merged into this one
    IN_DOUBT = "in_doubt"  # it shows what npsync tried to write, and no reply confirmed that
    CHANGED = "changed"  # somebody set another value since
    EMPTIED = "emptied"  # somebody emptied it since
    FIELD_GONE = "field_gone"  # the CRM has no such field any more, or hides it
    RECORD_GONE = "record_gone"
    NEVER = "never"  # npsync never wrote it


class AnswerStory(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one answer in one sync, and why it counts or does not."""

    sync: str
    number: int
    source: str
    id: str
    version: int
    channel: str | None
    answered_at: datetime
    received_at: datetime
    score: int | float | str | None
    segment: str | None
    comment: str | None
    key: str | None  # the match key that led to the record, or what people know the person by
    rule: str
    rule_line: str | None
    record_id: str | None
    state: str
    code: str
    reason: str
    line: str | None  # the YAML's line behind the reason
    decides: bool
    lost_to: str | None = None  # the answer that counts instead: "source:id"
    candidates: tuple[str, ...] = ()
    look_again: datetime | None = None
    letter: int | None = None  # the open dead letter
    run: int | None = None

    @property
    def name(self) -> str:
        return f"{self.source}:{self.id}"


class WriteStory(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the record: before and after, and what became of it."""

    change: int
    record_id: str
    run: int
    kind: str
    sync: str
    at: datetime
    outcome: str
    code: str
    message: str
    fields: Mapping[str, tuple[Json, Json]]
    answer: str | None  # "source:id"
    undoes: int | None = None  # the run it takes back
    again: bool = False  # it takes back an undo: what was undone is written again
    undone_by: tuple[int, ...] = ()  # runs


class FieldStory(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the record. `shows` is its live value, if somebody looked; `ours` what we last wrote."""

    name: str
    sync: str | None
    line: str | None
    because: Because
    shows: Json = None
    ours: Json = None
    run: int | None = None  # the run whose write shows, or was replaced
    at: datetime | None = None
    answer: str | None = (
        None  # the answer behind that write, or (undone) behind what stands again: "source:id"
    )
    undid: int | None = None  # undone: the run that was taken back
    held: bool = False  # it stays as it is until a newer answer comes or the undo is taken back
    overwrite: str | None = None  # the YAML's policy for a value somebody set
    attempt: str | None = None  # never written, but tried: the last outcome
    is_due: bool = False  # rolled up: the people come to another figure by now, `comes_to`
    comes_to: Json = None


class RecordStory(msgspec.Struct, frozen=True, kw_only=True):
    connection: str
    object: str
    id: str
    looked: bool  # whether the CRM was asked, and answered
    exists: bool
    who: Mapping[str, Json] = {}  # the fields people know the record by
    absorbed: tuple[str, ...] = ()  # records that were merged into it
    answers: tuple[AnswerStory, ...] = ()  # oldest first
    fields: tuple[FieldStory, ...] = ()
    writes: tuple[WriteStory, ...] = ()  # oldest first
    links: tuple[Linked, ...] = ()
    followed: tuple[Outgoing, ...] = ()  # what was created because of its answers, oldest first
    forgotten_at: datetime | None = None  # whoever it is was: what was known of before is not any more

    @property
    def touched(self) -> bool:
        return any(one.outcome == "written" for one in self.writes)


class PersonStory(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of one of an account's people that counts, or the latest of those that are too old to."""

    record_id: str
    key: str | None  # what people know the person by
    answer: str  # "source:id"
    score: int
    segment: str
    answered_at: datetime
    counts: bool


class AccountStory(msgspec.Struct, frozen=True, kw_only=True):
    """Why an account shows its figures: the people behind them, the latest answer first. `figures` are as of now, by
    name; `silent` people of it answered nothing that could count."""

    sync: str
    record: RecordStory
    window: str
    compare: str  # how long before `previous_nps` was
    min_responses: int
    figures: Mapping[str, Json]
    people: tuple[PersonStory, ...] = ()
    silent: int = 0


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one WHO. `loose` are answers that belong to no record told here."""

    asked: str
    records: tuple[RecordStory, ...] = ()
    loose: tuple[AnswerStory, ...] = ()
    accounts: tuple[AccountStory, ...] = ()
    looked_in: tuple[str, ...] = ()
    offline: bool = False
    problems: tuple[str, ...] = ()  # why a CRM could not be looked at
    unseen: tuple[str, ...] = ()  # why one never can be, as it is set up

    @property
    def found(self) -> bool:
        return bool(self.records or self.loose or self.accounts)
