"""The org's daily API calls are everybody's: how many of them are ours to spend."""

from __future__ import annotations

import re
import threading

from connectors.contract import Allowance, Tools
from connectors.daily import DailyCount
from connectors.limits import Limiter
from connectors.replies import Reply
from connectors.salesforce.errors import first_error
from connectors.salesforce.settings import Budget

_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")


class CallBudget:
    """Reads `Sforce-Limit-Info` from every reply and tells the limiter what is left for us.

    The vendor's number covers the last 24 hours of all integrations. Our own `max_calls_per_day` is counted
    per UTC day and remembered, so that restarting does not start it afresh.
    """

    def __init__(self, budget: Budget, limiter: Limiter, tools: Tools) -> None:
        self._budget = budget
        self._limiter = limiter
        self._lock = threading.Lock()
        self._ours = DailyCount(tools) if budget.max_calls_per_day is not None else None
        self._org: tuple[int, int] | None = None  # used, limit
        self._refused = False  # the org said that nothing is left, whatever its numbers
        if self._ours is not None:
            self._tell(self._ours.made())

    def learn(self, reply: Reply) -> None:
        """One call was answered."""
        made = self._ours.count() if self._ours is not None else 0
        found = _USAGE.search(reply.headers.get("sforce-limit-info", ""))
        spent = reply.status == 403 and _is_spent(reply)
        with self._lock:
            if found:
                self._org, self._refused = (int(found[1]), int(found[2])), False
            elif self._org is not None:
                self._org = self._org[0] + 1, self._org[1]
            self._refused = self._refused or spent
            self._tell(made)

    def allowance(self) -> Allowance | None:
        """What is left of today's calls; None while nothing limits them."""
        left = self._limiter.left
        if left is None:
            return None
        used, limit = self._org or (None, None)
        kept = self._kept(limit) if limit is not None else 0
        # The org's calls of the last 24 hours come free one by one; our own are counted by the day.
        ours, org = self._our_left(), self._org_left()
        binding = self._ours if ours is not None and (org is None or ours <= org) else None
        return Allowance(left, used, limit, kept, binding.resets_at() if binding is not None else None)

    def save(self) -> None:
        """Remember what was counted."""
        if self._ours is not None:
            self._ours.save()

    def _tell(self, made: int) -> None:
        org, ours, most = self._org_left(), self._our_left(made), self._budget.max_calls_per_day
        if org is not None:
            self._limiter.allow(org)
        if ours is not None and most is not None and self._ours is not None:
            self._limiter.ration(ours, most, until=self._ours.resets_at())

    def _kept(self, limit: int) -> int:
        return limit - int(limit * (1 - self._budget.keep_for_others))

    def _org_left(self) -> int | None:
        if self._refused:
            return 0
        if self._org is None:
            return None
        used, limit = self._org
        return limit - self._kept(limit) - used

    def _our_left(self, made: int | None = None) -> int | None:
        most = self._budget.max_calls_per_day
        if self._ours is None or most is None:
            return None
        return most - (self._ours.made() if made is None else made)


def _is_spent(reply: Reply) -> bool:
    code, message, _ = first_error(reply.body)
    return code == "REQUEST_LIMIT_EXCEEDED" and "concurrent" not in message.lower()
