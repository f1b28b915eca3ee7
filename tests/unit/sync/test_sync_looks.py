"""What is said of an answer before and without the CRM, and of a run at its end."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from builders_sync import Town, answer
from fake_clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from nps.responses import ResponseStatus
from store.api import State, Taken
from sync.deciding import Mark
from sync.finding import FORGET_WAITING, next_look
from sync.first_look import Candidate, first_look
from sync.holding import Holding
from sync.invited import Invited
from sync.report import MatchReport, status_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("waited", "looked"),
    [(0 * HOUR, 1 * HOUR), (1 * HOUR, 6 * HOUR), (6 * HOUR, DAY), (DAY, 2 * DAY), (40.5 * DAY, 41 * DAY)],
)
def test_a_waiting_answer_is_looked_up_after_one_hour_six_and_then_daily(
    waited: timedelta, looked: timedelta
):
    assert next_look(NOON, NOON + waited) == NOON + looked


def test_after_ninety_days_only_a_person_asks_again():
    assert next_look(NOON, NOON + FORGET_WAITING - HOUR) == NOON + FORGET_WAITING
    assert next_look(NOON, NOON + FORGET_WAITING) is None


@given(st.timedeltas(timedelta(0), FORGET_WAITING))
def test_the_next_look_is_always_in_the_future(waited: timedelta):
    again = next_look(NOON, NOON + waited)
    assert again is None or NOON + waited < again <= NOON + waited + DAY


def test_the_looks_follow_one_another():
    looks, now = [], NOON
    while (again := next_look(NOON, now)) is not None:
        looks.append(now := again)
    assert len(looks) == 92
    assert all(earlier < later for earlier, later in pairwise(looks))


# ------------------------------------------------------------ the first look


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(f"sqlite:///{tmp_path_factory.mktemp('nowhere')}/npsync.db")


BY_DOMAIN = {"match": ("email_domain",)}


def looked_at(town: Town, *, newest: bool = True, job: Any = None, **given: Any) -> Mark | Candidate:
    made = town.job(**(job or {}))
    taken = Taken(number=1, response=answer(**given), newest=newest, received_at=NOON)
    feeds = {feed.connection: feed for feed in made.feeds}
    return first_look(made, feeds, taken, Invited(town.store), Holding(made, town.store))


@pytest.mark.parametrize(
    ("given", "state", "code"),
    [
        ({"newest": False}, State.SUPERSEDED, "edited"),
        ({"problem": "line 7 has too few columns"}, State.REJECTED, "unreadable"),
        ({"status": ResponseStatus.WITHDRAWN}, State.EXCLUDED, "withdrawn"),
        ({"status": ResponseStatus.EXCLUDED}, State.EXCLUDED, "excluded_at_source"),
        ({"status": ResponseStatus.PARTIAL}, State.PENDING, "half_finished"),
        ({"survey": "9", "job": {"surveys": frozenset({"1"})}}, State.EXCLUDED, "other_survey"),
        ({"days": -1, "job": {"since": NOON}}, State.EXCLUDED, "before_since"),
        ({"source": "gone"}, State.EXCLUDED, "source_left"),
        ({"score": "11"}, State.REJECTED, "score_out_of_range"),
        ({"score": "9.5"}, State.REJECTED, "score_not_whole"),
        ({"score": ""}, State.REJECTED, "score_missing"),
        ({"score": "Extremely likely - 10"}, State.REJECTED, "score_not_a_number"),
        ({"email": None}, State.REJECTED, "no_key"),
        ({"email": "not an address"}, State.REJECTED, "no_key"),
        ({"email": "ann@gmail.com", "job": BY_DOMAIN}, State.EXCLUDED, "free_mail"),
        ({"email": None, "job": BY_DOMAIN}, State.REJECTED, "no_key"),
    ],
)
def test_what_does_not_count_says_why(town: Town, given: dict[str, Any], state: State, code: str):
    mark = looked_at(town, **given)
    assert isinstance(mark, Mark)
    assert (mark.state, mark.code) == (state, code)
    assert mark.reason


def test_zero_is_a_score(town: Town):
    candidate = looked_at(town, score=0)
    assert isinstance(candidate, Candidate)
    assert (candidate.score, [key.value for key in candidate.keys]) == (0, ["a1@example.com"])


# ------------------------------------------------------------ the end


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (state, "partial" if state in ("rejected", "review", "held", "pending") else "succeeded")
        for state in State
    ],
)
def test_what_needs_a_person_or_another_run_makes_it_partial(state: State, status: str):
    assert status_of({state: 1}, (), unwritten=0) == status


def test_a_problem_or_a_change_that_was_not_written_makes_it_partial():
    assert status_of({}, ("mail: no answer",), unwritten=0) == "partial"
    assert status_of({}, (), unwritten=1) == "partial"
    assert status_of({}, (), unwritten=0) == "succeeded"


def test_unmatched_answers_are_counted_by_the_domain_of_their_address():
    report = MatchReport()
    for email in ("a@acme.com", "b@ACME.com", None, "C <c@other.org>"):
        report.note_unmatched("no_record", email, again=False)
    report.note_unmatched("ambiguous", "d@acme.com", again=True)
    assert report.unmatched == {"acme.com": 2, "no e-mail": 1, "other.org": 1}
    assert (report.waiting, report.ambiguous, report.looked_up, report.first_looks) == (4, 1, 5, 4)
