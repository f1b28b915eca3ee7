"""Which data objects hold a word, so that a search over many stays quick. It only ever grows: a word that an object
no longer holds leads to it in vain, and the search looks at what the object holds now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter

from sandbox.pretectum.books import Books, Thing
from sandbox.pretectum.search import compiled, words
from sandbox.toy import Row

Hit = tuple[Thing, Row]


class Index:
    def __init__(self, books: Books) -> None:
        self._books = books
        self._holders: dict[str, set[str]] | None = None

    def learn(self, thing: Thing) -> None:
        if self._holders is not None:
            self._enter(self._holders, thing)

    def hits(self, query: str, among: Callable[[Thing], bool], at: float) -> Iterator[Hit]:
        """Objects as they were at that time, in order of id."""
        holds, needed = compiled(query)
        for thing in sorted(self._candidates(needed), key=attrgetter("id")):
            values = thing.believed(at) if among(thing) else None
            if values is not None and holds(values):
                yield thing, values

    def _candidates(self, needed: frozenset[str]) -> list[Thing]:
        things = self._books.things
        if not needed:
            return list(things.values())
        if self._holders is None:
            self._holders = {}
            for thing in things.values():
                self._enter(self._holders, thing)
        lists = sorted((self._holders.get(word, set()) for word in needed), key=len)
        return [things[id] for id in lists[0].intersection(*lists[1:])]

    @staticmethod
    def _enter(holders: dict[str, set[str]], thing: Thing) -> None:
        for values in (thing.values, *(past for _, past in thing.past if past)):
            for value in values.values():
                for word in words(value):
                    holders.setdefault(word, set()).add(thing.id)
