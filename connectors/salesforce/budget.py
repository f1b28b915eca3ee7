"""The org's daily API calls are everybody's: how many of them are ours to spend."""

from __future__ import annotations

import re
import threading

from connectors.calls import Reply
from connectors.contract import Allowance, Tools
from connectors.limits import Limiter
from connectors.salesforce.errors import first_error
from connectors.salesforce.settings import Budget

_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")
_SAVE_EVERY = 25


class CallBudget:
    """Reads `Sforce-Limit-Info` from every reply and tells the limiter what is left for us.

    The vendor's number covers the last 24 hours of all integrations. Our own `max_calls_per_day` is counted
    per UTC day and remembered, so that restarting does not start it afresh.
    """

    def __init__(self, budget: Budget, limiter: Limiter, tools: Tools) -> None:
        self._budget = budget
        self._limiter = limiter
        self._tools = tools
        self._lock = threading.Lock()
        self._day = ""
        self._spent = 0  # by us today, as far as it is known
        self._unsaved = 0
        self._org_left: int | None = None
        if budget.max_calls_per_day is not None:
            with self._lock:
                self._start_day()
                self._tell()

    def learn(self, reply: Reply) -> None:
        """One call was answered."""
        with self._lock:
            self._count()
            if found := _USAGE.search(reply.headers.get("sforce-limit-info", "")):
                used, total = int(found[1]), int(found[2])
                self._org_left = int(total * (1 - self._budget.keep_for_others)) - used
            if reply.status == 403 and _is_spent(reply):
                self._org_left = 0
            self._tell()

    def allowance(self) -> Allowance | None:
        """What is left of today's calls; None while nothing limits them."""
        left = self._limiter.left
        return None if left is None else Allowance(left)

    def save(self) -> None:
        """Remember what was counted."""
        with self._lock:
            self._save()

    def _count(self) -> None:
        if self._budget.max_calls_per_day is None:
            return
        if self._day != self._today():
            self._save()
            self._start_day()
        self._spent += 1
        self._unsaved += 1
        if self._unsaved >= _SAVE_EVERY:
            self._save()

    def _tell(self) -> None:
        left = [self._org_left] if self._org_left is not None else []
        if self._budget.max_calls_per_day is not None:
            left.append(self._budget.max_calls_per_day - self._spent)
        if left:
            self._limiter.allow(min(left))

    def _today(self) -> str:
        return f"calls:{self._tools.clock.now():%Y-%m-%d}"

    def _start_day(self) -> None:
        self._day = self._today()
        self._spent = self._remembered()

    def _save(self) -> None:
        if self._unsaved:
            # Added to what is there: another process of the same connection may have counted too.
            self._spent = self._remembered() + self._unsaved
            self._tools.memory.put({self._day: str(self._spent)})
            self._unsaved = 0

    def _remembered(self) -> int:
        return int(self._tools.memory.get([self._day]).get(self._day, "0"))


def _is_spent(reply: Reply) -> bool:
    code, message, _ = first_error(reply.body)
    return code == "REQUEST_LIMIT_EXCEEDED" and "concurrent" not in message.lower()
