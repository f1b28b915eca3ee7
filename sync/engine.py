"""One run of one sync, from the sources to the records, and the same without a single write: the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from connectors.contract import Clock
from nps.changes import Change
from nps.errors import ConfigError
from store.api import Store
from sync import breaker
from sync.attempt import Attempt
from sync.concluding import conclude
from sync.job import Job
from sync.leasing import end_those_that_died, sync_lease
from sync.options import Options
from sync.outbox.followed import Followed
from sync.progress import Noted, Progress, Silent
from sync.report import Report
from sync.sharing.dispatch import Dispatch


@dataclass(frozen=True)
class Preview:
    """A plan, spooled in the store it was made in. Read `changes` before that store is gone."""

    run: int
    report: Report
    changes: Callable[[], Iterator[Change]]
    cost: Mapping[str, int]
    absent: tuple[str, ...]
    first_fills: int
    followed: Followed = field(default_factory=Followed)  # what a run of it would create beside the records
    stops: tuple[breaker.Reason, ...] = ()  # why a run of it would be stopped


def run(
    job: Job,
    store: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    options: Options | None = None,
    progress: Progress | None = None,
    dispatch: Dispatch | None = None,
) -> Report:
    """Pull, plan and write once. Raises Busy when another process has this sync, LeaseLost when one took it over,
    ConfigError before anything was pulled when the mapping does not fit the CRM; every other failure is a Report."""
    with sync_lease(store, clock, job.name, owner) as lease:
        end_those_that_died(store, job.name, clock)
        number = store.begin_run(job.name, "run", now=clock.now(), facts=job.facts)
        noted = Noted(progress, store, number, clock)
        attempt = Attempt(
            job, store, lease, clock, number, calls, options or Options(), noted, owner, dispatch
        )
        try:
            report = conclude(attempt, attempt.go(write=True), write=True)
        except ConfigError as error:
            store.end_run(number, "failed", now=clock.now(), report={"problems": [str(error)]})
            raise
        told = report.as_json() | {"phases": noted.took()}
        store.end_run(number, report.status, now=clock.now(), report=told)
        attempt.together.end()
        return report


def preview(
    job: Job,
    overlay: Store,
    clock: Clock,
    owner: str,
    calls: Callable[[], Mapping[str, int]],
    options: Options | None = None,
    progress: Progress | None = None,
) -> Preview:
    """Plan in an overlay of the store (`Store.overlay`), so that nothing is left behind anywhere.

    Works with a credential that may only read, and before the mapped fields exist.
    """
    with sync_lease(overlay, clock, f"plan/{job.name}", owner) as lease:
        number = overlay.begin_run(job.name, "plan", now=clock.now(), facts=job.facts)
        attempt = Attempt(
            job, overlay, lease, clock, number, calls, options or Options(), progress or Silent(), owner
        )
        report = conclude(attempt, attempt.go(write=False), write=False)
        codecs = attempt.codecs
        stops = attempt.judged(codecs).reasons if codecs is not None and report.status != "failed" else ()
    count = attempt.planned.changes
    return Preview(
        run=number,
        report=report,
        changes=lambda: overlay.planned(number),
        cost=attempt.cost(count),
        absent=attempt.codecs.absent if attempt.codecs else (),
        first_fills=count - attempt.planned.overwriting,
        followed=attempt.followed,
        stops=stops,
    )
