"""What holds for every test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from store import open_store

# The same examples on every machine and every run, and no failing because a machine was busy.
settings.register_profile("npsync", deadline=None, derandomize=True)
settings.load_profile("npsync")


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with our tables, to copy: making them takes fifty times as long."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    store = open_store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A store with our tables and nothing in them."""
    path = tmp_path / "npsync.db"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"
