"""A process that lasts does not keep what its threads needed for a moment."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
import structlog
from builders_config import config_of, yaml

from nps.errors import UnavailableError
from npsync.clockwork.freeing import free_memory
from npsync.clockwork.hands import Task, Threads
from npsync.web.__main__ import _serve, end_with
from store import open_store

if TYPE_CHECKING:
    import uvicorn

    from store.api import Store

ALLOCATES = """
import threading
from npsync.clockwork.freeing import share_one_heap
from heaps import side_heaps
{first}
ready = threading.Barrier(5)
def work():
    kept = [bytearray(5000) for _ in range(20)]
    ready.wait()
    ready.wait()
for _ in range(4):
    threading.Thread(target=work).start()
ready.wait()
print(side_heaps("self"))
ready.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heaps, as Linux tells of them")
@pytest.mark.parametrize(("first", "many"), [("share_one_heap()", False), ("", True)])
def test_the_threads_of_a_process_that_lasts_share_one_heap(first: str, many: bool):
    code = ALLOCATES.format(first=first)
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (int(ended.stdout) > 0) is many


def test_the_web_gives_back_now_and_then_until_serve_is_gone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    ours, of_serve = os.pipe()
    server, gave_back = SimpleNamespace(should_exit=False), threading.Semaphore(0)
    crashed = end_with(cast("uvicorn.Server", server), ours, meanwhile=gave_back.release, every=0.01)
    for _ in range(2):
        assert gave_back.acquire(timeout=60)
    assert not server.should_exit
    os.close(of_serve)
    for thread in threading.enumerate():
        if thread.name == "npsync-alive":
            thread.join(60)
    assert server.should_exit
    assert not crashed.is_set()
    os.close(ours)


def test_a_task_that_leaves_something_to_give_back_leaves_its_connections_free_all_the_same():
    def away() -> None:
        raise RuntimeError("the store is away")

    threads, done = Threads(afterwards=away), []
    with structlog.testing.capture_logs() as told:
        for place in "ab":
            threads.add(Task(place, frozenset({"crm"}), partial(done.append, place)))
        assert threads.idle(60)
        threads.wait()
    assert done == ["a", "b"]
    assert [line["event"] for line in told] == ["run_crashed", "run_crashed"]


def test_a_store_that_cannot_rest_now_is_told_of_and_no_trouble():
    class Away:
        def rest(self) -> None:
            raise UnavailableError("the disk is gone")

    with structlog.testing.capture_logs() as told:
        free_memory(cast("Store", Away()))
    assert [(line["event"], line["problem"]) for line in told] == [("not_at_rest", "the disk is gone")]


def test_the_web_looks_for_circles_only_among_what_came_since_it_was_built(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kept: list[int] = []
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: kept.append(gc.get_freeze_count()))
    monkeypatch.setattr("signal.signal", lambda number, handler: None)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    ours, of_serve = os.pipe()
    before = gc.get_freeze_count()
    with closing(open_store(sqlite_url)) as store, socket.create_server(("127.0.0.1", 0)) as listening:
        _serve(config_of(yaml(), tmp_path), store, listening, ours)
    os.close(of_serve)
    for thread in threading.enumerate():
        if thread.name == "npsync-alive":
            thread.join(60)
    os.close(ours)
    assert kept[0] > before
