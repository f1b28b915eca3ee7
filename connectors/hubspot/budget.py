"""How many calls are left today, from HubSpot's headers and from what the YAML allows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date

from connectors.calls import Reply
from connectors.contract import Allowance, Tools
from connectors.hubspot.settings import HubSpotSettings
from connectors.limits import Limiter

_SAVED_EVERY = 50


def paced(limit: int) -> int:
    """How many of the calls HubSpot allows in a window are made. It counts arrivals, we departures: what is still
    under way at a window's edge, a call per thread, counts in the next one, and a 429 would cost all ten seconds."""
    return limit - limit // 25


class DailyCalls:
    """Reads each reply's limits into the limiter and keeps the count of our own calls over restarts.

    `today` is the date in the account's time zone: HubSpot's day ends there.
    """

    def __init__(
        self, settings: HubSpotSettings, limiter: Limiter, tools: Tools, today: Callable[[], date]
    ) -> None:
        self._budget = settings.budget
        self._window = paced(settings.limits.per_10_seconds)
        self._first = True
        self._limiter = limiter
        self._tools = tools
        self._today = today
        self._lock = threading.Lock()
        self._day: date | None = None
        self._made = 0

    def start(self) -> None:
        """Take up today's count, so that a budget spent by an earlier run is spent."""
        if self._budget.max_calls_per_day is not None:
            with self._lock:
                self._take_up(self._today())
            self._limiter.allow(self._budget.max_calls_per_day - self._made)

    def learn(self, reply: Reply) -> None:
        most = _whole(reply.headers.get("x-hubspot-ratelimit-max"))
        interval = _whole(reply.headers.get("x-hubspot-ratelimit-interval-milliseconds"))
        if most and interval:
            self._limiter.tighten(paced(most), interval / 1000)
            self._count_others(reply, most)
        left = [calls for calls in (self._left_by_account(reply), self._left_by_us()) if calls is not None]
        if left:
            self._limiter.allow(min(left))

    def allowance(self) -> Allowance | None:
        """What is left of today's calls; None while nothing limits them."""
        left = self._limiter.left
        return None if left is None else Allowance(left)

    def save(self) -> None:
        """Keep the count for the next run."""
        with self._lock:
            self._save()

    def _count_others(self, reply: Reply, most: int) -> None:
        """The run before this one, or another process with this token, may just have used the window: what the
        first answer says is gone is counted as ours, so that HubSpot need not refuse a call to tell us."""
        with self._lock:
            first, self._first = self._first, False
        remaining = _whole(reply.headers.get("x-hubspot-ratelimit-remaining"))
        if not first or remaining is None:
            return
        used = min(paced(most), self._window) - 1 - remaining
        if used > 0:
            self._limiter.acquire(cost=used)

    def _left_by_account(self, reply: Reply) -> int | None:
        daily = _whole(reply.headers.get("x-hubspot-ratelimit-daily"))
        left = _whole(reply.headers.get("x-hubspot-ratelimit-daily-remaining"))
        if daily is None or left is None:
            return None
        kept = self._budget.keep_for_others
        return left - int(daily * kept) if kept is not None else left

    def _left_by_us(self) -> int | None:
        if self._budget.max_calls_per_day is None:
            return None
        with self._lock:
            self._take_up(self._today())
            self._made += 1
            if self._made % _SAVED_EVERY == 0:
                self._save()
            return self._budget.max_calls_per_day - self._made

    def _take_up(self, today: date) -> None:
        if today == self._day:
            return
        key = _key(today)
        self._day, self._made = today, int(self._tools.memory.get([key]).get(key, "0"))

    def _save(self) -> None:
        if self._day is not None:
            self._tools.memory.put({_key(self._day): str(self._made)})


def _key(day: date) -> str:
    return f"calls:{day.isoformat()}"


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None
