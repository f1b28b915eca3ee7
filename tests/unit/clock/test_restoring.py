"""A backup takes the store's place when nobody is there any more who goes by what it held."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from builders_clock import dead_process
from builders_config import config_of, yaml
from fake_clock import NOON

from nps.errors import ConfigError
from npsync.clockwork.rescuing import UNSEEN
from npsync.restoring import restore
from store import open_store
from store.api import Serving

MOMENT = timedelta(seconds=1)


def test_a_serve_that_only_waits_for_what_comes_due_is_in_the_way_until_it_is_gone(
    sqlite_url: str, tmp_path: Path
):
    config, store = config_of(yaml(), tmp_path), open_store(sqlite_url)
    store.backup(tmp_path / "backup.db")
    for owner in (dead_process(), "elsewhere:1:2:3"):
        store.note_serving(
            Serving(owner=owner, kind="serve", began_at=NOON, seen_at=NOON, config_at=NOON, mark="")
        )

    def restored(after: timedelta) -> int:
        return restore(config, store, tmp_path / "backup.db", replace=True, moved=True, now=NOON + after).rows

    with pytest.raises(ConfigError, match=r"in use \(npsync serve elsewhere:1:2:3\)"):
        restored(UNSEEN)
    assert restored(UNSEEN + MOMENT) >= 0
    assert store.serving() == []
    store.close()
