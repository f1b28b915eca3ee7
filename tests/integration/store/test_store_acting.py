"""What people ask for waits for whoever does it: once, by one, until it is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nps.errors import LeaseLost
from store.api import Stand, Store

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOON = NOW + timedelta(seconds=5)
LATER = NOW + timedelta(minutes=10)
RUN = {"sync": "nps-to-contacts"}


def _wanted(store: Store, key: str = "k1", who: str = "user:ann") -> int:
    return store.want_action("run", "nps-to-contacts", RUN, who=who, key=key, now=NOW)[0].number


def test_the_same_key_of_the_same_person_is_the_same_action(store: Store) -> None:
    first, new = store.want_action("run", "nps-to-contacts", RUN, who="user:ann", key="k1", now=NOW)
    again, known = store.want_action("undo", "run 3", {"run": 3}, who="user:ann", key="k1", now=SOON)
    other, _ = store.want_action("run", "nps-to-contacts", RUN, who="user:bob", key="k1", now=SOON)
    assert (new, known) == (True, False)
    assert again == first
    assert (first.kind, first.about, first.arguments, first.stand) == (
        "run",
        "nps-to-contacts",
        RUN,
        Stand.WANTED,
    )
    assert other.number != first.number


def test_who_wanted_an_action_is_in_the_audit_once_and_from_the_first_moment(store: Store) -> None:
    for _ in range(2):
        action, _new = store.want_action(
            "run", "s", RUN, who="user:ann", key="k1", now=NOW, noted={"full": True}
        )
    store.want_action("take_up", "s", RUN, who="user:ann", key="k2", now=NOW)  # what was decided is noted
    [noted] = store.audited()
    assert (noted.who, noted.what, noted.about) == ("user:ann", "run", "s")
    assert noted.facts == {"full": True, "action": action.number}


def test_one_is_handed_to_one(store: Store) -> None:
    number = _wanted(store)
    mine = store.claim_action("a:1:x", now=SOON, seconds=60)
    assert mine is not None
    assert (mine.number, mine.stand, mine.began_at) == (number, Stand.DOING, SOON)
    assert store.claim_action("b:2:y", now=SOON, seconds=60) is None


def test_what_its_owner_left_lying_is_handed_out_again_and_the_first_may_not_end_it(store: Store) -> None:
    _wanted(store)
    first = store.claim_action("a:1:x", now=SOON, seconds=60)
    second = store.claim_action("b:2:y", now=LATER, seconds=60)
    assert first is not None
    assert second is not None
    assert second.token == first.token + 1
    with pytest.raises(LeaseLost):
        store.end_action(first, "a:1:x", Stand.DONE, now=LATER, outcome={})
    with pytest.raises(LeaseLost):
        store.renew_action(first, "a:1:x", now=LATER, seconds=60)


def test_what_was_renewed_is_not_handed_out(store: Store) -> None:
    _wanted(store)
    mine = store.claim_action("a:1:x", now=NOW, seconds=60)
    assert mine is not None
    store.renew_action(mine, "a:1:x", now=SOON, seconds=3600)
    assert store.claim_action("b:2:y", now=LATER, seconds=60) is None


def test_what_is_put_off_is_wanted_again_later(store: Store) -> None:
    number = _wanted(store)
    mine = store.claim_action("a:1:x", now=NOW, seconds=60)
    assert mine is not None
    store.put_off_action(mine, "a:1:x", until=LATER)
    assert store.claim_action("a:1:x", now=SOON, seconds=60) is None
    again = store.claim_action("a:1:x", now=LATER, seconds=60)
    assert again is not None
    assert again.number == number


def test_a_start_counts_until_somebody_says_how_it_went(store: Store) -> None:
    number = _wanted(store)
    first = store.claim_action("a:1:x", now=NOW, seconds=60)
    assert first is not None
    store.start_action(first, "a:1:x", now=SOON, seconds=60)
    assert store.claim_action("b:2:y", now=NOW + timedelta(seconds=61), seconds=60) is None
    second = store.claim_action("b:2:y", now=LATER, seconds=60)
    assert second is not None
    assert (first.starts, second.starts) == (0, 1)
    with pytest.raises(LeaseLost):
        store.start_action(first, "a:1:x", now=LATER, seconds=60)
    store.start_action(second, "b:2:y", now=LATER, seconds=60)
    store.put_off_action(second, "b:2:y", until=LATER)
    known = store.action(number)
    assert known is not None
    assert known.starts == 1


def test_an_end_is_told_with_its_run_and_outcome(store: Store) -> None:
    number = _wanted(store)
    mine = store.claim_action("a:1:x", now=NOW, seconds=60)
    assert mine is not None
    store.action_began(mine, "a:1:x", 7)
    store.end_action(mine, "a:1:x", Stand.DONE, now=SOON, outcome={"run": 7, "status": "succeeded"})
    ended = store.action(number)
    assert ended is not None
    assert (ended.stand, ended.run, ended.ended_at) == (Stand.DONE, 7, SOON)
    assert ended.outcome == {"run": 7, "status": "succeeded"}
    assert store.claim_action("b:2:y", now=LATER, seconds=60) is None


def test_actions_are_listed_the_latest_first_and_paged(store: Store) -> None:
    numbers = [_wanted(store, key=f"k{n}") for n in range(5)]
    first = store.actions(limit=2)
    assert [one.number for one in first] == [numbers[4], numbers[3]]
    assert [one.number for one in store.actions(before=first[-1].number, limit=2)] == [numbers[2], numbers[1]]
    assert store.actions(about="another") == []
    mine = store.claim_action("a:1:x", now=SOON, seconds=60)
    assert mine is not None
    store.end_action(mine, "a:1:x", Stand.FAILED, now=SOON, outcome={"problem": "no"})
    assert [one.number for one in store.actions(unfinished=True)] == numbers[:0:-1]


def test_the_audit_tells_who_did_what_the_latest_first(store: Store) -> None:
    store.note_audit("user:ann", "paused", "nps-to-contacts", now=NOW)
    store.note_audit("token:bi", "read a person", "crm/Contact/003A", {"page": "customer"}, now=SOON)
    store.note_audit("user:ann", "resumed", "nps-to-contacts", now=LATER)
    assert [one.what for one in store.audited()] == ["resumed", "read a person", "paused"]
    assert [one.what for one in store.audited(who="user:ann")] == ["resumed", "paused"]
    assert [one.what for one in store.audited(about="nps-to-contacts", since=SOON)] == ["resumed"]
    [newest] = store.audited(limit=1)
    assert [one.what for one in store.audited(before=newest.number, limit=1)] == ["read a person"]
    assert store.audited(who="token:bi")[0].facts == {"page": "customer"}


def test_what_ended_long_ago_goes_and_what_is_wanted_stays(store: Store) -> None:
    _wanted(store, key="done")
    mine = store.claim_action("a:1:x", now=NOW, seconds=60)
    assert mine is not None
    store.end_action(mine, "a:1:x", Stand.DONE, now=NOW, outcome={})
    waits = _wanted(store, key="waits")
    store.note_audit("user:ann", "paused", "s", now=NOW)
    assert (store.expire_actions(before=NOW, limit=9), store.expire_audit(before=NOW, limit=9)) == (0, 0)
    assert (store.expire_actions(before=SOON, limit=9), store.expire_audit(before=SOON, limit=9)) == (1, 1)
    assert [one.number for one in store.actions()] == [waits]
    assert store.audited() == []


def test_what_a_plan_came_to_is_kept_for_a_day_and_what_a_run_came_to_for_good(store: Store) -> None:
    for kind, arguments in (
        ("plan", RUN),
        ("undo", {"run": 3, "plan": True}),
        ("undo", {"run": 3}),
        ("run", RUN),
    ):
        store.want_action(kind, "x", arguments, who="user:ann", key=f"{kind}{arguments}", now=NOW)
        _done(store, NOW)
    assert all(one.outcome == {"status": "said"} for one in store.actions())
    assert store.expire_foreseen(before=NOW) == 0
    assert [store.expire_foreseen(before=SOON) for _ in range(2)] == [2, 0]
    assert [one.outcome for one in store.actions()] == [
        {"status": "said"},
        {"status": "said"},
        {"expired": True},
        {"expired": True},
    ]


def _done(store: Store, now: datetime) -> None:
    action = store.claim_action("a:1:x", now=now, seconds=60)
    assert action is not None
    store.end_action(action, "a:1:x", Stand.DONE, now=now, outcome={"status": "said"})


def test_what_is_given_up_has_failed_and_who_is_at_it_ends_nothing(store: Store) -> None:
    number, waits = _wanted(store, key="taken"), _wanted(store, key="waits")
    mine = store.claim_action("a:1:x", now=NOW, seconds=60)
    assert mine is not None
    assert store.give_up_actions("a backup was restored", now=SOON) == 2
    for one in (number, waits):
        ended = store.action(one)
        assert ended is not None
        assert (ended.stand, ended.outcome) == (Stand.FAILED, {"problem": "a backup was restored"})
    with pytest.raises(LeaseLost):
        store.end_action(mine, "a:1:x", Stand.DONE, now=SOON, outcome={})


def test_what_was_done_is_told_apart_from_what_was_looked_at_by_whom_and_on_a_day(store: Store) -> None:
    at = [NOW + timedelta(hours=12 * n) for n in range(6)]
    for n, now in enumerate(at):
        what = ("read of people", "searched for people", "ignore")[n % 3]
        store.note_audit(f"user:{'ab'[n % 2]}", what, f"answer {n}", now=now)
        store.want_action("run", f"sync-{n}", {}, who=f"user:{'ab'[n % 2]}", key=str(n), now=now)
        store.schedule("contacts", now)
        store.take_tick("contacts", now, now + timedelta(hours=1), "started", "host:1", now=now)

    def told(**which: Any) -> list[str]:
        return [one.about for one in store.audited(**which)]

    assert told(looking=False) == ["answer 5", "answer 2"]
    assert told(looking=True, whose=["user:a"]) == ["answer 4", "answer 0"]
    day = (at[2], at[4])
    assert told(during=day) == ["answer 3", "answer 2"]
    assert told(during=day, looking=True) == ["answer 3"]
    assert told(during=(at[5] + timedelta(days=9), at[5] + timedelta(days=10))) == []
    assert [one.about for one in store.actions(during=day, whose=["user:b", "token:b"])] == ["sync-3"]
    ticks = store.ticks(["contacts"], during=day)
    assert [one.noted_at for one in ticks] == [at[3], at[2]]
    assert store.ticks(["contacts"], during=day, before=ticks[-1].number) == []
