"""Answers counted for reports, in one pass of SQL each: the database keeps the latest of each person and counts them.

Only numbers come back, so that a million answers cost time but no memory of ours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from nps.figures import Tally
from nps.moving import Movement
from nps.score import SCALES, Segment
from store.api.tallying import (
    AccountFigures,
    AccountPage,
    By,
    Counting,
    Group,
    Groups,
    Invited,
    Order,
    Stake,
    Tallied,
    Trait,
)
from store.database import Database, Transaction
from store.questions import Question
from store.rows import milliseconds, moment

_SCORES = """
    SELECT period, place = 1, score, count(*), count(*) FILTER (WHERE substr(who, 1, 1) = '=')
    FROM placed GROUP BY period, place = 1, score"""

_MOVES = """
    , pairs AS (
        SELECT who, max(CASE WHEN period = 0 THEN {segment} END) AS before,
            max(CASE WHEN period = :end THEN {segment} END) AS after
        FROM placed WHERE place = 1 AND (period = 0 OR period = :end) GROUP BY who
    )
    SELECT before, after, count(*) FROM pairs GROUP BY before, after"""
_SEGMENT = "CASE WHEN score >= :promoters THEN 2 WHEN score > :detractors THEN 1 ELSE 0 END"

# {columns}: promoters, passives and detractors of each period; {sums}: of all groups together
_GROUPS = """
    , grouped AS (SELECT grp, {columns} FROM placed WHERE place = 1 GROUP BY grp)
    SELECT grp, {names}, {sums}, count(*) OVER () FROM grouped ORDER BY {most}, grp LIMIT :limit"""
SHARES = {
    "p": "score >= :promoters",
    "n": "score > :detractors AND score < :promoters",
    "d": "score <= :detractors",
}

# {shares}: promoters, passives and detractors; those with too few people come last whatever the order
_ACCOUNTS = """
    , accounts AS (
        SELECT account, {shares}, count(*) AS people, max(grp) AS label, max(at) AS at
        FROM placed WHERE place = 1 AND account IS NOT NULL GROUP BY account
    )
    SELECT account, p, n, d, label, at, count(*) OVER (), sum(CASE WHEN people >= :enough THEN 1 ELSE 0 END) OVER ()
    FROM accounts ORDER BY CASE WHEN people >= :enough THEN 0 ELSE 1 END, {order}, account
    LIMIT :limit OFFSET :offset"""
ORDERS = {
    Order.WORST: "(p - d) * 1.0 / people, people DESC",
    Order.BEST: "(p - d) * -1.0 / people, people DESC",
    Order.MOST: "people DESC",
    Order.LATEST: "at DESC",
    Order.NAME: "COALESCE(label, account)",
}
_KNOWN = """
    SELECT account, count(*) FROM member WHERE sync IN LIST(:syncs) AND account IN LIST(:accounts) GROUP BY account"""

_WORTH = """
    SELECT {shares}, max(grp) FROM placed WHERE place = 1 AND account IS NOT NULL GROUP BY account"""

_MONTHLY = """
    SELECT source, survey, month, score, answers FROM monthly_count
    WHERE source IN LIST(:sources) AND score >= :low AND score <= :high ORDER BY month, score"""

_STAKES = """
    SELECT name, count(*), max(grp) FROM (
        SELECT COALESCE(account, who) AS name, grp FROM placed
        WHERE place = 1 AND period = :end AND score <= :detractors) s
    GROUP BY name ORDER BY name"""

# "sent" says how an invitation of ours went as a whole: it left, and no bounce came back.
_ASKED = """
    SELECT count(*), count(answered_at) FILTER (WHERE answered_at < :told) FROM invitation
    WHERE survey = :survey AND sent_at >= :since AND sent_at < :until
    AND state IN ('sent', 'answered', 'expired', 'cancelled')"""

_EVER = 2**62

_SEGMENTS = (Segment.DETRACTOR, Segment.PASSIVE, Segment.PROMOTER)  # in the order of _SEGMENT


class Asked(Protocol):
    """A question that was put: `rows` of an ending over a table `placed`, one row for each answer and its period."""

    def rows(self, ending: str, **parameters: Any) -> list[tuple[Any, ...]]: ...


class Endings(ABC):
    """What is asked of answers, wherever they are counted."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Transaction]: ...

    @abstractmethod
    def asked(self, tx: Transaction, what: Counting, by: By | None = None) -> Asked: ...

    def tallied(self, what: Counting) -> list[Tallied]:
        with self.reading() as tx:
            found = self.asked(tx, what).rows(_SCORES)
        scores: list[dict[int, int]] = [{} for _ in what.cuts[1:]]
        older, known = [0] * len(scores), [0] * len(scores)
        for period, latest, score, people, matched in found:
            if latest:
                scores[period][score] = people
                known[period] += matched
            else:
                older[period] += people
        return [
            Tallied(dict(sorted(each.items())), older[at], sum(each.values()) - known[at])
            for at, each in enumerate(scores)
        ]

    def grouped(self, what: Counting, by: By, *, limit: int) -> Groups:
        periods = range(len(what.cuts) - 1)
        names = [f"{share}{at}" for at in periods for share in SHARES]
        columns = [
            f"count(*) FILTER (WHERE period = {at} AND {condition}) AS {share}{at}"
            for at in periods
            for share, condition in SHARES.items()
        ]
        most = [" + ".join(f"{share}{at}" for share in SHARES) + " DESC" for at in reversed(periods)]
        sql = _GROUPS.format(
            columns=", ".join(columns),
            names=", ".join(names),
            sums=", ".join(f"sum({name}) OVER ()" for name in names),
            most=", ".join(most),
        )
        with self.reading() as tx:
            found = self.asked(tx, what, by).rows(sql, limit=limit)
        shown = [Group(_text(row[0]), _tallies(row[1:], len(periods))) for row in found]
        whole = _tallies(found[0][1 + len(names) :], len(periods)) if found else [Tally()] * len(periods)
        rest = [
            all_of_them - sum((group.tallies[at] for group in shown), Tally())
            for at, all_of_them in enumerate(whole)
        ]
        return Groups(shown, rest, more=int(found[0][-1]) - len(shown) if found else 0)

    def moved(self, what: Counting) -> Movement:
        with self.reading() as tx:
            found = self.asked(tx, what).rows(_MOVES.format(segment=_SEGMENT), end=len(what.cuts) - 2)
        moves: dict[tuple[Segment, Segment], int] = {}
        came = left = 0
        for before, after, people in found:
            if before is None:
                came += people
            elif after is None:
                left += people
            else:
                moves[_SEGMENTS[before], _SEGMENTS[after]] = people
        return Movement(moves, came=came, left=left)

    def at_stake(self, what: Counting, amount: str) -> Iterator[Stake]:
        with self.reading() as tx:
            found = self.asked(tx, what, By(Trait.RECORD, amount)).rows(_STAKES, end=len(what.cuts) - 2)
        return (Stake(name, detractors, _text(sum)) for name, detractors, sum in found)

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
        shares = ", ".join(f"count(*) FILTER (WHERE {test}) AS {share}" for share, test in SHARES.items())
        sql = _ACCOUNTS.format(shares=shares, order=ORDERS[order])
        by = By(Trait.ACCOUNT) if label is None else By(Trait.RECORD, label)
        with self.reading() as tx:
            found = self.asked(tx, what, by).rows(sql, enough=enough, limit=limit, offset=offset)
            ids = [row[0] for row in found]
            known = dict(tx.rows(_KNOWN, syncs=list(what.syncs), accounts=ids)) if ids else {}
        return AccountPage(
            accounts=[
                AccountFigures(
                    id=row[0],
                    label=_text(row[4]) or row[0],
                    tally=Tally(row[1], row[2], row[3]),
                    known=known.get(row[0], 0),
                    latest=moment(row[5]),
                )
                for row in found
            ],
            all_of_them=found[0][6] if found else 0,
            with_enough=int(found[0][7]) if found else 0,
        )

    def worth(self, what: Counting, amount: str) -> Iterator[tuple[Tally, str | None]]:
        shares = ", ".join(f"count(*) FILTER (WHERE {test}) AS {share}" for share, test in SHARES.items())
        with self.reading() as tx:
            found = self.asked(tx, what, By(Trait.RECORD, amount)).rows(_WORTH.format(shares=shares))
        return ((Tally(*row[:3]), _text(row[3])) for row in found)

    def monthly(self, what: Counting) -> dict[str, dict[int, int]]:
        low, high = SCALES[what.metric]
        kept: dict[str, dict[int, int]] = {}
        with self.reading() as tx:
            found = tx.rows(_MONTHLY, sources=list(what.places), low=low, high=high)
        for source, survey, month, score, answers in found:
            ids = what.places[source]
            if not ids or survey in ids:
                scores = kept.setdefault(month, {})
                scores[score] = scores.get(score, 0) + answers
        return kept

    def invited(
        self, survey: str, since: datetime, until: datetime, *, answered_before: datetime | None = None
    ) -> Invited:
        its = {
            "since": milliseconds(since),
            "until": milliseconds(until),
            "told": _EVER if answered_before is None else milliseconds(answered_before),
        }
        with self.reading() as tx:
            found = tx.one(_ASKED, survey=survey, **its)
        return Invited(*found) if found else Invited(0, 0)


class Tallies(Endings):
    """Counted from scratch, with a pass over all answers for each question."""

    database: Database

    def reading(self) -> AbstractContextManager[Transaction]:
        return self.database.read()

    def asked(self, tx: Transaction, what: Counting, by: By | None = None) -> Asked:
        return Question(tx, what, by)


def _tallies(numbers: Sequence[Any], periods: int) -> list[Tally]:
    return [Tally(*(int(each) for each in numbers[3 * at : 3 * at + 3])) for at in range(periods)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
