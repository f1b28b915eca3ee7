"""Answers that wait for a person's decision: those of a sync, and the one that somebody names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nps.errors import ConfigError
from nps.responses import SurveyResponse
from store.api import Settled, State, Store, Stored

if TYPE_CHECKING:
    from npsync.config import Config

UNDECIDED = (State.REVIEW, State.WAITING)
MOST = 100_000


@dataclass(frozen=True)
class Item:
    """One answer in one sync."""

    sync: str
    answer: Stored
    settled: Settled


def named(config: Config, store: Store, text: str) -> Stored:
    """The answer meant by "source id", "source:id" or an id that only one source has. Raises ConfigError."""
    text = text.strip()
    found = store.answers_named(text)
    for source in config.connections:
        if text.startswith((f"{source} ", f"{source}:")):
            found += store.answers_named(text[len(source) + 1 :].strip(), source)
    found = list({one.number: one for one in found}.values())
    if not found:
        raise ConfigError(
            f'there is no answer "{text}"; write SOURCE:ID, as npsync review list and npsync runs N show it'
        )
    if len(found) > 1:
        names = ", ".join(called(one.response) for one in found)
        raise ConfigError(f'"{text}" may be any of {names}; name one of them')
    return found[0]


def called(response: SurveyResponse) -> str:
    """What a person writes to mean this answer."""
    return f"{response.source}:{response.id}"


def undecided(store: Store, sync: str, states: Sequence[State], limit: int) -> list[Item]:
    """Answers that need a decision or a record, the newest first; those of one person together, where the newest of
    them is."""
    found = [Item(sync, *one) for one in store.undecided(sync, states, limit=limit)]
    by_person: dict[int, list[Item]] = {}
    for item in found:
        by_person.setdefault(item.answer.person, []).append(item)
    return [item for its in by_person.values() for item in its]


def settled_in(config: Config, store: Store, answer: Stored, sync: str | None = None) -> list[Item]:
    """The answer in every sync that has taken it up (or in this one)."""
    names = [sync] if sync is not None else list(config.sync)
    states = {name: store.states(name, [answer.number]).get(answer.number) for name in names}
    return [Item(name, answer, state) for name, state in states.items() if state is not None]
