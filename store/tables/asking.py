"""The tables of asking: what arrived about events, invitations and their steps, the ledger, suppressions, switches."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from nps.asking import InvitationState, PastKind, StepKind, StepState, SuppressionReason
from store.tables.columns import Row, big, number, one_of, partial

# ------------------------------------------------------------ events


class ArrivalTable(Row, table=True):
    """A hint or signal as it was pushed (`what`), or that something was refused (then without what it was)."""

    __tablename__ = "arrival"
    __table_args__ = (
        UniqueConstraint("connection", "key"),
        one_of("state", ("new", "settled", "refused")),
        partial("ix_arrival_new", "again_at", "id", where="state = 'new'"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    connection: str
    key: str
    received_at: int = big()
    what: str
    kind: str
    subject: str
    state: str
    attempts: int
    again_at: int = big()
    settled_at: int | None = big()
    code: str
    reason: str


class EventTable(Row, table=True):
    """An event as its system showed it when it was read."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("connection", "key"),
        Index(None, "connection", "object", "subject"),
        Index(None, "occurred_at"),
        partial("ix_event_undecided", "id", where="decided_at IS NULL"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    connection: str
    kind: str
    key: str
    object: str
    subject: str
    occurred_at: int = big()
    person: str
    facts: str
    noted_at: int = big()
    decided_at: int | None = big()


class EventCursorRow(Row, table=True):
    """Where a connection's events are read on from."""

    __tablename__ = "event_cursor"
    connection: str = Field(primary_key=True)
    state: str
    stored_at: int = big()


class VerdictTable(Row, table=True):
    """What a trigger said about one event, or about one person whose turn it was."""

    __tablename__ = "verdict"
    __table_args__ = (
        Index(None, "at"),
        Index(None, "scope", "record_id"),
        Index(None, "event"),
        partial("ix_verdict_unasked", "at", "trigger", "code", where="invitation IS NULL"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    trigger: str
    event: int | None = big()
    at: int = big()
    scope: str
    record_id: str | None
    code: str
    reason: str
    invitation: str | None


# ------------------------------------------------------------ invitations


class InvitationTable(Row, table=True):
    __tablename__ = "invitation"
    __table_args__ = (
        UniqueConstraint("dedupe"),
        one_of("state", InvitationState),
        Index(None, "trigger", "created_at"),
        Index(None, "state", "created_at"),
        Index("ix_invitation_funnel", "created_at", "trigger", "state"),  # counted from it alone
        Index(None, "connection", "object", "record_id"),
        partial(
            "ix_invitation_subject",
            "event_connection",
            "subject_object",
            "subject",
            where="subject IS NOT NULL",
        ),
        partial("ix_invitation_account", "account", where="state = 'queued' AND account IS NOT NULL"),
        partial("ix_invitation_expiring", "expires_at", where="state = 'sent'"),
    )
    id: str = Field(primary_key=True)
    dedupe: str
    trigger: str
    survey: str
    metric: str
    kind: str
    connection: str
    object: str
    record_id: str
    state: str
    created_at: int = big()
    due_at: int = big()
    stale_at: int | None = big()
    expires_at: int | None = big()
    sent_at: int | None = big()
    answered_at: int | None = big()
    recurring: bool
    account: str | None
    event_connection: str | None
    event_kind: str | None
    event_key: str | None
    subject_object: str | None
    subject: str | None
    facts: str
    via: str | None
    code: str
    reason: str


class StepTable(Row, table=True):
    """One message of an invitation. It is free to be claimed from `free_at` on: when it is due, and when a claim of it
    runs out. So the steps that are due and not claimed are the first of one index, however many lie behind them.
    `token` counts the claims; whoever works on a step proves that his is still the last."""

    __tablename__ = "step"
    __table_args__ = (
        one_of("kind", StepKind),
        one_of("state", StepState),
        Index(None, "invitation"),
        partial("ix_step_due", "free_at", "id", where="state = 'queued'"),
        partial("ix_step_held", "owner", where="owner IS NOT NULL"),
        partial("ix_step_message", "via", "message", where="message IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    invitation: str
    kind: str
    way: int
    due_at: int = big()
    state: str
    attempts: int
    message: str | None
    delivered_at: int | None = big()
    code: str
    reason: str
    via: str | None
    channel: str
    owner: str | None
    token: int = big()
    free_at: int = big()


# ------------------------------------------------------------ ledger


class LedgerTable(Row, table=True):
    """One send, answer, decline or reservation. `until`: a reservation that is not used by then is void. `show_at`: a
    send of ours that the person's record does not show yet, and when it is to be written there."""

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("dedupe"),
        one_of("what", PastKind),
        Index(None, "at"),
        partial("ix_ledger_account", "account", "at", where="account IS NOT NULL"),
        partial("ix_ledger_invitation", "invitation", where="invitation IS NOT NULL"),
        partial("ix_ledger_unshown", "show_at", "id", where="show_at IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    dedupe: str
    at: int = big()
    what: str
    survey: str
    metric: str
    kind: str
    source: str
    channel: str
    invitation: str | None
    account: str | None
    until: int | None = big()
    entered_at: int = big()
    show_at: int | None = big()


class LedgerKeyRow(Row, table=True):
    """A name of the person an entry is about (`nps.asking.person_keys`)."""

    __tablename__ = "ledger_key"
    __table_args__ = (Index(None, "entry"), {"sqlite_with_rowid": False})
    key: str = Field(primary_key=True)
    entry: int = big(primary_key=True)


class SuppressionTable(Row, table=True):
    """Who must not be asked. One that was lifted stays, with who lifted it and why; a new one is a row of its own.
    `channel` is "" when it holds for all."""

    __tablename__ = "suppression"
    __table_args__ = (
        one_of("reason", SuppressionReason),
        Index(None, "key"),
        Index(
            "uq_suppression_in_force",
            "key",
            "reason",
            "channel",
            unique=True,
            sqlite_where=text("lifted_at IS NULL"),
            postgresql_where=text("lifted_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    key: str
    reason: str
    channel: str
    at: int = big()
    source: str
    detail: str
    lifted_at: int | None = big()
    lifted_by: str | None
    lifted_why: str | None


class ReasonDueRow(Row, table=True):
    """A name of somebody whose record may not show (any more) why they are not asked, and when that is to be looked at.
    `times` counts how often it was noted: what is noted again while it is shown is looked at again."""

    __tablename__ = "reason_due"
    __table_args__ = (Index(None, "due_at"), {"sqlite_with_rowid": False})
    key: str = Field(primary_key=True)
    due_at: int = big()
    times: int = big()


class SwitchRow(Row, table=True):
    """What was switched by hand and survives restarts."""

    __tablename__ = "switch"
    name: str = Field(primary_key=True)
    value: str
