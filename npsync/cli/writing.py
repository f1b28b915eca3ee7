"""Writing at once what somebody decided here, with a bar for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from npsync.cli import output
from npsync.cli.progress import shown_progress
from npsync.syncing.jobs import run_once
from npsync.syncing.rolling import roll_up_once
from sync.accounts.engine import Options as RollUpOptions
from sync.job import rolled_up_sync
from sync.options import Options

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Asked, Store
    from sync.accounts.report import RolledUp
    from sync.report import Report


def writer(
    config: Config, store: Store, stop: Callable[[], bool], *, quiet: bool
) -> Callable[[str, Asked], Report]:
    """Runs one sync for what was decided in it."""

    def run(sync: str, asked: Asked) -> Report:
        with shown_progress(quiet=quiet) as progress:
            return run_once(config, store, sync, options=Options(asked=asked, stop=stop), progress=progress)

    return run


def again(
    config: Config, store: Store, stop: Callable[[], bool], *, quiet: bool
) -> Callable[[str, Asked], Report | RolledUp]:
    """Runs one sync, or its roll-up, for letters that are tried again."""
    write = writer(config, store, stop, quiet=quiet)

    def run(name: str, asked: Asked) -> Report | RolledUp:
        rolled_up = rolled_up_sync(name)
        if rolled_up is None:
            return write(name, asked)
        with shown_progress(quiet=quiet) as progress:
            options = RollUpOptions(stop=stop)
            return roll_up_once(config, store, rolled_up, options=options, progress=progress)

    return run


def code_of(reports: Sequence[Report | RolledUp], *, settled: bool) -> int:
    """0 when all that was decided about is settled. A run that the breaker stopped, or that failed, counts as that."""
    if any(report.status == "stopped" for report in reports):
        return output.STOPPED
    if settled:
        return output.SUCCEEDED
    if any(report.status == "failed" for report in reports):
        return output.FAILED
    return output.PARTIAL
