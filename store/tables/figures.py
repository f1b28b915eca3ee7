"""The tables of ready-made figures. All of it is derived: it can be thrown away and counted again at any time."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field

from store.tables.columns import Row, big, number


class StirredRow(Row, table=True):
    """Something that this part of the figures is made of was changed, in the transaction that left this note. Who
    counts takes the notes away before looking, so whatever is changed meanwhile leaves one that stays."""

    __tablename__ = "stirred"
    __table_args__ = ({"sqlite_autoincrement": True},)
    id: int | None = number()
    part: str


class FigureRow(Row, table=True):
    """The answer to one question, as it was at `as_of`; NULL: not counted yet. `stale`: something changed since, and it
    is counted again. `asked_at`: when somebody asked for what is not always kept ready."""

    __tablename__ = "figure"
    key: str = Field(primary_key=True)
    part: str
    question: str
    answer: bytes | None = Field(sa_type=LargeBinary, nullable=True)
    as_of: int | None = big()
    stale: bool
    asked_at: int | None = big()
    edition: int | None = big()  # of a list of accounts: the rows that are it


class AccountFigureRow(Row, table=True):
    """One account of one edition of a survey's list, and its place in each of the orders people look at it in."""

    __tablename__ = "account_figure"
    __table_args__ = (
        Index(None, "edition", "best"),
        Index(None, "edition", "most"),
        Index(None, "edition", "latest"),
        Index(None, "edition", "name"),
        {"sqlite_with_rowid": False},
    )
    edition: int = big(primary_key=True)
    worst: int = big(primary_key=True)
    best: int = big()
    most: int = big()
    latest: int = big()
    name: int = big()
    account: str
    label: str | None
    promoters: int = big()
    passives: int = big()
    detractors: int = big()
    answered_at: int = big()
