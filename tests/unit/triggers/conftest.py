"""A desk of its own for every test, on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from builders_triggers import Desktop


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desktop]:
    desk = Desktop(f"sqlite:///{tmp_path / 'npsync.db'}").open()
    desk.turn()  # the first poll starts at now
    yield desk
    desk.close()
