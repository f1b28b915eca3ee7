"""When a plan looks like an accident, by table; and the plans that never do, by property."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fake_clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from mapping.segments import segment_readers
from mapping.spec import FieldMapping
from nps.changes import Change
from nps.score import Segment
from sync.breaker import (
    FEWEST_ALIKE,
    FEWEST_ARRIVED,
    FEWEST_CHANGES,
    FEWEST_CLEARED,
    FEWEST_DAYS,
    FEWEST_LOOKED_UP,
    FEWEST_SEGMENTS,
    BreakerOpen,
    Reason,
    Seen,
    check,
    next_steps,
    silent,
)
from sync.evidence import Evidence, gathered
from sync.spec import BreakerSpec, VolumeSpec
from sync.volumes import Arrived, Volume, learned

SPEC = BreakerSpec.model_validate(
    {
        "changed_share": "50%",
        "match_rate_drop": "20%",
        "segment_swing": "30%",
        "constant_share": "95%",
        "cleared_share": "20%",
        "volume": {"most": "10x", "silence": "3 days"},
    }
)
FIELDS = {
    "score": FieldMapping.model_validate("score"),
    "segment": FieldMapping.model_validate(
        {"from": "segment", "map": {"promoter": "Happy", "passive": "So-so", "detractor": "Unhappy"}}
    ),
    "comment": FieldMapping.model_validate("comment"),
}
READERS = segment_readers(FIELDS)


def reasons(spec: BreakerSpec = SPEC, **facts: Any) -> list[Reason]:
    return list(check(spec, Seen(sync="nps", **facts), now=NOON))


def opened_by(spec: BreakerSpec = SPEC, **facts: Any) -> list[str]:
    return [reason.check for reason in reasons(spec, **facts)]


def changes(*pairs: tuple[Any, Any], field: str = "score") -> list[Change]:
    """One change of one field per pair of before and after."""
    return [
        Change(object="contacts", record_id=f"c{n}", before={field: before}, after={field: after})
        for n, (before, after) in enumerate(pairs)
    ]


def evidence(given: Sequence[Change], planned: int | None = None) -> Evidence:
    return gathered(given, READERS, planned=len(given) if planned is None else planned)


# ------------------------------------------------------------ too many changes, too few matches


@pytest.mark.parametrize(
    ("overwriting", "shown", "stopped"),
    [
        (500, 1000, False),
        (501, 1000, True),
        (FEWEST_CHANGES - 1, 50, False),
        (FEWEST_CHANGES, 50, True),
        (0, 0, False),
    ],
)
def test_too_large_a_share_of_changed_values_stops_the_run(overwriting: int, shown: int, stopped: bool):
    assert (opened_by(overwriting=overwriting, shown=shown) == ["changed_share"]) == stopped


def test_the_message_says_how_much_would_change_and_what_to_do():
    [reason] = reasons(overwriting=600, shown=1000)
    assert reason.text.startswith("600 of 1,000 records that already show values would change (60%)")
    assert "npsync plan nps" in next_steps("nps")
    assert "npsync run nps --accept-breaker" in next_steps("nps")


@pytest.mark.parametrize(
    ("matched", "looked_up", "earlier", "stopped"),
    [
        (70, 100, [Decimal("0.9"), Decimal("0.9")], False),
        (69, 100, [Decimal("0.9"), Decimal("0.9")], True),
        (0, FEWEST_LOOKED_UP - 1, [Decimal("0.9")], False),
        (0, FEWEST_LOOKED_UP, [Decimal("0.9")], True),
        (0, 1000, [], False),
    ],
)
def test_a_match_rate_that_falls_stops_the_run(
    matched: int, looked_up: int, earlier: list[Decimal], stopped: bool
):
    found = opened_by(matched=matched, looked_up=looked_up, earlier_rates=earlier)
    assert (found == ["match_rate_drop"]) == stopped


# ------------------------------------------------------------ values that swing, freeze or vanish


@pytest.mark.parametrize(
    ("pairs", "stopped"),
    [
        ([(9, 10)] * 50 + [(3, 4)] * 50, False),  # nobody changes sides
        ([(9, 3)] * 30 + [(9, 10)] * 70, False),  # 30 of 100 is not more than 30 %
        ([(9, 3)] * 31 + [(9, 10)] * 69, True),
        ([(9, 3)] * (FEWEST_SEGMENTS - 1), False),  # too few to say anything
        ([(9, 3)] * 60 + [(3, 9)] * 60, False),  # many change sides, and nothing swings
        ([(score, 10 - score) for score in (10, 9, 9, 8, 3) * 20], True),  # the scale was turned round
        ([(None, 2)] * 500, False),  # first fills
    ],
)
def test_segments_that_swing_on_records_stop_the_run(pairs: list[tuple[Any, Any]], stopped: bool):
    assert ("segment_swing" in opened_by(evidence=evidence(changes(*pairs)))) == stopped


@pytest.mark.parametrize(
    ("shown", "segment"),
    [(9, "promoter"), (9.0, "promoter"), ("7", "passive"), (0, "detractor"), (11, None), ("n/a", None)],
)
def test_a_segment_is_read_from_any_way_a_vendor_shows_a_score(shown: Any, segment: str | None):
    assert READERS["score"](shown) == segment


def test_a_segment_is_read_from_the_words_of_the_mapping():
    assert READERS["segment"]("so-so") is Segment.PASSIVE
    assert READERS["segment"]("Delighted") is None
    assert "comment" not in READERS
    two_words = {"from": "segment", "map": {"promoter": "yes", "passive": "no", "detractor": "no"}}
    assert segment_readers({"happy": FieldMapping.model_validate(two_words)}) == {}


@pytest.mark.parametrize(
    ("usual", "new", "stopped"),
    [
        ((200, 300, 500), (20, 30, 50), False),
        ((200, 300, 500), (100, 0, 0), True),  # somebody asks on a scale of one to five now
        ((200, 300, 500), (99, 0, 0), False),
        ((20, 30, 49), (100, 0, 0), False),
    ],
)
def test_new_answers_of_other_segments_than_usual_stop_the_run(
    usual: tuple[int, int, int], new: tuple[int, int, int], stopped: bool
):
    found = opened_by(
        arrived={"mail": arrived(*new)}, usual={"mail": Volume(last=NOON, history=arrived(*usual))}
    )
    assert (found == ["segment_swing"]) == stopped


def test_the_message_of_a_swing_has_both_shares():
    [reason] = reasons(
        arrived={"mail": arrived(90, 10, 0)}, usual={"mail": Volume(last=NOON, history=arrived(15, 25, 60))}
    )
    assert reason.text.startswith("90% of 100 new answers of mail are detractors, 15% of the 100 before were")


VARIED = [0, 3, 5, 7, 8, 9]


@pytest.mark.parametrize(
    ("befores", "afters", "stopped"),
    [
        (VARIED * 20, [10] * 120, True),
        (VARIED * 20, [10] * 114 + [4] * 6, False),  # 95 % is not more than 95 %
        (VARIED * 20, [10] * 115 + [4] * 5, True),
        ([9] * 120, [10] * 120, False),  # what is there now is the same everywhere, too
        ([9] * 96 + [8] * 24, [10] * 120, True),
        ([9] * 97 + [8] * 23, [10] * 120, False),
        ((VARIED * 20)[: FEWEST_ALIKE - 1], [10] * (FEWEST_ALIKE - 1), False),
        ([None] * 500, [10] * 500, False),
    ],
)
def test_one_value_over_many_different_ones_stops_the_run(
    befores: list[Any], afters: list[Any], stopped: bool
):
    pairs = list(zip(befores, afters, strict=True))
    wide = SPEC.model_copy(update={"segment_swing": Decimal(1)})
    assert (opened_by(wide, evidence=evidence(changes(*pairs))) == ["constant_share"]) == stopped


def test_a_field_that_is_meant_to_be_the_same_for_all_is_no_accident():
    given = evidence(changes(*((one, "Wootric") for one in VARIED * 30), field="tool"))
    assert opened_by(evidence=given) == ["constant_share"]
    assert opened_by(evidence=given, same_for_all=frozenset({"tool"})) == []


def test_the_message_of_a_constant_names_the_field_and_no_value():
    given = evidence(changes(*((f"note {n}", "Ann cancelled") for n in range(150)), field="comment"))
    [reason] = reasons(evidence=given)
    assert reason.text.startswith("comment: 150 of 150 changes would write one and the same value over 150")
    assert "Ann" not in reason.text


@pytest.mark.parametrize(
    ("emptied", "shown", "stopped"),
    [
        (200, 1000, False),
        (201, 1000, True),
        (FEWEST_CLEARED - 1, 60, False),
        (FEWEST_CLEARED, 60, True),
    ],
)
def test_emptying_a_field_on_too_many_records_stops_the_run(emptied: int, shown: int, stopped: bool):
    given = evidence(changes(*((f"text {n}", None) for n in range(emptied)), field="comment"))
    assert (opened_by(evidence=given, shown=shown) == ["cleared_share"]) == stopped


# ------------------------------------------------------------ properties

OVER_ALL = max(FEWEST_CHANGES, FEWEST_SEGMENTS, FEWEST_ALIKE, FEWEST_CLEARED)
some_value = st.one_of(st.none(), st.integers(0, 10), st.sampled_from(["Happy", "Unhappy", "a", "b"]))


@given(st.lists(some_value, max_size=300), st.sampled_from(list(FIELDS)))
def test_a_plan_that_repeats_what_is_shown_never_opens_it(values: list[Any], field: str):
    given = evidence(changes(*((value, value) for value in values), field=field))
    assert opened_by(evidence=given, shown=len(values)) == []


@given(st.lists(st.tuples(some_value, some_value), min_size=1, max_size=60), st.integers(2, 4))
def test_the_same_plan_so_many_times_over_is_judged_by_the_same_shares(
    pairs: list[tuple[Any, Any]], times: int
):
    """More of the same may pass a smallest number, never come back below it; the shares stay what they are."""
    once = changes(*pairs) * OVER_ALL
    often = once * times
    facts: dict[str, Any] = {"overwriting": 200, "shown": 1000}
    more = {name: count * times for name, count in facts.items()}
    assert opened_by(evidence=evidence(once), **facts) == opened_by(evidence=evidence(often), **more)


@given(st.lists(st.tuples(some_value, some_value), min_size=1, max_size=60))
def test_an_even_sample_says_what_the_whole_plan_says(pairs: list[tuple[Any, Any]]):
    sample = changes(*pairs) * OVER_ALL
    whole = sample * 2
    assert opened_by(evidence=evidence(whole), shown=1000) == opened_by(
        evidence=evidence(sample, planned=len(whole)), shown=1000
    )


@given(st.permutations(range(120)), st.lists(st.tuples(some_value, some_value), min_size=120, max_size=120))
def test_the_order_of_the_changes_says_nothing(order: list[int], pairs: list[tuple[Any, Any]]):
    given = changes(*pairs)
    shuffled = [given[place] for place in order]
    assert opened_by(evidence=evidence(given), shown=130) == opened_by(evidence=evidence(shuffled), shown=130)


def test_everything_found_is_told_at_once():
    pairs = [(10 - n % 3, 0) for n in range(150)]
    opened = BreakerOpen(reasons(evidence=evidence(changes(*pairs)), overwriting=150, shown=200))
    assert [reason.check for reason in opened.reasons] == ["changed_share", "segment_swing", "constant_share"]
    assert len(str(opened).splitlines()) == 3


# ------------------------------------------------------------ how much arrives


def arrived(detractors: int, passives: int = 0, promoters: int = 0) -> Arrived:
    counts = Counter(
        {Segment.DETRACTOR: detractors, Segment.PASSIVE: passives, Segment.PROMOTER: promoters, None: 0}
    )
    return Arrived.counted(counts.items())


def answers(count: int) -> Arrived:
    return Arrived.counted([(None, count)])


def workdays(weeks: int, a_day: int, until: datetime = NOON) -> Volume:
    """So many answers on every day from Monday to Friday."""
    known = Volume(last=until - timedelta(weeks=weeks, days=1))
    for back in range(7 * weeks, 0, -1):
        day = until - timedelta(days=back)
        if day.weekday() < 5:
            known = learned(known, answers(a_day), day)
    return known


@pytest.mark.parametrize(
    ("a_day", "new", "stopped"),
    [
        (100, 1000, False),
        (100, 1001, True),
        (2, FEWEST_ARRIVED - 1, False),  # a small account's campaign
        (2, FEWEST_ARRIVED, True),
    ],
)
def test_many_times_the_answers_of_the_busiest_day_stop_the_run(a_day: int, new: int, stopped: bool):
    found = opened_by(arrived={"mail": answers(new)}, usual={"mail": workdays(4, a_day)})
    assert (found == ["volume.most"]) == stopped


def test_what_came_earlier_the_same_day_counts_with_it():
    usual = learned(workdays(4, 100), answers(900), NOON)
    assert opened_by(arrived={"mail": answers(100)}, usual={"mail": usual}) == []
    assert opened_by(arrived={"mail": answers(101)}, usual={"mail": usual}) == ["volume.most"]


def test_after_some_days_without_a_run_as_many_more_are_normal():
    facts = {"arrived": {"mail": answers(3000)}, "usual": {"mail": workdays(4, 100)}}
    assert opened_by(**facts, since=NOON - timedelta(days=3)) == []
    assert opened_by(**facts, since=NOON - timedelta(days=2)) == ["volume.most"]


def test_no_volume_is_unexpected_before_it_is_known_what_is_usual():
    two_weeks = workdays(2, 10)
    assert len(two_weeks.days) == FEWEST_DAYS
    assert opened_by(arrived={"mail": answers(9999)}, usual={"mail": two_weeks}) == ["volume.most"]
    young = Volume(last=NOON, days=dict(list(two_weeks.days.items())[1:]))
    assert opened_by(arrived={"mail": answers(9999)}, usual={"mail": young}) == []
    assert opened_by(arrived={"mail": answers(9999)}) == []


def test_a_source_read_from_its_beginning_says_nothing_about_a_day():
    facts = {"arrived": {"mail": answers(9999)}, "usual": {"mail": workdays(4, 10)}}
    assert opened_by(**facts, afresh=frozenset({"mail"})) == []


def alarms(known: Volume, *, days: float, silence: str = "3 days") -> list[str]:
    spec = VolumeSpec.model_validate({"silence": silence})
    return list(silent(spec, {"mail": known}, ["mail"], known.last + timedelta(days=days)))


MONDAY = NOON  # 2 March 2026


@pytest.mark.parametrize(
    ("known", "days", "alarmed"),
    [
        (workdays(4, 100), 3, False),  # a weekend and a bank holiday
        (workdays(4, 100), 6, False),  # twice the longest pause there was
        (workdays(4, 100), 6.1, True),
        (workdays(1, 100), 30, False),  # five days say nothing about a month
    ],
)
def test_a_source_that_usually_delivers_and_is_silent_is_told(known: Volume, days: float, alarmed: bool):
    assert bool(alarms(known, days=days)) == alarmed


def test_a_source_that_delivers_daily_is_missed_after_three_days():
    known = Volume(last=NOON)
    for day in range(20):
        known = learned(known, answers(5), NOON + timedelta(days=day))
    assert alarms(known, days=3) == []
    [alarm] = alarms(known, days=3.01)
    assert "100 answers came on 20 of the days before" in alarm
    assert "npsync connect mail" in alarm
    assert alarms(known, days=3.01, silence="5 days") == []


def test_a_weekly_file_is_not_missed_between_two_files():
    known = Volume(last=NOON)
    for week in range(8):
        known = learned(known, answers(50), NOON + timedelta(weeks=week))
    assert len(known.days) < FEWEST_DAYS, "and for the first weeks nobody can know"
    for week in range(8, 20):
        known = learned(known, answers(50), NOON + timedelta(weeks=week))
    assert alarms(known, days=13) == []


def test_a_file_without_limits_asks_for_neither():
    spec = VolumeSpec.model_validate({"most": None, "silence": None})
    assert list(silent(spec, {"mail": workdays(4, 9)}, ["mail"], NOON + timedelta(days=99))) == []
    unbounded = SPEC.model_copy(update={"volume": spec})
    assert opened_by(unbounded, arrived={"mail": answers(9999)}, usual={"mail": workdays(4, 9)}) == []


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 50)), max_size=80))
def test_the_days_remembered_are_those_of_the_last_sixty(given: list[tuple[int, int]]):
    known = None
    now = NOON
    for hours, count in given:
        now += timedelta(hours=hours)
        known = learned(known, answers(count), now)
    if known is not None:
        oldest = (now.date() - timedelta(days=60)).isoformat()
        assert all(oldest <= day <= now.date().isoformat() for day in known.days)
        assert known.last == now
