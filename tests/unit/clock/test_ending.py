"""`npsync serve` ends within bounds: what waits is handed back, what is at work gets its time, and no more."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from npsync.clockwork import readiness
from npsync.clockwork.hands import Task, Threads
from npsync.serve import ended


@pytest.fixture
def go_on() -> Iterator[threading.Event]:
    go_on = threading.Event()
    yield go_on
    go_on.set()


class Begun:
    """A task of `place` that works until it may go on."""

    def __init__(self, threads: Threads, place: str, go_on: threading.Event, *connections: str) -> None:
        self.began, self.handed_back = threading.Event(), threading.Event()

        def do() -> None:
            self.began.set()
            assert go_on.wait(60)

        threads.add(Task(place, frozenset(connections), do, self.handed_back.set))


def test_what_is_at_work_ends_and_what_waits_is_handed_back(go_on: threading.Event):
    threads = Threads()
    at_work = Begun(threads, "a", go_on, "crm")
    waiting = Begun(threads, "b", go_on, "crm")
    assert at_work.began.wait(60)
    threading.Timer(0.1, go_on.set).start()
    with structlog.testing.capture_logs() as told:
        assert ended([threads], threading.Event())
    assert [(line["event"], line.get("places")) for line in told] == [
        ("waiting_for", ["a"]),
        ("stopped", None),
    ]
    assert waiting.handed_back.is_set()
    assert not waiting.began.is_set()
    assert not at_work.handed_back.is_set()


def test_a_second_signal_waits_for_nobody(go_on: threading.Event):
    threads, hurry = Threads(), threading.Event()
    stuck = Begun(threads, "a", go_on, "crm")
    assert stuck.began.wait(60)
    hurry.set()
    with structlog.testing.capture_logs() as told:
        assert not ended([threads], hurry)
    assert [(line["event"], line["places"]) for line in told] == [("left_under_way", ["a"])]


def test_what_comes_after_the_stop_is_handed_back_at_once(go_on: threading.Event):
    threads = Threads()
    threads.stop()
    assert Begun(threads, "a", go_on).handed_back.is_set()


def test_a_task_waits_without_keeping_others_of_free_connections_waiting(go_on: threading.Event):
    threads = Threads(at_once=2)
    first = Begun(threads, "a", go_on, "crm")
    queued = [Begun(threads, place, go_on, "crm", "mail") for place in "bcd"]
    behind = Begun(threads, "e", go_on, "mail")
    free = Begun(threads, "f", go_on, "hub")
    assert first.began.wait(60)
    assert free.began.wait(60)
    assert not behind.began.is_set()  # else those before it might never get both of theirs
    assert threads.is_busy("c")
    go_on.set()
    assert threads.idle(60)
    assert all(one.began.is_set() for one in (*queued, behind))
    threads.wait()


# ------------------------------------------------------------ what systemd is told


def test_whoever_started_it_is_told_that_it_is_ready(tmp_path: Path):
    place = os.path.relpath(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(place)
        systemd.settimeout(10)
        assert readiness.tell(readiness.READY, {"NOTIFY_SOCKET": os.path.abspath(place)})
        assert systemd.recv(100) == b"READY=1"
        assert readiness.tell(readiness.reloading(), {"NOTIFY_SOCKET": os.path.abspath(place)})
        assert systemd.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")


@pytest.mark.parametrize("where", ["", "vsock:2:1", "/nowhere/at/all"])
def test_where_nobody_listens_it_goes_on_all_the_same(where: str):
    assert not readiness.tell(readiness.READY, {"NOTIFY_SOCKET": where})
