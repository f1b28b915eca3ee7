"""The big claims, on towns nobody thought of: order never matters, nothing is lost, records show what they should."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders_sync import SOURCES, SYNC, Town, answer, counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from memory_destination import BadDay, Killed, MemoryCrm, heal
from postgres_server import StoreInTurn

from nps.errors import AccessError, BudgetError, NpsyncError, UnavailableError
from nps.responses import ResponseStatus, SurveyResponse
from store.api import Asked

PEOPLE = ("ann", "bob", "cyd")
VALID = timedelta(days=60)
quiet = settings(max_examples=25, suppress_health_check=list(HealthCheck))

answers = st.builds(
    answer,
    st.sampled_from([f"r{n}" for n in range(5)]),
    st.sampled_from([0, 3, 6, 7, 9, 10, "8", "eleven", 11, None]),
    days=st.integers(0, 6).map(lambda n: n * 10),
    source=st.sampled_from(SOURCES),
    email=st.sampled_from(
        [f"{one}@example.com" for one in PEOPLE] + ["Ann@Example.com", "nobody@example.com"]
    ),
    comment=st.sampled_from([None, "fine", "x" * 50]),
    status=st.sampled_from([ResponseStatus.COMPLETE] * 4 + list(ResponseStatus)),
)


@contextmanager
def town_of(migrated: Path, **job: Any) -> Iterator[Town]:
    with tempfile.TemporaryDirectory(prefix="npsync-test-") as folder:
        shutil.copy(migrated, path := Path(folder) / "npsync.db")
        town = Town(f"sqlite:///{path}", **job)
        for one in PEOPLE:
            town.crm.add(f"{one}@example.com")
        yield town
        town.close()


def by_hand(town: Town, told: Iterable[SurveyResponse], valid: timedelta | None = None) -> dict[str, Any]:
    """What every contact should show, by plain arithmetic: its newest answer that can be shown."""
    latest = {(one.source, one.id): one for one in told}
    since = town.clock.now() - valid if valid else datetime.min.replace(tzinfo=town.clock.now().tzinfo)
    shown: dict[str, Any] = dict.fromkeys(town.crm.contacts, (None, None))
    for one in sorted(latest.values(), key=lambda one: (one.answered_at, SOURCES.index(one.source), one.id)):
        usable = one.status is ResponseStatus.COMPLETE and str(one.score).isdigit() and int(one.score) <= 10
        if usable and len(one.comment or "") <= 40 and one.answered_at >= since:
            for id in holders(town.crm, one.email.lower()):
                shown[id] = (int(one.score), one.comment)
    return shown


def holders(crm: MemoryCrm, email: str) -> list[str]:
    """The contact with this address; none when there are two of them."""
    found = crm.named("email", email)
    return found if len(found) == 1 else []


def in_any_order(told: list[SurveyResponse], random: Any) -> list[SurveyResponse]:
    """Another order of arrival: versions of one answer stay in theirs, as their source tells them."""
    places = random.sample(range(len(told)), len(told))
    versions: dict[tuple[str, str], list[SurveyResponse]] = {}
    for one in told:
        versions.setdefault((one.source, one.id), []).append(one)
    return [versions[told[place].source, told[place].id].pop(0) for place in places]


@quiet
@given(told=st.lists(answers, max_size=10), random=st.randoms())
def test_the_order_of_arrival_never_changes_the_plan(
    migrated_sqlite: Path, told: list[SurveyResponse], random: Any
):
    plans = []
    for order in (told, in_any_order(told, random)):
        with town_of(migrated_sqlite) as town:
            town.tell(*order)
            plans.append(sorted(town.plan()))
    assert plans[0] == plans[1]


@quiet
@given(told=st.lists(answers, max_size=10), random=st.randoms(), at_once=st.integers(1, 4))
def test_many_runs_end_where_one_does_and_leave_nothing_to_plan(
    migrated_sqlite: Path, told: list[SurveyResponse], random: Any, at_once: int
):
    with town_of(migrated_sqlite) as town:
        order = in_any_order(told, random)
        for place in range(0, len(order), at_once):
            town.tell(*order[place : place + at_once])
            assert "conservation" not in "".join(town.run().problems)
        assert town.shown("nps", "comment") == by_hand(town, told)
        assert town.plan() == town.plan(everything=True) == []


@quiet
@given(
    told=st.lists(
        answers.filter(lambda one: one.status is ResponseStatus.COMPLETE),
        max_size=8,
        unique_by=lambda one: (one.source, one.id),
    )
)
def test_an_older_answer_never_overwrites_a_newer_one(migrated_sqlite: Path, told: list[SurveyResponse]):
    with town_of(migrated_sqlite) as town:
        last: dict[str, str] = {}
        for one in told:
            town.tell(one)
            town.run(limit=1)
            for id, shown in town.shown("last").items():
                assert (shown or "") >= last.get(id, "")
                last[id] = shown or ""


# ------------------------------------------------------------ any sequence of anything


FAILURES: tuple[Callable[[], NpsyncError | Killed], ...] = (
    lambda: UnavailableError("down"),
    lambda: BudgetError("spent"),
    lambda: AccessError("refused"),
    Killed,
)


class AnyYear(RuleBasedStateMachine):
    """Answers arrive, are edited and withdrawn; people edit, merge and delete contacts; runs are cut short anywhere."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.town = Town(self.url, valid_for=VALID)
        self.told: list[SurveyResponse] = []
        self.theirs: dict[tuple[str, str], set[Any]] = {}  # what people wrote themselves
        self.settled_by_hand = False  # something happened that only --all looks at

    @initialize(tells=st.booleans(), jobs=st.booleans())
    def open(self, tells: bool, jobs: bool) -> None:
        self.town.crm.tells_merges = tells
        self.town.crm.jobs = {} if jobs else None
        for one in PEOPLE:
            self.town.crm.add(f"{one}@example.com")

    def teardown(self) -> None:
        self.town.close()

    @rule(some=st.lists(answers, min_size=1, max_size=4))
    def arrive(self, some: list[SurveyResponse]) -> None:
        self.town.tell(*some)
        self.told += some

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.told))
        self.arrive([answer(one.id, None, source=one.source, email=None, status=ResponseStatus.WITHDRAWN)])

    @rule(days=st.integers(0, 20))
    def time_passes(self, days: int) -> None:
        self.town.later(days=days, minutes=3)

    @precondition(lambda self: self.town.crm.contacts)
    @rule(data=st.data(), value=st.sampled_from([1, 99, None]))
    def a_person_edits(self, data: st.DataObject, value: int | None) -> None:
        id = data.draw(st.sampled_from(sorted(self.town.crm.contacts)))
        self.town.crm.contacts[id]["nps"] = value
        self.theirs.setdefault((id, "nps"), set()).add(value)
        self.settled_by_hand = True

    @precondition(lambda self: len(self.town.crm.contacts) > 1)
    @rule(data=st.data())
    def a_person_merges(self, data: st.DataObject) -> None:
        loser, survivor = data.draw(st.permutations(sorted(self.town.crm.contacts)))[:2]
        self.town.crm.merge(loser, survivor)
        self.settled_by_hand = True

    @precondition(lambda self: self.town.crm.contacts)
    @rule(data=st.data())
    def a_person_deletes(self, data: st.DataObject) -> None:
        del self.town.crm.contacts[data.draw(st.sampled_from(sorted(self.town.crm.contacts)))]
        self.settled_by_hand = True

    @rule(who=st.sampled_from(PEOPLE))
    def a_person_adds(self, who: str) -> None:
        self.town.crm.add(f"{who}@example.com")
        self.settled_by_hand = True

    @rule(
        everything=st.booleans(),
        limit=st.none() | st.integers(1, 4),
        failure=st.none() | st.sampled_from(FAILURES),
        knob=st.sampled_from(["before_call", "after_write", "page"]),
        after=st.integers(0, 5),
        stopped=st.none() | st.integers(0, 6),
    )
    def run(
        self, everything: bool, limit: int | None, failure: Any, knob: str, after: int, stopped: int | None
    ) -> None:
        if failure is not None:
            day = BadDay(after, failure())
            if knob == "page":
                for source in self.town.sources.values():
                    source.before_page = day
            else:
                setattr(self.town.crm, knob, day)
        asked = iter(range(10_000))
        try:
            report = self.town.run(
                everything=everything,
                limit=limit,
                stop=lambda: stopped is not None and next(asked) >= stopped,
            )
        except Killed:
            return
        finally:
            heal(self.town.crm, *self.town.sources.values())
        assert sum(report.states.values()) == report.pulled
        assert not any("conservation" in problem for problem in report.problems)

    @precondition(lambda self: self.town.crm.contacts)
    @rule(data=st.data())
    def the_crm_refuses_some(self, data: st.DataObject) -> None:
        self.town.crm.refused = data.draw(st.sets(st.sampled_from(sorted(self.town.crm.contacts))))
        self.town.run()
        heal(self.town.crm)
        self.settled_by_hand = True

    @rule(data=st.data(), killed=st.booleans())
    def a_person_retries_letters(self, data: st.DataObject, killed: bool) -> None:
        ids = [one.id for one in self.town.store.dead_letters(status="open")]
        chosen = data.draw(st.sets(st.sampled_from(ids))) if ids else set()
        asked = self.town.store.retry_letters(sorted(chosen)).get(SYNC, Asked())
        if killed:
            self.town.crm.before_call = BadDay(1, Killed())
        try:
            report = self.town.run(asked=asked)
        except Killed:
            return
        finally:
            heal(self.town.crm)
        assert not any("conservation" in problem for problem in report.problems)

    @rule()
    def everything_is_right_after_a_quiet_run(self) -> None:
        everything = self.settled_by_hand
        self.town.store.retry_letters([one.id for one in self.town.store.dead_letters(status="open")])
        report = self.town.run(everything=everything, adopt=everything, recheck=True)
        assert "pending" not in counts(report) or any(
            one.status is ResponseStatus.PARTIAL for one in self.told
        )
        assert report.problems == ()
        wanted = by_hand(self.town, self.told, VALID)
        for id, (score, comment) in self.town.shown("nps", "comment").items():
            wanted_score, wanted_comment = wanted[id]
            if (score, comment) == (wanted_score, wanted_comment):
                continue
            # Without an answer npsync empties what is its own; what a person wrote stays.
            assert (wanted_score, comment) == (None, wanted_comment)
            assert score in self.theirs.get((id, "nps"), ())
        assert self.town.run(everything=everything, adopt=everything).writes == {"contacts": 0}
        self.settled_by_hand = False

    @invariant()
    def nothing_is_lost(self) -> None:
        stored, accounted = self.town.store.balance(SYNC, SOURCES)
        assert stored == accounted


def test_any_year_ends_well(migrated_sqlite: Path):
    with tempfile.TemporaryDirectory(prefix="npsync-test-") as folder:
        numbers = iter(range(100_000))

        class OnSqlite(AnyYear):
            def __init__(self) -> None:
                shutil.copy(migrated_sqlite, path := Path(folder) / f"{next(numbers)}.db")
                self.url = f"sqlite:///{path}"
                super().__init__()

        _run(OnSqlite, examples=40)


@pytest.mark.timeout(180)
def test_any_year_ends_well_on_postgres(store_in_turn: StoreInTurn):
    class OnPostgres(AnyYear):
        def __init__(self) -> None:
            self.url = store_in_turn.emptied()
            super().__init__()

    _run(OnPostgres, examples=4)


def _run(machine: type[AnyYear], *, examples: int) -> None:
    run_machine(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
