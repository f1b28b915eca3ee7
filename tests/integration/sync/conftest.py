from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders_sync import Town


@pytest.fixture
def town(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Town]:
    shutil.copy(migrated_sqlite, tmp_path / "npsync.db")
    town = Town(f"sqlite:///{tmp_path / 'npsync.db'}")
    yield town
    town.close()
