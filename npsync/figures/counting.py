"""Counting figures in the background, all of a survey's from one pass over its answers.

Whoever counts holds the lease of it, takes the notes of what changed away, looks, and keeps what came out. So a figure
is right for the moment it names, and one that is not marked stale is right now.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mapping.reporting import AMOUNT, OWNER
from nps.errors import BrokenOff, LeaseLost
from npsync.figures import encoding
from npsync.figures.few import Few
from npsync.figures.questions import (
    ACCOUNTS,
    DAYS,
    FEW,
    GROUPS,
    INVITATIONS,
    Question,
    kept_ready,
    key_of,
    read,
    since,
    year_of,
)
from npsync.reports import Report, make
from npsync.reports.making import named
from npsync.reports.owners import namer
from npsync.reports.wish import by_of, counting, enough_of, name_of_accounts
from store.api.figures import Figure, Standing
from store.api.tallying import By, Counting, Trait
from store.figures import FIGURES
from store.owners import this_process
from store.stirring import ANSWERS, ASKED

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Lease, Store

LEASE_SECONDS = 600.0
REST = 9  # times as long as counting took: it costs at most a tenth of one processor
ASKED_FOR = timedelta(days=1)  # what is not always kept ready is kept so long after somebody asked
MOST_ASKED = 100


@dataclass
class Counted:
    """How many figures are new, and how long the store was asked for them."""

    figures: int = 0
    seconds: float = 0.0
    problems: Sequence[str] = ()

    @property
    def did_something(self) -> bool:
        return bool(self.figures)

    def as_json(self) -> dict[str, Any]:
        return {"figures": self.figures, "seconds": round(self.seconds, 1)}


class Counter:
    """What serve gives a turn every few seconds. What nobody has counted yet comes at once; what has changed since it
    was counted, after a rest."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        *,
        stop: Callable[[], bool] = lambda: False,
        few: int = FEW,
        rest: float = REST,
    ) -> None:
        self._config, self._store, self._clock, self._stop, self._few = config, store, clock, stop, few
        self._rest, self._owner = rest, this_process()
        self._rests_until = float("-inf")

    def turn(self) -> Counted:
        many = {ANSWERS: self._store.most_answers(), ASKED: self._store.most_asked()}
        parts = {part for part, most in many.items() if most > self._few}
        if not parts:
            return Counted()  # pages count them themselves
        now = self._clock.now()
        usual = {key_of(self._config, one): one for one in kept_ready(self._config) if one.part in parts}
        known = {one.key: one for one in self._store.figures()}
        for part in sorted(parts):
            missing = {
                key: one.as_text() for key, one in usual.items() if one.part == part and key not in known
            }
            if missing:
                self._store.want_figures(part, missing)
        asked = self._asked(known.values(), now)
        wanted = usual | asked
        rested = self._clock.monotonic() >= self._rests_until
        due = {key: one for key, one in wanted.items() if self._is_due(known.get(key), now, rested=rested)}
        gone = known.keys() - wanted.keys()
        return self._counted(due, sorted(gone)) if due or gone else Counted()

    def _asked(self, known: Iterable[Figure], now: datetime) -> dict[str, Question]:
        """What somebody asked for lately that is not always kept ready, and that this configuration can answer."""
        lately = sorted(
            (one for one in known if one.asked_at is not None and now - one.asked_at < ASKED_FOR),
            key=lambda one: one.asked_at or now,
        )
        questions = {one.key: read(one.question) for one in lately[-MOST_ASKED:]}
        return {
            key: question
            for key, question in questions.items()
            if question.is_of(self._config) and key_of(self._config, question) == key
        }

    def _is_due(self, known: Figure | None, now: datetime, *, rested: bool) -> bool:
        if known is None or known.as_of is None:
            return True
        return rested and (known.stale or self._day(known.as_of) != self._day(now))

    def _counted(self, due: dict[str, Question], gone: Sequence[str]) -> Counted:
        lease = self._store.acquire(FIGURES, self._owner, now=self._clock.now(), seconds=LEASE_SECONDS)
        if lease is None:
            return Counted()  # another process does it
        done = Counted()
        try:
            if gone:
                self._store.drop_figures(gone, lease=lease)
            for key, question in due.items():
                if question.kind == INVITATIONS:
                    self._count_invitations(key, lease, done)
            for survey in sorted({one.survey for one in due.values() if one.kind != INVITATIONS}):
                its = {key: question for key, question in due.items() if question.survey == survey}
                self._count(survey, its, lease, done)
        except LeaseLost:
            pass  # somebody was erased meanwhile: whatever was counted before that is not kept
        except BrokenOff:
            if not self._stop():
                raise
            # What is not counted stays due: the next process finds it as this one did.
        finally:
            self._store.release(lease)
            self._rests_until = self._clock.monotonic() + self._rest * done.seconds
        return done

    def _count_invitations(self, key: str, lease: Lease, done: Counted) -> None:
        began = time.monotonic()
        self._store.take_stirred(ASKED, lease=lease)
        as_of = self._clock.now()
        answer = invitations(self._config, self._store, self._day(as_of), stop=self._stop)
        self._store.keep_figure(key, encoding.encoded(answer), as_of=as_of, lease=lease)
        done.figures += 1
        done.seconds += time.monotonic() - began

    def _count(self, survey: str, due: dict[str, Question], lease: Lease, done: Counted) -> None:
        began = time.monotonic()
        self._store.take_stirred(ANSWERS, lease=lease)
        as_of = self._clock.now()
        what, groups = standing_for(self._config, survey, due.values(), self._day(as_of))
        by_owner: dict[str, Report] = {}
        with self._store.standing(what, groups, stop=self._stop) as standing:
            for key, question in sorted(due.items(), key=lambda pair: pair[1].kind == ACCOUNTS):
                if self._stop():
                    return
                self._store.renew(lease, now=self._clock.now(), seconds=LEASE_SECONDS)
                if question.kind == ACCOUNTS:
                    self._keep_accounts(key, question, standing, as_of, lease)
                    done.figures += 1
                    continue
                wish = question.wish(self._config, self._day(as_of))
                report = make(self._config, self._store, wish, now=as_of, limit=GROUPS, answers=standing)
                if question.by == OWNER:
                    by_owner[key] = report
                else:
                    self._keep(key, report, as_of, lease, done)
        done.seconds += time.monotonic() - began
        # The CRM is asked for names when nothing is held open for it: it may take its time to answer.
        names = namer(self._config, self._store, survey, self._clock)
        for key, report in by_owner.items():
            self._keep(key, named(report, names), as_of, lease, done)

    def _keep(self, key: str, report: Report, as_of: datetime, lease: Lease, done: Counted) -> None:
        self._store.keep_figure(key, encoding.encoded(report), as_of=as_of, lease=lease)
        done.figures += 1

    def _keep_accounts(
        self, key: str, question: Question, standing: Standing, as_of: datetime, lease: Lease
    ) -> None:
        survey, guarded = question.survey, question.guarded
        enough, total, with_enough = enough_of(self._config, survey, guarded=guarded), 0, 0
        what = counting(self._config, survey, *year_of(self._day(as_of), guarded=guarded))
        few = Few(enough, standing.tallied(what)[0].people)
        edition = self._store.new_edition(lease=lease)
        for accounts in standing.ranked(what, enough=enough, label=name_of_accounts(self._config)):
            self._store.add_accounts(edition, accounts, lease=lease)
            total += len(accounts)
            with_enough += sum(sum(one[7:10]) >= enough for one in accounts)
            few.look((one[5], sum(one[7:10])) for one in accounts)
        answer = encoding.encoded(encoding.Accounts(total, with_enough, few.beside))
        self._store.keep_figure(key, answer, as_of=as_of, lease=lease, edition=edition)

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._config.time_zone).date()


def invitations(
    config: Config, store: Store, today: date, *, stop: Callable[[], bool] = lambda: False
) -> encoding.Invitations:
    moments = [since(days, today, config.time_zone) for days in DAYS]
    return encoding.Invitations(dict(zip(DAYS, store.asked_since(moments, stop=stop), strict=True)))


def standing_for(
    config: Config, survey: str, questions: Iterable[Question], today: date
) -> tuple[Counting, list[By]]:
    """What has to be put side by side to answer all of these."""
    days: set[date] = set()
    groups = {By(Trait.RECORD, AMOUNT)}
    if label := name_of_accounts(config):
        groups.add(By(Trait.RECORD, label))
    for question in questions:
        if question.kind == ACCOUNTS:
            days.update(year_of(today, guarded=question.guarded))
            continue
        wish = question.wish(config, today)
        days.update((wish.period.since, wish.period.end))
        if wish.compared_with is not None:
            days.update((wish.compared_with.since, wish.compared_with.end))
        if wish.by is not None and (by := by_of(config, wish.by)) is not None:
            groups.add(by)
    what = counting(config, survey, min(days), max(days))
    return what, sorted(groups, key=lambda by: (by.trait, by.name))
