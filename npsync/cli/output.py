"""How commands speak: plain text that fits 100 columns, JSON for machines, errors with the next step."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from npsync.words import WIDTH

if TYPE_CHECKING:
    from rich.console import Console

    from nps.errors import NpsyncError
    from npsync.config import Config

_BETWEEN = 2  # blanks between the columns of a table

MOST_NUMBER = 2**63 - 1  # what a database keeps of a run's or a letter's number

SUCCEEDED, FAILED, USAGE, PARTIAL, STOPPED = range(5)
"""Exit codes (what a cron job or a CI step can act on)."""

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The YAML file.", show_default="NPSYNC_CONFIG, else ./npsync.yaml"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


# Control characters (escape sequences begin with one) and those that turn the direction of writing.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_global_config: Path | None = None


def remember_config(option: Path | None) -> None:
    """The --config given before the command's name."""
    global _global_config
    _global_config = option


def config_path(option: Path | None) -> Path:
    """The file to read: the command's own --config, the global one, NPSYNC_CONFIG, ./npsync.yaml."""
    return Path(option or _global_config or os.environ.get("NPSYNC_CONFIG") or "npsync.yaml")


def load_config(option: Path | None) -> Config:
    from npsync.config import load

    return load(config_path(option))


def console(*, stderr: bool = False) -> Console:
    """Text on a terminal as wide as it is, up to 100 columns; elsewhere always 100."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
    made.width = min(made.width, WIDTH) if made.is_terminal else WIDTH
    return made


def say(text: str = "") -> None:
    """One or more lines, as they are: an address or a command must stay in one piece to be copied."""
    _out(harmless(text))


def say_wrapped(text: str, *, indent: str = "", then: str | None = None) -> None:
    """A sentence of any length, over as many lines of 100 columns as it takes; `then` indents all but the first."""
    from textwrap import wrap

    after = indent if then is None else then
    for line in wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=after,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        say(line)


def harmless(text: str) -> str:
    """What customers and vendors wrote may hold characters that steer a terminal; here they are only shown."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def say_exactly(text: str) -> None:
    """A whole file for another program, character by character."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        nobody_listens()


def say_json(value: Any) -> None:
    _out(json.dumps(value, ensure_ascii=not _speaks_unicode(), default=str))


def _out(text: str) -> None:
    """To standard output. A reader that has seen enough (`npsync run SYNC | head`) does not end a command half-way:
    what it did and its exit code stay what they are."""
    try:
        print(text)
    except BrokenPipeError:
        nobody_listens()


def prepare_output() -> None:
    """A terminal that knows no "→" shows an escape instead; nothing fails for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish_output() -> None:
    """Send what is still buffered, here where a reader that has gone away can be told from a failure."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        nobody_listens()


def nobody_listens() -> None:
    """The rest of the output goes nowhere, also what Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _speaks_unicode() -> bool:
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> None:
    """A table of at most 100 columns; long cells wrap, nothing is cut away, and names stay in one piece wherever all
    the columns have room for theirs."""
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=title,
        title_justify="left",
        box=None,
        pad_edge=False,
        header_style="bold",
        show_header=any(columns),
    )
    cells = [[harmless(cell) for cell in row] for row in rows]
    to = console()
    for name, width in zip(columns, _widths([columns, *cells], to.width), strict=True):
        made.add_column(name, overflow="fold", width=width)
    for row in cells:
        made.add_row(*map(Text, row))
    with to.capture() as printed:
        to.print(made)
    _out("\n".join(line.rstrip() for line in printed.get().splitlines()))


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """Of each column. What is too wide loses at blanks first, always in the widest column that still can."""
    from rich.cells import cell_len

    columns = list(zip(*rows, strict=True))
    wanted = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]
    words = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    widths = list(wanted)
    over = sum(widths) + _BETWEEN * (len(widths) - 1) - room
    for _ in range(over):
        can = [place for place, width in enumerate(widths) if width > words[place]] or range(len(widths))
        widths[max(can, key=widths.__getitem__)] -= 1
    return [max(width, 1) for width in widths]


def tell_error(error: NpsyncError) -> None:
    """What happened and what to do about it, on standard error, without a secret in it."""
    from npsync.config.secrets import redact

    print(harmless(redact(str(error))), file=sys.stderr)


def tell(text: str) -> None:
    """One line on standard error: what to do next, beside a result on standard output."""
    print(harmless(text), file=sys.stderr)


def leave(error: NpsyncError) -> NoReturn:
    """End the process on an error a person can act on."""
    tell_error(error)
    raise SystemExit(exit_code(error))


def tell_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last resort for what nobody expected: loud, but without a secret in it."""
    import traceback

    from npsync.config.secrets import redact

    told = "".join(traceback.format_exception(kind, error, trace))
    print(redact(told), "This is a bug in npsync. Please report it with the lines above.", file=sys.stderr)


def exit_code(error: NpsyncError) -> int:
    from nps.errors import ConfigError

    return USAGE if isinstance(error, ConfigError) else FAILED


def code_of(status: str) -> int:
    """The exit code for a run's status."""
    return {"succeeded": SUCCEEDED, "partial": PARTIAL, "stopped": STOPPED, "failed": FAILED}[status]


def worst(*codes: int) -> int:
    """Of several runs in one command: failed, usage, stopped, partial, succeeded."""
    return min(codes, key=(FAILED, USAGE, STOPPED, PARTIAL, SUCCEEDED).index)
