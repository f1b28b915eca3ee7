"""Connections that refuse to send: nobody is asked through them for a while, or until their settings are corrected."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from triggers.desk import Desk

CLOSED_FOR = timedelta(minutes=15)  # a sender whose credential was refused
REFUSING = "refusing"  # the name under which the store remembers: connection → the mark of its settings


@dataclass
class Closed:
    """Connections that nobody is asked through for now: their credential or relay refuses. Kept between rounds."""

    until: dict[str, datetime] = field(default_factory=dict)
    looked: bool = False  # whether settings were compared since this process began

    def is_closed(self, connection: str, now: datetime) -> bool:
        return now < self.until.get(connection, now) <= now + CLOSED_FOR  # or a clock was wrong


def close(desk: Desk, closed: Closed, connection: str) -> datetime:
    """Until when. By which settings it refused is remembered, so that corrected ones need not wait."""
    now = desk.clock.now()
    closed.until[connection] = now + CLOSED_FOR
    desk.store.switch(REFUSING, {**_refusing(desk), connection: desk.mark_of(connection)})
    return closed.until[connection]


def go_on_where_corrected(desk: Desk, closed: Closed) -> None:
    """Once in the life of a process, since the YAML and the environment are read once: messages that wait because a
    connection refused are due now where its settings have changed."""
    if closed.looked:
        return
    closed.looked = True
    refusing = _refusing(desk)
    same = {name: mark for name, mark in refusing.items() if desk.mark_of(name) == mark}
    if same != refusing:
        desk.store.switch(REFUSING, {**same})
        again = desk.store.due_again("closed", now=desk.clock.now())
        desk.notice("settings_corrected", connections=sorted(refusing.keys() - same.keys()), messages=again)


def _refusing(desk: Desk) -> dict[str, str]:
    known = desk.store.switches().get(REFUSING)
    return {str(name): str(mark) for name, mark in known.items()} if isinstance(known, dict) else {}
