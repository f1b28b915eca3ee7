"""Ready-made figures: kept as the caller encodes them, stale as soon as something they are made of has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

import msgspec

from nps.asking import InvitationState
from store.api.tallying import AccountFigures, By, Counting, Order, Tallies
from store.api.values import Lease

Ranked = tuple[Any, ...]
"""An account as `Standing.ranked` hands it out and `Figures.add_accounts` takes it."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question. `asked_at` is None for those that are always kept ready. `edition`: of a list of
    accounts, the rows that are it."""

    key: str
    question: str
    answer: bytes | None = None  # None: not counted yet
    as_of: datetime | None = None
    stale: bool = True
    asked_at: datetime | None = None
    edition: int | None = None


class Funnelled(msgspec.Struct, frozen=True, kw_only=True):
    """How far the invitations of one trigger, survey and state got. `delivered`: as far as a channel told."""

    trigger: str
    survey: str
    state: InvitationState
    invitations: int
    sent: int
    delivered: int
    answered: int


class Refused(msgspec.Struct, frozen=True):
    """How often a trigger did not ask somebody, for one reason."""

    trigger: str
    code: str
    times: int


class AskedSince(msgspec.Struct, frozen=True):
    """What became of asking since one moment: of the invitations that were decided on since then, and who was not
    asked."""

    funnel: Sequence[Funnelled]
    refused: Sequence[Refused]


class Standing(Tallies, Protocol):
    """The answers that count, side by side in a table of their own: each question of `Tallies` about any part of its
    time, grouped by what it was made for, is one pass over it. All of one moment."""

    def ranked(self, what: Counting, *, enough: int, label: str | None) -> Iterator[list[Ranked]]:
        """Every account with answers in the one period, with its place in every `Order`."""
        ...


class Figures(Protocol):
    def most_answers(self) -> int:
        """No more answers than this are stored. Known without counting."""
        ...

    def standing(
        self, what: Counting, groups: Sequence[By], *, stop: Callable[[], bool] = ...
    ) -> AbstractContextManager[Standing]:
        """What counts within the whole time of `what`, for questions grouped by one of `groups`. As soon as `stop` says
        so, what is under way raises BrokenOff."""
        ...

    def most_asked(self) -> int:
        """No more messages than this are stored, and no more verdicts. Known without counting."""
        ...

    def asked_since(self, moments: Sequence[datetime], *, stop: Callable[[], bool] = ...) -> list[AskedSince]:
        """Since each of these, all of one state of the store. Counted from scratch. As soon as `stop` says so, it
        raises BrokenOff."""
        ...

    def figure(self, key: str) -> Figure | None: ...

    def figures(self) -> list[Figure]:
        """All of them, without their answers (`as_of` tells whether there is one)."""
        ...

    def want_figures(
        self, part: str, questions: Mapping[str, str], *, asked_at: datetime | None = None
    ) -> None:
        """Key → question: they are to be counted, unless they are known. `part`: what they are made of, as
        `store.stirring` calls it."""
        ...

    def drop_figures(self, keys: Sequence[str], *, lease: Lease) -> None: ...

    def take_stirred(self, part: str, *, lease: Lease) -> bool:
        """Whether something of this part changed since this was asked before: then each of its figures is stale."""
        ...

    def keep_figure(
        self, key: str, answer: bytes, *, as_of: datetime, lease: Lease, edition: int | None = None
    ) -> bool:
        """It is counted, from what was there after `take_stirred`. False: nobody wants it any more."""
        ...

    def forget_figures(self) -> None:
        """All of them, and take the lease away from whoever is counting: what was counted before is never kept after.
        Erasing a person does so, too."""
        ...

    def new_edition(self, *, lease: Lease) -> int:
        """For a list of accounts. Editions that no figure names are gone."""
        ...

    def add_accounts(self, edition: int, accounts: Sequence[Ranked], *, lease: Lease) -> None: ...

    def account_place(self, edition: int, order: Order, account: str) -> int | None:
        """Which of this order it is, from 1 on."""
        ...

    def account_page(
        self, edition: int, order: Order, *, syncs: Sequence[str], limit: int, offset: int
    ) -> list[AccountFigures]: ...
