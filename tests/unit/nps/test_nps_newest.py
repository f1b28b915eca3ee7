from __future__ import annotations

from datetime import timedelta

from builders_mapping import NOON
from hypothesis import given
from hypothesis import strategies as st

from nps.newest import Answer, believed, oldest_first

MAIL, APP = 0, 1  # places in the YAML
TUESDAY = NOON + timedelta(days=1)


def newest(*answers: Answer) -> Answer:
    return oldest_first(answers)[-1]


def test_the_latest_answer_counts():
    monday, tuesday = Answer(NOON, MAIL, "a"), Answer(TUESDAY, MAIL, "b")
    assert newest(tuesday, monday) is tuesday


def test_an_older_answer_that_arrives_late_changes_nothing():
    tuesday, monday = Answer(TUESDAY, MAIL, "a", number=1), Answer(NOON, APP, "late", number=2)
    assert newest(tuesday, monday) is newest(monday, tuesday) is tuesday


def test_a_tie_goes_by_the_order_of_sources_in_the_yaml_then_by_id():
    mail, app = Answer(NOON, MAIL, "z"), Answer(NOON, APP, "a")
    assert newest(mail, app) is app
    a, b = Answer(NOON, MAIL, "a", number=2), Answer(NOON, MAIL, "b", number=1)
    assert newest(b, a) is b


def test_the_one_before_it_comes_second():
    three = [Answer(NOON + timedelta(days=n), MAIL, str(n), score=n) for n in (2, 3, 1)]
    assert [one.score for one in oldest_first(three)] == [1, 2, 3]


answers = st.builds(
    lambda rank, id, minutes: Answer(NOON + timedelta(minutes=minutes), rank, id),
    st.sampled_from([MAIL, APP]),
    st.text("ab1", min_size=1, max_size=3),
    st.integers(0, 2),
)


@given(st.lists(answers, min_size=1, max_size=8, unique_by=lambda one: (one.rank, one.id)), st.randoms())
def test_the_order_of_arrival_is_irrelevant(some, random):
    """The store numbers answers in order of arrival; the rule does not look at it."""
    arrived = [one._replace(number=n) for n, one in enumerate(some)]
    shuffled = [one._replace(number=n) for n, one in enumerate(random.sample(some, len(some)))]
    names = [[(one.at, one.rank, one.id) for one in oldest_first(order)] for order in (arrived, shuffled)]
    assert names[0] == names[1]


def test_a_future_date_is_clamped_to_when_it_was_received_and_flagged():
    assert believed(NOON + timedelta(minutes=6), NOON) == (NOON, True)


def test_five_minutes_ahead_is_only_a_clock_that_runs_fast():
    ahead = NOON + timedelta(minutes=5)
    assert believed(ahead, NOON) == (ahead, False)
    assert believed(NOON - timedelta(days=400), NOON) == (NOON - timedelta(days=400), False)
