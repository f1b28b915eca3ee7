"""What a company shows of the people in it: what counts, what is shown when it is too little, what touches it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from builders_accounts import CompanyTown
from builders_sync import SYNC, answer
from fake_clock import NOON

from store.api import State
from sync.accounts.engine import is_due

COUNTS = ("responses", "promoters", "passives", "detractors")


@pytest.fixture
def town(migrated_sqlite: Path, tmp_path: Path) -> Iterator[CompanyTown]:
    shutil.copy(migrated_sqlite, tmp_path / "npsync.db")
    town = CompanyTown(f"sqlite:///{tmp_path / 'npsync.db'}")
    yield town
    town.close()


def test_a_company_shows_the_nps_of_its_people_and_what_stands_behind_it(town: CompanyTown) -> None:
    town.hire("acme", "a1", "a2", "a3", "a4")
    town.hire("beta", "b1")
    town.tell(answer("a1", 10), answer("a2", 9), answer("a3", 3, days=2), answer("b1", 0))
    report = town.run_and_roll_up()
    assert (report.status, report.accounts, report.written) == ("succeeded", 2, 2)
    assert town.company("acme", "nps", *COUNTS) == (33, 3, 2, 0, 1)
    assert town.company("acme", "coverage", "lowest") == (75, 3)
    assert town.company("acme", "last") == (NOON + timedelta(days=2)).isoformat()


def test_with_fewer_than_min_responses_the_counts_stand_and_no_figure_does(town: CompanyTown) -> None:
    town.hire("acme", "a1", "a2")
    town.tell(answer("a1", 10), answer("a2", 0))
    town.run_and_roll_up()
    assert town.company("acme", "nps", "margin", "before") == (None, None, None)
    assert town.company("acme", *COUNTS) == (2, 1, 0, 1)
    assert town.company("acme", "lowest") == 0


def test_each_person_counts_once_with_their_latest_answer(town: CompanyTown) -> None:
    town.account["min_responses"] = 1
    town.hire("acme", "a1")
    town.tell(answer("new", 9, days=3, email="a1@example.com"), answer("old", 0, email="a1@example.com"))
    town.run_and_roll_up()
    assert town.company("acme", "nps", *COUNTS) == (100, 1, 1, 0, 0)
    town.tell(answer("late", 2, days=1, email="a1@example.com"))
    town.run_and_roll_up()
    assert town.company("acme", "nps") == 100


def test_only_companies_that_something_happened_to_are_worked_out(town: CompanyTown) -> None:
    town.hire("acme", "a1")
    town.hire("beta", "b1")
    town.tell(answer("a1"), answer("b1"))
    town.run_and_roll_up()
    town.tell(answer("b2", 3, days=1, email="b1@example.com"))
    town.run()
    assert is_due(f"{SYNC}/account", town.store)
    report = town.roll_up()
    assert (report.accounts, report.written) == (1, 1)
    assert not is_due(f"{SYNC}/account", town.store)
    assert town.roll_up().accounts == 0


def test_answers_age_out_of_the_window_without_anybody_answering(town: CompanyTown) -> None:
    town.account["min_responses"] = 1
    town.hire("acme", "a1", "a2")
    town.tell(answer("a1", 9), answer("a2", 2, days=60))
    town.run_and_roll_up()
    assert town.company("acme", "nps", "responses") == (0, 2)
    town.days(280)  # 380 days after the first answer
    assert town.roll_up().accounts == 0
    report = town.roll_up(everything=True)
    assert (report.accounts, report.written) == (1, 1)
    assert town.company("acme", "nps", "responses") == (-100, 1)
    town.days(100)
    town.roll_up(everything=True)
    assert town.company("acme", "nps", "responses", "last", "lowest") == (None, 0, None, None)


def test_previous_nps_is_the_figure_as_of_so_long_ago(town: CompanyTown) -> None:
    """The clock stands 100 days after the first answers; compared is with 90 days ago."""
    town.account["min_responses"] = 1
    town.hire("acme", "a1", "a2")
    town.tell(answer("a1", 9), answer("a2", 9, days=50), answer("again", 0, days=60, email="a1@example.com"))
    town.run_and_roll_up()
    assert town.company("acme", "nps", "before") == (0, 100)
    town.days(45)  # 55 days after: a1 still 9, a2 9
    town.roll_up(everything=True)
    assert town.company("acme", "before") == 100
    town.days(10)  # 65 days after: a1 has become 0
    town.roll_up(everything=True)
    assert town.company("acme", "before") == 0


def test_a_margin_is_shown_from_thirty_answers_on_and_narrower_when_most_have_answered(
    town: CompanyTown,
) -> None:
    people = [f"p{n}" for n in range(40)]
    town.hire("acme", *people)
    town.tell(*(answer(one, 10 if n % 2 else 5) for n, one in enumerate(people[:29])))
    town.run_and_roll_up()
    assert town.company("acme", "margin", "coverage") == (None, 73)
    town.tell(answer(people[29], 10))
    town.run_and_roll_up()
    assert town.company("acme", "nps", "margin", "coverage") == (0, 18, 75)  # 36 without the ten others


def test_a_person_who_changed_companies_is_noticed_at_night_and_counts_in_the_new_one(
    town: CompanyTown,
) -> None:
    town.account["min_responses"] = 1
    [ann] = town.hire("acme", "a1")
    town.hire("beta", "b1")
    town.tell(answer("a1", 0), answer("b1", 10))
    town.run_and_roll_up()
    town.crm.contacts[ann]["company"] = "beta"
    town.roll_up()
    assert town.company("acme", "responses") == 1
    town.roll_up(everything=True)
    assert town.company("acme", "nps", "responses") == (None, 0)
    assert town.company("beta", "nps", "responses") == (0, 2)


def test_people_who_answered_before_there_was_a_roll_up_are_learned_at_its_first_night(
    town: CompanyTown,
) -> None:
    town.hire("acme", "a1", "a2", "a3")
    town.tell(answer("a1"), answer("a2"), answer("a3"))
    town.run(job={"rolled_up": False})
    town.roll_up(everything=True)
    assert town.company("acme", "nps", "responses") == (100, 3)


def test_a_merged_person_counts_once(town: CompanyTown) -> None:
    town.account["min_responses"] = 1
    ann, twin = town.hire("acme", "a1", "a2")
    town.tell(answer("a1", 0), answer("a2", 10, days=1))
    town.run_and_roll_up()
    assert town.company("acme", "responses") == 2
    town.crm.merge(ann, twin)
    town.roll_up(everything=True)
    assert town.company("acme", "nps", "responses") == (100, 1)


def test_the_people_of_a_merged_company_count_in_the_one_that_is_left(town: CompanyTown) -> None:
    town.account["min_responses"] = 1
    town.hire("acme", "a1")
    town.hire("zeta", "z1")
    town.tell(answer("a1", 0), answer("z1", 10))
    town.run_and_roll_up()
    town.crm.merge_companies("zeta", "acme")
    town.tell(answer("again", 10, days=1, email="z1@example.com"))
    town.run_and_roll_up()
    assert town.company("acme", "nps", "responses") == (0, 2)


def test_a_company_that_is_gone_is_told_and_forgotten(town: CompanyTown) -> None:
    town.hire("acme", "a1")
    town.tell(answer())
    town.run()
    del town.crm.companies["acme"]
    report = town.roll_up()
    assert (report.status, report.gone, report.written) == ("succeeded", 1, 0)
    assert not is_due(f"{SYNC}/account", town.store)


def test_what_somebody_changed_on_a_company_stays_theirs(town: CompanyTown) -> None:
    town.hire("acme", "a1")
    town.tell(answer("a1", 9))
    town.run_and_roll_up()
    town.crm.companies["acme"]["lowest"] = 7
    town.tell(answer("again", 3, days=1, email="a1@example.com"))
    report = town.run_and_roll_up()
    assert town.company("acme", "lowest", "detractors") == (7, 1)
    assert report.fields.kept == {"lowest": 1}


def test_a_refused_answer_counts_for_no_company(town: CompanyTown) -> None:
    [ann] = town.hire("acme", "a1")
    town.crm.refused.add(ann)
    town.tell(answer())
    report = town.run()
    assert report.states[State.REJECTED] == 1
    town.roll_up()
    assert town.company("acme", "responses") == 0


def test_a_plan_shows_what_would_follow_on_the_companies_and_leaves_nothing_behind(town: CompanyTown) -> None:
    town.account |= {
        "min_responses": 1,
        "fields": {"nps": "nps", "says": {"template": "{nps} of {responses}"}},
    }
    town.hire("acme", "a1")
    town.tell(answer("a1", 0))
    before = list(town.store.dump())
    with town.store.overlay() as overlay:
        town.planned_in(overlay)
        assert town.would_roll_up(overlay) == {"acme": {"nps": -100, "says": "-100 of 1"}}
    assert list(town.store.dump()) == before
    assert town.company("acme", "nps") is None
