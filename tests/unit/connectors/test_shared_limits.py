"""Pacing over processes: together never more calls in a window than the vendor allows, hardly slower than that, whoever
dies, and everybody gets a turn."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from fake_clock import NOON
from hypothesis import given, settings
from hypothesis import strategies as st
from sharers import PacingInMemory, T, World

from connectors.limits import LONGEST_PAUSE, Limiter, Window
from nps.errors import BudgetError

CASES = int(os.environ.get("NPSYNC_CASES", "60"))
TEN_SECONDS = {"": [Window(190, 10)]}
MIDNIGHT = NOON + timedelta(hours=12)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def pacing(world: World) -> PacingInMemory:
    return PacingInMemory(lambda: world.now)


def busy(world: World, sharers: dict[str, Limiter], until: float, *, takes: float = 0.0) -> None:
    """All of them call as fast as they may; a call keeps its sharer for so long."""
    free = dict.fromkeys(sharers, world.now)
    while (moment := min(free.values())) < until:
        world.now = max(world.now, moment)
        who = min(free, key=lambda one: free[one])
        wait = world.try_call(who, sharers[who])
        free[who] = world.now + (wait or takes)


# ---------------------------------------------------------------- never too many


@settings(max_examples=CASES)
@given(
    windows=st.sampled_from(
        [
            {"": [Window(190, 10)]},
            {"": [Window(20, 1)]},
            {"": [Window(7, 3), Window(40, 60)]},
            {"": [Window(100, 10)], "search": [Window(5, 1)]},
            {"": [Window(3, 600)]},
        ]
    ),
    steps=st.lists(
        st.tuples(
            st.integers(0, 4),  # who
            st.sampled_from(["call", "call", "call", "search", "two", "wait", "jump", "dies", "tightens"]),
            st.floats(0, 1.2),
        ),
        min_size=20,
        max_size=250,
    ),
)
def test_no_window_ever_holds_more_calls_than_the_limit_whoever_calls_sleeps_or_dies(
    windows: dict[str, list[Window]], steps: list[tuple[int, str, float]]
) -> None:
    world = World()
    pacing = PacingInMemory(lambda: world.now)
    sharers = [world.limiter(pacing, windows, began=1000.0 * number) for number in range(5)]
    waits = dict.fromkeys(range(5), 0.0)
    searches: list[float] = []
    tight = False
    for who, step, share in steps:
        match step:
            case "wait":  # as long as it was told, give or take
                world.now += waits[who] * (0.5 + share)
            case "jump":
                world.now += share * max(one.seconds for one in windows[""]) / 3
            case "dies":  # and its successor starts with a clock of its own
                sharers[who] = world.limiter(pacing, windows, began=77.0 * who)
            case "tightens":
                sharers[who].tighten(3, 30)
                tight = True
            case _:
                bucket = "search" if step == "search" and "search" in windows else ""
                for _ in range(1 + int(share * 30)):
                    waits[who] = world.try_call(str(who), sharers[who], bucket, 2 if step == "two" else 1)
                    if waits[who]:
                        break
                    searches.extend([world.now] * (bucket == "search"))
    for window in windows[""]:
        assert world.most_in_any(window.seconds) <= window.calls
    for window in windows.get("search", []):
        assert world.most_in_any(window.seconds, searches) <= window.calls
    assert tight or len(world.left) > 0


def test_calls_of_the_dead_count_as_long_as_the_longest_window(world: World, pacing: PacingInMemory) -> None:
    a_day = {"": [Window(20, 86_400)]}
    for turn in range(30):  # each of them dies before it can say what it did
        world.try_call(str(turn), world.limiter(pacing, a_day))
        world.now += 1_000
    assert len(world.left) == 20
    world.now += 3 * 86_400
    assert world.try_call("late", world.limiter(pacing, a_day)) == 0


class Late(PacingInMemory):
    """A store whose answer arrives when something else has happened meanwhile."""

    meanwhile: Callable[[], None] | None = None

    def change(self, name: str, change: Callable[[bytes | None, int], tuple[bytes, T]]) -> T:
        answer = super().change(name, change)
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        return answer


def test_who_hears_of_no_pause_only_when_its_turn_is_over_waits_for_another(world: World) -> None:
    pacing = Late(lambda: world.now)
    one, two, three = (world.limiter(pacing, {"": [Window(1, 5)]}) for _ in range(3))
    assert world.try_call("one", one) == 0
    world.now += world.try_call("two", two)

    def others_call() -> None:
        world.now += 30
        assert world.try_call("three", three) == 0

    pacing.meanwhile = others_call
    assert world.try_call("two", two) > 0
    assert world.most_in_any(5) == 1


@pytest.mark.parametrize("reports", [True, False])
def test_a_lot_counts_from_its_last_call_or_while_that_is_not_known_from_the_last_it_could_make(
    world: World, pacing: PacingInMemory, reports: bool
) -> None:
    slow = world.limiter(pacing, {"": [Window(40, 10)]})
    assert world.try_call("slow", slow) == 0
    assert world.try_call("slow", slow) == 0  # the first of two it is lent now
    world.now += 0.45
    assert world.try_call("slow", slow) == 0  # the second, when it has nearly waited too long
    if reports:
        pacing.end()
    quick = world.limiter(pacing, {"": [Window(40, 10)]})
    busy(world, {"quick": quick}, 40, takes=0.001)
    assert world.most_in_any(10) <= 40


def test_together_they_run_within_ten_per_cent_of_the_floor(world: World, pacing: PacingInMemory) -> None:
    sharers = {name: world.limiter(pacing, TEN_SECONDS) for name in ("one", "two", "three")}
    busy(world, sharers, 600, takes=0.02)
    assert world.most_in_any(10) <= 190
    assert len(world.left) >= 0.9 * 190 * 60


def test_one_alone_runs_within_ten_per_cent_of_the_floor_too(world: World, pacing: PacingInMemory) -> None:
    busy(world, {"one": world.limiter(pacing, TEN_SECONDS)}, 600, takes=0.05)
    assert len(world.left) >= 0.9 * 190 * 60


def test_a_call_costs_a_fraction_of_a_round_trip(world: World, pacing: PacingInMemory) -> None:
    sharers = {name: world.limiter(pacing, TEN_SECONDS) for name in ("one", "two")}
    busy(world, sharers, 300, takes=0.05)
    assert pacing.trips < len(world.left) / 4


def test_a_tiny_window_is_shared_as_well(world: World, pacing: PacingInMemory) -> None:
    sharers = {name: world.limiter(pacing, {"": [Window(5, 1)]}) for name in ("one", "two", "three")}
    busy(world, sharers, 60, takes=0.1)
    assert world.most_in_any(1) <= 5
    assert len(world.left) >= 0.8 * 5 * 60


# ---------------------------------------------------------------- everybody gets a turn


@settings(max_examples=CASES // 3)
@given(
    takes=st.lists(st.sampled_from([0.0, 0.001, 0.05, 0.3]), min_size=2, max_size=8),
    limit=st.sampled_from([Window(190, 10), Window(20, 10), Window(5, 1)]),
)
def test_nobody_starves_beside_others_that_ask_all_the_time(takes: list[float], limit: Window) -> None:
    world = World()
    pacing = PacingInMemory(lambda: world.now)
    sharers = [world.limiter(pacing, {"": [limit]}) for _ in takes]
    free = [0.0] * len(takes)
    turns: dict[int, list[float]] = {number: [0.0] for number in range(len(takes))}
    while world.now < 6 * limit.seconds * len(takes):
        who = min(range(len(takes)), key=lambda one: free[one])
        world.now = max(world.now, free[who])
        wait = world.try_call(str(who), sharers[who])
        if not wait:
            turns[who].append(world.now)
        free[who] = world.now + max(wait, takes[who], 0.001)
    lots_in_a_window = min(limit.calls, 20)
    longest = limit.seconds * 1.3 * (2 + len(takes) / lots_in_a_window)
    for mine in turns.values():
        gaps = [after - before for before, after in zip(mine, [*mine[1:], world.now], strict=True)]
        assert max(gaps) <= longest


def test_what_a_dead_process_held_is_lost_for_a_window_and_no_longer(
    world: World, pacing: PacingInMemory
) -> None:
    for _ in range(19):  # each takes a lot and dies with it
        dying = world.limiter(pacing, {"": [Window(19, 10)]})
        assert world.try_call("dying", dying) == 0
    heir = world.limiter(pacing, {"": [Window(19, 10)]})
    wait = world.try_call("heir", heir)
    assert 10 < wait < 11.5
    world.now += wait
    assert world.try_call("heir", heir) == 0


def test_what_is_not_used_comes_back_when_a_process_ends(world: World, pacing: PacingInMemory) -> None:
    first = world.limiter(pacing, TEN_SECONDS)
    busy(world, {"first": first}, 1, takes=0.001)
    used = len(world.left)
    pacing.end()
    second = world.limiter(pacing, TEN_SECONDS)
    busy(world, {"second": second}, 9.9, takes=0.001)
    assert len(world.left) == 190
    assert Counter(who for who, _ in world.left)["first"] == used


def test_a_store_whose_clock_was_set_back_does_not_stop_the_calls(world: World) -> None:
    pacing = PacingInMemory(lambda: world.now + offset)
    offset = 86_400.0
    busy(world, {"before": world.limiter(pacing, TEN_SECONDS)}, 5, takes=0.01)
    offset = 0.0
    world.now += 11
    after = world.limiter(pacing, TEN_SECONDS)
    assert world.try_call("after", after) <= 11


# ---------------------------------------------------------------- what one learns, all know


def test_a_pause_one_is_asked_for_is_everybodys(world: World, pacing: PacingInMemory) -> None:
    one, two = world.limiter(pacing, TEN_SECONDS), world.limiter(pacing)
    assert world.try_call("two", two) == 0
    one.pause(30, why="the vendor answered status 429 and asked for a pause")
    world.now += 1.0
    assert 28 <= world.try_call("two", two) <= 30
    world.now += 30
    assert world.try_call("two", two) == 0


def test_a_pause_too_long_to_wait_for_ends_the_others_runs_too(world: World, pacing: PacingInMemory) -> None:
    one, two = world.limiter(pacing), world.limiter(pacing)
    one.pause(LONGEST_PAUSE + 60, why="the vendor's pause")
    with pytest.raises(BudgetError, match="the vendor's pause"):
        two.acquire()


def test_who_sleeps_until_its_turn_hears_of_a_pause_before_it_calls(
    world: World, pacing: PacingInMemory
) -> None:
    one, two = (world.limiter(pacing, {"": [Window(1, 5)]}) for _ in range(2))
    assert world.try_call("one", one) == 0
    wait = world.try_call("two", two)
    one.pause(60)
    world.now += wait
    assert world.try_call("two", two) > 50


def test_a_limit_one_reads_in_the_headers_holds_for_all_within_a_second(
    world: World, pacing: PacingInMemory
) -> None:
    one, two = world.limiter(pacing, TEN_SECONDS), world.limiter(pacing, TEN_SECONDS)
    one.tighten(50, 10)
    assert world.try_call("one", one) == 0
    busy(world, {"two": two}, 9.9, takes=0.001)
    assert len(world.left) <= 50


def test_a_limit_that_was_loosened_again_holds_no_longer_than_a_minute(
    world: World, pacing: PacingInMemory
) -> None:
    strict = world.limiter(pacing, {"": [Window(10, 10)]})
    assert world.try_call("strict", strict) == 0
    world.now += 61
    loose = world.limiter(pacing, TEN_SECONDS)
    busy(world, {"loose": loose}, world.now + 9.9, takes=0.001)
    assert len(world.left) > 100


def test_what_others_used_of_a_window_is_counted_once(world: World, pacing: PacingInMemory) -> None:
    one, two = world.limiter(pacing, TEN_SECONDS), world.limiter(pacing, TEN_SECONDS)
    for _ in range(40):
        assert world.try_call("one", one) == 0
    assert world.try_call("two", two) == 0
    two.count_elsewhere(141, 10)  # as its first reply says: 40 by one, 1 by itself, 100 by another app
    busy(world, {"two": two}, 9.9, takes=0.001)
    assert 80 <= len(world.left) <= 90


# ---------------------------------------------------------------- one budget a day


def spend(world: World, limiter: Limiter) -> int:
    spent = 0
    try:
        while True:
            wait = world.try_call("spender", limiter)
            spent += not wait
            world.now += wait
    except BudgetError:
        return spent


def test_what_the_yaml_allows_a_day_is_counted_down_by_all(world: World, pacing: PacingInMemory) -> None:
    one, two, three = (world.limiter(pacing) for _ in range(3))
    for limiter in (one, two, three):  # none of them has seen what the others make
        limiter.ration(100, 100, until=MIDNIGHT)
    for _ in range(40):
        assert world.try_call("one", one) == 0
    three.ration(100, 100, until=MIDNIGHT)  # its count is behind
    made = spend(world, two) + spend(world, three) + spend(world, one)
    assert 40 + made == 100
    assert two.left == 0


def test_the_day_turns_for_all(world: World, pacing: PacingInMemory) -> None:
    one, two = world.limiter(pacing), world.limiter(pacing)
    one.ration(5, 5, until=MIDNIGHT)
    assert spend(world, one) == 5
    with pytest.raises(BudgetError):
        two.acquire()
    world.now += 12 * 3600
    assert world.try_call("two", two) == 0


def test_a_budget_raised_in_the_yaml_counts_at_once(world: World, pacing: PacingInMemory) -> None:
    one = world.limiter(pacing)
    one.ration(5, 5, until=MIDNIGHT)
    assert spend(world, one) == 5
    two = world.limiter(pacing)
    two.ration(15, 20, until=MIDNIGHT)
    assert spend(world, two) == 15


def test_what_the_vendor_says_is_left_holds_for_all_and_its_latest_word_counts(
    world: World, pacing: PacingInMemory
) -> None:
    one, two = world.limiter(pacing), world.limiter(pacing)
    assert world.try_call("one", one) == 0
    two.allow(40)
    world.now += 1
    one.allow(0)  # somebody else has spent the day
    pacing.end()
    with pytest.raises(BudgetError, match="crm: the daily call budget is spent"):
        two.acquire()
    world.now += 1
    one.allow(30)  # a window that rolls
    pacing.end()
    assert 29 <= spend(world, two) <= 30


def test_a_vendors_number_nobody_repeats_is_asked_for_anew_after_a_minute(
    world: World, pacing: PacingInMemory
) -> None:
    one, two = world.limiter(pacing), world.limiter(pacing)
    two.allow(10)
    one.allow(0)
    pacing.end()
    world.now += 61
    assert world.try_call("two", two) == 0


def test_a_reply_of_its_own_tells_more_than_what_others_heard_before(
    world: World, pacing: PacingInMemory
) -> None:
    one, two = world.limiter(pacing), world.limiter(pacing)
    one.allow(3)
    pacing.end()
    assert world.try_call("two", two) == 0
    assert two.left == 2
    two.allow(625_000)
    assert two.left == 625_000


def test_who_has_not_heard_the_vendor_itself_makes_a_call_to_hear(
    world: World, pacing: PacingInMemory
) -> None:
    one, two = world.limiter(pacing), world.limiter(pacing)
    one.allow(0)
    pacing.end()
    assert world.try_call("two", two) == 0
    two.allow(0)
    with pytest.raises(BudgetError):
        two.acquire()


def test_what_the_yaml_allows_is_never_passed_to_hear(world: World, pacing: PacingInMemory) -> None:
    one, two = world.limiter(pacing), world.limiter(pacing)
    one.ration(0, 10, until=MIDNIGHT)
    one.allow(0)
    pacing.end()
    with pytest.raises(BudgetError):
        two.acquire()
