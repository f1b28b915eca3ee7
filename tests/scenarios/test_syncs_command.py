"""`npsync syncs` and `npsync triggers`: what is due, pausing, resuming, and a wish for `npsync serve`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_process import Npsync, config, to_marketing

from store.rows import milliseconds

ENV = {
    name: "http://127.0.0.1:9" if name.endswith("URL") else f"some-{name.lower()}"
    for name in (
        *("SALESFORCE_URL", "SF_ID", "SF_SECRET", "HUBSPOT_TOKEN", "HUBSPOT_URL"),
        *("WOOTRIC_ID", "WOOTRIC_SECRET", "WOOTRIC_URL"),
    )
}


@pytest.fixture
def npsync(tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, ENV)
    npsync.configured(config(marketing=to_marketing(paused=True)))
    return npsync


def standing(npsync: Npsync, sync: str) -> dict[str, object]:
    told = npsync("syncs", "--json").json
    [found] = [one for one in told["syncs"] if one["sync"] == sync]
    return dict(found)


def test_a_pause_is_shown_with_who_paused_and_holds_until_it_is_taken_back(npsync: Npsync):
    assert npsync("syncs", "pause", "contacts").out.startswith("contacts is paused")
    assert "is paused already" in npsync("syncs", "pause", "contacts").out
    found = standing(npsync, "contacts")
    assert found["paused"] is True
    assert str(found["paused_by"]).startswith("cli:")
    shown = npsync("syncs").out
    assert "paused since" in shown
    assert "paused in the file" in shown
    assert "No npsync serve runs on this store" in shown
    assert npsync("syncs", "resume", "contacts").out == "contacts goes on, as it would have come due.\n"
    assert npsync("syncs", "resume", "contacts").out == "contacts is not paused.\n"
    with npsync.store() as store:
        audited = store.execute("SELECT what, about FROM audit ORDER BY id").fetchall()
    assert audited == [("pause", "contacts"), ("resume", "contacts")]


def test_what_the_file_pauses_only_the_file_resumes(npsync: Npsync):
    told = npsync("syncs", "resume", "marketing", exits=2).err
    assert "sync.marketing says paused: true; take that line out of the file" in told


def test_a_run_by_hand_of_a_paused_sync_says_so_and_goes_ahead(npsync: Npsync):
    npsync("syncs", "pause", "contacts")
    with npsync.store() as store:
        store.execute(
            "INSERT INTO lease (name, owner, token, until) VALUES ('sync/contacts', 'x', 1, ?)",
            (milliseconds(datetime.now(UTC) + timedelta(minutes=30)),),
        )
    told = npsync("run", "contacts", exits=1).err
    assert "contacts is paused (by cli:" in told
    assert "npsync syncs resume contacts" in told
    assert "contacts is being run by another process" in told  # so far it came


def test_a_wish_is_kept_for_npsync_serve_and_a_name_that_is_none_is_refused(npsync: Npsync):
    asked = npsync("syncs", "run", "contacts", "--full")
    assert "npsync serve runs contacts" in asked.out
    assert "No npsync serve runs on this store now" in asked.err
    with npsync.store() as store:
        [(kind, arguments)] = store.execute("SELECT kind, arguments FROM action").fetchall()
    assert kind == "run"
    assert '"full":true' in arguments
    assert 'did you mean "contacts"?' in npsync("syncs", "run", "contact", exits=2).err
