"""Handing messages over exactly once: wanted, opened on the disk, handed over, settled; through the outbox.

What a killed process left open nobody can ask after: it is told as unknown and never repeated by itself. A connection
that fails is tried again for a day, and fails nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from connectors.contract import Alert
from connectors.wire import FateUnknown
from nps.errors import Interrupted, LeaseLost, NpsyncError, RejectedError
from npsync.alerting.occasions import Occasion
from store.api import Lease, Store
from store.api.messages import MESSAGES, Message, content_key
from store.api.outbox import Kind, Opening, Outgoing, Settling, Stage
from sync.leasing import end_those_that_died

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from npsync.opening import Opened

PATIENCE = timedelta(days=1)
_FIRST_WAIT = timedelta(minutes=5)
_LEASE_SECONDS = 300.0


@dataclass
class Told:
    """What became of the messages of one turn."""

    delivered: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def did_something(self) -> bool:
        return bool(self.delivered)

    def as_json(self) -> Mapping[str, Any]:
        return {"delivered": self.delivered, "problems": list(self.problems)}


def want(
    store: Store,
    connection: str,
    to: str,
    occasions: Iterable[Occasion],
    *,
    now: datetime,
    again_after: timedelta | None = None,
) -> int:
    """Remember that these are to be told there; how many of them were not known yet."""
    again_from = None if again_after is None else now - again_after
    return sum(
        store.want_message(
            Message(
                connection=connection,
                slot=f"{connection} {to}".strip(),
                occasion=one.name,
                topic=one.topic,
                content=orjson.dumps(
                    {"title": one.title, "facts": one.facts, "text": one.text, "to": to}
                ).decode(),
            ),
            again_from=again_from,
            now=now,
        )
        for one in occasions
    )


def deliver(config: Config, store: Store, clock: Clock, *, stop: Callable[[], bool] | None = None) -> Told:
    """Hand over whatever is wanted. Somebody else who is at it does it all."""
    from npsync.opening import opened

    told = Told()
    if not _something(store, clock.now()):
        return told
    with opened(config, store, clock, stop=stop) as connections:
        lease = store.acquire(MESSAGES, connections.owner, now=clock.now(), seconds=_LEASE_SECONDS)
        if lease is None:
            return told
        try:
            _Turn(store, connections, clock, lease, told).go()
        except Interrupted:
            pass  # what is left is handed over by whoever comes next
        except LeaseLost as error:
            told.problems.append(str(error))
        finally:
            store.release(lease)
    return told


def _something(store: Store, now: datetime) -> bool:
    return bool(
        store.wanted_entries(MESSAGES, Kind.ALERT, now=now)
        or [one for one in _doubtful(store) if one.stage is Stage.OPEN]
    )


def _doubtful(store: Store) -> list[Outgoing]:
    return store.entries(store.doubtful_entries(MESSAGES, Kind.ALERT))


class _Turn:
    """One turn at all that is wanted, kept as a run of its own in the history."""

    def __init__(self, store: Store, connections: Opened, clock: Clock, lease: Lease, told: Told) -> None:
        self.store, self.connections, self.clock = store, connections, clock
        self.lease, self.told = lease, told

    def go(self) -> None:
        end_those_that_died(self.store, MESSAGES, self.clock)
        left = [one for one in _doubtful(self.store) if one.stage is Stage.OPEN]
        self._settle([self._unknown(row, "an interrupted process may have sent it") for row in left])
        rows = self.store.entries(self.store.wanted_entries(MESSAGES, Kind.ALERT, now=self.clock.now()))
        run = self.store.begin_run(MESSAGES, "alerts", now=self.clock.now(), facts={})
        try:
            for row in rows:
                self._hand_over(row, run)
        finally:
            status = "partial" if self.told.problems else "succeeded"
            self.store.end_run(run, status, now=self.clock.now(), report=dict(self.told.as_json()))

    def _hand_over(self, row: Outgoing, run: int) -> None:
        now = self.clock.now()
        self.store.renew(self.lease, now=now, seconds=_LEASE_SECONDS)
        alert = self._content(row)
        if alert is None:
            self._settle(
                [Settling(id=row.id, stage=Stage.VOID, code="forgotten", reason="its content is gone")]
            )
            return
        if not self.store.open_entries(run, [Opening(row.id, None, None)], lease=self.lease, now=now):
            return
        try:
            vendor_id = self.connections.alerter(row.connection).alert(alert)
        except FateUnknown as error:
            self._settle([self._unknown(row, str(error))])
        except RejectedError as error:
            self._refused(row, error.code, str(error))
        except Interrupted as error:
            again = Settling(
                id=row.id, stage=Stage.WANTED, code="deferred", reason=str(error), look_again=now, tried=False
            )
            self._settle([again])
            raise
        except NpsyncError as error:
            self._again(row, error, now)
        else:
            self.told.delivered += 1
            self._settle([Settling(id=row.id, stage=Stage.DONE, vendor_id=vendor_id)])
            self.store.forget(MESSAGES, [content_key(row.slot, row.subject)])

    def _content(self, row: Outgoing) -> Alert | None:
        key = content_key(row.slot, row.subject)
        found = self.store.recall(MESSAGES, [key]).get(key)
        if found is None:
            return None
        content = orjson.loads(found)
        return Alert(
            key=row.key,
            title=content["title"],
            facts=tuple((name, value) for name, value in content["facts"]),
            text=content["text"],
            to=content["to"],
        )

    def _again(self, row: Outgoing, error: NpsyncError, now: datetime) -> None:
        if now - row.wanted_at >= PATIENCE:
            self._refused(row, "given_up", f"tried for a day: {error}")
            return
        self.told.problems.append(f"alerts: {error}")
        wait = _FIRST_WAIT * 2 ** min(row.attempts, 5)
        self._settle(
            [
                Settling(
                    id=row.id, stage=Stage.WANTED, code="deferred", reason=str(error), look_again=now + wait
                )
            ]
        )

    def _refused(self, row: Outgoing, code: str, reason: str) -> None:
        self.told.problems.append(f"alerts: {reason}")
        self._settle([Settling(id=row.id, stage=Stage.REJECTED, code=code, reason=reason)])

    def _unknown(self, row: Outgoing, reason: str) -> Settling:
        self.told.problems.append(f"alerts: whether a message to {row.slot} arrived is not known ({reason})")
        return Settling(id=row.id, stage=Stage.UNKNOWN, code="unknown", reason=reason)

    def _settle(self, settling: list[Settling]) -> None:
        self.store.settle_entries(settling, lease=self.lease, now=self.clock.now(), durable=True)
