"""What one Wootric account holds: people, their answers, who declined; in the order lists are read."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar


@dataclass(slots=True)
class EndUser:
    id: int
    created: int
    updated: int
    email: str | None = None
    external_id: str | None = None
    phone: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    surveys_disabled: bool = False
    off: frozenset[str] = frozenset()  # email_nps, web_nps, mobile_nps that somebody switched off
    forced: frozenset[str] = frozenset()  # force_web_survey, force_mobile_survey


@dataclass(slots=True)
class Answer:
    id: int
    end_user: int
    survey: int
    score: int
    text: str | None
    created: int
    updated: int
    excluded: bool = False
    completed: bool = False
    channel: str = "email"
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Decline:
    id: int
    end_user: int
    survey: int
    created: int
    updated: int


class _Dated(Protocol):
    id: int
    created: int


T = TypeVar("T", bound=_Dated)

_Index = dict[str, list[int]]  # value → ids of the people who have it


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open, in UNIX seconds; None is open."""

    start: int | None = None
    end: int | None = None

    def within(self, at: int) -> bool:
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)


EVERYTHING = Window()


class Timeline(Generic[T]):
    """Things by creation time (then id): a page of any window costs two bisections and a slice."""

    def __init__(self) -> None:
        self.by_id: dict[int, T] = {}
        self._order: list[tuple[int, int]] = []

    def add(self, one: T) -> None:
        self.by_id[one.id] = one
        place = (one.created, one.id)
        if self._order and place < self._order[-1]:
            insort(self._order, place)
        else:
            self._order.append(place)

    def remove(self, one: T) -> None:
        del self.by_id[one.id]
        del self._order[bisect_left(self._order, (one.created, one.id))]

    def next_id(self, first: int) -> int:
        return max(self.by_id, default=first - 1) + 1

    def page(self, window: Window, *, skip: int, count: int, newest_first: bool) -> list[T]:
        low = 0 if window.start is None else bisect_left(self._order, (window.start,))
        high = len(self._order) if window.end is None else bisect_left(self._order, (window.end,))
        if newest_first:
            stop = high - skip
            places = self._order[max(low, stop - count) : max(low, stop)][::-1]
        else:
            places = self._order[low + skip : min(high, low + skip + count)]
        return [self.by_id[number] for _, number in places]

    def latest(self, count: int) -> list[T]:
        return self.page(EVERYTHING, skip=0, count=count, newest_first=True)

    def all(self) -> Iterator[T]:
        return (self.by_id[number] for _, number in list(self._order))

    def __len__(self) -> int:
        return len(self.by_id)


class Books:
    """One account."""

    def __init__(self) -> None:
        self.answers: Timeline[Answer] = Timeline()
        self.declines: Timeline[Decline] = Timeline()
        self.people: dict[int, EndUser] = {}
        self._answers_of: dict[int, list[int]] = {}
        self._by_email: _Index = {}  # two people may share an address
        self._by_external_id: _Index = {}
        self._by_phone: _Index = {}
        self._sorted: dict[str, list[EndUser]] = {}

    # People

    def welcome(self, person: EndUser) -> None:
        """Add a person, or take in that one changed."""
        self.people[person.id] = person
        for index, value in self._keys(person):
            index.setdefault(value, []).append(person.id)
        self._sorted.clear()

    def changed(self, person: EndUser, change: Callable[[EndUser], None]) -> None:
        self._unlist(person)
        change(person)
        self.welcome(person)

    def forget(self, person: EndUser) -> None:
        for number in list(self._answers_of.pop(person.id, [])):
            self.answers.remove(self.answers.by_id[number])
        self._unlist(person)
        del self.people[person.id]
        self._sorted.clear()

    def all_by_email(self, email: str) -> list[EndUser]:
        return [self.people[number] for number in self._by_email.get(email.lower(), [])]

    def by_email(self, email: str) -> EndUser | None:
        """The one known longest, if several share the address."""
        return self._first(self._by_email, email.lower())

    def by_external_id(self, external_id: str) -> EndUser | None:
        return self._first(self._by_external_id, external_id)

    def by_phone(self, phone: str) -> EndUser | None:
        return self._first(self._by_phone, phone)

    def sorted_people(self, key: str) -> Sequence[EndUser]:
        """Ascending by `email`, `updated_at` or `created_at`; kept until somebody changes."""
        if key not in self._sorted:
            self._sorted[key] = sorted(self.people.values(), key=ORDERS[key])
        return self._sorted[key]

    def touched(self, person: EndUser, at: int) -> None:
        person.updated = max(person.updated, at)
        self._sorted.pop("updated_at", None)

    def _first(self, index: _Index, value: str) -> EndUser | None:
        numbers = index.get(value)
        return self.people[numbers[0]] if numbers else None

    def _unlist(self, person: EndUser) -> None:
        for index, value in self._keys(person):
            index[value].remove(person.id)

    def _keys(self, person: EndUser) -> list[tuple[_Index, str]]:
        keys = [
            (self._by_email, person.email.lower() if person.email else None),
            (self._by_external_id, person.external_id),
            (self._by_phone, person.phone),
        ]
        return [(index, value) for index, value in keys if value]

    # Answers

    def record(self, answer: Answer) -> None:
        self.answers.add(answer)
        self._answers_of.setdefault(answer.end_user, []).append(answer.id)

    def withdraw(self, answer: Answer) -> None:
        """It just vanishes: Wootric leaves no tombstone."""
        self.answers.remove(answer)
        self._answers_of[answer.end_user].remove(answer.id)

    def answers_of(self, person: EndUser) -> list[Answer]:
        """Oldest first."""
        mine = [self.answers.by_id[number] for number in self._answers_of.get(person.id, [])]
        return sorted(mine, key=lambda answer: (answer.created, answer.id))


ORDERS: dict[str, Callable[[EndUser], Any]] = {
    # People without an address come last.
    "email": lambda person: (person.email is None, person.email or "", person.id),
    "updated_at": lambda person: (person.updated, person.id),
    "created_at": lambda person: (person.created, person.id),
}
