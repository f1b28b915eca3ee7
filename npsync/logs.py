"""Log lines for machines: structlog to standard error, one JSON object or one short line each, redacted last."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog


def set_up(*, json: bool, verbose: bool = False) -> None:
    """Where and how log lines go. Redaction is the last step before a line is rendered."""
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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def notice(event: str, /, **facts: Any) -> None:
    structlog.get_logger().info(event, **facts)


def _redacted(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    from npsync.config.secrets import redact

    return {key: redact(value) if isinstance(value, str) else value for key, value in event.items()}
