"""The calls npsync may make to a master in a day, where the YAML says so."""

from __future__ import annotations

from connectors.contract import Allowance, Tools
from connectors.daily import DailyCount
from connectors.limits import Limiter
from connectors.replies import Reply


class OwnBudget:
    """Counted per UTC day, over restarts and over all processes. Thread-safe."""

    def __init__(self, most: int | None, limiter: Limiter, tools: Tools) -> None:
        self._most = most
        self._limiter = limiter
        self._count = DailyCount(tools) if most is not None else None
        self._answered = False
        if self._count is not None:
            self._tell(self._count.made())

    def learn(self, reply: Reply) -> None:
        """One call was answered."""
        self._answered = True
        if self._count is not None:
            self._tell(self._count.count())

    def allowance(self) -> Allowance | None:
        if self._most is None or self._count is None or not self._answered:
            return None
        used = self._count.made()
        return Allowance(max(self._most - used, 0), used, self._most, resets_at=self._count.resets_at())

    def save(self) -> None:
        if self._count is not None:
            self._count.save()

    def _tell(self, made: int) -> None:
        if self._most is not None and self._count is not None:
            self._limiter.ration(self._most - made, self._most, until=self._count.resets_at())
