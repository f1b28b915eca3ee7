"""What a command adds to the YAML for one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nps.values import Json
from store.api import Asked


@dataclass(frozen=True)
class Options:
    only: str | None = None  # one person: e-mail, external id, record id or answer id
    asked: Asked | None = None  # only the persons behind these answers, and these records' clearings
    limit: int | None = None
    everything: bool = False  # plan every answer anew, for a changed mapping
    full: bool = False  # read the sources from their beginning
    read: bool = True  # False: only take up what lies in the inbox
    adopt: bool = False
    recheck: bool = False
    accept_breaker: bool = False  # write although the breaker has reasons against it
    expect: Mapping[str, tuple[Mapping[str, Json], Mapping[str, Json]]] | None = None
    """A reviewed plan: record id → (before, after). Only changes equal to it are written."""
    at_once: int | None = None  # calls under way at a time; None: as many as one process can make use of
    stop: Callable[[], bool] = lambda: False
    """Asked between chunks and batches; True hands back what was not begun."""
