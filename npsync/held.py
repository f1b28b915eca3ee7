"""Held answers: those that look as if a program gave them. Finding them, releasing them, discarding them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nps.errors import ConfigError
from npsync.review import MOST, Item, called, named, settled_in, undecided
from store.api import Asked, State, Store
from sync.leasing import Busy

if TYPE_CHECKING:
    from npsync.config import Config
    from sync.report import Report

Answer = tuple[str, str]
"""Its source and its id there."""


@dataclass(frozen=True)
class Chosen:
    """What a person decides about: held answers, each with its version in every sync that holds it."""

    answers: Mapping[Answer, Mapping[str, int]]

    @property
    def by_sync(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for its in self.answers.values():
            for sync, number in its.items():
                found.setdefault(sync, []).append(number)
        return found


@dataclass
class Released:
    """What became of released answers: sync → state → how many; and the syncs that another process is running."""

    states: dict[str, Counter[State]] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)


def all_of(config: Config, store: Store, rule: str) -> Chosen:
    """Everything that is held by this rule, in any sync."""
    items = [
        item
        for sync in config.sync
        for item in undecided(store, sync, (State.HELD,), MOST)
        if item.settled.code == rule
    ]
    return choice_of(items)


def one(config: Config, store: Store, text: str) -> Chosen:
    """The answer a person named. Raises ConfigError where it is not held."""
    stored = named(config, store, text)
    items = settled_in(config, store, stored)
    held = [item for item in items if item.settled.state is State.HELD]
    if not held:
        states = ", ".join(f"{item.settled.state.value} in {item.sync}" for item in items) or "not taken up"
        raise ConfigError(f"{called(stored.response)} is not held: it is {states}")
    return choice_of(held)


def choice_of(items: Iterable[Item]) -> Chosen:
    answers: dict[Answer, dict[str, int]] = {}
    for item in items:
        response = item.answer.response
        answers.setdefault((response.source, response.id), {})[item.sync] = item.answer.number
    return Chosen(answers)


def let_count(store: Store, chosen: Chosen, *, now: datetime) -> Mapping[str, Sequence[int]]:
    """These are people's: remembered. Returns what a run has to take up now, sync → answers."""
    store.release_held(chosen.answers, chosen.by_sync, now=now)
    return chosen.by_sync


def release(store: Store, chosen: Chosen, run: Callable[[str, Asked], Report], *, now: datetime) -> Released:
    """These are people's: remembered, and written at once, sync by sync (or by the next run of a busy one)."""
    released = Released()
    for sync, numbers in let_count(store, chosen, now=now).items():
        try:
            released.reports.append(run(sync, Asked(answers=tuple(numbers))))
        except Busy:
            released.busy.append(sync)
        states = store.states(sync, numbers)
        released.states[sync] = Counter(state.state for state in states.values())
    return released


def discard(store: Store, chosen: Chosen, reason: str, *, now: datetime) -> int:
    """These are nobody's. Returns how many answers were held and are left out now."""
    done = store.discard_held(chosen.answers, reason, now=now)
    return len({(source, id) for _, source, id in done})
