"""One bad record must not hold up the others: what spoils a question about many is found, and stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from nps.errors import AccessError, ConfigError, Interrupted, LeaseLost, NpsyncError, UnavailableError
from nps.halving import Halving

T = TypeVar("T")
R = TypeVar("R")

OF_ALL = (AccessError, ConfigError, Interrupted, LeaseLost, UnavailableError)
"""Errors that are no single record's fault: whatever else npsync raises is about what was asked for."""


def asked_apart(
    items: Sequence[T], ask: Callable[[Sequence[T]], Sequence[R]], spoilt: Callable[[T, NpsyncError], R]
) -> list[R]:
    """What `ask` says about each of these, in their order. Where it refuses them together they are halved until
    whoever spoils it is alone and gets what `spoilt` says; what is no single record's fault is raised."""
    said: dict[int, R] = {}
    halving = Halving(range(len(items)))
    while group := halving.next():
        try:
            said.update(zip(group, ask([items[place] for place in group]), strict=True))
        except OF_ALL:
            raise
        except NpsyncError as error:
            if len(group) == 1:
                said[group[0]] = spoilt(items[group[0]], error)
            halving.refused(group)
        else:
            halving.taken()
    return [said[place] for place in range(len(items))]
