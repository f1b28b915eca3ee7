"""Shards of a run: each is one hand's at a time, is done in the transaction that does it, and is never lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders_store import NOON, SYNC, Syncing, answer, change, receive

from nps.changes import Written
from nps.errors import LeaseLost, ShardLost
from store.api import Settled, State
from store.api.sharing import Closing, Shard, ShardKind, Sharing, Trouble
from store.owners import this_process

GONE = this_process().replace(":", ":9", 1)  # of this machine, and no process of it has that number


def shared(syncing: Syncing, answers: int = 6, size: int = 2) -> int:
    receive(syncing.store, *(answer(f"a{n}") for n in range(answers)))
    syncing.take_up()
    return syncing.store.share_work(SYNC, syncing.run, size=size, lease=syncing.lease)


def claim(
    syncing: Syncing,
    owner: str = "ann",
    *,
    after: float = 0,
    kind: ShardKind = ShardKind.PLAN,
    starts: int | None = None,
) -> Shard | None:
    now = NOON + timedelta(seconds=after)
    return syncing.store.claim_shard(
        syncing.run, kind, owner, lease=syncing.lease, now=now, seconds=60, starts=starts
    )


def settle(syncing: Syncing, shard: Shard, *records: str) -> None:
    taken = syncing.store.shard_work(shard)
    syncing.store.settle(
        SYNC,
        syncing.run,
        lease=syncing.lease,
        now=NOON,
        settled=[
            Settled(number=one.number, state=State.PENDING, record_id=record)
            for one, record in zip(taken, records or [f"003{one.number}" for one in taken], strict=True)
        ],
        demoted={},
        changes={record: change(record, response=1) for record in records},
        connection="crm",
        closing=Closing(shard, lambda replaced: {"replaced": len(replaced), "touched": ["003Z"]}),
    )


def test_the_work_is_cut_so_that_every_answer_is_in_one_shard(syncing: Syncing):
    assert shared(syncing, answers=7, size=3) == 3
    shards = [claim(syncing) for _ in range(3)]
    taken = [one.number for shard in shards if shard for one in syncing.store.shard_work(shard)]
    assert sorted(taken) == list(range(1, 8))
    assert [shard.size for shard in shards if shard] == [3, 3, 1]
    assert claim(syncing) is None


def test_a_person_with_very_many_answers_stays_in_one_shard(syncing: Syncing):
    many = [answer(f"a{n}", email="ann@example.com") for n in range(9)]
    receive(syncing.store, *many, *(answer(f"b{n}") for n in range(3)))
    syncing.take_up()
    assert syncing.store.share_work(SYNC, syncing.run, size=2, lease=syncing.lease) == 2
    shards = [shard for _ in range(2) if (shard := claim(syncing))]
    taken = [{one.response.id for one in syncing.store.shard_work(shard)} for shard in shards]
    assert [{f"a{n}" for n in range(9)} <= its for its in taken].count(True) == 1
    assert [len(its) for its in taken] == [shard.size for shard in shards]


def test_whoever_lets_his_time_pass_loses_his_shard_and_settles_nothing(syncing: Syncing):
    shared(syncing, answers=2)
    first = claim(syncing, "ann")
    assert claim(syncing, "bob", after=59) is None
    second = claim(syncing, "bob", after=61)
    assert first is not None
    assert second is not None
    assert (second.number, second.token) == (first.number, first.token + 1)
    with pytest.raises(ShardLost):
        settle(syncing, first)
    assert syncing.store.sharing(syncing.run, ShardKind.PLAN).held == 1
    settle(syncing, second)
    assert syncing.store.sharing(syncing.run, ShardKind.PLAN).over
    assert len(syncing.work()) == 0


def test_a_hand_that_beats_keeps_what_it_has_and_one_that_is_gone_does_not(syncing: Syncing):
    shared(syncing, answers=4)
    assert claim(syncing, "ann") is not None
    syncing.store.keep_shards("ann", now=NOON + timedelta(seconds=50), seconds=60)
    assert claim(syncing, GONE) is not None
    taken_over = claim(syncing, "bob", after=61)
    assert taken_over is not None
    assert claim(syncing, "bob", after=100) is None  # ann lives


def test_what_hand_after_hand_dies_of_is_left_to_whoever_runs_it(syncing: Syncing):
    shared(syncing, answers=4)
    deadly = [claim(syncing, GONE, starts=3) for _ in range(3)]
    assert len({shard.number for shard in deadly if shard}) == 1
    other = claim(syncing, "bob", starts=3)
    assert other is not None
    assert deadly[0] is not None
    assert other.number != deadly[0].number
    assert claim(syncing, "bob", starts=3) is None
    last = claim(syncing, "whoever runs it")
    assert last is not None
    assert last.number == deadly[0].number


def test_what_is_given_back_is_free_again(syncing: Syncing):
    shared(syncing, answers=4)
    assert claim(syncing, "ann")
    assert claim(syncing, "ann")
    syncing.store.give_back("ann")
    assert syncing.store.sharing(syncing.run, ShardKind.PLAN).free == 2


def test_trouble_in_one_shard_keeps_everybody_from_the_next(syncing: Syncing):
    shared(syncing, answers=4)
    shard = claim(syncing)
    assert shard is not None
    trouble = Trouble("AccessError", "crm: the token is void")
    syncing.store.close_shard(shard, {}, lease=syncing.lease, trouble=trouble)
    assert claim(syncing, "bob") is None
    told = syncing.store.sharing(syncing.run, ShardKind.PLAN)
    assert (told.trouble, told.over, told.free) == (trouble, True, 1)


@pytest.mark.parametrize(("left_by", "after"), [(GONE, 0), ("elsewhere", 61)], ids=["gone", "silent"])
def test_where_there_is_trouble_a_shard_of_a_hand_that_is_gone_ends_too(
    syncing: Syncing, left_by: str, after: float
):
    shared(syncing, answers=6)
    left, shard = claim(syncing, left_by), claim(syncing)
    assert left is not None
    assert shard is not None
    trouble = Trouble("AccessError", "crm: the token is void")
    syncing.store.close_shard(shard, {}, lease=syncing.lease, trouble=trouble)
    assert claim(syncing, "bob", after=after) is None
    assert syncing.store.sharing(syncing.run, ShardKind.PLAN).over
    with pytest.raises(ShardLost):
        settle(syncing, left)


def stop(syncing: Syncing, kind: ShardKind, *, after: float = 0) -> Sharing:
    now, why = NOON + timedelta(seconds=after), Trouble("Interrupted", "the run was asked to stop")
    syncing.store.stop_sharing(syncing.run, kind, why, lease=syncing.lease, now=now)
    return syncing.store.sharing(syncing.run, kind)


def test_a_writing_that_is_stopped_waits_for_the_hands_that_live_and_for_no_other(syncing: Syncing):
    receive(syncing.store, *(answer(f"a{n}") for n in range(6)))
    syncing.plan()
    syncing.cut(size=1)
    syncing.store.share_batches(SYNC, syncing.run, together=2, lease=syncing.lease)
    assert claim(syncing, GONE, kind=ShardKind.WRITE)
    assert claim(syncing, "elsewhere", kind=ShardKind.WRITE)
    for after, over in ((0, False), (61, True)):
        told = stop(syncing, ShardKind.WRITE, after=after)
        assert (told.free, told.over, told.held) == (0, over, int(not over))


def test_what_is_planned_after_a_run_was_stopped_does_not_count_for_nobody_waits_for_it(syncing: Syncing):
    shared(syncing, answers=6)
    before, after = claim(syncing, "ann"), claim(syncing, "bob")
    assert before is not None
    assert after is not None
    settle(syncing, before)
    assert stop(syncing, ShardKind.PLAN).over
    with pytest.raises(ShardLost):
        settle(syncing, after)
    assert len(list(syncing.store.shard_outcomes(syncing.run, ShardKind.PLAN))) == 1


def test_whoever_takes_the_run_over_fences_all_of_its_hands(syncing: Syncing):
    shared(syncing, answers=4)
    shard = claim(syncing)
    assert shard is not None
    later = NOON + timedelta(hours=2)
    syncing.store.acquire(SYNC, "another", now=later, seconds=60)
    with pytest.raises(LeaseLost):
        claim(syncing, "bob")
    with pytest.raises(LeaseLost):
        settle(syncing, shard)


def test_what_calls_for_hands_is_part_of_the_cut(syncing: Syncing):
    receive(syncing.store, answer("a1"))
    syncing.take_up()

    def fails(_connection: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        syncing.store.share_work(SYNC, syncing.run, size=2, lease=syncing.lease, enlist=fails)
    assert syncing.store.sharing(syncing.run, ShardKind.PLAN).over


def test_records_that_two_shards_were_about_are_named_with_their_key(syncing: Syncing):
    shared(syncing, answers=4, size=2)
    one, other = claim(syncing), claim(syncing)
    assert one is not None
    assert other is not None
    settle(syncing, one, "003A", "003B")
    settle(syncing, other, "003A", "003C")
    # Both were about 003A by their answers, and about 003Z without one.
    assert set(syncing.store.met(SYNC, syncing.run)) == {"003A", "003Z"}
    assert [told["touched"] for told in syncing.store.shard_outcomes(syncing.run, ShardKind.PLAN)] == [
        ["003Z"],
        ["003Z"],
    ]


def test_batches_are_opened_by_one_hand_and_found_open_by_the_next(syncing: Syncing):
    receive(syncing.store, *(answer(f"a{n}") for n in range(5)))
    syncing.plan()
    assert syncing.cut(size=1) == 5
    assert syncing.store.share_batches(SYNC, syncing.run, together=2, lease=syncing.lease) == 3
    shard = claim(syncing, GONE, kind=ShardKind.WRITE)
    assert shard is not None
    batches, before = syncing.store.open_shard(shard, lease=syncing.lease)
    assert (len(batches), before) == (2, [])
    # The one that is gone wrote one of them, and nobody knows.
    again = claim(syncing, "bob", kind=ShardKind.WRITE)
    assert again is not None
    batches, before = syncing.store.open_shard(again, lease=syncing.lease)
    assert (batches, len(before)) == ([], 2)
    with pytest.raises(ShardLost):
        syncing.store.open_shard(shard, lease=syncing.lease)
    known = {batch.id: [Written(one.record_id) for one in batch.changes] for batch, _handle in before}
    closing = Closing(again, lambda _replaced: {"outcomes": {"written": 2}})
    with pytest.raises(ShardLost):
        syncing.store.settle_batches(
            syncing.run, known, lease=syncing.lease, now=NOON, closing=Closing(shard, lambda _: {})
        )
    syncing.store.settle_batches(syncing.run, known, lease=syncing.lease, now=NOON, closing=closing)
    assert syncing.store.sharing(syncing.run, ShardKind.WRITE).done == 2


def test_a_hand_of_an_earlier_run_is_waited_for_as_long_as_it_may_write(syncing: Syncing):
    receive(syncing.store, answer("a1"))
    syncing.plan()
    syncing.cut(size=1)
    syncing.store.share_batches(SYNC, syncing.run, together=1, lease=syncing.lease)
    assert claim(syncing, "elsewhere", kind=ShardKind.WRITE)
    assert syncing.store.still_writing(SYNC, now=NOON)
    assert not syncing.store.still_writing(SYNC, now=NOON + timedelta(seconds=61))
    syncing.store.give_back("elsewhere")
    assert not syncing.store.still_writing(SYNC, now=NOON)
    assert claim(syncing, GONE, kind=ShardKind.WRITE)
    assert not syncing.store.still_writing(SYNC, now=NOON)
    syncing.store.drop_shards(SYNC, lease=syncing.lease)
    assert syncing.store.sharing(syncing.run, ShardKind.WRITE).over
