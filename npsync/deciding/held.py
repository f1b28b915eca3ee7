"""Held answers: those that look as if a program gave them. Which are meant, releasing them, discarding them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nps.errors import ConfigError
from npsync.deciding.deciders import Decider, Decision, about
from npsync.deciding.inbox import MOST, Item, called, named, settled_in, undecided
from npsync.deciding.writing import Again, answers_again
from store.api import State, Store

if TYPE_CHECKING:
    from npsync.config import Config

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


@dataclass(frozen=True)
class Released:
    """Answers that count like any other from now on; `again` is what a run writes of it."""

    answers: tuple[Answer, ...]
    again: Again


def release(decider: Decider, chosen: Chosen) -> Released:
    """These are people's: remembered, in every sync, and they are not held again."""
    decider.store.release_held(chosen.answers, chosen.by_sync, now=decider.now)
    _note(decider, Decision.RELEASE, chosen, tuple(chosen.answers))
    return Released(tuple(chosen.answers), answers_again(chosen.by_sync))


@dataclass(frozen=True)
class Discarded:
    """Answers that are left out for good, and those that a run is planning just now: to be decided again afterwards."""

    done: tuple[Answer, ...]
    left: tuple[Answer, ...]


def discard(decider: Decider, chosen: Chosen, reason: str) -> Discarded:
    """These are nobody's. One that is edited is judged anew."""
    why = decider.signed(Decision.DISCARD, reason)
    settled = {
        (source, id) for _, source, id in decider.store.discard_held(chosen.answers, why, now=decider.now)
    }
    done = tuple(one for one in chosen.answers if one in settled)
    _note(decider, Decision.DISCARD, chosen, done)
    return Discarded(done, tuple(one for one in chosen.answers if one not in settled))


def _note(decider: Decider, decision: Decision, chosen: Chosen, done: Sequence[Answer]) -> None:
    if not done:
        return
    names = [f"{source}:{id}" for source, id in done]
    syncs = dict.fromkeys(sync for one in done for sync in chosen.answers[one])
    decider.note(decision, about("answer", names, "answers"), {"answers": len(done), "syncs": [*syncs]})
