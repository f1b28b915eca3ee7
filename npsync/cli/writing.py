"""Writing at once what somebody decided here, with a bar for whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from npsync.cli.progress import shown_progress
from npsync.jobs import run_once
from sync.engine import Options

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Asked, Store
    from sync.report import Report


def writer(
    config: Config, store: Store, stop: Callable[[], bool], *, quiet: bool
) -> Callable[[str, Asked], Report]:
    """Runs one sync for what was decided in it."""

    def run(sync: str, asked: Asked) -> Report:
        with shown_progress(quiet=quiet) as progress:
            return run_once(config, store, sync, options=Options(asked=asked, stop=stop), progress=progress)

    return run
