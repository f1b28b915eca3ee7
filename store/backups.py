"""The files backups are: SQLite, whatever the store is, and for their owner's eyes alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from nps.errors import ConfigError
from store.sqlite import SQLite

_MAGIC = b"SQLite format 3\x00"


@contextmanager
def partly(path: Path) -> Iterator[Path]:
    """Where to write what is at `path` when the block ends well; nothing is left of it otherwise."""
    partial = path.with_name(f"{path.name}.partial")
    beside = [partial.with_name(f"{partial.name}{suffix}") for suffix in ("", "-wal", "-shm", "-turn")]
    for file in beside:
        file.unlink(missing_ok=True)  # of one that was killed
    try:
        yield partial
        partial.rename(path)
    finally:
        for file in beside:
            file.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path) -> Iterator[SQLite]:
    """An empty database that is at `path` when the block ends well, as one file. Raises OSError when it cannot be
    written there."""
    with partly(path) as partial:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        database = SQLite(partial)
        try:
            yield database
            database.checkpoint()
        finally:
            database.close()
        with closing(sqlite3.connect(partial)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def opened_copy(path: Path) -> Iterator[SQLite]:
    """A copy of the backup to work on. Raises ConfigError when the file is no whole backup of npsync."""
    _look_at(path)
    with tempfile.TemporaryDirectory(prefix="npsync-") as folder:
        mine = Path(folder) / "backup.db"
        os.close(os.open(mine, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        shutil.copyfile(path, mine)
        database = SQLite(mine, lasting=False)
        try:
            yield database
        finally:
            database.close()


def _look_at(path: Path) -> None:
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    if begins != _MAGIC:
        raise ConfigError(f"{path} is no backup of npsync (npsync db backup writes one)")
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
        try:
            ours = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError:
            raise ConfigError(f"{path} is damaged; take another backup") from None
    if ours is None:
        raise ConfigError(f"{path} is a SQLite file, but no backup of npsync")
    if sound != "ok":
        raise ConfigError(f"{path} is damaged; take another backup")
