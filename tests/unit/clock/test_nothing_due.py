"""`npsync run` without a name where nothing is due: what it says of messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders_asking import queue
from builders_config import asking_yaml, config_of

from npsync.cli.due import run_due
from store import open_store
from sync.options import Options
from triggers import ledger

NOTHING = "Nothing is due. npsync run SYNC runs a sync anyway."
WAITING = "Messages that wait: npsync invitations --state queued"


@pytest.mark.parametrize("waits", [False, True], ids=["none waits", "one waits"])
@pytest.mark.parametrize("accepted", [False, True], ids=["empty ledger", "accepted"])
def test_messages_are_told_of_where_one_waits_and_so_is_what_keeps_them(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], waits: bool, accepted: bool
) -> None:
    # Where we can be reached somebody may be asked; without a trigger nobody is looked for.
    config = config_of(asking_yaml(policy="").partition("triggers:")[0], tmp_path)
    store = open_store(sqlite_url)
    now = datetime.now(UTC)
    if accepted:
        ledger.accept_empty(store, by="ann", why="new here", now=now)
    if waits:
        queue(store, "i1", due=now + timedelta(days=1))
    run_due(config, store, Options(), json=False)
    told = capsys.readouterr().out
    store.close()
    assert (WAITING in told) == (waits and accepted)
    assert (NOTHING in told) == (accepted or not waits)
    assert ("the ledger of who was asked is empty" in told) == (not accepted)
    assert max(map(len, told.splitlines())) <= 100
