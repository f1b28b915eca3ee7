"""Log lines for machines: structlog to standard error, one JSON object or one short line each, redacted last.

structlog is loaded with the first line: it brings much along, and most runs have nothing to say.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

_set_up: Callable[[], None] | None = None  # what is still to be done before the first line


def set_up(*, json: bool, verbose: bool = False) -> None:
    """Where and how log lines go. Redaction is the last step before a line is rendered."""
    global _set_up
    _set_up = partial(_configure, json=json, verbose=verbose)


def notice(event: str, /, **facts: Any) -> None:
    global _set_up
    import structlog

    if (set_up_now := _set_up) is not None:
        set_up_now()  # from two threads at once it does the same twice
        _set_up = None
    structlog.get_logger().info(event, **facts)


class _Passed(logging.Handler):
    """What a library says through `logging` becomes a line like ours. Of an error its type and place: the words may
    quote what somebody sent."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            where = [
                f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)
            ]
            notice("library_failed", library=record.name, problem=[type(error).__name__, *where[-6:]])
        else:
            notice("library", library=record.name, said=record.getMessage())


def pass_on(*libraries: str) -> None:
    """From now on the warnings and errors of these go through our log."""
    for name in libraries:
        logger = logging.getLogger(name)
        logger.handlers = [_Passed(logging.WARNING)]
        logger.propagate = False


def _configure(*, json: bool, verbose: bool) -> None:
    import structlog

    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redacted,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if verbose else logging.INFO),
        # One write for a line and its end: serve and its web share standard error, and their lines must not mix.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _redacted(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    from npsync.config.secrets import redact

    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
