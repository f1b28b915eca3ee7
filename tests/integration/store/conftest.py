from __future__ import annotations

import pytest
from builders_store import Syncing

from store.sql import SqlStore


@pytest.fixture
def syncing(store: SqlStore) -> Syncing:
    return Syncing(store)
