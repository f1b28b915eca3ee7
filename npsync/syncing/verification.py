"""One verification of one sync on connections of its own, for the command line and for the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from npsync.syncing.views import named_view
from sync.job import rolled_up_sync
from sync.verifying import Verified, to_plan_again, verify

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store
    from sync.accounts.report import RolledUp
    from sync.progress import Progress
    from sync.report import Report


def verify_once(
    config: Config,
    store: Store,
    name: str,
    *,
    sample: int | None,
    clock: Clock | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> Verified:
    """`name`: of a sync, or of its roll-up. Raises what `sync.verifying.verify` raises."""
    from npsync.opening import opened

    with opened(config, store, clock, stop=stop) as connections:
        view = named_view(config, name)
        return verify(
            view,
            connections.destination(view.connection),
            store,
            connections.clock,
            connections.owner,
            connections.calls.seen,
            sample=sample,
            stop=stop,
            progress=progress,
        )


def plan_again(
    config: Config, store: Store, verified: Verified, *, progress: Progress | None = None
) -> Report | RolledUp | None:
    """Run the sync for the answers behind the records that drifted, or the roll-up for the accounts that did:
    `overwrite:` decides what is written and what stays. None when no answer decides them any more."""
    from npsync.syncing.jobs import run_once
    from npsync.syncing.rolling import roll_up_once
    from store.api import Asked
    from sync.options import Options

    if (sync := rolled_up_sync(verified.sync)) is not None:
        store.touch_accounts(verified.sync, verified.compared.drifting)
        return roll_up_once(config, store, sync, progress=progress)
    answers = to_plan_again(store, verified.sync, verified.compared.drifting)
    if not answers:
        return None
    store.ask_again(verified.sync, answers)
    options = Options(asked=Asked(answers=tuple(answers)))
    return run_once(config, store, verified.sync, options=options, progress=progress)
