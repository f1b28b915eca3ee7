"""A sync's account roll-up: from the YAML to one run of it, after a run of the sync or when the clock says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from mapping.fields import CompiledFields, compile_fields
from nps.errors import NpsyncError
from npsync.schedule import ROLL_UP_AGAIN, accounts_place, all_rolled_up, fire_time
from sync.accounts.place import RollUp
from sync.leasing import Busy

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store
    from sync.accounts.engine import Options, Preview
    from sync.accounts.report import RolledUp
    from sync.accounts.spec import AccountSpec
    from sync.job import Job
    from sync.progress import Progress


def compiled_accounts(config: Config, spec: AccountSpec) -> CompiledFields:
    return compile_fields(spec.fields, zone=config.time_zone)


def build_roll_up(config: Config, job: Job) -> RollUp | None:
    """The roll-up of this sync; None where the YAML has no `account:` for it."""
    spec = config.sync[job.name].account
    if spec is None or job.account_object is None or job.account_by is None:
        return None
    return RollUp(
        job=job,
        object=job.account_object,
        by=job.account_by,
        spec=spec,
        fields=compiled_accounts(config, spec),
    )


def roll_up_once(
    config: Config,
    store: Store,
    name: str,
    *,
    clock: Clock | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> RolledUp:
    """One roll-up with connections of its own. Raises Busy and LeaseLost."""
    from npsync.opening import opened
    from npsync.syncing.jobs import build_job
    from sync.accounts.engine import run

    stop = None if options is None else options.stop
    with opened(config, store, clock, stop=stop) as connections:
        roll_up = build_roll_up(config, build_job(config, name, connections))
        if roll_up is None:
            raise NpsyncError(f"{name} has no account:, so there is nothing to roll up")
        report = run(
            roll_up,
            store,
            connections.clock,
            connections.owner,
            connections.calls.seen,
            options,
            progress,
        )
        _done(config, store, name, report, connections.clock.now())
        return report


def roll_up_after(
    config: Config,
    store: Store,
    job: Job,
    connections: Opened,
    *,
    stop: Callable[[], bool],
    progress: Progress | None,
) -> RolledUp | None:
    """What follows a run: the accounts that something happened to, and all of them when that is due. None when nothing
    is to be done, or somebody else is at it."""
    from sync.accounts.engine import Options, is_due, run

    roll_up = build_roll_up(config, job)
    if roll_up is None or stop():
        return None
    tick = claim_roll_up(config, store, job.name, connections.clock.now(), connections.owner)
    if tick is None and not is_due(roll_up.name, store):
        return None
    try:
        report = run(
            roll_up,
            store,
            connections.clock,
            connections.owner,
            connections.calls.seen,
            Options(everything=tick is not None, stop=stop),
            progress,
        )
        _done(config, store, job.name, report, connections.clock.now())
    except Busy:
        return None
    finally:
        if tick is not None:
            store.end_tick(tick, now=connections.clock.now())
    return report


def preview_after(
    config: Config, overlay: Store, job: Job, connections: Opened, progress: Progress | None
) -> Preview | None:
    """What would follow on the accounts from the plan that was made in this overlay."""
    from sync.accounts.engine import Options, preview

    roll_up = build_roll_up(config, job)
    if roll_up is None:
        return None
    tick = claim_roll_up(config, overlay, job.name, connections.clock.now(), connections.owner)
    return preview(
        roll_up,
        overlay,
        connections.clock,
        connections.owner,
        connections.calls.seen,
        Options(everything=tick is not None),
        progress,
    )


def claim_roll_up(config: Config, store: Store, name: str, now: datetime, owner: str) -> int | None:
    """The tick of the accounts' night, noted as the clock would, if all accounts of this sync are due to be worked out
    and it falls to us; whoever gets it ends it. The first time they are due at once: then nobody knows yet whose
    accounts the people are."""
    spec = config.sync[name].account
    if spec is None:
        return None
    place = accounts_place(name)
    following = fire_time(spec.cron, now, config.time_zone)
    due = store.due([place]).get(place)
    due_at = store.schedule_first(place, now) if due is None else due.due_at
    if due_at > following:
        store.schedule(place, following)
    if due_at > now:
        return None
    again = now + ROLL_UP_AGAIN
    return store.take_tick(place, due_at, again, "started", owner, now=now, next_at=following)


def _done(config: Config, store: Store, name: str, report: RolledUp, now: datetime) -> None:
    """What failed, was stopped or interrupted is due again soon."""
    if report.everything and report.status in ("succeeded", "partial") and not report.unfinished:
        all_rolled_up(config, store, name, now)
