"""Counting answers for reports: how many people gave which score, in which period and of which group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from nps.figures import Tally
from nps.moving import Movement


class Trait(StrEnum):
    """Where the value that answers are grouped by is found."""

    RECORD = "record"  # remembered of the record the answer was matched to (`member`)
    PROPERTY = "property"  # came with the answer
    CHANNEL = "channel"
    SOURCE = "source"
    SURVEY = "survey"  # its id in the source's own words
    ACCOUNT = "account"


class By(msgspec.Struct, frozen=True):
    """What answers are grouped by. `name` of a record's trait or an answer's property."""

    trait: Trait
    name: str = ""


class Counting(msgspec.Struct, frozen=True, kw_only=True):
    """Which answers count: the complete ones of one survey, in their newest version, with a score of its scale; not
    those that are held or that a person took out. Of one person in one period only the latest counts.

    `places`: connection → the survey's ids there (none: whatever it delivers); of equally new answers the one from the
    later place wins. Two answers are one person's when they were matched to one record by one of `syncs` (the first of
    them that knows), else when they share their strongest key. `cuts` are the borders of the periods, ascending: one
    more than there are periods.
    """

    places: Mapping[str, Sequence[str]]
    syncs: Sequence[str]
    cuts: Sequence[datetime]
    metric: str = "nps"
    labelled: str | None = None
    anonymous: str = (
        ""  # the survey's name, where it is an anonymous programme: only what is published counts
    )


class Tallied(msgspec.Struct, frozen=True):
    """What became of the answers of one period: how many people gave which score, and how many answers were left out
    because their person gave a later one in the same period."""

    scores: Mapping[int, int]
    older: int = 0
    unmatched: int = 0  # people among them whose record is not known

    @property
    def people(self) -> int:
        return sum(self.scores.values())


class Group(msgspec.Struct, frozen=True):
    """The people of one group, in each period. `name` is None where the value is not known."""

    name: str | None
    tallies: Sequence[Tally]


class Groups(msgspec.Struct, frozen=True):
    """The groups with the most people in the last period, and what is in the others together."""

    shown: Sequence[Group]
    rest: Sequence[Tally]
    more: int = 0  # how many groups are in the rest


class Stake(msgspec.Struct, frozen=True):
    """An account (or, without one, a record) with a detractor, and its amount as the CRM said it."""

    name: str
    detractors: int
    amount: str | None


class Order(StrEnum):
    """Of accounts."""

    WORST = "worst"
    BEST = "best"
    MOST = "most"
    LATEST = "latest"
    NAME = "name"


class AccountFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One account: its people's latest answers, and how many of its people ever gave one."""

    id: str
    label: str
    tally: Tally
    known: int
    latest: datetime


class AccountPage(msgspec.Struct, frozen=True, kw_only=True):
    accounts: Sequence[AccountFigures]
    all_of_them: int
    with_enough: int


class Invited(msgspec.Struct, frozen=True):
    """Invitations of ours: delivered, and completed of these. Reminders are not invitations."""

    delivered: int
    completed: int


class Tallies(Protocol):
    """All of them only read."""

    def tallied(self, what: Counting) -> list[Tallied]:
        """One for each period."""
        ...

    def grouped(self, what: Counting, by: By, *, limit: int) -> Groups: ...

    def moved(self, what: Counting) -> Movement:
        """Who answered in the first and in the last period, and how their segment changed."""
        ...

    def at_stake(self, what: Counting, amount: str) -> Iterator[Stake]:
        """The accounts of the last period's detractors. `amount` is the trait it is kept under."""
        ...

    def account_figures(
        self,
        what: Counting,
        *,
        order: Order,
        enough: int,
        limit: int,
        offset: int = 0,
        label: str | None = None,
    ) -> AccountPage:
        """Accounts with answers in the one period. Those of fewer than `enough` people come last. `label`: the trait
        they are called by; without it their ids."""
        ...

    def worth(self, what: Counting, amount: str) -> Iterator[tuple[Tally, str | None]]:
        """Every account with answers in the one period: its people, and its amount as the CRM said it."""
        ...

    def monthly(self, what: Counting) -> dict[str, dict[int, int]]:
        """What is left of answers that were deleted: month (2026-03) → score → answers."""
        ...

    def invited(
        self, survey: str, since: datetime, until: datetime, *, answered_before: datetime | None = None
    ) -> Invited:
        """Invitations sent from `since` on and before `until`, and how many of them were answered (by then)."""
        ...
