from __future__ import annotations

from pathlib import Path

import pytest
from builders_page import Front

from store.sql import SqlStore


@pytest.fixture
def front(store: SqlStore, tmp_path: Path) -> Front:
    return Front(store, tmp_path)
