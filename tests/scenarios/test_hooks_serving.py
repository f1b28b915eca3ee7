"""`npsync serve` as the door for events: what got a 2xx is in the store, whoever dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cli_process import Npsync, stop
from heaps import side_heaps
from serving_process import PATIENCE, Serving, serving, until

from bench.sender import SECRET, Sender, event, request

CONFIG: dict[str, Any] = {
    "public_url": "http://127.0.0.1:8642",
    "store": "sqlite:///npsync.db",
    "connections": {"product": {"type": "webhook", "preset": "segment", "auth": {"secret": "${SECRET}"}}},
}


@pytest.fixture
def npsync(tmp_path: Path) -> Npsync:
    npsync = Npsync(tmp_path, {"SECRET": SECRET})
    npsync.configured(CONFIG)
    npsync("db", "upgrade")
    return npsync


def test_an_event_is_answered_once_stored_and_stored_once(npsync: Npsync):
    with serving(npsync) as serve:
        assert [post(serve, "e1"), post(serve, "e2"), post(serve, "e1")] == [200, 200, 200]
        until(lambda: stored(npsync) == ["e1", "e2"])
        assert post(serve, "e3", signed=False) == 401
        until(lambda: refused(npsync) == [("product", "unsigned", 1)])
        assert stop(serve.process).code == 0
    assert stored(npsync) == ["e1", "e2"]


def test_everything_that_got_a_2xx_survives_a_kill_under_load(npsync: Npsync):
    acknowledged: list[str] = []
    for turn in range(2):
        with serving(npsync) as serve:
            acknowledged += killed_under_load(serve, named=f"t{turn}-", after=60)
    assert len(acknowledged) >= 120
    with serving(npsync) as serve:
        until(lambda: set(acknowledged) <= set(stored(npsync)))
        assert stop(serve.process).code == 0
    assert len(stored(npsync)) == len(set(stored(npsync)))


def test_when_the_web_alone_dies_it_is_started_again_and_the_clock_goes_on(npsync: Npsync):
    with serving(npsync) as serve:
        assert post(serve, "before") == 200
        os.kill(serve.web[-1], signal.SIGKILL)
        # Nobody is refused: the socket is serve's, and whoever comes now waits in its queue.
        assert post(serve, "after") == 200
        assert len(serve.web) == 2
        assert serve.process.poll() is None
        until(lambda: stored(npsync) == ["after", "before"])
        # Both last for months, and their threads share one heap: holes in many would look like a leak.
        assert [side_heaps(pid) for pid in (serve.process.pid, serve.web[-1])] == [0, 0]


def test_the_web_goes_by_the_file_that_serve_took_whatever_stands_there_now(npsync: Npsync):
    with serving(npsync) as serve:
        (npsync.folder / "npsync.yaml").write_text("connections: [")
        os.kill(serve.web[-1], signal.SIGKILL)
        assert post(serve, "e1") == 200
        assert post(serve, "e2", to="app") == 404
        npsync.configured(
            CONFIG | {"connections": {**CONFIG["connections"], "app": CONFIG["connections"]["product"]}}
        )
        serve.process.send_signal(signal.SIGHUP)
        until(lambda: len(serve.web) == 3)
        assert post(serve, "e2", to="app") == 200
        assert serve.told("web_failed") == []


def test_what_a_web_left_behind_is_taken_over_even_by_a_serve_without_one(npsync: Npsync):
    with serving(npsync) as serve, sqlite3.connect(npsync.folder / "npsync.db", timeout=30) as held:
        held.execute("BEGIN IMMEDIATE")  # the store is busy, as it is while a sync writes
        assert post(serve, "e1") == 200
        serve.kill()
        held.rollback()
    assert stored(npsync) == []
    with serving(npsync, "--no-web") as quiet:
        assert stored(npsync) == ["e1"]
        assert quiet.told("web_started") == []


def test_a_port_that_is_taken_is_said_at_once(npsync: Npsync):
    with serving(npsync) as serve:
        told = npsync("serve", "--listen", f"127.0.0.1:{serve.port}", exits=2).err
        assert f"--listen 127.0.0.1:{serve.port}: another program listens there already" in told
    for wrong in ("8642", "localhost:", "127.0.0.1:99999", ":8642"):
        assert "write HOST:PORT" in npsync("serve", "--listen", wrong, exits=2).err
    assert "contradict" in npsync("serve", "--listen", "127.0.0.1:0", "--no-web", exits=2).err


# ---------------------------------------------------------------- npsync serve


def post(serve: Serving, id: str, *, signed: bool = True, to: str = "product") -> int:
    body = event(id)
    head = request("x", f"/hooks/{to}", body).split(b"\r\n")
    signature = next(line for line in head if line.startswith(b"X-Signature")).split()[1].decode()
    asked = urllib.request.Request(f"http://127.0.0.1:{serve.port}/hooks/{to}", data=body)
    asked.add_header("X-Signature", signature if signed else "0" * 40)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as replied:
            return int(replied.status)
    except urllib.error.HTTPError as error:
        return error.code


def killed_under_load(serve: Serving, *, named: str, after: int) -> list[str]:
    """The ids that got a 2xx before everything was killed."""

    async def load() -> list[str]:
        sender = Sender("127.0.0.1", serve.port, "/hooks/product", named=named)
        sending = asyncio.create_task(sender.send(rate=400, seconds=60))
        while len(sender.sent.acknowledged) < after:
            assert not sending.done()
            await asyncio.sleep(0.005)
        serve.kill()
        sender.stop()
        return (await sending).acknowledged

    return asyncio.run(load())


def stored(npsync: Npsync) -> list[str]:
    return sorted(
        key.rpartition("/")[2] for (key,) in rows(npsync, "SELECT key FROM arrival WHERE state <> 'refused'")
    )


def refused(npsync: Npsync) -> list[tuple[Any, ...]]:
    return rows(npsync, "SELECT connection, code, attempts FROM arrival WHERE state = 'refused'")


def rows(npsync: Npsync, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(npsync.folder / "npsync.db", timeout=30)) as store:
        return store.execute(sql).fetchall()
