"""A desk of its own for every test, on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from builders_triggers import Desktop


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desktop]:
    desk = Desktop(sqlite_url).open()
    desk.turn()  # the first poll starts at now
    yield desk
    desk.close()
