"""Which database a URL names."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from nps.errors import ConfigError
from store.database import Database
from store.postgres import Postgres
from store.sqlite import SQLite


def open_database(url: str) -> Database:
    try:
        parsed = make_url(url)
    except (
        ArgumentError,
        ValueError,
    ):  # ValueError: a port that is no number, often a password with an "@" or ":"
        raise ConfigError(
            "store: this is not a database URL; write sqlite:///npsync.db or postgresql://user@host/name, and "
            "%40 for an @, %3A for a : in a password"
        ) from None
    kind = parsed.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return Postgres(parsed)
    if kind != "sqlite":
        raise ConfigError(
            f'store: "{kind}" is not a store; write sqlite:///npsync.db or postgresql://user@host/name'
        )
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError("store: a SQLite store is a file; write sqlite:///npsync.db")
    return SQLite(Path(parsed.database))
