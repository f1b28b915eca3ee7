"""Processes of `npsync` that need not import everything again: this one has done so, and forks one for each command.

A command gets a folder, an environment, standard output and error of its own, as if it had been started from a shell.
`serve` does so for somebody else: a line of JSON comes in for every command, a line with its exit code goes out
(negative: the signal that ended it).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from npsync.cli import COMMANDS

NEEDED = (
    *("npsync.cli.syncing", "npsync.words.sync_text", "npsync.cli.history", "npsync.cli.progress"),
    *(
        "npsync.opening",
        "npsync.syncing.jobs",
        "npsync.syncing.planfile",
        "npsync.logs",
        "npsync.checking.live",
        "npsync.config",
    ),
    *("npsync.schedule", "sync.engine", "store", "alembic.command", "connectors.file.source"),
    *("connectors.wootric.source", "connectors.salesforce.destination"),
    *("connectors.hubspot.opening", "connectors.hubspot.destination"),
    *(
        "npsync.words.accounts_text",
        "npsync.words.asking_text",
        "npsync.words.why_text",
        "npsync.words.what_if_text",
    ),
    *(
        "npsync.alerting.turn",
        "npsync.asking.gatekeeper",
        "npsync.deciding.pausing",
        "npsync.reports.exporting",
    ),
    *(
        "npsync.sign_in.passwords",
        "npsync.asking.triggering",
        "npsync.syncing.undoing",
        "npsync.syncing.verification",
    ),
    *(
        "npsync.clockwork.standing",
        "npsync.syncing.pushed",
        "npsync.syncing.customer_story",
        "npsync.syncing.views",
        "npsync.web.intake",
    ),
    *("nps.phones", "store.sql", "store.tables", "alembic.config", "sqlalchemy.dialects.sqlite"),
    *("cel", "greenlet", "phonenumbers", "pydantic.type_adapter", "sqlalchemy.orm", "structlog"),
    *("encodings.ascii", "encodings.utf_8_sig"),
)


def warm_up(also: Iterable[str] = ()) -> None:
    for name in (*(module for _, module, _ in COMMANDS), *NEEDED, *also):
        importlib.import_module(name)
    gc.freeze()  # what is here for all of them need not be looked through by each


def serve(become: Callable[[Any], NoReturn]) -> None:
    """Fork for every line of standard input until it ends. Call `warm_up` before."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(
    folder: Path | str,
    env: Mapping[str, str],
    arguments: Sequence[str],
    *,
    out: Path | str,
    err: Path | str,
    first: Callable[[], None] | None = None,
) -> NoReturn:
    """In a child: run the command, and end. `out` and `err` are relative to `folder`; `first` is called before."""
    code = 1
    try:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(env)
        written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, out, written), (2, err, written)):
            os.dup2(os.open(path, flags, 0o600), number)
        if first is not None:
            first()
        code = _main(list(arguments))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _main(arguments: list[str]) -> int:
    from npsync.cli import main

    sys.argv = ["npsync", *arguments]
    try:
        main(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - as the interpreter does with what nobody caught
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
