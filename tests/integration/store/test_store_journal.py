from __future__ import annotations

from collections.abc import Callable

import pytest
from builders_store import NOON, SYNC, Syncing, answer, change, later, receive

from nps.changes import Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import LeaseLost
from nps.values import Json
from store.api import Settled, State
from store.errors import StoreError
from store.sql import SqlStore


def rejected(change: Change) -> Rejected:
    return Rejected(
        change.record_id,
        code="FIELD_CUSTOM_VALIDATION_EXCEPTION",
        message="Score must be 0-10",
        field="NPS__c",
    )


def test_the_plan_comes_in_write_order_and_keeps_the_order_of_fields(store: SqlStore, syncing: Syncing):
    syncing.settle(
        [],
        changes={
            "003A": change("003A", rank=1, account="B", before={"z": 1, "a": None}, after={"z": 2, "a": "ü"}),
            "003B": change("003B", rank=1, account="A"),
            "003C": change("003C", rank=0, account="Z"),
            "003D": change("003D", rank=1, account="A"),
        },
    )
    plan = list(store.planned(syncing.run))
    assert [one.record_id for one in plan] == ["003C", "003B", "003D", "003A"]
    assert list(plan[-1].before.items()) == [("z", 1), ("a", None)]
    assert list(plan[-1].after.items()) == [("z", 2), ("a", "ü")]


def test_a_record_planned_again_in_the_same_run_keeps_its_last_plan_only(store: SqlStore, syncing: Syncing):
    syncing.settle([], changes={"003A": change("003A", after={"NPS__c": 3}), "003B": change("003B")})
    syncing.settle([], changes={"003A": change("003A", after={"NPS__c": 9}), "003B": None, "003C": None})
    assert [(one.record_id, one.after) for one in store.planned(syncing.run)] == [("003A", {"NPS__c": 9})]


