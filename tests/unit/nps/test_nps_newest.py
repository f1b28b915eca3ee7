from __future__ import annotations

from datetime import timedelta

from builders_mapping import NOON, answer
from hypothesis import given
from hypothesis import strategies as st

from nps.newest import believed, latest_first, newest

SOURCES = ["mail", "app"]


def test_the_latest_answer_counts():
    monday, tuesday = answer(3), answer(9, answered_at=NOON + timedelta(days=1))
    assert newest([tuesday, monday], SOURCES) is tuesday


def test_an_older_answer_that_arrives_late_changes_nothing():
    tuesday, monday = answer(9, answered_at=NOON + timedelta(days=1)), answer(3, id="late")
    assert newest([tuesday, monday], SOURCES) is newest([monday, tuesday], SOURCES) is tuesday


def test_a_tie_goes_by_the_order_of_sources_in_the_yaml_then_by_id():
    mail, app = answer(3, id="z"), answer(9, source="app", id="a")
    assert newest([mail, app], SOURCES) is app
    assert newest([mail, app], ["app", "mail"]) is mail
    a, b = answer(1, id="a"), answer(2, id="b")
    assert newest([b, a], SOURCES) is b


def test_nobody_answered():
    assert newest([], SOURCES) is None


def test_the_one_before_it_comes_second():
    three = [answer(n, id=str(n), answered_at=NOON + timedelta(days=n)) for n in (2, 3, 1)]
    assert [a.score for a in latest_first(three, SOURCES)] == [3, 2, 1]


answers = st.builds(
    lambda source, id, minutes: answer(source=source, id=id, answered_at=NOON + timedelta(minutes=minutes)),
    st.sampled_from(SOURCES),
    st.text("ab1", min_size=1, max_size=3),
    st.integers(0, 2),
)


@given(st.lists(answers, min_size=1, max_size=8, unique_by=lambda a: (a.source, a.id)), st.randoms())
def test_the_order_of_arrival_is_irrelevant(some, random):
    shuffled = random.sample(some, len(some))
    assert newest(some, SOURCES) == newest(shuffled, SOURCES)
    assert latest_first(some, SOURCES) == latest_first(shuffled, SOURCES)


def test_a_future_date_is_clamped_to_when_it_was_received_and_flagged():
    assert believed(NOON + timedelta(minutes=6), NOON) == (NOON, True)


def test_five_minutes_ahead_is_only_a_clock_that_runs_fast():
    ahead = NOON + timedelta(minutes=5)
    assert believed(ahead, NOON) == (ahead, False)
    assert believed(NOON - timedelta(days=400), NOON) == (NOON - timedelta(days=400), False)
