"""Whatever people answered, roll-ups are what an independent SQL statement and plain Decimal arithmetic make of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from builders_accounts import SHOWN, CompanyTown
from builders_sync import answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps.responses import ResponseStatus
from nps.standing import AccountStanding
from store.rows import milliseconds
from store.sql import SqlStore
from sync.accounts.answers import Given, Reader
from sync.accounts.figures import Moments, standing
from sync.accounts.spec import AccountSpec

SYNC = "nps"
RANKS = {"app": 0, "mail": 1}
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SPEC = AccountSpec.model_validate(
    {"window": "100 days", "compare": "30 days", "min_responses": 2, "places": 1, "fields": {"x": "nps"}}
)


class Told(NamedTuple):
    """One answer of a person: how long before now, from where, what, and what became of it."""

    hours: int
    source: str
    score: int
    text: bool
    late: int  # hours until it was received; far below 0: dated in the future
    state: str
    newest: bool


ANSWERS = st.builds(
    Told,
    hours=st.sampled_from([0, 1, 24 * 30 - 1, 24 * 30, 24 * 30 + 1, 24 * 99, 24 * 100, 2401, 24 * 130, 3121]),
    source=st.sampled_from([*RANKS, "left"]),
    score=st.integers(0, 10),
    text=st.booleans(),
    late=st.sampled_from([0, 2, -200]),
    state=st.sampled_from(["written", "unchanged", "superseded", "excluded", "rejected", "pending"]),
    newest=st.sampled_from([True, True, True, False]),
)
PEOPLE = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C", None]), st.lists(ANSWERS, max_size=4)), max_size=12
)

# What the roll-up does in Python, said once more in SQL. `{when}`: which answers may be somebody's newest.
INDEPENDENT = """
    WITH counted AS (
        SELECT s.record_id, r.source, r.source_id,
            CASE WHEN r.answered_at - r.received_at > 300000 THEN r.received_at ELSE r.answered_at END AS at,
            CAST(replace(COALESCE(r.raw_score, CAST(r.score AS TEXT)), '"', '') AS INTEGER) AS score
        FROM answer_state s JOIN response r ON r.id = s.response
        WHERE s.state IN ('written', 'unchanged', 'superseded') AND r.newest AND r.source <> 'left'),
    ranked AS (
        SELECT c.*, row_number() OVER (
            PARTITION BY record_id ORDER BY at DESC, CASE source WHEN 'app' THEN 0 ELSE 1 END DESC, source_id DESC
        ) AS place FROM counted c WHERE {when})
    SELECT m.account, count(*), sum(CASE WHEN score >= 9 THEN 1 ELSE 0 END),
        sum(CASE WHEN score IN (7, 8) THEN 1 ELSE 0 END), sum(CASE WHEN score <= 6 THEN 1 ELSE 0 END),
        max(at), min(score)
    FROM member m JOIN ranked a ON a.record_id = m.record_id AND a.place = 1
    WHERE m.account IS NOT NULL GROUP BY m.account"""


def populate(store: SqlStore, people: list[tuple[str | None, list[Told]]]) -> None:
    members, responses, states = [], [], []
    for n, (account, answers) in enumerate(people):
        record = f"c{n}"
        members.append((SYNC, record, account, "{}", 0))
        for one in answers:
            number = len(responses) + 1
            at = milliseconds(NOW - timedelta(hours=one.hours))
            score, raw = (None, f'"{one.score}"') if one.text else (one.score, None)
            received = at + one.late * 3_600_000
            responses.append((number, one.source, f"{number:03}", 1, one.newest, n, score, raw, at, received))
            states.append((SYNC, n, number, one.state, record))
            if not one.newest:  # it was edited, and its newer version does not count
                responses.append((number + 1, one.source, f"{number:03}", 2, True, n, 10, None, at, received))
                states.append((SYNC, n, number + 1, "excluded", record))
    with store.database.write() as tx:
        for table in ("member", "answer_state", "response", "watermark"):
            tx.run(f"DELETE FROM {table}")
        tx.load("watermark", "sync, source, response", [(SYNC, source, 10**6) for source in (*RANKS, "left")])
        tx.load("member", "sync, record_id, account, traits, seen_at", members)
        tx.load(
            "response",
            "id, source, source_id, version, newest, person, score, raw_score, answered_at, received_at, status, "
            "properties, digest",
            [(*row, "complete", "{}", 0) for row in responses],
        )
        tx.load(
            "answer_state",
            "sync, person, response, state, record_id, rule, code, reason, run",
            [(*row, "", "", "", 1) for row in states],
        )


def independent(store: SqlStore, since: datetime, until: datetime | None) -> dict[str, tuple[Any, ...]]:
    when = "at >= :since" if until is None else "at >= :since AND at <= :until"
    asked = {"since": milliseconds(since)} | ({} if until is None else {"until": milliseconds(until)})
    with store.database.read() as tx:
        return {row[0]: row[1:] for row in tx.rows(INDEPENDENT.format(when=when), **asked)}


def nps(counts: tuple[Any, ...] | None) -> Decimal | None:
    if counts is None or counts[0] < SPEC.min_responses:
        return None
    exact = Decimal(100) * (int(counts[1]) - int(counts[3])) / int(counts[0])
    return exact.quantize(Decimal("0.1"), ROUND_HALF_UP)


def rolled_up(store: SqlStore) -> dict[str, AccountStanding]:
    reader = Reader(Given(SYNC, RANKS, "nps"), store, Moments.of(SPEC, NOW))
    return {
        account: standing(account, its, SPEC, survey="", contacts=None, account={})
        for account, its in reader.sums("A", "C")
    }


@given(PEOPLE)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_roll_ups_are_what_sql_and_decimal_make_of_the_same_answers(
    store: SqlStore, people: list[tuple[str | None, list[Told]]]
) -> None:
    populate(store, people)
    now = independent(store, NOW - SPEC.window, None)
    then = NOW - SPEC.compare
    earlier = independent(store, then - SPEC.window, then)
    found = rolled_up(store)
    assert found.keys() == {account for account, _ in people if account is not None}
    for account, shown in found.items():
        counts = now.get(account)
        told = (shown.responses, shown.promoters, shown.passives, shown.detractors)
        assert told == tuple(int(each) for each in (counts[:4] if counts else (0, 0, 0, 0)))
        assert shown.nps == nps(counts)
        assert shown.previous_nps == nps(earlier.get(account))
        assert shown.lowest_score == (None if counts is None else counts[5])
        last = None if shown.last_answered_at is None else milliseconds(shown.last_answered_at)
        assert last == (None if counts is None else counts[4])


@given(PEOPLE, st.integers(1, 5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_how_many_people_are_read_at_a_time_makes_no_difference(
    store: SqlStore, people: list[tuple[str | None, list[Told]]], page: int
) -> None:
    import store.members as members

    populate(store, people)
    whole, usual = rolled_up(store), members.PAGE
    members.PAGE = page
    try:
        assert rolled_up(store) == whole
    finally:
        members.PAGE = usual


# ------------------------------------------------------------ touched accounts are enough


class Does(NamedTuple):
    """Something that happens to one of three people: an answer, an edit of it, its withdrawal, another company."""

    what: str
    person: int
    score: int
    day: int


DOES = st.builds(
    Does,
    what=st.sampled_from(["answers", "answers", "edits", "withdraws", "moves", "merges"]),
    person=st.integers(0, 2),
    score=st.sampled_from([0, 7, 10]),
    day=st.integers(0, 90),
)


@given(st.lists(DOES, min_size=1, max_size=7))
@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_whatever_happens_the_touched_companies_show_what_all_of_them_anew_would(
    fresh_companies: Callable[[], CompanyTown], happens: list[Does]
) -> None:
    town = fresh_companies()
    town.crm.tells_merges = True  # where a CRM does not, the night learns of a merge
    people = [*town.hire("acme", "p0", "p1"), *town.hire("beta", "p2")]
    for number, one in enumerate(happens):
        happen(town, people, one, number)
        town.run()
        report = town.roll_up()
        assert report.status == "succeeded", report.problems
    anew = town.roll_up(everything=True)
    assert (anew.status, anew.written) == ("succeeded", 0)


def happen(town: CompanyTown, people: list[str], one: Does, number: int) -> None:
    email = f"p{one.person}@example.com"
    id = f"{one.person}/{one.day % 2}"
    if one.what == "moves":
        at = town.crm.contacts.get(people[one.person])
        if at is not None:
            at["company"] = "beta" if at["company"] == "acme" else "acme"
    elif one.what == "merges":
        loser, survivor = people[one.person], people[(one.person + 1) % 3]
        if {loser, survivor} <= town.crm.contacts.keys():
            town.crm.merge(loser, survivor)
    updated = town.clock.now() + timedelta(seconds=number)
    status = ResponseStatus.WITHDRAWN if one.what == "withdraws" else ResponseStatus.COMPLETE
    town.tell(
        answer(id, one.score, days=one.day, email=email, updated_at=updated, status=status)
        if one.what in ("edits", "withdraws")
        else answer(f"{number}", one.score, days=one.day, email=email)
    )


@pytest.fixture
def fresh_companies(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], CompanyTown]]:
    towns: list[CompanyTown] = []

    def another() -> CompanyTown:
        path = tmp_path_factory.mktemp("companies") / "npsync.db"
        shutil.copy(migrated_sqlite, path)
        # How many contacts a company has changes without any answer, so only the night knows.
        shown = {name: says for name, says in SHOWN.items() if name not in ("coverage", "margin")}
        account = {"min_responses": 1, "fields": shown}
        towns.append(CompanyTown(f"sqlite:///{path}", account=account))
        return towns[-1]

    yield another
    for town in towns:
        town.close()
