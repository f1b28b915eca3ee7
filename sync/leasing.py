"""One process at a time works on a sync: its fenced lease, and the runs that died holding it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from connectors.contract import Clock
from nps.errors import LeaseLost, NpsyncError
from nps.values import Json
from store.api import Lease, RunRow, Store

LEASE_SECONDS = 120.0
HEARTBEAT_SECONDS = 30.0
LATEST_RUNS = 5
DIED = "its process ended before the run did"


class Busy(NpsyncError):
    """Another process is running this sync right now."""


def lease_name(sync: str) -> str:
    """Who holds this may run the sync."""
    return f"sync/{sync}"


@contextmanager
def sync_lease(store: Store, clock: Clock, name: str, owner: str) -> Iterator[Lease]:
    """The sync's fenced lease, kept alive by a heartbeat; a process that was frozen past it can write no more."""
    lease = store.acquire(lease_name(name), owner, now=clock.now(), seconds=LEASE_SECONDS)
    if lease is None:
        raise Busy(
            f"{name} is being run by another process; its result will be in: npsync runs. If that process was "
            f"killed on another machine, the sync is free again {LEASE_SECONDS / 60:.0f} minutes after its end"
        )
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_SECONDS):
            try:
                store.renew(lease, now=clock.now(), seconds=LEASE_SECONDS)
            except LeaseLost:
                return  # the next transaction of the run fails the same way, where it can be told
            except NpsyncError:
                continue  # a busy database: the lease lasts for some beats more

    heart = threading.Thread(target=beat, name="npsync-lease", daemon=True)
    heart.start()
    try:
        yield lease
    finally:
        stop.set()
        heart.join()
        store.release(lease)


def died(run: RunRow, store: Store, now: datetime) -> bool:
    """Its process ended before it did."""
    if run.status == "running":
        return store.is_free(lease_name(run.sync), now=now)
    return run.status == "failed" and run.report.get("problems") == [DIED]


def end_those_that_died(store: Store, sync: str, clock: Clock) -> None:
    """We hold the sync's lease, so a run that still says it is running belongs to a process that is gone."""
    for one in store.runs(sync=sync, limit=LATEST_RUNS):
        if one.status == "running":
            report: Mapping[str, Json] = {"problems": [DIED]}
            store.end_run(one.id, "failed", now=clock.now(), report=report)
