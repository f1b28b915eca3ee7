"""Answers counted for reports, in one pass of SQL each: the database keeps the latest of each person and counts them.

Only numbers come back, so that a million answers cost time but no memory of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from nps.errors import RejectedError
from nps.figures import Tally
from nps.moving import Movement
from nps.score import DETRACTORS_UP_TO, SCALES, Labelled, Segment, parse_score
from store.api.tallying import By, Counting, Group, Groups, Invited, Stake, Tallied, Trait
from store.database import Database, Transaction
from store.rows import from_json, milliseconds
from store.statements import FUTURE

PROMOTERS_FROM = 9
MOST_GROUPS = 10_000  # a group for each of more values than these is no grouping

_RAW = "SELECT DISTINCT raw_score FROM response WHERE source IN LIST(:sources) AND raw_score IS NOT NULL"

# {sync}: the place of a sync in the question; {n}: of a source
_STATE = """
    LEFT JOIN answer_state s{n} ON s{n}.sync = :sync{n} AND s{n}.person = r.person AND s{n}.response = r.id"""
_MEMBER = """
    LEFT JOIN member m{n} ON m{n}.sync = s{n}.sync AND m{n}.record_id = s{n}.record_id"""
# Held, or taken out by a person.
_LEFT_OUT = (
    "(s{n}.state IS NULL OR (s{n}.state <> 'held' AND "
    "(s{n}.state <> 'excluded' OR s{n}.code NOT IN ('discarded', 'ignored'))))"
)

# Hidden from the index: reading a year in the order of an index takes ten times as long as reading everything.
_SOURCE = "COALESCE(r.source, '')"

# {who}: "=" and a record, or "#" and a person
_COUNTED = """
    WITH answer AS (
        SELECT {who} AS who, {score} AS score, {at} AS at, {rank} AS rank, r.source_id AS source_id,
            {group} AS grp, {account} AS account
        FROM response r{joins}
        WHERE r.newest AND r.status = 'complete' AND r.answered_at >= :first AND {at} < :last AND ({places}){left_out}
    ), valid AS (
        SELECT *, {period} AS period FROM answer WHERE score >= :low AND score <= :high
    ), placed AS (
        SELECT *, row_number() OVER (PARTITION BY who, period ORDER BY at DESC, rank DESC, source_id DESC) AS place
        FROM valid WHERE period IS NOT NULL
    )"""

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
_SHARES = {
    "p": "score >= :promoters",
    "n": "score > :detractors AND score < :promoters",
    "d": "score <= :detractors",
}

_STAKES = """
    SELECT name, count(*), max(grp) FROM (
        SELECT COALESCE(account, who) AS name, grp FROM placed
        WHERE place = 1 AND period = :end AND score <= :detractors) s
    GROUP BY name ORDER BY name"""

# "sent" says how an invitation of ours went as a whole: it left, and no bounce came back.
_ASKED = """
    SELECT count(*), count(answered_at) FROM invitation
    WHERE survey = :survey AND sent_at >= :since AND sent_at < :until
    AND state IN ('sent', 'answered', 'expired', 'cancelled')"""


_SEGMENTS = (Segment.DETRACTOR, Segment.PASSIVE, Segment.PROMOTER)  # in the order of _SEGMENT


class Tallies:
    database: Database

    def tallied(self, what: Counting) -> list[Tallied]:
        with self.database.read() as tx:
            found = _Question(tx, what).rows(_SCORES)
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
        names = [f"{share}{at}" for at in periods for share in _SHARES]
        columns = [
            f"count(*) FILTER (WHERE period = {at} AND {condition}) AS {share}{at}"
            for at in periods
            for share, condition in _SHARES.items()
        ]
        most = [" + ".join(f"{share}{at}" for share in _SHARES) + " DESC" for at in reversed(periods)]
        sql = _GROUPS.format(
            columns=", ".join(columns),
            names=", ".join(names),
            sums=", ".join(f"sum({name}) OVER ()" for name in names),
            most=", ".join(most),
        )
        with self.database.read() as tx:
            found = _Question(tx, what, by).rows(sql, limit=limit)
        shown = [Group(_text(row[0]), _tallies(row[1:], len(periods))) for row in found]
        whole = _tallies(found[0][1 + len(names) :], len(periods)) if found else [Tally()] * len(periods)
        rest = [
            all_of_them - sum((group.tallies[at] for group in shown), Tally())
            for at, all_of_them in enumerate(whole)
        ]
        return Groups(shown, rest, more=int(found[0][-1]) - len(shown) if found else 0)

    def moved(self, what: Counting) -> Movement:
        with self.database.read() as tx:
            found = _Question(tx, what).rows(_MOVES.format(segment=_SEGMENT), end=len(what.cuts) - 2)
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
        with self.database.read() as tx:
            found = _Question(tx, what, By(Trait.RECORD, amount)).rows(_STAKES, end=len(what.cuts) - 2)
        return (Stake(name, detractors, _text(sum)) for name, detractors, sum in found)

    def invited(self, survey: str, since: datetime, until: datetime) -> Invited:
        with self.database.read() as tx:
            found = tx.one(_ASKED, survey=survey, since=milliseconds(since), until=milliseconds(until))
        return Invited(*found) if found else Invited(0, 0)


class _Question:
    """A `Counting` as SQL for one of the two databases."""

    def __init__(self, tx: Transaction, what: Counting, by: By | None = None) -> None:
        self._tx, self._what, self._by = tx, what, by
        low, high = SCALES[what.metric]
        cuts = [milliseconds(cut) for cut in what.cuts]
        self._parameters: dict[str, Any] = {"first": cuts[0], "last": cuts[-1], "low": low, "high": high}
        self._parameters |= {f"sync{n}": sync for n, sync in enumerate(what.syncs)}
        self._cuts = cuts

    def rows(self, ending: str, **parameters: Any) -> list[tuple[Any, ...]]:
        if not self._what.places:
            return []
        segments = {"promoters": PROMOTERS_FROM, "detractors": DETRACTORS_UP_TO}
        sql = self._counted() + ending
        return self._tx.rows(sql, **self._parameters, **segments, **parameters)

    def _counted(self) -> str:
        syncs = range(len(self._what.syncs))
        joins = "".join(_STATE.format(n=n) for n in syncs)
        if self._knows_records:
            joins += "".join(_MEMBER.format(n=n) for n in syncs)
        records = [f"s{n}.record_id" for n in syncs]
        if len(records) > 1:  # of different CRMs, perhaps
            records = [f"{n} || ':' || {record}" for n, record in enumerate(records)]
        return _COUNTED.format(
            who=_first([*(f"'=' || {record}" for record in records), "'#' || r.person"]),
            score=self._score(),
            at=f"(CASE WHEN r.{FUTURE} THEN r.received_at ELSE r.answered_at END)",
            rank=self._rank(),
            group=self._group(),
            account=self._account(),
            joins=joins,
            places=self._places(),
            left_out="".join(f" AND {_LEFT_OUT.format(n=n)}" for n in syncs),
            period=_period(self._cuts),
        )

    def _places(self) -> str:
        """Which connections' answers, and under which ids there."""
        found = []
        for n, (source, ids) in enumerate(self._what.places.items()):
            self._parameters[f"source{n}"] = source
            if ids:
                self._parameters[f"ids{n}"] = list(ids)
                found.append(f"({_SOURCE} = :source{n} AND r.survey IN LIST(:ids{n}))")
            else:
                found.append(f"{_SOURCE} = :source{n}")
        return " OR ".join(found)

    def _rank(self) -> str:
        if len(self._what.places) == 1:
            return "0"
        ranks = " ".join(f"WHEN r.source = :source{n} THEN {n}" for n in range(len(self._what.places)))
        return f"CASE {ranks} END"

    def _score(self) -> str:
        """The vendor's score, also where it is text ("9", "Extremely likely - 10") that means a whole number."""
        read: dict[int, list[str]] = {}
        for (raw,) in self._tx.rows(_RAW, sources=list(self._what.places)):
            labelled: Labelled | None = self._what.labelled  # type: ignore[assignment]
            try:
                read.setdefault(parse_score(from_json(raw), self._what.metric, labelled), []).append(raw)
            except RejectedError:
                continue  # the sync keeps it as a dead letter; it is no answer
        cases = ""
        for number, raws in read.items():
            self._parameters[f"raw{number}"] = raws
            cases += f" WHEN r.raw_score IN LIST(:raw{number}) THEN {number}"
        return f"CASE WHEN r.raw_score IS NULL THEN r.score{cases} END"

    def _group(self) -> str:
        if self._by is None:
            return "CAST(NULL AS text)"
        match self._by.trait:
            case Trait.CHANNEL:
                return "r.channel"
            case Trait.SOURCE:
                return "r.source"
            case Trait.SURVEY:
                return "r.survey"
            case Trait.PROPERTY:
                return self._json(["r.properties"], self._by.name)
            case Trait.ACCOUNT:
                return self._account()
            case Trait.RECORD:
                return self._json([f"m{n}.traits" for n in range(len(self._what.syncs))], self._by.name)

    def _account(self) -> str:
        if not self._knows_records:
            return "CAST(NULL AS text)"
        return _first([f"m{n}.account" for n in range(len(self._what.syncs))])

    @property
    def _knows_records(self) -> bool:
        return self._by is not None and self._by.trait in (Trait.RECORD, Trait.ACCOUNT)

    def _json(self, columns: Sequence[str], name: str) -> str:
        """A value below this name of a JSON object, as text."""
        self._parameters["name"] = name
        if self._tx.postgres:
            return _first([f"{column}::json ->> CAST(:name AS text)" for column in columns])
        self._parameters["path"] = f'$."{name}"'
        return _first(
            [
                f"CASE json_type({column}, :path) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
                f"ELSE {column} ->> :name END"
                for column in columns
            ]
        )


def _first(expressions: Sequence[str]) -> str:
    """The first of these that is known."""
    if not expressions:
        return "CAST(NULL AS text)"
    return expressions[0] if len(expressions) == 1 else f"COALESCE({', '.join(expressions)})"


def _period(cuts: Sequence[int], low: int = 0) -> str:
    """The number of the period that `at` lies in, found by halves: a year of weeks takes six comparisons."""
    if len(cuts) == 2:
        return str(low)
    middle = len(cuts) // 2
    before, after = _period(cuts[: middle + 1], low), _period(cuts[middle:], low + middle)
    return f"CASE WHEN at < {cuts[middle]} THEN {before} ELSE {after} END"


def _tallies(numbers: Sequence[Any], periods: int) -> list[Tally]:
    return [Tally(*(int(each) for each in numbers[3 * at : 3 * at + 3])) for at in range(periods)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
