"""What pages and the API ask for."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime

from msgspec.structs import replace

from connectors.contract import Clock
from npsync.config import Config
from npsync.figures import encoding
from npsync.figures.few import Few
from npsync.figures.questions import (
    FEW,
    GROUPS,
    INVITATIONS,
    Question,
    about,
    accounts_of,
    kept_ready,
    key_of,
    since,
    year_of,
)
from npsync.figures.shown import Shown
from npsync.reports import Report, Wish, make
from npsync.reports.owners import namer
from npsync.reports.wish import counting, enough_of, name_of_accounts
from store.api import Store
from store.api.figures import AskedSince, Figure
from store.api.tallying import AccountPage, Order


class Figures:
    """Any thread may ask. Nothing is counted here unless there is little to count: `npsync.figures.counting` does it,
    in `npsync serve`, and what is asked for the first time it finds in the store."""

    def __init__(self, config: Config, store: Store, clock: Clock, *, few: int = FEW) -> None:
        self._config, self._store, self._clock, self._few = config, store, clock, few

    def report(self, wish: Wish) -> Shown[Report]:
        now = self._clock.now()
        if self._store.most_answers() <= self._few:
            names = namer(self._config, self._store, wish.survey, self._clock) if wish.by == "owner" else None
            return Shown(make(self._config, self._store, wish, now=now, names=names, limit=GROUPS), now)
        today = self._today(now)
        found = self._found(about(self._config, wish, today), now)
        if found.answer is None:
            return Shown(None, None, counting=True)
        return Shown(encoding.report(found.answer), found.as_of, counting=self._is_old(found, today))

    def accounts(
        self, survey: str, order: Order = Order.WORST, *, limit: int = 50, offset: int = 0
    ) -> Shown[AccountPage]:
        """The accounts with answers of the last twelve months."""
        return self._accounts(survey, order, limit, offset, guarded=False)[0]

    def large_accounts(
        self, survey: str, order: Order = Order.WORST, *, limit: int = 50, offset: int = 0
    ) -> Shown[AccountPage]:
        """The same for somebody who may see nobody: of the last twelve whole months, and those alone that have enough
        people; a page may be shorter for it."""
        shown, beside = self._accounts(survey, order, limit, offset, guarded=True)
        if (page := shown.value) is None:
            return shown
        enough = enough_of(self._config, survey, guarded=True)
        told = [one for one in page.accounts if one.tally.answers >= enough and one.id != beside]
        many = page.with_enough - (beside is not None)
        return dataclasses.replace(
            shown, value=AccountPage(accounts=told, all_of_them=many, with_enough=many)
        )

    def _accounts(
        self, survey: str, order: Order, limit: int, offset: int, *, guarded: bool
    ) -> tuple[Shown[AccountPage], str | None]:
        """And the one that is not told of beside those that have too few."""
        now = self._clock.now()
        today = self._today(now)
        what = counting(self._config, survey, *year_of(today, guarded=guarded))
        enough = enough_of(self._config, survey, guarded=guarded)
        if self._store.most_answers() <= self._few:
            page = self._store.account_figures(
                what,
                order=order,
                enough=enough,
                limit=self._few if guarded else limit,  # there are no more
                offset=0 if guarded else offset,
                label=name_of_accounts(self._config),
            )
            if not guarded:
                return Shown(page, now), None
            few = Few(enough, self._store.tallied(what)[0].people)
            few.look((one.id, one.tally.answers) for one in page.accounts)
            return Shown(replace(page, accounts=page.accounts[offset : offset + limit]), now), few.beside
        found = self._found(accounts_of(survey, guarded=guarded), now)
        if found.answer is None or found.edition is None:
            return Shown(None, None, counting=True), None
        told = encoding.accounts(found.answer)
        shown = self._store.account_page(found.edition, order, syncs=what.syncs, limit=limit, offset=offset)
        page = AccountPage(accounts=shown, all_of_them=told.all_of_them, with_enough=told.with_enough)
        return Shown(page, found.as_of, counting=self._is_old(found, today)), told.beside

    def invitations(self, days: int) -> Shown[AskedSince]:
        """What became of asking in so many days before today, and today: one of `DAYS`."""
        now = self._clock.now()
        today = self._today(now)
        if self._store.most_asked() <= self._few:
            [counted] = self._store.asked_since([since(days, today, self._config.time_zone)])
            return Shown(counted, now)
        found = self._found(Question(kind=INVITATIONS), now)
        if found.answer is None:
            return Shown(None, None, counting=True)
        told = encoding.invitations(found.answer).since[days]
        return Shown(told, found.as_of, counting=self._is_old(found, today))

    def _found(self, question: Question, now: datetime) -> Figure:
        """The answer, as far as there is one; it is wanted from now on."""
        key = key_of(self._config, question)
        found = self._store.figure(key)
        if found is None:
            usual = question in kept_ready(self._config)
            asked_at = None if usual else now
            self._store.want_figures(question.part, {key: question.as_text()}, asked_at=asked_at)
        return found or Figure(key=key, question=question.as_text())

    def _today(self, now: datetime) -> date:
        return now.astimezone(self._config.time_zone).date()

    def _is_old(self, found: Figure, today: date) -> bool:
        return found.stale or found.as_of is None or self._today(found.as_of) != today
