"""What the tables are made of: the names of their rules, whole numbers, partial indexes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Integer, MetaData, text
from sqlmodel import Field, SQLModel

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BIG = BigInteger().with_variant(Integer(), "sqlite")


def number() -> Any:
    """A primary key that only ever grows: numbers in order of arrival."""
    return Field(default=None, primary_key=True, sa_type=BIG, sa_column_args=(Identity(),))


def big(default: Any = ..., **options: Any) -> Any:
    return Field(default, sa_type=BIG, **options)


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    return CheckConstraint(" OR ".join(f"{column} = '{word}'" for word in words), name=column)


def partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Row(SQLModel):
    metadata = metadata
