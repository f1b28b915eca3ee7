"""The tables of the main job: answers, their states, runs, plan and journal, leases, memory."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from nps.newest import AHEAD
from nps.responses import ResponseStatus
from store.api import State
from store.tables.columns import Row, big, number, one_of, partial

AHEAD_MILLISECONDS = AHEAD // timedelta(milliseconds=1)
CLOSED_STATES = ("written", "unchanged", "superseded", "excluded", "planned")
# Chains, because SQLite builds the list of an IN anew for every row it checks.
OPEN_STATES = " AND ".join(f"state <> '{state}'" for state in CLOSED_STATES)


# ------------------------------------------------------------ inbox


class ResponseRow(Row, table=True):
    """One version of one answer. `id` is its number; `digest` tells whether a re-read is the same."""

    __tablename__ = "response"
    __table_args__ = (
        UniqueConstraint("source", "source_id", "version"),
        Index(None, "source", "id"),
        Index(None, "source", "answered_at"),
        # Who answered lately is not asked again (`store.ledger`): by the strongest key, and by the others.
        Index(None, "person"),
        partial("ix_response_external_id", "external_id", where="external_id IS NOT NULL"),
        partial("ix_response_phone", "phone", where="phone IS NOT NULL"),
        partial(
            "ix_response_future",
            "source",
            "received_at",
            where=f"answered_at - received_at > {AHEAD_MILLISECONDS}",
        ),
        one_of("status", ResponseStatus),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    source: str
    source_id: str
    version: int
    newest: bool
    person: int = big()
    survey: str | None
    score: int | None = big()
    raw_score: str | None  # JSON, when the vendor's score is not a plain whole number
    answered_at: int = big()
    updated_at: int | None = big()
    invited_at: int | None = big()
    received_at: int = big()
    email: str | None
    phone: str | None
    external_id: str | None
    channel: str | None
    comment: str | None
    status: str
    problem: str | None
    properties: str
    digest: int = big()


class CursorRow(Row, table=True):
    """Where a connection is read on from."""

    __tablename__ = "cursor"
    connection: str = Field(primary_key=True)
    state: str
    stored_at: int = big()


# ------------------------------------------------------------ a sync and its answers


class WatermarkRow(Row, table=True):
    """Up to which version a sync has taken up a source. Per source, so that one added later is taken up whole."""

    __tablename__ = "watermark"
    sync: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    response: int = big()


class ProgressRow(Row, table=True):
    """What a sync has already looked through, so that it need not look again."""

    __tablename__ = "progress"
    sync: str = Field(primary_key=True)
    expired_before: int | None = big()
    abandoned_run: int | None = big()


class WorkRow(Row, table=True):
    """A version taken up and not settled. `record_id`: the record it was matched to when it had a state before."""

    __tablename__ = "work"
    __table_args__ = (
        partial("ix_work_record_id", "record_id", where="record_id IS NOT NULL"),
        {"sqlite_with_rowid": False},
    )
    sync: str = Field(primary_key=True)
    person: int = big(primary_key=True)
    response: int = big(primary_key=True)
    record_id: str | None


class AnswerStateRow(Row, table=True):
    """The one current state of a version in a sync. A version has a row here or in the work, never in both.

    By person, because answers are settled in that order: then a thousand rows go to a few pages, not to a thousand.
    `planned` is a pending answer that waits for its change (`store.waiting`): most are, and that is no open state.
    """

    __tablename__ = "answer_state"
    __table_args__ = (
        one_of("state", (*State, "planned")),
        Index(None, "sync", "record_id"),
        partial("ix_answer_state_open", "sync", "state", "look_again", where=OPEN_STATES),
        partial("ix_answer_state_left_out", "response", where="state = 'excluded' AND code = 'ignored'"),
        {"sqlite_with_rowid": False},
    )
    sync: str = Field(primary_key=True)
    person: int = big(primary_key=True)
    response: int = big(primary_key=True)
    state: str
    record_id: str | None
    rule: str
    code: str
    reason: str
    field: str | None
    run: int = big()
    look_again: int | None = big()
    candidates: str | None


class ClearingRow(Row, table=True):
    """A record that has to be looked at and that no answer of the sync's work leads to: something in it is still to be
    cleared, or, of an account roll-up, what stands behind its figures has changed."""

    __tablename__ = "clearing"
    __table_args__ = ({"sqlite_with_rowid": False},)
    sync: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)


class AgainRow(Row, table=True):
    """A version that somebody wants to be taken up again by the sync's next run, whatever its state."""

    __tablename__ = "again"
    __table_args__ = ({"sqlite_with_rowid": False},)
    sync: str = Field(primary_key=True)
    response: int = big(primary_key=True)


