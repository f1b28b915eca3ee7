"""A call for each of several things, with as many under way as a pool has threads, and none made in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from typing import Generic, TypeVar

from connectors.wire import FateUnknown, Overlong
from nps.changes import Change, Deferred, Unknown
from nps.errors import AccessError, BudgetError, ConfigError, Interrupted, NpsyncError, UnavailableError
from nps.values import JsonFields

SILENT = 3  # calls in a row without an answer: the vendor is down

T = TypeVar("T")
R = TypeVar("R")


class NotMade(Exception):
    """The calls before this one came to nothing: this one was not made."""


def together(pool: Executor, do: Callable[[T], R], each: Iterable[T]) -> Iterator[tuple[T, Future[R]]]:
    """Each with what became of it, as they end."""
    under_way = {pool.submit(do, one): one for one in each}
    try:
        for future in as_completed(under_way):
            yield under_way[future], future
    finally:
        # Whoever stops listening, because one of them failed, wants no more of them made.
        for future in under_way:
            future.cancel()


def all_of(pool: Executor, do: Callable[[T], R], each: Sequence[T]) -> list[R]:
    """What came of each, in the order given. After the first that fails no more are made, and its error is raised."""
    failed = threading.Event()

    def one_of(place: int) -> R:
        if failed.is_set():
            raise NotMade
        try:
            return do(each[place])
        except NpsyncError:
            failed.set()
            raise

    found: dict[int, R] = {}
    for place, future in together(pool, one_of, range(len(each))):
        try:
            found[place] = future.result()
        except NotMade:
            continue  # what failed is raised by its own future
    return [found[place] for place in range(len(each))]


def wanted(changes: Sequence[Change]) -> Iterator[tuple[str, JsonFields, JsonFields]]:
    """One update for each record: its id, what it showed before, what it is to show."""
    found: dict[str, tuple[JsonFields, JsonFields]] = {}
    for change in changes:
        before, after = found.get(change.record_id, ({}, {}))
        found[change.record_id] = ({**change.before, **before}, {**after, **change.after})
    for id, (before, after) in found.items():
        yield id, before, after


def updates(
    pool: Executor, update: Callable[[T], R], waiting: Mapping[str, T]
) -> Iterator[tuple[str, R | Unknown | Deferred]]:
    """Every update sent once: record → what `update` made of its answer, or why there is none. Those that are put off
    come last; then what concerns all of them is raised, if anything does."""
    calls = _Calls(update)
    put_off: list[Deferred] = []
    not_made: list[str] = []
    fatal: NpsyncError | None = None
    unanswered: UnavailableError | None = None
    for id, future in together(pool, lambda id: calls.make(waiting[id]), waiting):
        said: R | Unknown
        try:
            said = future.result()
        except (AccessError, ConfigError, BudgetError, Interrupted) as error:
            fatal = fatal or error
            continue
        except (FateUnknown, Overlong) as error:
            said = Unknown(id, str(error))
        except UnavailableError as error:
            unanswered = unanswered or error
            put_off.append(Deferred(id, str(error)))
            continue
        except NotMade:
            not_made.append(id)
            continue
        yield id, said
    if fatal is None:
        put_off += [Deferred(id, "the calls before it came to nothing", tried=False) for id in not_made]
        if unanswered is not None and len(put_off) == len(waiting):
            raise unanswered  # nothing got through: the vendor is down for everybody
    for one in put_off:
        yield one.record_id, one
    if fatal is not None:
        raise fatal


class _Calls(Generic[T, R]):
    """The calls of one round: when some in a row get no answer, or one is refused for all, the rest is not made."""

    def __init__(self, update: Callable[[T], R]) -> None:
        self._update = update
        self._lock = threading.Lock()
        self._silent = 0
        self._refused = False

    def make(self, one: T) -> R:
        if self._refused or self._silent >= SILENT:
            raise NotMade
        try:
            said = self._update(one)
        except (AccessError, ConfigError, BudgetError, Interrupted):
            self._refused = True
            raise
        except UnavailableError:
            with self._lock:
                self._silent += 1
            raise
        self._silent = 0
        return said
