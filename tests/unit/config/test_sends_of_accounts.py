"""A list of what other tools sent may say whose account it was: counted with what npsync sends there."""

from __future__ import annotations

from datetime import timedelta

from builders_config import asking_yaml, config_of
from fake_clock import NOON

from npsync.asking.elsewhere import import_sends
from store import open_store

CSV = """email,date,account
ann@example.com,2026-03-01,0015g00000AbCdE
bob@example.com,2026-03-01,%s
cyd@example.com,2026-03-01,
"""


def test_an_imported_send_counts_against_its_account_however_its_id_is_spelt(tmp_path):
    file = tmp_path / "sent.csv"
    file.write_text(CSV % "0015g00000AbCdEAAV", encoding="utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'npsync.db'}")
    store.migrate()
    done = import_sends(config_of(asking_yaml(), tmp_path), store, file, NOON)
    assert (done.new, done.bad) == (3, [])
    assert store.account_asks(
        ["0015g00000AbCdEAAV", "0015g00000AbCdE", ""], since=NOON - timedelta(days=9), now=NOON
    ) == {"0015g00000AbCdEAAV": 2}
    store.close()
