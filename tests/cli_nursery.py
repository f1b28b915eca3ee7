"""Processes of `npsync` that need not import everything again: this one has done so, and forks one for each command.

`cli_process` starts it and writes one JSON line per command; the answer is a line with the exit code. A command gets
its own folder, environment, standard output and error, as if it had been started from a shell.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

_NEEDED = (
    *(
        "npsync.cli",
        "npsync.cli.syncing",
        "npsync.cli.sync_text",
        "npsync.cli.history",
        "npsync.cli.progress",
    ),
    *("npsync.service", "npsync.jobs", "npsync.planfile", "npsync.logs", "npsync.check", "npsync.config"),
    *("sync.engine", "store", "alembic.command", "connectors.file.source", "connectors.wootric.source"),
    *("connectors.salesforce.destination", "connectors.hubspot.opening", "connectors.hubspot.destination"),
)


def main() -> None:
    for name in _NEEDED:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(asked: dict[str, Any]) -> None:
    """Run the command, and end."""
    code = 1
    try:
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["env"])
        for number, path, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, asked["out"], os.O_WRONLY | os.O_CREAT),
            (2, asked["err"], os.O_WRONLY | os.O_CREAT),
        ):
            os.dup2(os.open(path, flags, 0o600), number)
        sys.argv = ["npsync", *asked["arguments"]]
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
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 1
    return 0


if __name__ == "__main__":
    main()
