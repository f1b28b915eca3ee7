"""Progress: bars on a terminal, a log line now and then elsewhere. Both go to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sync.progress import Progress

LOG_EVERY_SECONDS = 10.0
WORDS = {"pulling": "Pulling answers", "planning": "Matching and planning", "writing": "Writing records"}


@contextmanager
def shown_progress(quiet: bool = False) -> Iterator[Progress]:
    """Bars when a person watches; log lines when a machine does; nothing with `quiet`."""
    from sync.progress import Silent

    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield bars
    else:
        yield _Lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False, compact=True),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        yield _Bars(bars)


class _Bars:
    def __init__(self, bars: object) -> None:
        from rich.progress import Progress as Bars
        from rich.progress import TaskID

        assert isinstance(bars, Bars)
        self._bars = bars
        self._task: TaskID | None = None

    def phase(self, name: str, total: int | None) -> None:
        self._task = self._bars.add_task(WORDS.get(name, name), total=total)

    def advance(self, count: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, count)


class _Lines:
    def __init__(self) -> None:
        self._name, self._done = "", 0
        self._total: int | None = None
        self._told = time.monotonic()

    def phase(self, name: str, total: int | None) -> None:
        from npsync.logs import notice

        self._name, self._done, self._total = name, 0, total
        self._told = time.monotonic()
        notice("phase", name=name, total=total)

    def advance(self, count: int) -> None:
        from npsync.logs import notice

        self._done += count
        if time.monotonic() - self._told >= LOG_EVERY_SECONDS:
            self._told = time.monotonic()
            notice("progress", phase=self._name, done=self._done, total=self._total)
