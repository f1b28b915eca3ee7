"""On PostgreSQL several processes write at the same time: what each of them is told stays true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import psycopg
import pytest
from builders_store import NOON, SYNC, Syncing, answer, later, receive
from interleaved import beside, stopped_at, stopped_before
from postgres_server import StoreInTurn

from nps.errors import LeaseLost, UnavailableError
from store import open_store
from store.api import Lease, Receipt, Settled, State
from store.api.subjects import Traces
from store.figures import FIGURES
from store.postgres import CONNECTIONS
from store.sql import SqlStore


@pytest.fixture
def url(store_in_turn: StoreInTurn) -> str:
    return store_in_turn.emptied()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    store = open_store(url)
    yield store
    store.close()


def test_a_batch_answered_while_somebody_looks_is_told_to_its_answers_too(url: str, store: SqlStore):
    receive(store, answer("a1"), answer("a2"))
    syncing = Syncing(store)
    syncing.plan()
    syncing.cut(size=1)
    first, second = syncing.open()
    syncing.settle_batches([first])

    [its] = [one.response for one in first.changes]
    lock = f"SELECT 1 FROM answer_state WHERE response = {its} FOR UPDATE"
    with stopped_at(url, lock, lambda: store.deciding(SYNC)) as went_on:
        syncing.settle_batches([second])
        assert went_on() == 1

    assert store.deciding(SYNC) == 2


def test_a_wish_that_arrives_while_a_run_takes_up_is_heard_by_the_next(url: str, store: SqlStore):
    receive(store, answer("a1"), answer("a2"))
    syncing = Syncing(store)
    one, other = (taken.number for taken in syncing.plan())
    syncing.write()
    store.ask_again(SYNC, [one])

    in_the_way = f"INSERT INTO work (sync, person, response) SELECT '{SYNC}', person, id FROM response WHERE id = {one}"
    with stopped_at(url, in_the_way, syncing.take_up) as went_on:
        store.ask_again(SYNC, [other])
        assert went_on() == 1

    assert syncing.take_up() == 2


def test_what_a_person_leaves_out_while_a_run_takes_up_stays_out(url: str, store: SqlStore):
    receive(store, answer("a1"), answer("a2"))
    syncing = Syncing(store)
    syncing.take_up()
    one, other = (taken.number for taken in syncing.work())
    waiting = [Settled(number=n, state=State.WAITING, look_again=NOON) for n in (one, other)]
    syncing.settle(waiting)

    def take_up() -> int:
        return syncing.take_up(now=NOON + timedelta(days=1))

    lock = f"SELECT 1 FROM answer_state WHERE response = {one} FOR UPDATE"
    with stopped_at(url, lock, take_up) as went_on:
        assert store.ignore(SYNC, other, "a test")
        assert went_on() == 1

    assert store.states(SYNC, [other])[other].state is State.EXCLUDED


@pytest.mark.parametrize("settle", ["shown", "later"])
def test_reasons_are_settled_in_the_order_in_which_they_are_noted(
    url: str, store: SqlStore, settle: str
) -> None:
    """Else whoever unsubscribes somebody meanwhile and we would wait for each other, and one of us would lose."""
    store.note_reasons(["b"], now=NOON)
    store.note_reasons(["a"], now=NOON + timedelta(hours=1))
    due = store.reasons_due(9, now=NOON + timedelta(days=1))
    assert [one.key for one in due] == ["b", "a"]

    def settled() -> int:
        store.reasons_shown(due) if settle == "shown" else store.show_reasons_later(due, NOON)
        return 0

    with (
        stopped_at(url, "SELECT 1 FROM reason_due WHERE key = 'a' FOR UPDATE", settled) as went_on,
        psycopg.connect(url) as other,
    ):
        other.execute("SELECT 1 FROM reason_due WHERE key = 'b' FOR UPDATE NOWAIT")
        other.rollback()
        went_on()


@pytest.fixture
def elsewhere(url: str, store: SqlStore) -> Iterator[SqlStore]:
    """The same store, as another process has it."""
    other = open_store(url)
    yield other
    other.close()


# ------------------------------------------------------------ leases


def test_a_lease_is_renewed_while_what_it_is_for_is_being_stored(url: str, store: SqlStore) -> None:
    """Many hands prove it in turn, and taking up a million answers proves it for minutes."""
    lease = Syncing(store).lease
    with store.database.write() as tx:
        tx.prove(lease)
        with beside(url, lambda: store.renew(lease, now=later(hours=1), seconds=60)) as renewed:
            assert renewed.done()


@pytest.mark.parametrize("how", ["taken over", "released"])
def test_nobody_gets_a_lease_before_its_holder_has_ended_what_it_proved(
    url: str, store: SqlStore, elsewhere: SqlStore, how: str
) -> None:
    syncing = Syncing(store)

    def take() -> Lease | None:
        if how == "released":
            elsewhere.release(syncing.lease)
        return elsewhere.acquire(SYNC, "another", now=later(days=1), seconds=60)

    receive(store, answer("a1"))
    with stopped_before(store, "INSERT INTO work", syncing.take_up) as went_on, beside(url, take) as taken:
        assert not taken.done()
        assert went_on() == 1
        assert taken.result() is not None
    with pytest.raises(LeaseLost):
        syncing.take_up()


def test_figures_are_forgotten_while_one_is_kept(url: str, store: SqlStore, elsewhere: SqlStore) -> None:
    store.want_figures("answers", {"k": "{}"})
    lease = store.acquire(FIGURES, "counter", now=NOON, seconds=60)
    assert lease is not None

    def keep() -> bool:
        return store.keep_figure("k", b"what Ann said", as_of=NOON, lease=lease)

    with (
        stopped_before(store, "UPDATE figure", keep) as went_on,
        beside(url, elsewhere.forget_figures) as forgotten,
    ):
        went_on()
        forgotten.result()
    assert store.figures() == []


# ------------------------------------------------------------ connections


def test_a_process_that_uses_all_its_connections_says_so(store: SqlStore) -> None:
    engine = store.database._engine  # type: ignore[attr-defined]
    engine.pool._timeout = 0.01
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(engine.connect())
        with pytest.raises(UnavailableError, match="all connections of this process are in use"):
            store.most_answers()
    assert store.most_answers() == 0


# ------------------------------------------------------------ answers


def test_an_answer_is_left_out_or_taken_up_again_and_neither_fails(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    receive(store, answer("a1"))
    syncing = Syncing(store)
    syncing.take_up()
    [one] = [taken.number for taken in syncing.work()]
    syncing.settle([Settled(number=one, state=State.WAITING)])
    store.ask_again(SYNC, [one])

    def leave_out() -> bool:
        return elsewhere.ignore(SYNC, one, "a test")

    with (
        stopped_before(elsewhere, "DELETE FROM again", leave_out) as went_on,
        beside(url, syncing.take_up) as taken,
    ):
        left_out = went_on()
        assert (left_out, taken.result()) in ((True, 0), (False, 1))


def test_somebody_is_erased_while_an_answer_of_theirs_is_left_out(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    receive(store, answer("a1"))
    syncing = Syncing(store)
    syncing.take_up()
    [one] = [taken.number for taken in syncing.work()]
    syncing.settle([Settled(number=one, state=State.WAITING)])
    store.ask_again(SYNC, [one])
    receipt = Receipt(kind="erase", at=NOON, who="cli:ann", report={})
    traces = Traces(numbers=(one,))
    with (
        stopped_before(
            elsewhere, "UPDATE answer_state", lambda: elsewhere.ignore(SYNC, one, "a test")
        ) as went_on,
        beside(url, lambda: store.erase(traces, receipt, zone=ZoneInfo("UTC"), now=NOON)) as erased,
    ):
        assert went_on()
        assert erased.result()["states"] == 1


def test_two_who_want_the_same_answers_tried_again_get_them(url: str, store: SqlStore) -> None:
    receive(store, answer("a1"), answer("a2"))
    first = f"INSERT INTO again (sync, response) VALUES ('{SYNC}', 1)"
    with (
        stopped_at(url, first, lambda: store.ask_again(SYNC, [2, 1])) as went_on,
        psycopg.connect(url) as other,
    ):
        other.execute("SET lock_timeout = '5s'")
        other.execute(f"INSERT INTO again (sync, response) VALUES ('{SYNC}', 2)")
        other.rollback()
        went_on()


def test_what_a_run_takes_up_meanwhile_is_not_put_away(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    syncing = old_and_settled(elsewhere)
    put_away = partial(store.expire_answers, before=NOON, zone=ZoneInfo("UTC"), limit=10)
    with (
        stopped_before(store, "SELECT id, person FROM response", put_away) as went_on,
        beside(url, lambda: syncing.take_up(everything=True)) as taken,
    ):
        went_on()
        taken.result()
    stored, accounted = syncing.balance()
    assert stored == accounted


def test_an_answer_that_two_put_away_at_once_is_counted_once(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    old_and_settled(elsewhere)

    def put_away(where: SqlStore) -> int:
        return where.expire_answers(before=NOON, zone=ZoneInfo("UTC"), limit=10)

    with (
        stopped_before(store, "INSERT INTO monthly_count", lambda: put_away(store)) as went_on,
        beside(url, lambda: put_away(elsewhere)) as other,
    ):
        assert went_on() + other.result() == 1
    with store.database.read() as tx:
        assert tx.rows("SELECT answers FROM monthly_count") == [(1,)]


def old_and_settled(store: SqlStore) -> Syncing:
    receive(store, answer("a1", at=later(days=-9)))
    syncing = Syncing(store)
    syncing.take_up()
    syncing.settle([Settled(number=one.number, state=State.UNCHANGED) for one in syncing.work()])
    return syncing


def test_every_anonymous_answer_counts_before_it_is_shown(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    """Numbers are given before they can be seen: of two connections the lower ones may come later."""
    places = {"one": [], "other": []}
    with stopped_before(
        store, "INSERT INTO cursor", lambda: receive(store, answer("a1", source="one"))
    ) as went_on:
        receive(elsewhere, answer("a2", source="other"))
        with beside(url, lambda: elsewhere.publish("staff", places, 1, now=NOON)) as published:
            went_on()
            assert published.result()
    elsewhere.publish("staff", places, 1, now=NOON)
    with store.database.read() as tx:
        assert tx.rows("SELECT answers FROM published") == [(2,)]


# ------------------------------------------------------------ doors


def test_a_key_whose_reply_is_dropped_at_this_moment_is_begun_anew(
    store: SqlStore, elsewhere: SqlStore
) -> None:
    begin = {"now": NOON, "since": later(days=-1), "given_up": later(hours=-1)}
    assert elsewhere.begin_reply("token:ann", "k", "h", **begin) is None
    with stopped_before(
        store, "SELECT asked", lambda: store.begin_reply("token:ann", "k", "h", **begin)
    ) as went_on:
        elsewhere.drop_reply("token:ann", "k")
        assert went_on() is None


def test_two_who_sign_in_at_once_do_not_wait_for_each_other(
    url: str, store: SqlStore, elsewhere: SqlStore
) -> None:
    minute = timedelta(minutes=1)
    assert store.may_try("ann", burst=3, every=10 * minute, now=NOON - 5 * minute)
    assert store.may_try("bob", burst=3, every=minute, now=NOON - 5 * minute)
    with (
        stopped_before(
            store, "INSERT INTO sign_in_try", lambda: store.may_try("ann", burst=3, every=minute, now=NOON)
        ) as went_on,
        beside(url, lambda: elsewhere.may_try("bob", burst=3, every=minute, now=NOON + 10 * minute)) as other,
    ):
        assert went_on()
        assert other.result()
