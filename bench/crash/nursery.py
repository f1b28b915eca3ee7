"""Processes of `npsync` that can be told where to die. This one has imported everything, and forks one per command.

A line of JSON comes in for every command, a line with its exit code goes out; -9 is SIGKILL. What a small town would do
in one page, batch or job is done in several: the sizes are smaller than the vendors allow, and waiting is shorter.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

from bench.crash import unjournalled
from bench.crash.boundaries import BOUNDARIES, install

_NEEDED = (
    *("npsync.cli", "npsync.cli.syncing", "npsync.cli.sync_text", "npsync.cli.progress"),
    *("npsync.cli.undoing", "npsync.cli.undo_text", "npsync.undoing", "sync.undoing"),
    *(
        "npsync.service",
        "npsync.jobs",
        "npsync.logs",
        "npsync.schedule",
        "npsync.config",
        "store",
        "sync.engine",
    ),
    *("alembic.command", "connectors.wootric.source", "connectors.salesforce.destination"),
    *("connectors.hubspot.opening", "connectors.hubspot.destination"),
)
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
    for name in _NEEDED:
        importlib.import_module(name)
    install()
    _shrink()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _shrink() -> None:
    from npsync.clock import SystemClock

    for (module, name), size in _SIZES.items():
        place = importlib.import_module(module)
        if not isinstance(getattr(place, name), int):
            raise TypeError(f"{module}.{name} is no size any more")
        setattr(place, name, size)
    SystemClock.sleep = lambda self, seconds: time.sleep(min(seconds, _LONGEST_WAIT))  # type: ignore[method-assign]


def _become(asked: dict[str, Any]) -> None:
    """Run the command, and end."""
    code = 1
    try:
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["env"])
        for number, name, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, "err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            os.dup2(os.open(name, flags, 0o600), number)
        sys.argv = ["npsync", *asked["arguments"]]
        if asked["without_journal"]:
            unjournalled.install()
        BOUNDARIES.begin(asked["log"], (asked["die_at"][0], asked["die_at"][1]))
        code = _run(asked["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(arguments: list[str]) -> int:
    from npsync.cli import main as npsync

    try:
        npsync(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - as the interpreter does with what nobody caught
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


if __name__ == "__main__":
    main()
