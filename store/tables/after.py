"""The tables of what follows an answer: whose account a record is, what is created beside the records, who was
forgotten, what is published of anonymous programmes."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from store.tables.columns import Row, big, number, one_of, partial

OUTBOX_KINDS = ("history", "task", "alert", "list")
OUTBOX_STATES = ("wanted", "open", "done", "rejected", "unknown", "void", "removed")


class MemberRow(Row, table=True):
    """A record that answers were matched to, as a report groups it: its account, and what the YAML calls a dimension
    of it (JSON, name → value) as it was when it was last planned or refreshed."""

    __tablename__ = "member"
    __table_args__ = (Index(None, "sync", "account"), {"sqlite_with_rowid": False})
    sync: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    account: str | None
    traits: str
    seen_at: int = big()


class OutboxRow(Row, table=True):
    """Something to create because of an answer, exactly once: a history record, a task, an alert, a place on a list.

    `slot` tells apart what one subject may have several of (which list, which alert); `subject` is the answer
    (source/id) or, for a list, the record. `wanted` is not begun; `open` is committed before the call; `unknown` is
    looked up before anything is repeated; `void` is not wanted any more; `removed` was taken away again by us.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("sync", "kind", "slot", "subject"),
        one_of("kind", OUTBOX_KINDS),
        one_of("state", OUTBOX_STATES),
        partial(
            "ix_outbox_unsettled",
            "sync",
            "kind",
            "look_again",
            where="state = 'wanted' OR state = 'open' OR state = 'unknown'",
        ),
        # What a person has to look at is little, and lies anywhere among what was done.
        partial("ix_outbox_refused", "id", where="(state = 'rejected' OR state = 'unknown')"),
        partial(
            "ix_outbox_open_task",
            "settled_at",
            where="kind = 'task' AND state = 'done' AND closed_at IS NULL",
        ),
        Index(None, "record_id"),
        Index(None, "response"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    sync: str
    kind: str
    slot: str
    subject: str
    response: int | None = big()
    connection: str
    object: str  # where it is created, in the vendor's name
    record_id: str | None  # the customer's record it belongs to
    key: str  # our own key for it at the vendor: external id or marker
    state: str
    vendor_id: str | None
    digest: int | None = big()  # of what was last sent: an edit differs
    run: int | None = big()
    wanted_at: int = big()
    opened_at: int | None = big()
    settled_at: int | None = big()
    closed_at: int | None = big()  # of a task: when somebody closed it
    look_again: int | None = big()
    attempts: int
    code: str
    reason: str


class HoldRow(Row, table=True):
    """What a person decided about a held answer."""

    __tablename__ = "hold_decision"
    __table_args__ = ({"sqlite_with_rowid": False},)
    source: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    released: bool
    decided_at: int = big()


class TombstoneRow(Row, table=True):
    """Somebody who was forgotten: a keyed hash of an identifier, so that they are known again without being known."""

    __tablename__ = "tombstone"
    __table_args__ = ({"sqlite_with_rowid": False},)
    digest: str = Field(primary_key=True)
    version: int  # of the normalisation
    erased_at: int = big()


class ReceiptRow(Row, table=True):
    """What was done for a person who asked: an export or an erasure, in numbers, and who read what."""

    __tablename__ = "receipt"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = number()
    kind: str
    at: int = big()
    who: str
    report: str


class MonthlyRow(Row, table=True):
    """What is left of old answers: how many gave which score in a month."""

    __tablename__ = "monthly_count"
    __table_args__ = ({"sqlite_with_rowid": False},)
    source: str = Field(primary_key=True)
    survey: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    month: str = Field(primary_key=True)  # 2026-03
    score: int = big(primary_key=True)
    answers: int = big()


class PublishedRow(Row, table=True):
    """Up to which answer the figures of an anonymous programme are published."""

    __tablename__ = "published"
    survey: str = Field(primary_key=True)
    response: int = big()
    answers: int = big()
    published_at: int = big()
