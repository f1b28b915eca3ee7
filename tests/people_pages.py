"""Fixtures for the pages about people: a company of a test's own, and one with something on every page."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from asgi_caller import Replied
from dashboard_desk import Desk
from dashboard_desk import text_of as plain
from peopled import YAML, Peopled, fill


@pytest.fixture
def town(tmp_path: Path, sqlite_url: str) -> Peopled:
    return Peopled(tmp_path)


@pytest.fixture
def desk(tmp_path: Path, town: Peopled) -> Iterator[Desk]:
    """Somebody who may see people, and decide."""
    made = Desk(tmp_path, YAML)
    made.sign_in(made.token("read", "apply"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Desk]:
    """Something on every page, for tests that only look."""
    folder = tmp_path_factory.mktemp("full")
    fill(Peopled(folder, migrated=migrated_sqlite))
    made = Desk(folder, YAML)
    made.sign_in(made.token("read", "apply"))
    yield made
    made.store.close()


def text_of(replied: Replied) -> str:
    return unescape(plain(replied))
