"""What was decided is written: at once by the process of whoever decided, or by whoever does actions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from npsync.actions.wanting import want
from npsync.deciding.deciders import Decider
from store.api import Action, Asked
from sync.job import rolled_up_sync
from sync.leasing import Busy

Again = Mapping[str, Asked]
"""Sync → what of it is planned anew."""

ReportT = TypeVar("ReportT")
_MOST = 500  # answers or records named one by one: of more, everything that was decided is taken up


@dataclass(frozen=True)
class Written(Generic[ReportT]):
    """The runs that wrote it, and the syncs that another process is running: its run, or the next one, does it."""

    reports: tuple[ReportT, ...]
    busy: tuple[str, ...]


def answers_again(numbers: Mapping[str, Sequence[int]]) -> Again:
    return {sync: Asked(answers=tuple(its)) for sync, its in numbers.items()}


def write_now(again: Again, run: Callable[[str, Asked], ReportT]) -> Written[ReportT]:
    """Sync by sync, each in a run of its own."""
    reports: list[ReportT] = []
    busy: list[str] = []
    for sync, asked in again.items():
        try:
            reports.append(run(sync, asked))
        except Busy:
            busy.append(sync)
    return Written(tuple(reports), tuple(busy))


def want_written(decider: Decider, again: Again, *, key: str = "") -> list[Action]:
    """Wanted of whoever does actions; of a roll-up's sync its accounts. The same `key` is the same actions."""
    given = key or secrets.token_urlsafe(16)
    return [
        _wanted(decider, rolled_up_sync(sync) or sync, sync, asked, f"{given}/{sync}")
        for sync, asked in again.items()
        if (rolled_up_sync(sync) or sync) in decider.config.sync  # else nobody runs it any more
    ]


def _wanted(decider: Decider, name: str, sync: str, asked: Asked, key: str) -> Action:
    several = len(asked.answers) > _MOST or len(asked.records) > _MOST
    arguments = {
        "sync": name,
        "answers": [] if several else list(asked.answers),
        "records": [] if several else list(asked.records),
        "roll_up": name != sync,
    }
    action, _ = want(
        decider.config, decider.store, "take_up", arguments, who=decider.who, key=key, now=decider.now
    )
    return action
