"""Who was forgotten is not taken in again: every way into the store asks here, in the transaction that would store.

Nothing is computed while nobody was forgotten. Without the pepper nobody can tell whose an answer is, so then
nothing is taken in at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from nps.errors import ConfigError
from nps.events import Arrival, Event
from nps.forgetting import Forgetting
from nps.responses import SurveyResponse
from store.database import Transaction
from store.rows import from_json, response_of, to_json
from store.statements import RESPONSES

PEPPER = "pepper"  # the switch that keeps the pepper's check

_ANYBODY = "SELECT 1 FROM tombstone LIMIT 1"

Carrier = TypeVar("Carrier")


def forgotten(tx: Transaction, names: Sequence[str]) -> dict[str, int]:
    """Of these names those of people who were forgotten, and when."""
    if not names or (forgetting := _forgetting(tx)) is None:
        return {}
    digests = {forgetting.digest(name): name for name in names}
    return {digests[digest]: at for digest, at in _buried(tx, digests)}


def forgotten_places(tx: Transaction, responses: Sequence[SurveyResponse]) -> frozenset[int]:
    return _places(tx, responses, lambda forgetting: forgetting.of_answer)


def forgotten_answers(tx: Transaction, numbers: Sequence[int]) -> frozenset[int]:
    """Which of these stored answers are of somebody who was forgotten: left by an erasing that was broken off."""
    if not numbers or tx.one(_ANYBODY) is None:
        return frozenset()  # nearly always
    rows = tx.rows(RESPONSES, numbers=list(numbers))
    return frozenset(rows[place][0] for place in forgotten_places(tx, [response_of(row[1:]) for row in rows]))


def forgotten_events(tx: Transaction, events: Sequence[Event]) -> frozenset[int]:
    return _places(tx, events, lambda forgetting: forgetting.of_event)


def forgotten_arrivals(tx: Transaction, arrivals: Sequence[Arrival]) -> frozenset[int]:
    return _places(tx, arrivals, lambda forgetting: forgetting.of_arrival)


def without_forgotten(tx: Transaction, connection: str, items: Mapping[str, str]) -> Mapping[str, str]:
    """What connections may remember: nothing that names somebody who was forgotten."""
    if not items or (forgetting := _forgetting(tx)) is None:
        return items
    named = {
        key: [forgetting.digest(name) for name in forgetting.of_memory(connection, key, _values(text))]
        for key, text in items.items()
    }
    buried = {digest for digest, _ in _buried(tx, {digest for some in named.values() for digest in some})}
    return {key: text for key, text in items.items() if buried.isdisjoint(named[key])}


def _values(text: str) -> Iterator[str]:
    """Every text in it, where it is JSON; else itself."""
    try:
        waiting = [from_json(text)]
    except ValueError:
        waiting = [text]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]


def _places(
    tx: Transaction,
    carriers: Sequence[Carrier],
    names: Callable[[Forgetting], Callable[[Carrier], Iterable[str]]],
) -> frozenset[int]:
    """Which of these carry the name of somebody who was forgotten."""
    if not carriers or (forgetting := _forgetting(tx)) is None:
        return frozenset()
    named = names(forgetting)
    carried = [[forgetting.digest(name) for name in named(one)] for one in carriers]
    buried = {digest for digest, _ in _buried(tx, {digest for some in carried for digest in some})}
    return frozenset(place for place, some in enumerate(carried) if not buried.isdisjoint(some))


def _buried(tx: Transaction, digests: Iterable[str]) -> list[tuple[str, int]]:
    found = tx.rows(
        "SELECT digest, erased_at FROM tombstone WHERE digest IN LIST(:digests)", digests=sorted(digests)
    )
    return [(row[0], row[1]) for row in found]


def _forgetting(tx: Transaction) -> Forgetting | None:
    """None while nobody was forgotten. Raises ConfigError where people were, and this is not their pepper."""
    if tx.one(_ANYBODY) is None:
        return None
    check_pepper(tx)
    return tx.forgetting


def check_pepper(tx: Transaction) -> None:
    """Raises ConfigError where people were forgotten with another pepper than this one, or this one is none."""
    if tx.forgetting is None:
        if tx.one(_ANYBODY) is None:
            return
        raise ConfigError(
            "pepper: people were forgotten in this store, and without the pepper nobody can tell whether an answer "
            "is theirs. Nothing is read or taken in. Set pepper: to the one they were forgotten with"
        )
    kept = tx.one("SELECT value FROM switch WHERE name = :name", name=PEPPER)
    if kept is not None and from_json(kept[0]) != tx.forgetting.check and tx.one(_ANYBODY) is not None:
        raise ConfigError(
            "pepper: people were forgotten in this store with another pepper; with this one they would come back. "
            "Set pepper: to the one they were forgotten with (it never changes while anybody is forgotten)"
        )


def keep_pepper(tx: Transaction, forgetting: Forgetting) -> None:
    """Remember which pepper people are forgotten with."""
    tx.run(
        """INSERT INTO switch (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        name=PEPPER,
        value=to_json(forgetting.check),
    )
