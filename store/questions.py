"""Which answers a report counts, as SQL for either database: the latest of each person in each period is marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps.errors import RejectedError
from nps.score import DETRACTORS_UP_TO, SCALES, Labelled, parse_score
from store.api.tallying import By, Counting, Trait
from store.database import Transaction
from store.rows import from_json, milliseconds
from store.statements import FUTURE

PROMOTERS_FROM = 9

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

# The figures of an anonymous programme move on by whole groups: between two of them nobody's answer can be told.
_PUBLISHED = " AND r.id <= (SELECT COALESCE(max(p.response), 0) FROM published p WHERE p.survey = :anonymous)"

# Hidden from the index: reading a year in the order of an index takes ten times as long as reading everything.
_SOURCE = "COALESCE(r.source, '')"

# {who}: "=" and a record, or "#" and a person. What is the latest of a person in a period is known by when the next one
# of theirs comes: in a later period, or not at all.
_STANDING = """
    INSERT INTO standing (who, score, at, next_at, account{names})
    WITH answer AS (
        SELECT {who} AS who, {score} AS score, {at} AS at, {rank} AS rank, r.source_id AS source_id,
            {account} AS account{groups}
        FROM response r{joins}
        WHERE r.newest AND r.status = 'complete' AND r.answered_at >= :first AND {at} >= :first
        AND {at} < :last AND ({places}){left_out}
    )
    SELECT who, score, at, lead(at) OVER (PARTITION BY who ORDER BY at, rank, source_id COLLATE BINARY), account{names}
    FROM answer WHERE score >= :low AND score <= :high
    ORDER BY who, at"""

# {who}: as above
_COUNTED = """
    WITH answer AS (
        SELECT {who} AS who, {score} AS score, {at} AS at, {rank} AS rank, r.source_id AS source_id,
            {group} AS grp, {account} AS account
        FROM response r{joins}
        WHERE r.newest AND r.status = 'complete' AND r.answered_at >= :first AND {at} >= :first
        AND {at} < :last AND ({places}){left_out}
    ), valid AS (
        SELECT *, {period} AS period FROM answer WHERE score >= :low AND score <= :high
    ), placed AS (
        SELECT *, row_number() OVER (
            PARTITION BY who, period ORDER BY at DESC, rank DESC, source_id COLLATE BINARY DESC) AS place
        FROM valid WHERE period IS NOT NULL
    )"""


_AT = f"(CASE WHEN r.{FUTURE} THEN r.received_at ELSE r.answered_at END)"

_WRITTEN = """
    WITH answer AS (
        SELECT r.id AS id, r.source AS source, r.source_id AS source_id, {at} AS at, {score} AS score,
            r.comment AS comment, {record} AS record, {sync} AS sync, {who} AS who
        FROM response r{joins}
        WHERE r.newest AND r.status = 'complete' AND r.comment <> '' AND r.id < :before
        AND r.answered_at >= :first AND {at} < :last AND ({places}){left_out}
    )"""


class Question:
    """A `Counting` as SQL for one of the two databases."""

    def __init__(self, tx: Transaction, what: Counting, by: By | None = None) -> None:
        self._tx, self._what, self._by = tx, what, by
        low, high = SCALES[what.metric]
        cuts = [milliseconds(cut) for cut in what.cuts]
        self._parameters: dict[str, Any] = {"first": cuts[0], "last": cuts[-1], "low": low, "high": high}
        if what.anonymous:
            self._parameters["anonymous"] = what.anonymous
        self._parameters |= {f"sync{n}": sync for n, sync in enumerate(what.syncs)}
        self._cuts = cuts

    def rows(self, ending: str, **parameters: Any) -> list[tuple[Any, ...]]:
        if not self._what.places:
            return []
        segments = {"promoters": PROMOTERS_FROM, "detractors": DETRACTORS_UP_TO}
        sql = self._counted() + ending
        return self._tx.rows(sql, **self._parameters, **segments, **parameters)

    def stand(self, groups: Sequence[By]) -> None:
        """Fill the table `standing`: every answer that counts, when the next one of its person comes, and the value of
        each of `groups` (`g0`, `g1` …)."""
        if not self._what.places:
            return
        syncs = range(len(self._what.syncs))
        values = [f"{self._group(by, n)} AS g{n}" for n, by in enumerate(groups)]
        sql = _STANDING.format(
            who=self._who(),
            score=self._score(),
            at=_AT,
            rank=self._rank(),
            account=_first([f"m{n}.account" for n in syncs]),
            groups="".join(f", {value}" for value in values),
            names="".join(f", g{n}" for n in range(len(groups))),
            joins="".join([_STATE.format(n=n) for n in syncs] + [_MEMBER.format(n=n) for n in syncs]),
            places=self._places(),
            left_out=self._left_out(),
        )
        self._tx.run(sql, **self._parameters)

    def remarks(self, ending: str, *, before: int, limit: int) -> list[tuple[Any, ...]]:
        """`ending` over a table `answer` of those with a comment."""
        if not self._what.places:
            return []
        syncs = range(len(self._what.syncs))
        records = [f"s{n}.record_id" for n in syncs]
        which = "".join(f" WHEN s{n}.record_id IS NOT NULL THEN {n}" for n in syncs)
        sql = _WRITTEN.format(
            who=self._who(),
            score=self._score(),
            at=_AT,
            record=_first(records),
            sync=f"CASE{which} END" if which else "CAST(NULL AS integer)",
            joins="".join(_STATE.format(n=n) for n in syncs),
            places=self._places(),
            left_out=self._left_out(),
        )
        return self._tx.rows(sql + ending, **self._parameters, before=before, limit=limit)

    def _counted(self) -> str:
        syncs = range(len(self._what.syncs))
        joins = "".join(_STATE.format(n=n) for n in syncs)
        if self._knows_records:
            joins += "".join(_MEMBER.format(n=n) for n in syncs)
        return _COUNTED.format(
            who=self._who(),
            score=self._score(),
            at=_AT,
            rank=self._rank(),
            group="CAST(NULL AS text)" if self._by is None else self._group(self._by),
            account=self._account(),
            joins=joins,
            places=self._places(),
            left_out=self._left_out(),
            period=period_of(self._cuts),
        )

    def _who(self) -> str:
        records = [f"s{n}.record_id" for n in range(len(self._what.syncs))]
        if len(records) > 1:  # of different CRMs, perhaps
            records = [f"{n} || ':' || {record}" for n, record in enumerate(records)]
        return _first([*(f"'=' || {record}" for record in records), "'#' || r.person"])

    def _left_out(self) -> str:
        held = "".join(f" AND {_LEFT_OUT.format(n=n)}" for n in range(len(self._what.syncs)))
        return held + _PUBLISHED if self._what.anonymous else held

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

    def _group(self, by: By, n: int = 0) -> str:
        match by.trait:
            case Trait.CHANNEL:
                return "r.channel"
            case Trait.SOURCE:
                return "r.source"
            case Trait.SURVEY:
                return "r.survey"
            case Trait.PROPERTY:
                return self._json(["r.properties"], by.name, n)
            case Trait.ACCOUNT:
                return _first([f"m{n}.account" for n in range(len(self._what.syncs))])
            case Trait.RECORD:
                return self._json([f"m{n}.traits" for n in range(len(self._what.syncs))], by.name, n)

    def _account(self) -> str:
        if not self._knows_records:
            return "CAST(NULL AS text)"
        return _first([f"m{n}.account" for n in range(len(self._what.syncs))])

    @property
    def _knows_records(self) -> bool:
        return self._by is not None and self._by.trait in (Trait.RECORD, Trait.ACCOUNT)

    def _json(self, columns: Sequence[str], name: str, n: int) -> str:
        """A value below this name of a JSON object, as text."""
        self._parameters[f"name{n}"] = name
        if self._tx.postgres:
            return _first([f"{column}::json ->> CAST(:name{n} AS text)" for column in columns])
        self._parameters[f"path{n}"] = f'$."{name}"'
        return _first(
            [
                f"CASE json_type({column}, :path{n}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
                f"ELSE {column} ->> :name{n} END"
                for column in columns
            ]
        )


def _first(expressions: Sequence[str]) -> str:
    """The first of these that is known."""
    if not expressions:
        return "CAST(NULL AS text)"
    return expressions[0] if len(expressions) == 1 else f"COALESCE({', '.join(expressions)})"


def period_of(cuts: Sequence[int], low: int = 0, *, at: str = "at") -> str:
    """The number of the period that `at` lies in, found by halves: a year of weeks takes six comparisons."""
    if len(cuts) == 2:
        return str(low)
    middle = len(cuts) // 2
    before = period_of(cuts[: middle + 1], low, at=at)
    after = period_of(cuts[middle:], low + middle, at=at)
    return f"CASE WHEN {at} < {cuts[middle]} THEN {before} ELSE {after} END"
