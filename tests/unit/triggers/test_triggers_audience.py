"""Recurring programmes: everybody's turn comes, spread evenly, and nothing about it gets round the policy."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from builders_triggers import case
from fake_clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from nps.asking import InvitationState, Past, PastKind, Suppression, SuppressionReason
from nps.calling import WEEK, QuietHours
from nps.errors import UnavailableError
from store.api import LedgerEntry
from triggers.audience import _called, call_audiences, window
from triggers.people import both
from triggers.report import Round
from triggers.rule import Audience
from triggers.turns import Rhythm

DAY = timedelta(days=1)
HALF_YEAR = 180
NEW_YORK = ZoneInfo("America/New_York")
UTC_ZONE = ZoneInfo("UTC")
NIGHT = QuietHours.model_validate({"from": "20:00", "to": "08:00"})
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
START = datetime(2026, 1, 1, tzinfo=UTC)


def rhythm(days=HALF_YEAR, **more):
    return Rhythm(**{"name": "half-yearly", "days": days, "zone": ZoneInfo("UTC"), **more})


# ---------------------------------------------------------------- whose turn comes when

ids = st.text(min_size=1, max_size=8)
rhythms = st.builds(
    Rhythm,
    name=st.sampled_from(["a", "b"]),
    days=st.integers(1, 400),
    zone=st.sampled_from(["UTC", "America/New_York", "Pacific/Apia"]).map(ZoneInfo),
    weekdays=st.sampled_from([(), WORKDAYS, ("mon",)]),
    quiet=st.sampled_from([None, NIGHT]),
)


@given(rhythms, ids, st.integers(0, 1_000), st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_however_time_is_cut_into_days_each_turn_comes_once(rhythm, id, first, lengths):
    begin = START + first * DAY
    cuts = [begin]
    for length in lengths:
        cuts.append(cuts[-1] + length * DAY / 3)
    pieces = [turn for a, b in pairwise(cuts) for turn in rhythm.turns(id, a, b)]
    assert sorted(pieces, key=lambda turn: turn.number) == sorted(
        rhythm.turns(id, begin, cuts[-1]), key=lambda turn: turn.number
    )
    assert len({turn.number for turn in pieces}) == len(pieces)


@given(rhythms, ids)
def test_a_turn_falls_on_a_weekday_and_hour_at_which_people_are_asked(rhythm, id):
    for turn in rhythm.turns(id, START, START + 800 * DAY):
        there = turn.at.astimezone(rhythm.zone)
        assert not rhythm.weekdays or WEEK[there.weekday()] in rhythm.weekdays
        assert rhythm.quiet is None or not rhythm.quiet.hold(there.time())


@given(ids, st.integers(7, 400))
def test_the_next_turn_comes_after_as_many_days_or_in_the_week_around_them(id, days):
    plain = [turn.at for turn in rhythm(days).turns(id, START, START + 5 * days * DAY)]
    assert {b - a for a, b in pairwise(plain)} <= {days * DAY}
    moved = [turn.at for turn in rhythm(days, weekdays=WORKDAYS).turns(id, START, START + 5 * days * DAY)]
    assert all(abs((b - a) - days * DAY) < 12 * DAY for a, b in pairwise(moved))


def spread(rhythm, people=9_000):
    turns = (turn for n in range(people) for turn in rhythm.turns(f"003{n:015}", START, START + rhythm.every))
    return Counter(turn.at.astimezone(rhythm.zone).date() for turn in turns)


def test_people_are_spread_evenly_over_all_days():
    days = spread(rhythm())
    assert len(days) == HALF_YEAR
    assert sum(days.values()) == 9_000
    assert max(days.values()) < 2 * 50  # fifty a day on average


def test_what_weekends_would_have_is_spread_over_the_workdays():
    days = spread(rhythm(weekdays=WORKDAYS))
    weekdays = Counter(WEEK[day.weekday()] for day in days.elements())
    assert set(weekdays) == set(WORKDAYS)
    assert max(weekdays.values()) < 1.3 * min(weekdays.values())
    assert max(days.values()) < 2 * 70


def test_turns_of_a_day_are_spread_over_the_hours_of_asking():
    turns = [
        turn for n in range(3_000) for turn in rhythm(quiet=NIGHT).turns(str(n), START, START + 180 * DAY)
    ]
    hours = Counter(turn.at.hour for turn in turns)
    assert set(hours) == set(range(8, 20))
    assert max(hours.values()) < 1.6 * min(hours.values())


def test_two_audiences_ask_one_person_on_days_of_their_own():
    same = sum(
        next(rhythm().turns(str(n), START, START + 180 * DAY)).at
        == next(rhythm(name="other").turns(str(n), START, START + 180 * DAY)).at
        for n in range(200)
    )
    assert same < 5


def test_a_new_colleague_moves_nobody():
    before = {n: list(rhythm().turns(str(n), START, START + 400 * DAY)) for n in range(20)}
    assert before == {n: list(rhythm().turns(str(n), START, START + 400 * DAY)) for n in range(20)}


# ---------------------------------------------------------------- in the town


@pytest.fixture
def recurring(desk):
    """A town that asks everybody a relationship survey every half year, and after cases."""
    town = desk

    def begin(days=HALF_YEAR, only=None, **rule):
        audience = Audience(only or {}, Rhythm("half-yearly", days, town.zone))
        town.rule(
            "half-yearly",
            survey="relationship",
            metric="nps",
            kind="relationship",
            connection=None,
            recurring=True,
            audience=audience,
            **rule,
        )
        return town

    return begin


def live(town, days, step=DAY):
    """Let so many days pass, a round each."""
    for _ in range(int(days * DAY / step)):
        town.turn()
        town.clock.advance(step.total_seconds())
    town.turn()


def test_everybody_is_asked_once_in_each_period(recurring):
    town = recurring()
    people = [town.crm.add(f"p{n}@example.com") for n in range(12)]
    live(town, 179)
    assert sorted(town.sent()) == sorted(people)
    live(town, 180)
    assert Counter(town.sent()) == dict.fromkeys(people, 2)


def test_nobody_outside_the_audience_is_asked(recurring):
    town = recurring(only={"role": "User"})
    user, other = town.crm.add("a@example.com", role="User"), town.crm.add("b@example.com", role="Admin")
    live(town, 180)
    assert user in town.sent()
    assert other not in town.sent()


def test_the_rhythm_never_bypasses_the_rest(recurring):
    """Defect 26 of comparable tools: a cadence shorter than the rest asks as often as the rest allows."""
    town = recurring(days=30)
    ann = town.crm.add("ann@example.com")
    live(town, 400)
    asked = sorted(one.sent_at for one in town.invitations() if one.record_id == ann and one.sent_at)
    assert len(asked) == 3
    assert all(b - a >= 180 * DAY for a, b in pairwise(asked))


def test_whom_an_event_asked_does_not_come_back_early_through_the_audience(recurring):
    """Defect 27: triggered people re-enter the general pool."""
    town = recurring(days=30)
    town.rule("after-support", survey="relationship", metric="nps", kind="relationship")
    ann = town.crm.add("ann@example.com")
    town.turn()
    town.happen(case(1, ann, days=0.1))
    town.later(hours=5)
    town.turn()
    assert town.sent() == [ann]
    live(town, 170)
    assert town.sent() == [ann]
    live(town, 45)
    assert town.sent() == [ann, ann]


def test_a_turn_that_comes_too_soon_is_deferred_to_the_end_of_the_rest(recurring):
    town = recurring()
    ann = town.crm.add("ann@example.com")
    asked_elsewhere = NOON - 120 * DAY
    past = Past(at=asked_elsewhere, what=PastKind.SEND, metric="nps", kind="relationship")
    entry = LedgerEntry(dedupe="import/1", keys=("email:ann@example.com",), past=past)
    town.store.enter([entry], now=NOON)
    turn = next(town.rules["half-yearly"].audience.rhythm.turns(ann, NOON, NOON + 180 * DAY))
    live(town, 180)
    [sent] = [one for one in town.invitations() if one.sent_at]
    assert sent.sent_at >= max(turn.at, asked_elsewhere + 180 * DAY)
    assert sent.sent_at <= max(turn.at, asked_elsewhere + 180 * DAY) + 2 * DAY


def test_a_turn_that_cannot_come_before_the_next_one_is_told_and_left(recurring):
    town = recurring(days=10)
    town.crm.add("ann@example.com")
    live(town, 40)
    assert town.verdicts()["rest"] >= 2
    assert len(town.sent()) == 1


def test_a_suppressed_person_has_no_turn_and_the_reason_is_kept(recurring):
    town = recurring()
    town.crm.add("ann@example.com")
    town.store.suppress(
        [Suppression(key="email:ann@example.com", reason=SuppressionReason.UNSUBSCRIBE, at=NOON)]
    )
    live(town, 180)
    assert town.sent() == []
    assert set(town.verdicts()) == {"suppressed"}


def test_an_audience_in_shadow_is_recorded_and_not_asked(recurring):
    town = recurring(live=False)
    town.crm.add("ann@example.com")
    live(town, 180)
    assert town.sent() == []
    assert {one.state for one in town.invitations()} == {InvitationState.SHADOW}


def asked_a_day(town):
    return Counter(one.due_at.date() for one in town.invitations())


def test_what_a_stopped_npsync_missed_is_made_up_for_a_day_at_a_time(recurring):
    """Nobody is left out, and no day asks more people than the drip does."""
    town = recurring(days=20)
    people = [town.crm.add(f"p{n}@example.com") for n in range(60)]
    shares = Counter(
        turn.at.date()
        for id in people
        for turn in town.rules["half-yearly"].audience.rhythm.turns(id, NOON - 20 * DAY, NOON + 20 * DAY)
    )
    town.policy_is(rest={"relationship": "1 days", "any": "1 days"})
    town.turn()
    town.later(days=15)
    live(town, 20)
    assert set(town.sent()) == set(people)
    assert max(asked_a_day(town).values()) <= max(shares.values())


def test_after_a_stop_everybody_is_asked_as_rarely_as_ever(recurring):
    town = recurring(days=20)
    people = [town.crm.add(f"p{n}@example.com") for n in range(10)]
    town.policy_is(rest={"relationship": "1 days", "any": "1 days"})
    live(town, 20)
    town.later(days=9)
    live(town, 60)
    for id in people:
        asked = sorted(one.sent_at for one in town.invitations() if one.record_id == id)
        gaps = [(b - a).days for a, b in pairwise(asked)]
        assert sorted(set(gaps) - {19, 20}) in ([], [29], [28], [30])


def test_turns_of_a_whole_round_ago_are_not_made_up_for(recurring):
    town = recurring(days=10)
    town.policy_is(rest={"relationship": "1 days", "any": "1 days"})
    ann = town.crm.add("ann@example.com")
    town.turn()
    before = len(town.sent())
    town.later(days=95)
    live(town, 10)
    assert town.sent()[before:] in ([ann], [ann, ann])
    assert town.verdicts()["stale"] >= 8


def test_after_a_stop_the_days_on_which_nobody_is_asked_stay_free_and_fill_no_other(recurring):
    days = Rhythm("weekdays", 10, UTC_ZONE, weekdays=WORKDAYS)
    begin = datetime(2026, 3, 4, tzinfo=UTC)  # a Wednesday
    looked_at = []
    for day in range(5, 40):
        now = datetime(2026, 3, 1, 6, tzinfo=UTC) + day * DAY
        end, late = window(days, begin, now)
        open_days = [at for n in range((end - begin).days) if days.asks_on(at := begin + n * DAY)]
        assert len(open_days) == (1 if days.asks_on(now) else 0)
        assert all((at + late).date() == now.date() for at in open_days)
        looked_at += open_days
        begin = end
    assert looked_at == sorted(set(looked_at))


def test_an_audience_that_was_not_in_the_yaml_makes_up_for_nothing(recurring):
    town = recurring(days=20)
    for n in range(40):
        town.crm.add(f"p{n}@example.com")
    town.turn()
    kept = town.rules.pop("half-yearly")
    before = len(town.invitations())
    live(town, 15)
    town.rules["half-yearly"] = kept
    told = town.turn()
    assert told.begun == ["half-yearly"]
    assert len(town.invitations()) - before <= 6  # the rest of today


def test_what_is_stale_by_then_is_not(recurring):
    town = recurring(stale_after=2 * DAY)
    for n in range(6):
        town.crm.add(f"p{n}@example.com")
    town.turn()
    before = len(town.sent())
    town.later(days=170)
    live(town, 1)
    assert town.verdicts()["stale"] >= 4
    assert len(town.sent()) - before <= 2


def test_whose_turn_comes_while_the_trigger_is_paused_is_not_asked_later(recurring):
    town = recurring(paused=True)
    town.crm.add("ann@example.com")
    live(town, 179)
    recurring()
    town.turn()
    assert town.invitations() == []


def test_an_audience_that_breaks_off_is_called_again_and_asks_nobody_twice(recurring):
    town = recurring(days=1)
    town.policy_is(rest={"relationship": "1 days", "any": "1 days"})
    people = [town.crm.add(f"p{n}@example.com") for n in range(8)]
    calls = Counter()

    def fail_once(call):
        calls[call] += 1
        if call == "records" and calls[call] == 2:
            raise UnavailableError("the CRM is down")

    town.crm.before_call = fail_once
    assert town.turn().problems == ["the CRM is down"]
    town.turn()
    dedupes = [one.dedupe for one in town.invitations()]
    assert len(dedupes) == len(set(dedupes))
    town.later(hours=12)
    town.turn()
    assert sorted(town.sent()) == sorted(set(town.sent()))
    assert set(town.sent()) <= set(people)


def test_two_processes_call_an_audience_once(recurring):
    town = recurring(days=1)
    town.crm.add("ann@example.com")
    calls = Counter()
    town.crm.before_call = lambda call: calls.update([call])
    call_audiences(town.desk(), Round())
    call_audiences(town.desk(), Round())
    assert calls["records"] == 1


def test_who_waited_longest_in_an_account_comes_first(recurring):
    """The cap lets one through a month; whoever was asked last goes behind all who were not."""
    town = recurring(days=30)
    town.policy_is(
        rest={"relationship": "30 days", "any": "7 days"}, per_account={"at_most": 1, "per": "20 days"}
    )
    people = [town.crm.add(f"p{n}@example.com", account="001") for n in range(4)]
    live(town, 200)
    counted = Counter(town.sent())
    assert set(counted) == set(people)
    assert max(counted.values()) - min(counted.values()) <= 1
    first_four = town.sent()[:4]
    assert sorted(first_four) == sorted(people)


def test_who_is_over_the_cap_of_the_account_waits_until_it_has_room_again(recurring):
    town = recurring(days=30)
    town.policy_is(rest={"any": "1 days"}, per_account={"at_most": 1, "per": "20 days"})
    for n in range(2):
        town.crm.add(f"p{n}@example.com", account="001")
    live(town, 30, timedelta(hours=7))
    first, second = town.senders["mailer"].sent
    by_id = {one.id: one for one in town.invitations()}
    assert by_id[second.invitation].sent_at >= by_id[first.invitation].sent_at + 20 * DAY
    waits = [one for one in town.store.verdicts(limit=99) if "asked 1 times" in one.reason]
    assert {one.invitation for one in waits} == {second.invitation}
    assert by_id[second.invitation].due_at == by_id[first.invitation].sent_at + 20 * DAY


def test_a_hundred_thousand_people_are_called_with_flat_memory(recurring):
    town = recurring()

    class Registry:
        def listed(self, only):
            for page in range(50):
                yield [f"003{page:05}{n:010}" for n in range(2_000)]

    rule = town.rules["half-yearly"]
    desk = town.desk(opens=type("Opens", (), {"registry": lambda self, people: Registry()})())
    tracemalloc.start()
    called = sum(1 for _ in _called(desk, rule, rule.audience, NOON, NOON + DAY))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 400 < called < 720  # a hundred and eightieth of them
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("one", "other", "both_"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"b": 2}, {"a": 1}, {"a": 1, "b": 2}),
        ({"a": [1, 2]}, {"a": [2, 3]}, {"a": [2]}),
        ({"a": 1}, {"a": 1}, {"a": [1]}),
        ({"a": True}, {"a": False}, None),
    ],
)
def test_an_audience_narrows_the_people_and_never_widens_them(one, other, both_):
    assert both(one, other) == both_
