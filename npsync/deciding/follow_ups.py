"""What was to follow answers and was refused, or of which nobody knows whether it arrived: tried again, or left be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nps.errors import ConfigError
from npsync.deciding.deciders import Decider, Decision, about
from npsync.deciding.writing import Again
from store.api import Asked


@dataclass(frozen=True)
class Retried:
    """What is wanted again, what was not open (any more), and the syncs whose next run does it."""

    done: tuple[int, ...]
    left: tuple[int, ...]
    again: Again


def retry(decider: Decider, ids: Sequence[int]) -> Retried:
    """As the answer and the YAML say today. A message of which nobody knows whether it arrived is sent once more."""
    done = decider.store.retry_entries(ids, now=decider.now)
    _note(decider, Decision.RETRY, done)
    syncs = sorted({one.sync for one in decider.store.entries(done)})
    return Retried(tuple(done), _left(ids, done), {sync: Asked() for sync in syncs})


@dataclass(frozen=True)
class Discarded:
    """What is left be, and what was not open (any more)."""

    done: tuple[int, ...]
    left: tuple[int, ...]


def discard(decider: Decider, ids: Sequence[int], reason: str) -> Discarded:
    """Nothing is deleted in the CRM. Raises ConfigError without a reason."""
    if not reason.strip():
        raise ConfigError("say why they are discarded: it is kept with them")
    done = decider.store.discard_entries(ids, decider.signed(Decision.DISCARD, reason), now=decider.now)
    _note(decider, Decision.DISCARD, done)
    return Discarded(tuple(done), _left(ids, done))


def _left(ids: Sequence[int], done: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted({*ids} - {*done}))


def _note(decider: Decider, decision: Decision, done: Sequence[int]) -> None:
    if done:
        decider.note(decision, about("follow-up", done, "follow-ups"), {"follow_ups": len(done)})
