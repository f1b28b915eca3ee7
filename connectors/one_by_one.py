"""A call for each of several things, with as many under way as a pool has threads, and none made in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from typing import TypeVar

from nps.errors import NpsyncError

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
