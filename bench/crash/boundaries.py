"""The points at which a process touches the world, counted, written down, and at one of them its end.

Installed around the two edges everything passes: the store's write transactions, and urllib3's connections (requests,
simple-salesforce and the HubSpot client all end there). Nothing in npsync knows of it.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import urllib3.connection

from store.database import Transaction
from store.postgres import Postgres
from store.sqlite import SQLite

_IDS = re.compile(r"/(?:750\w{12,15}|\d+)(?=/|$)")
_VERSION = re.compile(r"^/services/data/v[\d.]+")


class Boundaries:
    """Counts from any thread. While one thread dies the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came: Counter[str] = Counter()
        self._die_at: tuple[str, int] = ("", 0)
        self._log: int | None = None

    def begin(self, log: str, die_at: tuple[str, int]) -> None:
        """Start counting in this process. It dies at the boundary of that name, when it comes there for the so-manieth
        time: threads may change places from run to run, names do not. Without a name any boundary counts."""
        self._came, self._die_at = Counter(), die_at
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def reached(self, name: str, detail: str = "") -> None:
        if self._log is None:
            return
        with self._lock:
            self._came[name] += 1
            os.write(self._log, f"{self._came.total()}\t{name}\t{detail}\n".encode())
            wanted, times = self._die_at
            if times == (self._came[name] if name == wanted else self._came.total() if not wanted else 0):
                os.kill(os.getpid(), signal.SIGKILL)


BOUNDARIES = Boundaries()


def install() -> None:
    for database in (SQLite, Postgres):
        _watch_transactions(database)
    _watch_calls(urllib3.connection.HTTPConnection)


def _watch_transactions(database: Any) -> None:
    write = database.write

    @contextmanager
    def watched(self: Any, *, durable: bool = False) -> Iterator[Transaction]:
        name = _method(sys._getframe(1))
        with write(self, durable=durable) as transaction:
            yield transaction
            BOUNDARIES.reached(f"before the commit of {name}")
        BOUNDARIES.reached(f"after the commit of {name}")

    database.write = watched


def _method(frame: FrameType | None) -> str:
    """The store's method that began the transaction."""
    while frame is not None and frame.f_code.co_filename == contextlib.__file__:
        frame = frame.f_back
    return "?" if frame is None else frame.f_code.co_name


def _watch_calls(connection: Any) -> None:
    request, getresponse = connection.request, connection.getresponse

    def watched_request(self: Any, method: str, url: str, *arguments: Any, **named: Any) -> Any:
        self.npsync_call = f"{method} {_place(url)}"
        BOUNDARIES.reached(f"before {self.npsync_call}", url)
        request(self, method, url, *arguments, **named)
        BOUNDARIES.reached(f"sent {self.npsync_call}")

    def watched_getresponse(self: Any, *arguments: Any, **named: Any) -> Any:
        response = getresponse(self, *arguments, **named)
        BOUNDARIES.reached(f"answered {self.npsync_call}")
        return response

    connection.request, connection.getresponse = watched_request, watched_getresponse


def _place(url: str) -> str:
    """The path without what differs from call to call."""
    path = url.partition("?")[0]
    vendor, _, rest = path.lstrip("/").partition("/")
    rest = _VERSION.sub("", f"/{rest}")
    return f"{vendor}{_IDS.sub('/ID', rest)}"
