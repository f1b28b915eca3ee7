"""Processes of `npsync` that can be told where to die. This one forks one per command.

What a small town would do in one page, batch or job is done in several: the sizes are smaller than the vendors allow,
and waiting is shorter.
"""

from __future__ import annotations

import importlib
import math
import time
from typing import Any, NoReturn

from bench import forked
from bench.crash import unjournalled
from bench.crash.boundaries import BOUNDARIES, install

_SIZES = {
    ("connectors.wootric.listing", "PER_PAGE"): 6,
    ("connectors.wootric.source", "_AT_A_TIME"): 6,
    ("connectors.salesforce.bulk", "ROWS_PER_JOB"): 8,
    ("connectors.salesforce.bulk", "CALLS_PER_JOB"): 1,
    ("connectors.hubspot.destination", "UPDATE_BATCH"): 5,
    ("sync.inbox", "GATHER"): 12,
    ("sync.planning", "CHUNK"): 12,
}
_LONGEST_WAIT = 0.02


def main() -> None:
    forked.warm_up(("npsync.cli.undoing", "npsync.words.undo_text", "npsync.syncing.undoing", "sync.undoing"))
    install()
    _shrink()
    forked.serve(_become)


def _shrink() -> None:
    from npsync import clock

    for (module, name), size in _SIZES.items():
        place = importlib.import_module(module)
        if not isinstance(getattr(place, name), int):
            raise TypeError(f"{module}.{name} is no size any more")
        setattr(place, name, size)
    clock.SystemClock.sleep = lambda self, seconds: time.sleep(min(seconds, _LONGEST_WAIT))  # type: ignore[method-assign]
    clock.LOOK = math.inf  # a wait is slept in one piece


def _become(asked: dict[str, Any]) -> NoReturn:
    def first() -> None:
        if asked["without_journal"]:
            unjournalled.install()
        BOUNDARIES.begin(asked["log"], (asked["die_at"][0], asked["die_at"][1]))

    forked.become(asked["folder"], asked["env"], asked["arguments"], out="out", err="err", first=first)


if __name__ == "__main__":
    main()
