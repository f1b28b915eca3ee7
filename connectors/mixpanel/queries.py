"""How many exports were asked for in the last hour, over restarts: 60 are allowed to the whole project."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import orjson

from connectors.contract import Tools
from nps.errors import BudgetError

MOST, WINDOW = 60, timedelta(hours=1)
REST = timedelta(minutes=10)  # after Mixpanel said that there were too many: others ask, too
_MADE, _REST = "queries", "queries/rest"


class Queries:
    """Counts in the connection's memory. One process polls at a time; what others ask besides, Mixpanel's 429 tells."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._lock = threading.Lock()

    def spend(self) -> None:
        """One more is about to leave. Raises BudgetError when it may not."""
        with self._lock:
            now = self._tools.clock.now()
            known = self._tools.memory.get([_MADE, _REST])
            if (until := _moment(float(known.get(_REST, "0")))) > now:
                raise self._spent(until)
            begin = (now - WINDOW).timestamp()
            made = [at for at in orjson.loads(known.get(_MADE, "[]")) if at > begin]
            if len(made) >= MOST:
                raise self._spent(_moment(made[0]) + WINDOW)
            self._tools.memory.put({_MADE: orjson.dumps([*made, now.timestamp()]).decode()})

    def refused(self) -> None:
        """Mixpanel says there were too many."""
        until = self._tools.clock.now() + REST
        self._tools.memory.put({_REST: str(until.timestamp())})

    def _spent(self, until: datetime) -> BudgetError:
        return BudgetError(
            f"{self._tools.connection}: the project's {MOST} exports an hour are spent; "
            f"npsync goes on after {until:%H:%M} UTC. Where other tools export, too, say a longer `every`"
        )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
