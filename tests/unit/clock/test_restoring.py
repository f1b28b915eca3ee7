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
from npsync.config import Config
from npsync.deciding import sends
from npsync.operating.restoring import restore
from store import open_store
from store.api import Serving
from triggers.ledger import why_none_is_sent

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

    with pytest.raises(ConfigError, match=r"in use \(npsync serve \(elsewhere, process 1\)\)"):
        restored(UNSEEN)
    assert restored(UNSEEN + MOMENT) >= 0
    assert store.serving() == []
    store.close()


def test_nothing_that_was_asked_of_the_old_store_is_done_by_the_restored_one(sqlite_url: str, tmp_path: Path):
    config, store = config_of(yaml(), tmp_path), open_store(sqlite_url)
    store.want_action("undo", "run 1", {"run": 1}, who="user:ann", key="k", now=NOON)
    store.backup(tmp_path / "backup.db")
    for moved, wanted in ((True, 1), (False, 0)):
        restore(config, store, tmp_path / "backup.db", replace=True, moved=moved, now=NOON)
        assert len(store.actions(unfinished=True)) == wanted
    store.close()


def test_nobody_is_asked_between_the_copy_and_the_stop(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whatever breaks off, the store is the old one, or one that sends nothing."""
    config, store = config_of(yaml(), tmp_path), open_store(sqlite_url)
    monkeypatch.setattr(Config, "has_to_ask", property(lambda _: True))
    store.backup(tmp_path / "backup.db")
    store.memorize("crm", {"since": "the backup"})

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dies:
        dies.setattr(sends, "stop", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(config, store, tmp_path / "backup.db", replace=True, moved=False, now=NOON)
    assert store.recall("crm", ["since"]) == {"since": "the backup"}
    restore(config, store, tmp_path / "backup.db", replace=True, moved=False, now=NOON)
    assert store.recall("crm", ["since"]) == {}
    assert why_none_is_sent(store) is not None
    noted = [("restored a backup", "backup.db"), ("stop", "sends")]
    assert [(one.what, one.about) for one in store.audited()] == noted
    assert {one.who.partition(":")[0] for one in store.audited()} == {"cli"}
    store.close()
