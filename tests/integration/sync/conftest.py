from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders_aftercare import CaringTown
from builders_sync import Town


@pytest.fixture
def town(sqlite_url: str) -> Iterator[Town]:
    town = Town(sqlite_url)
    yield town
    town.close()


@pytest.fixture
def fresh_town(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Town]]:
    """As many towns as a property needs."""
    towns: list[Town] = []

    def another() -> Town:
        path = tmp_path_factory.mktemp("town") / "npsync.db"
        shutil.copy(migrated_sqlite, path)
        towns.append(Town(f"sqlite:///{path}"))
        return towns[-1]

    yield another
    for town in towns:
        town.close()


@pytest.fixture
def caring_town(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Callable[..., CaringTown]]:
    """A town that does something after an answer: `caring_town(history=…, rules=[…])`."""
    towns: list[CaringTown] = []

    def build(**given: Any) -> CaringTown:
        path = tmp_path / f"caring-{len(towns)}.db"
        shutil.copy(migrated_sqlite, path)
        towns.append(CaringTown(f"sqlite:///{path}", **given))
        return towns[-1]

    yield build
    for town in towns:
        town.close()
