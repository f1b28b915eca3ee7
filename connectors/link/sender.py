"""Hands the survey's link on: another tool, or a person, sends it."""

from __future__ import annotations

import csv
import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import orjson

from connectors.contract import Clock, Grant, Needs, Tools, Verdict
from connectors.handing import handed_over, sending_policy
from connectors.http import Http
from connectors.link.rows import csv_line, json_line, row
from connectors.link.settings import LinkSettings
from connectors.replies import FINE, Reply, Retry, Ruling, Stop, judge, retry_after
from nps.errors import AccessError, ConfigError
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown, Message, SendOutcome

_LONGEST_LINE = 64 * 1024


class Listed:
    """Nothing leaves: whoever sends looks it up (`npsync invitations --links`)."""

    def send(self, message: Message) -> SendOutcome:
        return Accepted()

    def find(self, message: Message) -> SendOutcome | None:
        return Accepted()

    def access(self, needs: Needs) -> list[Grant]:
        return []

    def close(self) -> None:
        """Nothing is open."""


class _NotOnDisk(Exception):
    """A whole line was written, the other tool may have read it, and the disk did not take it."""


class LinkFile:
    """One line per invitation, on disk before it counts as handed on. Several processes may write one file."""

    def __init__(self, settings: LinkSettings, tools: Tools, path: Path) -> None:
        self._settings = settings
        self._tools = tools
        self._path = path
        self._lock = threading.Lock()

    def send(self, message: Message) -> SendOutcome:
        values = row(message, self._settings.columns, self._tools.clock.now())
        line = json_line(values) if self._is_json else csv_line(list(values.values()))
        with self._lock:
            try:
                self._append(line)
            except _NotOnDisk as error:
                return FateUnknown(f"the line may not last on disk: {error}")
            except OSError as error:
                return FailedRetryable(
                    "not_written", f"the file of links cannot be written: {error.strerror}"
                )
        return Accepted(f"{message.invitation}/{message.step}")

    def find(self, message: Message) -> SendOutcome | None:
        """A line that is there as a whole was handed on. Of any other nobody can tell: the other tool may have taken
        the file away, and this be a new one."""
        wanted = (message.invitation, str(message.step))
        try:
            there = any(each == wanted for each in self._written())
        except OSError:
            return None
        return Accepted(f"{message.invitation}/{message.step}") if there else None

    def access(self, needs: Needs) -> list[Grant]:
        folder = self._path.parent
        if not folder.is_dir():
            raise ConfigError(
                f"{self._tools.connection}: there is no folder {folder}; make it, or change `file`"
            )
        target = self._path if self._path.exists() else folder
        if not os.access(target, os.W_OK):
            raise AccessError(f"{self._tools.connection}: {target} cannot be written by this user")
        return [Grant(f"write {self._path.name}", "links for the other tool", Verdict.OK)]

    def close(self) -> None:
        """Opened for each line: the other tool may take the file away in between."""

    @property
    def _is_json(self) -> bool:
        return self._path.suffix.lower() in (".jsonl", ".ndjson")

    def _append(self, line: bytes) -> None:
        # Names and addresses: for this user alone.
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            size = self._whole(handle)
            if size == 0 and not self._is_json:
                line = csv_line(self._settings.columns) + line
            written = os.write(handle, line)
            if written < len(line):
                os.ftruncate(handle, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                os.fsync(handle)
            except OSError as error:
                raise _NotOnDisk(error.strerror) from None
        finally:
            os.close(handle)

    def _whole(self, handle: int) -> int:
        """The file's size, once half a line at its end is gone: whoever began it died, for they held the lock."""
        size = os.fstat(handle).st_size
        end = os.pread(handle, min(size, _LONGEST_LINE), max(size - _LONGEST_LINE, 0))
        if not end or end.endswith(b"\n"):
            return size
        size -= len(end) - (end.rfind(b"\n") + 1)
        os.ftruncate(handle, size)
        return size

    def _written(self) -> Iterator[tuple[str, str]]:
        columns = list[str]()
        with self._path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                if not line.endswith("\n"):
                    return
                if self._is_json:
                    yield from _named(line)
                    continue
                [cells] = csv.reader([line])
                columns = columns or cells
                values = dict(zip(columns, cells, strict=False))
                yield values.get("invitation", ""), values.get("step", "")


class LinkPost:
    """One JSON POST per invitation. The address may drop a repetition by the header Idempotency-Key."""

    def __init__(self, settings: LinkSettings, tools: Tools, url: str) -> None:
        self._settings = settings
        self._tools = tools
        parts = urlsplit(url)
        headers = {}
        if settings.secret is not None:
            headers[settings.header] = settings.secret.get_secret_value()
        policy = sending_policy(
            tools, lambda reply: _judge(reply, tools.clock), per_minute=settings.per_minute
        )
        self._path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        base = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
        self._http = Http(
            base, policy, allow_http=settings.allow_http, headers=headers, timeouts=(10.0, 30.0)
        )

    def send(self, message: Message) -> SendOutcome:
        values = row(message, self._settings.columns, self._tools.clock.now())
        key = f"{message.invitation}/{message.step}"

        def hand() -> SendOutcome:
            reply = self._http.request(
                "POST", self._path, json=dict(values), headers={"Idempotency-Key": key}, what="hand a link on"
            )
            if reply.status < 300:
                return Accepted(key)
            return FailedPermanent(str(reply.status), f"the address refused the link (status {reply.status})")

        return handed_over(hand)

    def find(self, message: Message) -> SendOutcome | None:
        return None

    def access(self, needs: Needs) -> list[Grant]:
        """Anything but a link handed on would be a call nobody asked for."""
        return [
            Grant("POST to url", "links for the other tool", Verdict.UNTESTED, "only a real link would tell")
        ]

    def close(self) -> None:
        self._http.close()


def _named(line: str) -> Iterator[tuple[str, str]]:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        return
    if isinstance(values, dict):
        yield str(values.get("invitation")), str(values.get("step"))


def _judge(reply: Reply, clock: Clock) -> Ruling:
    match reply.status:
        case 401 | 403:
            return Stop(AccessError, f"the address refuses us ({reply.status}); check secret and header")
        case 404 | 405 | 410:
            return Stop(ConfigError, f"nobody takes links at this url ({reply.status})")
        case status if 300 <= status < 400:
            return Stop(ConfigError, f"status {status}, a redirect; give the address it leads to")
        case 429:
            return Retry("status 429", after=retry_after(reply, clock))
        case status if status < 300:
            return FINE
        case _:
            return judge(reply, clock)