class ManualLinkRow(Row, table=True):
    """A person's decision: this key value is that record."""

    __tablename__ = "manual_link"
    scope: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    record_id: str
    linked_at: int = big()


# ------------------------------------------------------------ runs, plan and journal


class RunTable(Row, table=True):
    __tablename__ = "run"
    __table_args__ = (
        one_of("status", ("running", "succeeded", "partial", "failed", "stopped")),
        Index(None, "sync", "id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    sync: str
    kind: str
    status: str
    started_at: int = big()
    ended_at: int | None = big()
    facts: str
    report: str


class BatchRow(Row, table=True):
    """Changes that go out together. `open`: the intent is committed, the outcome is not known yet. `answered`: every
    outcome is in the journal. `settled`: the states of the written answers say so too."""

    __tablename__ = "batch"
    __table_args__ = (
        UniqueConstraint("run", "position"),
        one_of("state", ("planned", "open", "answered", "settled")),
        partial("ix_batch_unsettled", "sync", "state", where="state <> 'settled'"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    run: int = big(foreign_key="run.id")
    position: int
    sync: str
    connection: str
    object: str
    api: str
    state: str
    handle: str | None
    settled_at: int | None = big()


class ChangeRow(Row, table=True):
    """The spooled plan and the journal in one. Without a batch it is planned only. `outcome` is set when it was not
    written; NULL means: as its batch is, and `answered` is written. So the good case touches no row twice."""

    __tablename__ = "change"
    __table_args__ = (
        one_of("outcome", ("rejected", "deferred", "unknown")),
        Index(None, "record_id"),
        # All that telling written answers asks of a change, whose row lies anywhere (`store.waiting`).
        Index("ix_change_run_batch", "run", "batch", "outcome", "person", "response"),
        # PostgreSQL would look for a run's first changes from the journal's beginning on.
        Index(None, "run", "id"),
        partial("ix_change_undoes", "undoes", where="undoes IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    run: int = big()
    batch: int | None = big()
    connection: str
    object: str
    record_id: str
    key: str
    before: str
    after: str
    response: int | None = big()
    rank: int
    account: str
    outcome: str | None
    code: str | None
    message: str | None
    undoes: int | None = big(default=None)
    holds: str | None = None  # of an undo: the answers its record had by then (JSON)
    person: int | None = big(default=None)  # of its answer; NULL: see the response


class DeadLetterTable(Row, table=True):
    __tablename__ = "dead_letter"
    __table_args__ = (
        one_of("status", ("open", "retried", "discarded", "resolved")),
        partial("ix_dead_letter_open", "sync", "response", where="status = 'open'"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    sync: str
    run: int = big()
    response: int | None = big()
    record_id: str | None
    code: str
    reason: str
    field: str | None
    created_at: int = big()
    status: str
    cause: str = Field(sa_column_kwargs={"server_default": "unknown"})  # of nps.changes.Cause
    attempts: int = Field(
        sa_column_kwargs={"server_default": "0"}
    )  # retries so far, by a person or by itself


# ------------------------------------------------------------ leases, memory


class LeaseRow(Row, table=True):
    """A fenced lock. The row stays when it is released: its token never goes back."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    owner: str
    token: int = big()
    until: int = big()


class MemoryRow(Row, table=True):
    """Durable small things of a connection."""

    __tablename__ = "memory"
    connection: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    value: str


class CallsRow(Row, table=True):
    __tablename__ = "calls"
    connection: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    count: int = big()


class PaceRow(Row, table=True):
    """How often a connection was called lately and may be: what its processes share (connectors/pacing.py)."""

    __tablename__ = "pace"
    name: str = Field(primary_key=True)
    state: str
