"""One bad record must not hold up the others: what spoils a question about many is found, and stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from nps.errors import AccessError, ConfigError, LeaseLost, NpsyncError, UnavailableError

T = TypeVar("T")
R = TypeVar("R")

OF_ALL = (AccessError, ConfigError, LeaseLost, UnavailableError)
"""Errors that are no single record's fault: whatever else npsync raises is about what was asked for."""


def asked_apart(
    items: Sequence[T], ask: Callable[[Sequence[T]], Sequence[R]], spoilt: Callable[[T, NpsyncError], R]
) -> list[R]:
    """What `ask` says about each of these, in their order. Where it refuses them together it is asked about halves,
    until whoever spoils it is alone and gets what `spoilt` says; what is no single record's fault is raised."""
    if not items:
        return []
    try:
        return list(ask(items))
    except OF_ALL:
        raise
    except NpsyncError as error:
        if len(items) == 1:
            return [spoilt(items[0], error)]
    middle = len(items) // 2
    return [*asked_apart(items[:middle], ask, spoilt), *asked_apart(items[middle:], ask, spoilt)]
