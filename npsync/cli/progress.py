"""Progress: bars on a terminal, a log line now and then elsewhere. Both go to standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.contract import Allowance
from sync.progress import Progress

LOG_EVERY_SECONDS = 10.0
WORDS = {
    "pulling": "Pulling answers",
    "planning": "Matching and planning",
    "writing": "Writing records",
    "copying": "Copying rows",
    "past": "Reading the past",
    "imagining": "Following its days",
}


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
def counted(phase: str) -> Iterator[Callable[[int], None]]:
    """One phase whose end nobody knows: told by a bar where a person watches, and nowhere else."""
    with shown_progress(quiet=not sys.stderr.isatty()) as progress:
        progress.phase(phase, None)
        yield progress.advance


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description:<21}"),
        BarColumn(bar_width=14),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[forecast]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        yield _Bars(bars)


def forecast(done: int, total: int | None, seconds: float, allowance: Allowance | None) -> str:
    """`~2 min left · 380 of 5,000 calls left today`, as far as it is known."""
    parts = []
    if (left := seconds_left(done, total, seconds)) is not None:
        parts.append(f"~{_words(left)} left")
    if allowance is not None:
        of = "" if allowance.limit is None else f" of {allowance.limit:,}"
        parts.append(f"{max(allowance.left, 0):,}{of} calls left today")
    return " · ".join(parts)


def seconds_left(done: int, total: int | None, seconds: float) -> float | None:
    """At the pace so far; None before there is one, and at the end."""
    return seconds * (total - done) / done if total is not None and 0 < done < total else None


def _words(seconds: float) -> str:
    if seconds < 55:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class _Pace:
    """How far a phase is, and since when."""

    def __init__(self) -> None:
        self.name, self.done = "", 0
        self.total: int | None = None
        self._since = time.monotonic()
        self.allowance: Allowance | None = None

    def begin(self, name: str, total: int | None) -> None:
        self.name, self.total, self.done, self._since = name, total, 0, time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    def forecast(self) -> str:
        return forecast(self.done, self.total, self.seconds, self.allowance)


class _Bars:
    def __init__(self, bars: object) -> None:
        from rich.progress import Progress as Bars
        from rich.progress import TaskID

        assert isinstance(bars, Bars)
        self._bars = bars
        self._task: TaskID | None = None
        self._pace = _Pace()

    def phase(self, name: str, total: int | None) -> None:
        if self._task is not None:
            self._bars.update(self._task, forecast="")
        self._pace.begin(name, total)
        self._task = self._bars.add_task(WORDS.get(name, name), total=total, forecast="")

    def advance(self, count: int) -> None:
        self._pace.done += count
        if self._task is not None:
            self._bars.update(self._task, advance=count, forecast=self._pace.forecast())

    def allowed(self, allowance: Allowance) -> None:
        self._pace.allowance = allowance
        if self._task is not None:
            self._bars.update(self._task, forecast=self._pace.forecast())


class _Lines:
    def __init__(self) -> None:
        self._pace = _Pace()
        self._told = time.monotonic()

    def phase(self, name: str, total: int | None) -> None:
        from npsync.logs import notice

        self._pace.begin(name, total)
        self._told = time.monotonic()
        notice("phase", name=name, **_known(total=total))

    def advance(self, count: int) -> None:
        self._pace.done += count
        if time.monotonic() - self._told >= LOG_EVERY_SECONDS:
            self._told = time.monotonic()
            self._tell()

    def allowed(self, allowance: Allowance) -> None:
        self._pace.allowance = allowance

    def _tell(self) -> None:
        from npsync.logs import notice

        pace = self._pace
        left = seconds_left(pace.done, pace.total, pace.seconds)
        told = _known(
            total=pace.total,
            seconds_left=None if left is None else round(left),
            calls_left=None if pace.allowance is None else pace.allowance.left,
        )
        notice("progress", phase=pace.name, done=pace.done, **told)


def _known(**facts: int | None) -> dict[str, int]:
    return {name: value for name, value in facts.items() if value is not None}
