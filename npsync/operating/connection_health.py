"""How each connection's calls went last: kept in the store, for the dashboard, the metrics and the alerts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from connectors.contract import Clock
from nps.errors import AccessError, BudgetError, NpsyncError
from npsync.operating.calls import beside

if TYPE_CHECKING:
    from store.api import Store

NOTED_EVERY = timedelta(minutes=1)
QUIET = timedelta(minutes=30)  # so long after a refusal nothing else was refused: then it is over
AHEAD = timedelta(hours=1)  # clocks of two machines differ by less
_FINE, _FAILED = "fine", "failed"

ACCESS, BUDGET, UNAVAILABLE = "access", "budget", "unavailable"


class Failure(msgspec.Struct, frozen=True):
    """The last call that came to nothing. `kind`: access (credentials or permissions), budget, unavailable."""

    kind: str
    problem: str
    at: datetime


class Health(msgspec.Struct, frozen=True):
    """What is known of one connection: to the minute."""

    fine_at: datetime | None = None  # a call got through
    failed: Failure | None = None

    @property
    def trouble(self) -> Failure | None:
        """The last failure, unless calls got through since."""
        if self.failed is None or (self.fine_at is not None and self.fine_at > self.failed.at):
            return None
        return self.failed

    def refused(self, now: datetime) -> Failure | None:
        """The last refusal of our credentials, until calls have got through for a while and none was refused: a
        credential may do for some calls and not for others."""
        failed = self.failed
        if failed is None or failed.kind != ACCESS or (self.trouble is None and now - failed.at >= QUIET):
            return None
        return failed


class Vitals:
    """Told of every call's end, from any thread; tells `keep` of what changed, and now and then that all is well."""

    def __init__(self, keep: Callable[[str, Mapping[str, str]], None] | None, clock: Clock) -> None:
        self._keep, self._clock = keep, clock
        self._lock = threading.Lock()
        self._told: dict[str, tuple[str, datetime]] = {}  # connection → what was kept last, and when

    def note(self, connection: str, error: NpsyncError | None) -> None:
        if self._keep is None:
            return
        now = self._clock.now()
        word = _FINE if error is None else kind_of(error)
        with self._lock:
            before, at = self._told.get(connection, ("", now))
            if before == word and abs(now - at) < NOTED_EVERY:
                return
            self._told[connection] = (word, now)
        if error is None:
            self._keep(connection, {_FINE: now.isoformat()})
        else:
            failure = Failure(word, str(error), now)
            self._keep(connection, {_FAILED: msgspec.json.encode(failure).decode()})


def kind_of(error: NpsyncError) -> str:
    if isinstance(error, AccessError):
        return ACCESS
    return BUDGET if isinstance(error, BudgetError) else UNAVAILABLE


def keeper(store: Store | None) -> Callable[[str, Mapping[str, str]], None] | None:
    if store is None:
        return None

    def keep(connection: str, items: Mapping[str, str]) -> None:
        store.memorize(beside(connection), items)

    return keep


def health_of(store: Store, connections: Sequence[str], now: datetime) -> dict[str, Health]:
    """Of each of these; one that was never called has nothing to tell."""
    return {name: _health(store, name, now) for name in connections}


def _health(store: Store, connection: str, now: datetime) -> Health:
    known = store.recall(beside(connection), [_FINE, _FAILED])
    fine_at = datetime.fromisoformat(known[_FINE]) if _FINE in known else None
    failed = msgspec.json.decode(known[_FAILED], type=Failure) if _FAILED in known else None
    # What a clock that was far ahead has noted would hide whatever happens until then.
    return Health(
        fine_at=None if fine_at is None or fine_at > now + AHEAD else fine_at,
        failed=None if failed is None or failed.at > now + AHEAD else failed,
    )
