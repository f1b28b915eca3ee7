"""From a hook into either database: through the spool beside SQLite, straight into PostgreSQL."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from pathlib import Path

from asgi_caller import Caller, Replied
from fake_clock import NOON, FakeClock

from npsync.config import Config, load
from npsync.web.app import app
from npsync.web.intake import opened_intake
from store.spool import spool_path
from store.sql import SqlStore

CONNECTIONS = {
    "product": {
        "type": "webhook",
        "preset": "rudderstack",
        "auth": {"value": "Bearer a-long-token"},
    }
}


def configured(folder: Path, url: str) -> Config:
    (folder / "npsync.yaml").write_text(json.dumps({"connections": CONNECTIONS}), encoding="utf-8")
    return dataclasses.replace(load(folder / "npsync.yaml"), store=url)


def test_what_many_senders_tell_at_once_is_stored_once(store: SqlStore, url: str, tmp_path: Path):
    config, clock = configured(tmp_path, url), FakeClock()
    with opened_intake(config, store, clock) as intake:
        caller = Caller(
            app(config, store, clock, intake=intake), headers={"authorization": "Bearer a-long-token"}
        )

        async def all_at_once() -> list[Replied]:
            return list(
                await asyncio.gather(
                    *(caller.calling("POST", "/hooks/product", [told(n)]) for n in range(60))
                )
            )

        assert [replied.status for replied in asyncio.run(all_at_once())] == [200] * 60
        until_stored(store, 40)
    assert (spool_path(url) is None) == url.startswith("postgresql")


def test_a_refusal_leaves_an_entry(store: SqlStore, url: str, tmp_path: Path):
    config = configured(tmp_path, url)
    web = app(config, store, FakeClock())
    for _ in range(3):
        assert Caller(web).post("/hooks/product", told(1)).status == 401
    web.site.refusals.close()
    [row] = store.arrival_rows()
    assert (row.connection, row.state, row.code, row.attempts) == ("product", "refused", "unsigned", 3)


def told(number: int) -> bytes:
    """Every third is told twice."""
    id = f"m-{number - 1 if number % 3 == 2 else number}"
    event = {
        "type": "track",
        "event": "é\u0000",
        "messageId": id,
        "userId": "u-1",
        "timestamp": NOON.isoformat(),
    }
    return json.dumps(event).encode()


def until_stored(store: SqlStore, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(store.arrivals(1_000, now=NOON)) < count:
        assert time.monotonic() < deadline, "they were not carried into the store"
        time.sleep(0.02)
    assert len(store.arrivals(1_000, now=NOON)) == count
