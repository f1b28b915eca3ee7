"""Storing what arrived before its sender hears so."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool

from connectors.contract import Clock
from nps.events import Arrival
from npsync.web.site import Memory


class StraightIntake:
    """Into the store, one transaction per request."""

    def __init__(self, store: Memory, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def take(self, arrivals: Sequence[Arrival]) -> None:
        await run_in_threadpool(self._store.receive, arrivals, now=self._clock.now())
