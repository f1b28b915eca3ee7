"""How many calls a connection made today, over restarts and over all processes that use it."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from connectors.contract import Tools

_SAVE_EVERY = 25
_LEASE, _LEASE_SECONDS = "counting", 10.0
_TRIES, _PAUSE = 5, 0.1


class DailyCount:
    """Counts calls per day in `zone` and keeps the count in the connection's memory. Thread-safe.

    Several processes count into one number: each adds what it made since it last saved, under a lease. Between two
    savings one does not see the other's latest calls, so a limit may be passed by some calls per process and no more.
    """

    def __init__(self, tools: Tools, zone: tzinfo = UTC) -> None:
        self._tools = tools
        self._zone = zone
        self._lock = threading.Lock()
        self._day: date | None = None
        self._made = 0  # today, by every process, as far as it is known
        self._unsaved = 0

    def made(self) -> int:
        """Today's calls so far."""
        with self._lock:
            self._turn_day()
            return self._made

    def count(self) -> int:
        """One more. Returns today's."""
        with self._lock:
            self._turn_day()
            self._made += 1
            self._unsaved += 1
            if self._unsaved >= _SAVE_EVERY:
                self._save()
            return self._made

    def save(self) -> None:
        """Remember what was counted, before the process ends."""
        with self._lock:
            for _ in range(_TRIES):
                if self._save():
                    return
                self._tools.clock.sleep(_PAUSE)

    def resets_at(self) -> datetime:
        return next_midnight(self._tools.clock.now(), self._zone)

    def _turn_day(self) -> None:
        today = self._tools.clock.now().astimezone(self._zone).date()
        if today != self._day:
            self._save()
            self._day, self._unsaved = today, 0
            self._made = self._remembered()

    def _save(self) -> bool:
        if not self._unsaved or self._day is None:
            return True
        with self._tools.memory.lease(_LEASE, _LEASE_SECONDS) as held:
            if not held:
                return False  # another process is saving: with the next calls, or when this one ends
            self._made = self._remembered() + self._unsaved
            self._tools.memory.put({self._key: str(self._made)})
            self._unsaved = 0
        return True

    def _remembered(self) -> int:
        return int(self._tools.memory.get([self._key]).get(self._key, "0"))

    @property
    def _key(self) -> str:
        return f"calls:{self._day}"


def next_midnight(now: datetime, zone: tzinfo) -> datetime:
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(UTC)
