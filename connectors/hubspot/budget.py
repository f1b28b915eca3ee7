"""How many calls are left today, from HubSpot's headers and from what the YAML allows."""

from __future__ import annotations

import threading
from datetime import datetime, tzinfo

from connectors.contract import Allowance, Tools
from connectors.daily import DailyCount, next_midnight
from connectors.hubspot.settings import HubSpotSettings
from connectors.limits import Limiter
from connectors.replies import Reply


def paced(limit: int) -> int:
    """How many of the calls HubSpot allows in a window are made. It counts arrivals, we departures: what is still
    under way at a window's edge, a call per thread, counts in the next one, and a 429 would cost all ten seconds."""
    return limit - limit // 25


class DailyCalls:
    """Reads each reply's limits into the limiter and keeps the count of our own calls over restarts.

    HubSpot's day ends at midnight in the account's time zone; `zone` is taken for it.
    """

    def __init__(self, settings: HubSpotSettings, limiter: Limiter, tools: Tools, zone: tzinfo) -> None:
        self._budget = settings.budget
        self._window = paced(settings.limits.per_10_seconds)
        self._first = True
        self._limiter = limiter
        self._tools = tools
        self._zone = zone
        self._lock = threading.Lock()
        self._ours = DailyCount(tools, zone) if settings.budget.max_calls_per_day is not None else None
        self._account: tuple[int, int, datetime] | None = None  # used, limit, when it is counted anew

    def start(self) -> None:
        """Take up today's count, so that a budget spent by an earlier run is spent."""
        self._tell(self._ours.made() if self._ours is not None else 0)

    def learn(self, reply: Reply) -> None:
        most = _whole(reply.headers.get("x-hubspot-ratelimit-max"))
        interval = _whole(reply.headers.get("x-hubspot-ratelimit-interval-milliseconds"))
        if most and interval:
            self._limiter.tighten(paced(most), interval / 1000)
            self._count_others(reply, most, interval / 1000)
        daily = _whole(reply.headers.get("x-hubspot-ratelimit-daily"))
        remaining = _whole(reply.headers.get("x-hubspot-ratelimit-daily-remaining"))
        made = self._ours.count() if self._ours is not None else 0
        with self._lock:
            if daily is not None and remaining is not None:
                self._account = daily - remaining, daily, next_midnight(self._tools.clock.now(), self._zone)
            elif self._account is not None:  # a search counts as well, and its answer does not tell
                used, limit, until = self._account
                self._account = used + 1, limit, until
            self._tell(made)

    def allowance(self) -> Allowance | None:
        """What is left of today's calls; None while nothing limits them. Both counts begin anew at midnight."""
        left = self._limiter.left
        if left is None:
            return None
        midnight = next_midnight(self._tools.clock.now(), self._zone)
        if self._account is None:
            return Allowance(left, resets_at=midnight)
        used, limit, _ = self._account
        return Allowance(left, used, limit, self._kept(limit), midnight)

    def save(self) -> None:
        """Keep the count for the next run."""
        if self._ours is not None:
            self._ours.save()

    def _count_others(self, reply: Reply, most: int, seconds: float) -> None:
        """The run before this one, or somebody else with this token, may just have used the window: what the first
        answer says is gone, and nobody here has counted, is counted as ours, so that HubSpot need not refuse a call to
        tell us."""
        with self._lock:
            first, self._first = self._first, False
        remaining = _whole(reply.headers.get("x-hubspot-ratelimit-remaining"))
        if not first or remaining is None:
            return
        self._limiter.count_elsewhere(min(paced(most), self._window) - remaining, seconds)

    def _tell(self, made: int) -> None:
        midnight = next_midnight(self._tools.clock.now(), self._zone)
        account, most = self._left_by_account(), self._budget.max_calls_per_day
        if account is not None:
            self._limiter.allow(account, until=midnight)
        if most is not None:
            self._limiter.ration(most - made, most, until=midnight)

    def _left_by_account(self) -> int | None:
        """From the last reply that told; searches do not, and yesterday's says nothing about today."""
        if self._account is None or self._tools.clock.now() >= self._account[2]:
            return None
        used, limit, _ = self._account
        return limit - used - self._kept(limit)

    def _kept(self, limit: int) -> int:
        return int(limit * self._budget.keep_for_others) if self._budget.keep_for_others is not None else 0


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None
