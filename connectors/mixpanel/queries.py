"""How many exports, or looks at profiles, were made in the last hour, over restarts: 60 of each are the project's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import orjson

from connectors.contract import Tools
from nps.errors import BudgetError

MOST, WINDOW = 60, timedelta(hours=1)
REST = timedelta(minutes=10)  # after Mixpanel said that there were too many: others ask, too


class Queries:
    """Counts in the connection's memory. One process polls at a time; what others ask besides, Mixpanel's 429 tells."""

    def __init__(self, tools: Tools, *, key: str = "queries", what: str = "exports") -> None:
        self._tools, self._what = tools, what
        self._made, self._rest = key, f"{key}/rest"
        self._lock = threading.Lock()

    def spend(self) -> None:
        """One more is about to leave. Raises BudgetError when it may not."""
        with self._lock:
            now = self._tools.clock.now()
            known = self._tools.memory.get([self._made, self._rest])
            if (until := _moment(float(known.get(self._rest, "0")))) > now:
                raise self._spent(until)
            begin = (now - WINDOW).timestamp()
            made = [at for at in orjson.loads(known.get(self._made, "[]")) if at > begin]
            if len(made) >= MOST:
                raise self._spent(_moment(made[0]) + WINDOW)
            self._tools.memory.put({self._made: orjson.dumps([*made, now.timestamp()]).decode()})

    def refused(self) -> None:
        """Mixpanel says there were too many."""
        until = self._tools.clock.now() + REST
        self._tools.memory.put({self._rest: str(until.timestamp())})

    def _spent(self, until: datetime) -> BudgetError:
        return BudgetError(
            f"{self._tools.connection}: the project's {MOST} {self._what} an hour are spent; "
            f"npsync goes on after {until:%H:%M} UTC. Where other tools ask, too, say a longer `every`"
        )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
