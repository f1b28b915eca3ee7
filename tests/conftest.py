"""What holds for every test."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from store import open_store

# The same examples on every machine and every run, and no failing because a machine was busy.
settings.register_profile("npsync", deadline=None, derandomize=True)
settings.load_profile("npsync")


def pytest_collection_finish() -> None:
    """What was imported and collected by now stays to the end. A clock of ours looks for circles after everything it
    did: it need not go through a whole suite each time, which took half a second."""
    gc.freeze()


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
