"""What pages and the API ask for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

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
from store.api.tallying import AccountFigures, AccountPage, Counting, Order


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
        now = self._clock.now()
        if self._store.most_answers() <= self._few:
            return Shown(self._counted(survey, order, now, limit=limit, offset=offset), now)
        found = self._found(accounts_of(survey), now)
        if found.answer is None or found.edition is None:
            return Shown(None, None, counting=True)
        told = encoding.accounts(found.answer)
        shown = self._kept(found.edition, survey, order, limit=limit, offset=offset)
        page = AccountPage(accounts=shown, all_of_them=told.all_of_them, with_enough=told.with_enough)
        return Shown(page, found.as_of, counting=self._is_old(found, self._today(now)))

    def large_accounts(
        self, survey: str, order: Order = Order.WORST, *, limit: int = 50, offset: int = 0
    ) -> Shown[AccountPage]:
        """The same for somebody who may see nobody: of the last twelve whole months, and those alone that have enough
        people. One that is left out beside the few leaves no gap: where it stood would tell how it scored."""
        now, enough = self._clock.now(), enough_of(self._config, survey, guarded=True)
        if self._store.most_answers() <= self._few:
            what = self._counting(survey, now, guarded=True)
            every = self._counted(
                survey, order, now, limit=self._few, guarded=True
            ).accounts  # there are no more
            few = Few(enough, self._store.tallied(what)[0].people)
            few.look((one.id, one.tally.answers) for one in every)
            large = [one for one in every if one.tally.answers >= enough and one.id != few.beside]
            return Shown(_page(large[offset : offset + limit], len(large)), now)
        found = self._found(accounts_of(survey, guarded=True), now)
        if found.answer is None or found.edition is None:
            return Shown(None, None, counting=True)
        told = encoding.accounts(found.answer)
        place = self._store.account_place(found.edition, order, told.beside) if told.beside else None
        first = offset + 1 if place is not None and place <= offset + 1 else offset
        shown = self._kept(found.edition, survey, order, limit=limit + 1, offset=first)
        large = [one for one in shown if one.tally.answers >= enough and one.id != told.beside]
        page = _page(large[:limit], told.with_enough - (told.beside is not None))
        return Shown(page, found.as_of, counting=self._is_old(found, self._today(now)))

    def _counting(self, survey: str, now: datetime, *, guarded: bool) -> Counting:
        return counting(self._config, survey, *year_of(self._today(now), guarded=guarded))

    def _counted(
        self, survey: str, order: Order, now: datetime, *, limit: int, offset: int = 0, guarded: bool = False
    ) -> AccountPage:
        return self._store.account_figures(
            self._counting(survey, now, guarded=guarded),
            order=order,
            enough=enough_of(self._config, survey, guarded=guarded),
            limit=limit,
            offset=offset,
            label=name_of_accounts(self._config),
        )

    def _kept(
        self, edition: int, survey: str, order: Order, *, limit: int, offset: int
    ) -> list[AccountFigures]:
        syncs = [name for name, sync in self._config.sync.items() if sync.survey == survey]
        return self._store.account_page(edition, order, syncs=syncs, limit=limit, offset=offset)

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


def _page(large: Sequence[AccountFigures], all_of_them: int) -> AccountPage:
    """Of large accounts alone: the others are not there."""
    return AccountPage(accounts=large, all_of_them=all_of_them, with_enough=all_of_them)
