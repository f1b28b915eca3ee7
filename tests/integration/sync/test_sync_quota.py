"""When the calls that are left do not pay for all of it: the most valuable first, the rest later, nothing lost."""

from __future__ import annotations

import pytest
from builders_sync import Town, answer, breaker, counts

from nps.changes import Rank

SCORES = (10, 9, 3, 8)


@pytest.fixture
def town(town: Town) -> Town:
    town.given["breaker"] = breaker(canary=10, changed_share="100%")
    town.crm.batch = 20
    return town


def crowd(town: Town, size: int) -> None:
    for n in range(size):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", SCORES[n % 4]))


def unhappy(town: Town) -> set[str]:
    return {id for id, score in town.shown().items() if score == 3}


def test_a_budget_that_pays_for_some_writes_those_who_wait_to_be_called(town: Town):
    crowd(town, 200)  # fifty of them detractors
    town.crm.left = 12

    report = town.run()

    assert report.status == "partial"
    assert len(unhappy(town)) == 50
    assert counts(report)["pending"] == 200 - len(town.crm.writes)
    assert "calls are left for npsync" in report.problems[0]
    assert "wait" in report.problems[0]
    assert town.crm.left >= 0


def test_runs_go_on_with_what_waits_until_all_is_written(town: Town):
    crowd(town, 200)
    runs = 0
    while set(town.shown().values()) & {None}:
        town.crm.left = 9
        before = len(town.crm.writes)
        assert town.run().status in ("partial", "succeeded")
        assert len(town.crm.writes) > before, "every run gets further"
        runs += 1
        assert runs < 20
    town.crm.left = None
    assert town.run().status == "succeeded"
    assert len(town.crm.writes) == 200, "and nothing was written twice"


def test_no_call_left_writes_nothing_and_says_so(town: Town):
    crowd(town, 30)
    town.crm.left = 1  # it pays for reading the schema

    report = town.run()

    assert (report.status, counts(report)) == ("partial", {"pending": 30})
    assert town.crm.writes == []


def test_after_the_detractors_come_first_fills_then_scores_then_the_rest(town: Town):
    for n in range(4):
        town.crm.add(f"a{n}@example.com")
    for n in range(3):
        town.tell(answer(f"a{n}", 9, comment="old"))
    town.run()
    town.tell(
        answer("b0", 9, email="a0@example.com", days=1, comment="new"),  # only the comment (and the date)
        answer("b1", 10, email="a1@example.com", days=1),
        answer("b2", 2, email="a2@example.com", days=1),
        answer("a3", 10),
    )

    with town.store.overlay() as overlay:
        planned = town.planned_in(overlay)

    assert [change.record_id for change in planned] == ["c3", "c4", "c2", "c1"]
    assert [change.rank for change in planned] == list(Rank)


def test_a_limit_that_is_far_away_changes_nothing(town: Town):
    crowd(town, 100)
    town.crm.left = 100_000
    report = town.run()
    assert (report.status, len(town.crm.writes)) == ("succeeded", 100)


def test_detractors_that_go_first_are_no_swing_of_segments(town: Town):
    crowd(town, 600)
    town.crm.left = 14
    assert town.run().narrowed
    town.crm.left = None
    assert town.run().status == "succeeded", "the rest, of whom hardly anybody is unhappy"
