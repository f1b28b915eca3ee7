"""What people ask for at a page or through the API, and who did or looked at what."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from store.tables.columns import Row, big, number, one_of, partial

ACTION_STATES = ("wanted", "doing", "done", "failed")


class ActionRow(Row, table=True):
    """Something that takes long or asks a vendor: wanted by somebody, done by `npsync serve` or a worker.

    The same `key` of the same `who` is the same action, however often it is asked for. `token` counts the claims:
    whoever works on it proves that his is still the last.
    `starts` counts those that began it and have not said how it went: most of them died of it.
    """

    __tablename__ = "action"
    __table_args__ = (
        UniqueConstraint("who", "key"),
        one_of("state", ACTION_STATES),
        partial("ix_action_unfinished", "free_at", where="state = 'wanted' OR state = 'doing'"),
        Index(None, "wanted_at", "id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    kind: str
    about: str  # the sync, the run …: what people would search for
    arguments: str = Field(default="{}")
    who: str
    key: str
    state: str
    wanted_at: int = big()
    free_at: int = big()  # when it may be claimed (again)
    owner: str | None
    token: int = big()
    starts: int = big(sa_column_kwargs={"server_default": "0"})
    began_at: int | None = big()
    ended_at: int | None = big()
    run: int | None = big()
    outcome: str | None


class AuditRow(Row, table=True):
    """Somebody did or looked at something. Never what a customer said, nor an address: ids alone."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "who", "id"),
        Index(None, "about", "id"),
        Index(None, "at", "id"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    at: int = big()
    who: str
    what: str
    about: str
    facts: str