def test_records_can_be_taken_out_of_the_plan(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    store.unplan(syncing.run, ["003a1", "nobody"], lease=syncing.lease)
    assert [one.record_id for one in store.planned(syncing.run)] == ["003a2"]
    assert syncing.states() == {State.PENDING: 2}


def test_demoted_answers_change_their_state_and_keep_their_record(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.take_up()
    syncing.settle([Settled(number=1, state=State.WRITTEN, record_id="003A", reason="x")])
    syncing.settle([], demoted={1: (State.SUPERSEDED, "newer_answer")})
    state = syncing.state(1)
    assert state == Settled(number=1, state=State.SUPERSEDED, record_id="003A", code="newer_answer")


def test_batches_follow_the_write_order_and_begin_with_the_canary(store: SqlStore, syncing: Syncing):
    syncing.settle([], changes={f"003{n:02}": change(f"003{n:02}", rank=n % 2) for n in range(23)})
    plan = [one.record_id for one in store.planned(syncing.run)]
    assert syncing.cut(size=5, first=3) == 5
    batches = syncing.open()
    assert [len(batch.changes) for batch in batches] == [3, 5, 5, 5, 5]
    assert [one.record_id for batch in batches for one in batch.changes] == plan
    assert {(batch.object, batch.api) for batch in batches} == {("Contact", "collections")}


@pytest.mark.parametrize(
    ("count", "size", "first", "sizes"),
    [
        (0, 5, None, []),
        (5, 5, None, [5]),
        (6, 5, None, [5, 1]),
        (2, 5, 3, [2]),
        (3, 5, 3, [3]),
        (4, 5, 3, [3, 1]),
    ],
)
def test_cutting_loses_nothing_at_the_edges(
    syncing: Syncing, count: int, size: int, first: int | None, sizes: list[int]
):
    syncing.settle([], changes={f"003{n}": change(f"003{n}") for n in range(count)})
    assert syncing.cut(size=size, first=first) == len(sizes)
    assert [len(batch.changes) for batch in syncing.open()] == sizes


def test_changes_of_two_objects_never_share_a_batch(store: SqlStore, syncing: Syncing):
    changes = {f"{n}": change(f"{n}", object="Account" if n % 2 else "Contact") for n in range(6)}
    syncing.settle([], changes=changes)
    assert syncing.cut(size=10) == 2
    assert [{one.object for one in batch.changes} for batch in syncing.open()] == [{"Account"}, {"Contact"}]


def test_batches_are_handed_out_once_and_in_order(syncing: Syncing):
    syncing.settle([], changes={f"003{n}": change(f"003{n}") for n in range(5)})
    syncing.cut(size=2)
    first, second, third = [*syncing.open(2), *syncing.open(2)]
    assert [len(batch.changes) for batch in (first, second, third)] == [2, 2, 1]
    assert syncing.open() == []


def test_written_changes_make_their_answers_written(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    assert syncing.states() == {State.PENDING: 2}
    syncing.write()
    assert syncing.states() == {State.WRITTEN: 2}
    assert store.deciding(SYNC) == 2
    assert [outcome for _change, outcome in store.run_changes(syncing.run)] == ["written", "written"]


def test_each_outcome_leaves_its_own_trace(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n}") for n in range(4)))
    syncing.plan()
    outcomes = {
        "003a0": Written("003a0"),
        "003a1": Rejected("003a1", code="TOO_LONG", message="too long", field="NPS__c"),
        "003a2": Deferred("003a2", reason="the row is locked"),
        "003a3": Unknown("003a3", reason="the connection broke"),
    }
    syncing.write(lambda one: outcomes[one.record_id])
    traces = {one.record_id: outcome for one, outcome in store.run_changes(syncing.run)}
    assert traces == {"003a0": "written", "003a1": "rejected", "003a2": "deferred", "003a3": "unknown"}
    assert syncing.states() == {State.WRITTEN: 1, State.REJECTED: 1, State.PENDING: 2}
    state = syncing.state(2)
    assert state is not None
    assert (state.code, state.reason, state.field) == ("TOO_LONG", "too long", "NPS__c")
    (letter,) = store.dead_letters(sync=SYNC)
    assert (letter.response, letter.record_id, letter.code, letter.field) == (
        2,
        "003a1",
        "TOO_LONG",
        "NPS__c",
    )
    assert (letter.status, letter.run) == ("open", syncing.run)
    assert syncing.balance() == (4, 4)


def test_run_changes_tell_what_is_planned_and_what_is_open(store: SqlStore, syncing: Syncing):
    syncing.settle([], changes={f"003{n}": change(f"003{n}") for n in range(2)})
    assert [outcome for _, outcome in store.run_changes(syncing.run)] == ["planned", "planned"]
    syncing.cut(size=1)
    syncing.open(1)
    assert [outcome for _, outcome in store.run_changes(syncing.run)] == ["open", "planned"]


@pytest.mark.parametrize("broken", ["missing", "foreign", "twice"])
def test_outcomes_that_do_not_fit_the_batch_settle_nothing(store: SqlStore, syncing: Syncing, broken: str):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    syncing.cut()
    (batch,) = syncing.open()
    good = [Written(one.record_id) for one in batch.changes]
    outcomes = {"missing": good[:1], "foreign": [*good, Written("003X")], "twice": [*good, good[0]]}[broken]
    with pytest.raises(StoreError):
        store.settle_batches(syncing.run, {batch.id: outcomes}, lease=syncing.lease, now=NOON)
    assert [one.id for one, _handle in store.unsettled(SYNC)] == [batch.id]
    assert syncing.states() == {State.PENDING: 2}


def test_a_batch_is_settled_once(syncing: Syncing):
    syncing.settle([], changes={"003A": change()})
    syncing.cut()
    batches = syncing.open()
    syncing.settle_batches(batches)
    with pytest.raises(StoreError, match="is settled"):
        syncing.settle_batches(batches)


def test_what_a_killed_process_left_open_is_found_with_its_job(store: SqlStore, url: str, syncing: Syncing):
    from store import open_store

    receive(store, *(answer(f"a{n}") for n in range(6)))
    syncing.plan()
    syncing.cut(size=2)
    first, second = syncing.open(2)
    store.remember(first.id, "750R0000000zlh9IAA")
    store.close()  # the third batch was never opened

    restarted = open_store(url)
    assert restarted.unsettled(SYNC) == [(first, "750R0000000zlh9IAA"), (second, None)]
    assert restarted.unsettled("other") == []
    syncing.store = restarted
    syncing.begin()
    assert restarted.abandon(SYNC, lease=syncing.lease) == 2
    syncing.settle_batches([first, second])
    assert restarted.unsettled(SYNC) == []
    assert syncing.take_up() == 2
    assert syncing.balance() == (6, 6)
    restarted.close()


def test_abandoning_drops_uncut_plans_of_earlier_runs_only_of_this_sync(store: SqlStore, syncing: Syncing):
    other = Syncing(store, "other")
    other.settle([], changes={"003X": change("003X")})
    syncing.settle([], changes={"003A": change("003A")})
    syncing.begin()
    assert store.abandon(SYNC, lease=syncing.lease) == 1
    assert store.abandon(SYNC, lease=syncing.lease) == 0
    assert len(list(store.planned(other.run))) == 1
    syncing.settle([], changes={"003B": change("003B")})
    syncing.begin()
    assert store.abandon(SYNC, lease=syncing.lease) == 1


def test_a_job_is_remembered_for_open_batches_only(store: SqlStore, syncing: Syncing):
    syncing.settle([], changes={"003A": change()})
    syncing.cut()
    with pytest.raises(StoreError, match="not open"):
        store.remember(1, "job")


def test_confirmed_values_are_the_last_ones_written(store: SqlStore, syncing: Syncing):
    def write(after: dict[str, object], outcome: type = Written) -> None:
        syncing.settle([], changes={"003A": change(response=None, after=after)})
        syncing.write(lambda one: Written("003A") if outcome is Written else rejected(one))
        syncing.begin()

    write({"NPS__c": 3, "Comment__c": "x"})
    write({"NPS__c": 9})
    write({"NPS__c": 1, "Segment__c": "detractor"}, Rejected)
    assert store.confirmed("crm", "Contact", ["003A", "003B"]) == {"003A": {"NPS__c": 9, "Comment__c": "x"}}
    assert store.confirmed("crm", "Account", ["003A"]) == {}
    assert store.confirmed("other", "Contact", ["003A"]) == {}


def test_a_value_of_unknown_fate_counts_as_written_where_the_record_shows_it(
    store: SqlStore, syncing: Syncing
):
    def write(after: dict[str, object], outcome: Callable[[Change], Outcome]) -> None:
        syncing.settle([], changes={"003A": change(response=None, after=after)})
        syncing.write(outcome)
        syncing.begin()

    def showing(**live: Json) -> dict[str, dict[str, Json]]:
        return store.confirmed("crm", "Contact", ["003A"], lambda record: live)

    write({"NPS__c": 3, "Comment__c": "x"}, lambda one: Written("003A"))
    write({"NPS__c": 9, "Comment__c": "y"}, lambda one: Unknown("003A", "no answer"))

    assert showing(NPS__c=9, Comment__c="x") == {"003A": {"NPS__c": 9, "Comment__c": "x"}}
    assert showing(NPS__c=3, Comment__c="x") == {"003A": {"NPS__c": 3, "Comment__c": "x"}}
    write({"NPS__c": 5}, lambda one: Written("003A"))
    assert showing(NPS__c=9) == {"003A": {"NPS__c": 5, "Comment__c": "x"}}  # an old doubt is over


def test_rejected_states_become_dead_letters_and_a_later_success_resolves_them(
    store: SqlStore, syncing: Syncing
):
    receive(store, answer("a1", "11"), answer("a2"))
    syncing.take_up()
    reason = "the score is not between 0 and 10"
    syncing.settle(
        [
            Settled(number=1, state=State.REJECTED, code="bad_score", reason=reason, field="score"),
            Settled(number=2, state=State.EXCLUDED),
        ]
    )
    (letter,) = store.dead_letters()
    assert (letter.code, letter.reason, letter.field, letter.response) == ("bad_score", reason, "score", 1)
    receive(store, answer("a1", "10"))  # corrected at its source
    syncing.take_up()
    syncing.settle([Settled(number=3, state=State.UNCHANGED)])
    assert [one.status for one in store.dead_letters()] == ["resolved"]


def test_an_answer_refused_again_has_one_open_letter(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    for _ in range(2):
        syncing.take_up(everything=True)
        syncing.settle([Settled(number=1, state=State.PENDING)], changes={"003A": change(response=1)})
        syncing.write(rejected)
        syncing.begin()
    assert [one.status for one in store.dead_letters()] == ["open", "retried"]
    assert [one.id for one in store.dead_letters(run=1)] == [1]
    syncing.take_up(everything=True)
    syncing.settle([Settled(number=1, state=State.PENDING)], changes={"003A": change(response=1)})
    syncing.write()
    assert [one.status for one in store.dead_letters()] == ["resolved", "retried"]


def test_a_cleared_record_that_was_refused_has_a_letter_too(store: SqlStore, syncing: Syncing):
    syncing.settle([], changes={"003A": change(response=None)})
    syncing.write(rejected)
    assert [(one.record_id, one.status) for one in store.dead_letters()] == [("003A", "open")]
    syncing.begin()
    syncing.settle([], changes={"003A": change(response=None)})
    syncing.write()
    assert [one.status for one in store.dead_letters()] == ["resolved"]


def test_an_old_lease_can_do_nothing(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    syncing.cut(size=1)
    (batch,) = syncing.open(1)
    newer = store.acquire(SYNC, "other", now=later(hours=2), seconds=60)
    assert newer is not None
    assert newer.token > syncing.lease.token
    before = list(store.dump())
    attempts = [
        lambda: syncing.settle([], changes={"003A": change()}),
        lambda: syncing.cut(),
        lambda: syncing.open(),
        lambda: syncing.settle_batches([batch]),
        lambda: store.abandon(SYNC, lease=syncing.lease),
        lambda: store.unplan(syncing.run, ["003a1"], lease=syncing.lease),
        lambda: store.renew(syncing.lease, now=NOON, seconds=60),
    ]
    for attempt in attempts:
        with pytest.raises(LeaseLost):
            attempt()
    store.release(syncing.lease)
    assert list(store.dump()) == before


def test_ten_thousand_answers_go_through(store: SqlStore, syncing: Syncing):
    for start in range(0, 10_000, 1000):
        receive(store, *(answer(f"a{n:05}", n % 11) for n in range(start, start + 1000)))
    syncing.plan()
    syncing.cut(size=200)
    while batches := syncing.open(10):
        syncing.settle_batches(batches)
    assert syncing.states() == {State.WRITTEN: 10_000}
    assert syncing.balance() == (10_000, 10_000)
    assert sum(1 for _change, outcome in store.run_changes(syncing.run) if outcome == "written") == 10_000


def test_a_clearing_is_remembered_until_it_is_confirmed(store: SqlStore, syncing: Syncing):
    clear = {name: change(name, response=None, after={"NPS__c": None}) for name in ("003A", "003B", "003C")}
    syncing.settle([], changes=dict(clear))
    assert store.clearings(SYNC, "", 2) == ["003A", "003B"]
    assert store.clearings(SYNC, "003B", 2) == ["003C"]
    outcomes = {
        "003A": Written("003A"),
        "003B": Deferred("003B", "locked"),
        "003C": Rejected("003C", "X", "no"),
    }
    syncing.write(lambda one: outcomes[one.record_id])
    assert store.clearings(SYNC, "", 9) == ["003B"]
    syncing.begin()
    syncing.settle([], changes={"003B": change("003B", response=7)})
    assert store.clearings(SYNC, "", 9) == []


def test_settling_returns_what_it_replaced_of_the_plan(store: SqlStore, syncing: Syncing):
    def settle(changes: dict[str, Change | None]) -> list[object]:
        return store.settle(  # type: ignore[return-value]
            SYNC,
            syncing.run,
            lease=syncing.lease,
            now=NOON,
            settled=[],
            demoted={},
            changes=changes,
            connection="crm",
        )

    assert settle({"003A": change("003A", before={"NPS__c": 3}), "003B": change("003B")}) == []
    assert settle({"003A": None, "003C": change("003C")}) == [{"NPS__c": 3}]
    assert [one.record_id for one in store.planned(syncing.run)] == ["003B", "003C"]


def test_an_answer_that_can_no_longer_be_shown_becomes_a_dead_letter(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"))
    syncing.plan()
    syncing.write()
    syncing.begin()
    syncing.settle([], demoted={1: (State.REJECTED, "map_miss")})
    assert [(one.response, one.code, one.status) for one in store.dead_letters()] == [(1, "map_miss", "open")]


def test_a_withdrawn_change_leaves_its_answer_pending(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    syncing.settle([], changes={"003a1": None})
    assert [one.record_id for one in store.planned(syncing.run)] == ["003a2"]
    syncing.write()
    assert syncing.states() == {State.WRITTEN: 1, State.PENDING: 1}
    assert [one.record_id for one, _outcome in store.run_changes(syncing.run)] == ["003a2"]
    assert syncing.take_up() == 1


def test_a_plan_goes_on_in_another_process_and_its_last_word_counts(
    store: SqlStore, url: str, syncing: Syncing
):
    from store import open_store

    syncing.settle([], changes={"003A": change("003A", after={"NPS__c": 3}), "003B": change("003B")})
    other = open_store(url)
    syncing.store = other
    syncing.settle([], changes={"003A": change("003A", after={"NPS__c": 9}), "003B": None})
    assert [(one.record_id, one.after) for one in other.planned(syncing.run)] == [("003A", {"NPS__c": 9})]
    assert other.abandon(SYNC, lease=syncing.lease) == 1
    other.close()


def test_answers_of_a_plan_that_was_abandoned_are_pending(store: SqlStore, syncing: Syncing):
    receive(store, answer("a1"), answer("a2"))
    syncing.plan()
    syncing.cut(size=1)
    syncing.begin()
    assert store.abandon(SYNC, lease=syncing.lease) == 2
    assert syncing.take_up() == 2
    assert [one.matched for one in syncing.work()] == ["003a1", "003a2"]


@pytest.mark.parametrize("asked", ["states", "take_up", "abandon", "deciding"])
def test_what_was_written_before_a_kill_is_known_after_it(
    store: SqlStore, url: str, syncing: Syncing, asked: str
):
    from store import open_store

    receive(store, answer("a1"), answer("a2"), answer("a3"))
    syncing.plan()
    syncing.cut(size=1)
    first, second = syncing.open(2)
    syncing.settle_batches([first])
    syncing.settle_batches([second], rejected)
    store.close()

    restarted = open_store(url)
    syncing.store = restarted
    if asked == "deciding":
        assert restarted.deciding(SYNC) == 1
    if asked == "abandon":
        assert restarted.abandon(SYNC, lease=syncing.lease) == 1
    if asked == "take_up":
        assert syncing.take_up() == 1
        assert [one.number for one in syncing.work()] == [3]
        assert syncing.take_up(everything=True) == 3
        restarted.close()
        return
    assert {number: one.state for number, one in restarted.states(SYNC, [1, 2, 3]).items()} == {
        1: State.WRITTEN,
        2: State.REJECTED,
        3: State.PENDING,
    }
    restarted.close()


def test_many_batches_reach_the_states_too(store: SqlStore, syncing: Syncing):
    receive(store, *(answer(f"a{n:03}") for n in range(250)))
    syncing.plan()
    syncing.cut(size=1)
    for batch in syncing.open():
        syncing.settle_batches([batch])
    assert syncing.states() == {State.WRITTEN: 250}
    assert store.unsettled(SYNC) == []
