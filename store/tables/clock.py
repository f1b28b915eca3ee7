"""The clock: when what is due, what was done about it, who ticks, and how far a run is."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlmodel import Field

from store.tables.columns import Row, big, number, one_of, partial

TICK_OUTCOMES = ("started", "caught_up", "skipped_overlap", "skipped_paused", "handed_back")


class ScheduleRow(Row, table=True):
    """When a place of the clock (a sync, its verification, a trigger …) is due next.

    `spread`: so many milliseconds later it is taken; the due time keeps the rhythm.
    """

    __tablename__ = "schedule"
    sync: str = Field(primary_key=True)
    due_at: int = big()
    paused: bool
    paused_at: int | None = big()
    paused_by: str | None
    spread: int = big(sa_column_kwargs={"server_default": "0"})


class TickRow(Row, table=True):
    """What the clock did about one due time. It is written when the due time is taken, and ended when that was done:
    one that never ended is of a process that died with it, and somebody else ends it (`died`). `next_at`: the due time
    that was to follow."""

    __tablename__ = "tick"
    __table_args__ = (
        one_of("outcome", TICK_OUTCOMES),
        Index(None, "sync", "id"),
        Index(None, "noted_at", "id"),
        partial("ix_tick_open", "id", where="ended_at IS NULL"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    sync: str
    due_at: int = big()
    outcome: str
    noted_at: int = big()
    owner: str | None
    next_at: int | None = big()
    ended_at: int | None = big()
    died: bool = Field(sa_column_kwargs={"server_default": text("false")})


class ServingRow(Row, table=True):
    """A process that ticks, or works for one that does: when it was last there, and by which file it goes.

    `mark`: of the configuration it runs. `problem`: why the file as it is now was not taken.
    """

    __tablename__ = "serving"
    owner: str = Field(primary_key=True)
    kind: str
    began_at: int = big()
    seen_at: int = big()
    config_at: int = big()
    mark: str
    problem: str | None


class UnderWayRow(Row, table=True):
    """How far a run is. Gone when it ends."""

    __tablename__ = "under_way"
    run: int = big(primary_key=True)
    phase: str
    done: int = big()
    total: int | None = big()
    noted_at: int = big()
