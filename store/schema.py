"""The schema's version: which one a database has, which one this code needs, and the way there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from store.database import Database, Transaction

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0021"  # kept here so that an up-to-date store starts without importing alembic


def revision(database: Database) -> str | None:
    """The version the database has; None for an empty one."""
    with database.read() as tx:
        return _revision(tx)


def migrate(database: Database) -> None:
    """Bring the database to HEAD. One process does it, others wait for it; all or nothing."""
    if revision(database) == HEAD:
        return
    with database.write(durable=True) as tx:
        database.lock_migrations(tx)
        if _revision(tx) != HEAD:
            _upgrade(tx)


def _revision(tx: Transaction) -> str | None:
    if tx.postgres:
        known = tx.one("SELECT to_regclass('alembic_version')")
    else:
        known = tx.one("SELECT name FROM sqlite_master WHERE name = 'alembic_version'")
    if known is None or known[0] is None:
        return None
    found = tx.one("SELECT version_num FROM alembic_version")
    return None if found is None else str(found[0])


def _upgrade(tx: Transaction) -> None:
    from alembic import command
    from alembic.util import CommandError

    from nps.errors import ConfigError

    try:
        command.upgrade(alembic_config(tx), "head")
    except CommandError:
        raise ConfigError(
            f"store: its schema ({_revision(tx)}) is newer than this npsync ({HEAD}). Use a newer npsync, "
            "or another store."
        ) from None


def alembic_config(tx: Transaction) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = tx.connection
    return config
