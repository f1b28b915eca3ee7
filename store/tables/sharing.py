"""What several processes share of one run."""

from __future__ import annotations

from sqlmodel import Field

from store.tables.columns import Row, big, number, one_of, partial

SHARD_STATES = ("free", "held", "done", "failed")


class ShardRow(Row, table=True):
    """A part of a run that one hand does as a whole: a range of persons to plan, or of batches to write.

    `token` counts the claims: whoever closes it proves that his is still the last. `outcome` is what it came to, put
    down in the transaction that did it; `trouble` is why it, and with it the run, went no further.
    """

    __tablename__ = "shard"
    __table_args__ = (
        one_of("kind", ("plan", "write")),
        one_of("state", SHARD_STATES),
        partial("ix_shard_open", "run", "kind", where="state = 'free' OR state = 'held'"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = number()
    sync: str = Field(index=True)
    run: int = big(index=True)
    kind: str
    low: int = big()
    high: int = big()
    size: int
    state: str
    owner: str | None
    token: int = big()
    until: int | None = big()
    outcome: str | None
    trouble: str | None
