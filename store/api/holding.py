"""Holding: what came in around an answer, and what people decided about those that were held."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from nps.values import JsonFields


class Alike(msgspec.Struct, frozen=True):
    """An answer without a comment, as light as the rules need it."""

    person: int
    at: datetime
    email: str
    properties: JsonFields


class Given(msgspec.Struct, frozen=True):
    """One score that a person gave: of any answer and any version of it. `at` is when that version was given."""

    source: str
    at: datetime
    score: int | float | str | None


class HoldDecision(msgspec.Struct, frozen=True):
    """What a person decided about one answer. `at`: a version that came later was not there to be judged."""

    released: bool
    at: datetime


class Holding(Protocol):
    """What the rules of `nps.suspicion` ask of the inbox."""

    def hours_of_work(self, sync: str, source: str) -> list[int]:
        """The hours since 1970 in which answers of the work were given, in order: few, however many the answers."""
        ...

    def without_comment(
        self, source: str, channels: Sequence[str], first: datetime, last: datetime
    ) -> Iterator[list[Alike]]:
        """Newest versions with an address and without a comment, by one of these channels (lower case), given between
        `first` and `last`, both included, in order of time. Streams."""
        ...

    def scores_of(
        self, persons: Sequence[int], channels: Sequence[str], at_least: int
    ) -> dict[int, list[Given]]:
        """What these persons gave without a comment, of those who gave so many answers or versions."""
        ...

    def hold_decisions(self, answers: Collection[tuple[str, str]]) -> dict[tuple[str, str], HoldDecision]:
        """What people decided about these answers (source, id)."""
        ...

    def release_held(
        self, answers: Collection[tuple[str, str]], again: Mapping[str, Sequence[int]], *, now: datetime
    ) -> None:
        """These answers are people's after all: remembered, and asked for (sync → numbers) to be taken up again."""
        ...

    def forget_hold_decision(self, source: str, id: str, again: Mapping[str, Sequence[int]]) -> bool:
        """Take back what was decided about a held answer, and ask for its versions to be taken up again. False when
        nothing was."""
        ...

    def discard_held(
        self, answers: Mapping[tuple[str, str], Mapping[str, int]], reason: str, *, now: datetime
    ) -> list[tuple[str, str, str]]:
        """These answers (their held version by sync) are left out for good (excluded, "discarded"), also of syncs that
        have not taken them up yet. Returns (sync, source, id) where an answer was held; a run may have taken it up."""
        ...
