"""Reads what came back by mail: a file, a Maildir, an mbox, or standard input."""

from __future__ import annotations

import mailbox
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from connectors.contract import Clock
from connectors.mail import reports
from nps.errors import ConfigError
from npsync.config import Config
from store.api import Store

STDIN = "-"


@dataclass(frozen=True)
class Read:
    """How many mails were read, how many told something of a mail of ours, and how many of those are news."""

    mails: int
    told: int
    new: int


def read(config: Config, store: Store, connection: str, places: Iterable[str], clock: Clock) -> Read:
    """Store what these mails tell; `serve` (or the next `run`) acts on it. Reading them again changes nothing."""
    _a_mail_connection(config, connection)
    mails = told = new = 0
    for raw in _mails(places):
        now = clock.now()
        found = [msgspec.structs.replace(one, connection=connection) for one in reports.signals(raw, now)]
        mails += 1
        told += bool(found)
        new += store.receive(found, now=now) if found else 0
    return Read(mails, told, new)


def _a_mail_connection(config: Config, name: str) -> None:
    connection = config.connections.get(name)
    if connection is None or connection.type != "mail":
        known = ", ".join(each.name for each in config.connections.values() if each.type == "mail")
        raise ConfigError(f'"{name}" is no connection of type mail; {known or "there is none in this file"}')


def _mails(places: Iterable[str]) -> Iterator[bytes]:
    for place in places:
        if place == STDIN:
            yield sys.stdin.buffer.read(reports.LARGEST)
            continue
        path = Path(place)
        if not path.exists():
            raise ConfigError(f"there is no file or folder {place}")
        yield from _of_folder(path) if path.is_dir() else _of_file(path)


def _of_folder(path: Path) -> Iterator[bytes]:
    """A Maildir as mail servers and fetchers write it; any other folder is one of mails."""
    folders = [path / "new", path / "cur"] if (path / "new").is_dir() else [path]
    for folder in folders:
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if file.is_file() and not file.name.startswith("."):
                yield _whole(file)


def _of_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        is_mbox = file.read(5) == b"From "
    if not is_mbox:
        yield _whole(path)
        return
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            yield box.get_bytes(key)
    finally:
        box.close()


def _whole(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(reports.LARGEST)
