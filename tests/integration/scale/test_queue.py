"""The queue beside our tables: put in the same transaction, once, and done again when a worker is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import psycopg
import pytest
from answered import SYNC, config_in
from fake_clock import FakeClock
from postgres_server import PostgresServer, StoreInTurn

from nps.errors import ConfigError
from npsync.clockwork.claims import Claim
from npsync.clockwork.rescuing import FIRST_REST
from npsync.config import Config
from npsync.scale import queue as queues
from npsync.scale.calling import Queued, claim_of, cut_from, whoever_is_there, words_of
from npsync.scale.hands import WORKERS, Laborer, remember, rescue, rescue_lost
from npsync.scale.queue import (
    ANYBODY,
    CLAIM,
    LEND,
    SCHEMA,
    Job,
    Queue,
    conninfo,
    is_scaled,
    refuse_alone,
)
from npsync.syncing.planfile import mapping_hash
from store import open_store
from store.api import Serving
from store.owners import this_process
from store.sql import SqlStore
from sync.sharing.dispatch import Cut

NOON, HOUR = datetime(2026, 3, 2, 12, tzinfo=UTC), timedelta(hours=1)
NIGHT = Job(CLAIM, {"claim": {"sync": "nps"}}, once="claim/nps", after="crm")


@pytest.fixture(scope="module")
def in_turn(postgres: PostgresServer, migrated_postgres: str) -> StoreInTurn:
    """A database of our own: what other tests use has no queue beside it."""
    return StoreInTurn(postgres, migrated_postgres)


@pytest.fixture
def empty_database(in_turn: StoreInTurn) -> str:
    return in_turn.emptied()


@pytest.fixture
def store(empty_database: str) -> Iterator[SqlStore]:
    store = open_store(empty_database)
    yield store
    store.close()


@pytest.fixture
def queue(store: SqlStore, empty_database: str) -> Iterator[Queue]:
    queue = Queue(empty_database)
    queue.prepare()
    sql(empty_database, "TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
    yield queue
    queue.close()


def sql(url: str, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo(url), autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def put_and_fail(queue: Queue, store: SqlStore) -> None:
    with store.database.write() as tx:
        queue.put_within(NIGHT, tx.connection.connection.driver_connection)
        raise ZeroDivisionError


def test_its_tables_stand_in_a_schema_of_their_own_and_are_made_once(queue: Queue, empty_database: str):
    queue.prepare()
    where = "table_name LIKE 'procrastinate%'"
    found = sql(empty_database, f"SELECT DISTINCT table_schema FROM information_schema.tables WHERE {where}")
    assert found == [(SCHEMA,)]


def test_an_older_version_is_brought_up_by_the_scripts_that_came_since():
    assert queues._scripts("3.3.0") == [
        text for text in queues._scripts("3.2.0") if text in queues._scripts("3.3.0")
    ]
    assert queues._scripts("3.3.0") != queues._scripts("3.2.0")
    assert queues._scripts("99.0.0") == []
    assert "CREATE TABLE procrastinate_jobs" in queues._scripts(None)[0]


def test_one_that_waits_already_is_not_put_beside_itself(queue: Queue):
    assert [queue.put(NIGHT), queue.put(NIGHT)] == [True, False]
    assert queue.waiting() == 1
    assert queue.ticks_of("claim/nps") == [None]
    assert queue.ticks_of("claim/other") == []


def test_it_is_put_with_the_stores_transaction_or_not_at_all(queue: Queue, store: SqlStore):
    with pytest.raises(ZeroDivisionError):
        put_and_fail(queue, store)
    assert queue.waiting() == 0
    for _ in range(2):  # the second finds one like it, and takes the rest of the transaction not along
        with store.database.write() as tx:
            queue.put_within(NIGHT, tx.connection.connection.driver_connection)
            tx.run(
                "INSERT INTO memory (connection, key, value) VALUES ('c', :key, '')", key=str(queue.waiting())
            )
    assert queue.waiting() == 1
    assert len(store.recall_below("c", "")) == 2


def test_an_emptied_queue_keeps_nothing_that_waits_or_is_done(queue: Queue, empty_database: str):
    queue.put(NIGHT)
    sql(empty_database, "UPDATE procrastinate_jobs SET status = 'doing'")
    queue.put(NIGHT)
    queue.empty()
    assert (queue.waiting(), queue.doing()) == (0, [])


@pytest.mark.parametrize("rival", [False, True])
def test_jobs_of_a_worker_that_is_gone_are_done_again(
    queue: Queue, store: SqlStore, empty_database: str, rival: bool
):
    queue.put(NIGHT)
    dead, alive = (
        sql(empty_database, "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")[0][0]
        for _ in range(2)
    )
    sql(empty_database, f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = {dead}")
    store.memorize(WORKERS, {str(alive): this_process()})
    assert rescue(store, queue) == []  # its heartbeat is fresh, and whose it is, nobody knows
    store.memorize(WORKERS, {str(dead): this_process().replace(":", ":9", 1)})
    if rival:
        queue.put(NIGHT)
    assert len(rescue(store, queue)) == 1
    assert queue.waiting() == 1
    assert queue.doing() == []


def test_a_worker_elsewhere_that_is_silent_for_longer_than_a_lease_lasts_is_gone(
    queue: Queue, store: SqlStore, empty_database: str
):
    queue.put(NIGHT)
    [[worker]] = sql(
        empty_database,
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '60 s') RETURNING id",
    )
    sql(empty_database, f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = {worker}")
    store.memorize(WORKERS, {str(worker): "elsewhere:1:2:3.4.5"})
    assert rescue(store, queue) == []
    sql(empty_database, "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '150 s'")
    assert len(rescue(store, queue)) == 1


def test_a_worker_is_known_as_long_as_the_queue_knows_it(queue: Queue, store: SqlStore, empty_database: str):
    first, second = (
        sql(empty_database, "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")[0][0]
        for _ in range(2)
    )
    assert isinstance(first, int)
    assert isinstance(second, int)
    store.forget(WORKERS, list(store.recall_below(WORKERS, "")))
    remember(store, queue, first, "a:1")
    remember(store, queue, second, "b:1")
    assert store.recall_below(WORKERS, "") == {str(first): "a:1", str(second): "b:1"}
    sql(empty_database, f"DELETE FROM procrastinate_workers WHERE id = {first}")
    remember(store, queue, second, "b:1")
    assert store.recall_below(WORKERS, "") == {str(second): "b:1"}


def test_what_was_put_for_another_mapping_lies_until_somebody_gives_it_back(
    queue: Queue, empty_database: str
):
    """A job of ours that waits for long is none of them, nor one of theirs that was put just now."""
    for once, by in (("old", "theirs"), ("ours", "ours"), ("anybody", ANYBODY)):
        queue.put(Job(CLAIM, {"claim": {"sync": once}}, once=once, by=by))
    sql(empty_database, "UPDATE procrastinate_events SET at = now() - interval '1 minute'")
    queue.put(Job(CLAIM, {"claim": {"sync": "new"}}, once="new", by="theirs"))
    [left] = queue.left_lying([ANYBODY, "ours"], seconds=30)
    assert (left.task, left.arguments) == (CLAIM, {"claim": {"sync": "old"}})
    assert [queue.take_off(left.number), queue.take_off(left.number)] == [True, False]
    assert queue.waiting() == 3


def test_a_due_time_put_for_a_mapping_nobody_goes_by_any_more_is_due_again(
    queue: Queue, store: SqlStore, empty_database: str, tmp_path: Path
):
    config = replace(config_in(tmp_path), store=empty_database)
    ours, theirs = taken(store, queue, SYNC), taken(store, queue, "gone", by="of before")
    queue.put(Job(LEND, {}, once="lend/1/plan", by="of before"))
    sql(empty_database, "UPDATE procrastinate_events SET at = now() - interval '1 minute'")
    Laborer(config, store, queue, FakeClock(NOON), of_clock=True).give_back()
    assert queue.kept_ticks() == {ours.tick}
    assert {sync: due.due_at for sync, due in store.due([SYNC, "gone"]).items()} == {
        SYNC: NOON + HOUR,
        theirs.sync: NOON,
    }
    assert queue.waiting() == 1


def test_a_laborer_sees_no_job_of_another_mapping(
    queue: Queue, store: SqlStore, empty_database: str, tmp_path: Path
):
    config = replace(config_in(tmp_path), store=empty_database)
    theirs = taken(store, queue, "first", by="of another file")
    ours = taken(store, queue, "unknown here", by=mapping_hash(config, SYNC))
    laborer = Laborer(config, store, queue, FakeClock(NOON))
    laborer.start()
    try:
        until = time.monotonic() + 60
        while ours.tick in [tick.number for tick in store.open_ticks()]:
            assert time.monotonic() < until
            time.sleep(0.02)
    finally:
        laborer.wait()
    assert theirs.tick in [tick.number for tick in store.open_ticks()]
    assert queue.ticks_of("claim/first") == [theirs.tick]


def test_a_run_by_hand_calls_for_hands_where_somebody_serves_and_the_queue_is_there(
    queue: Queue, store: SqlStore, empty_database: str, tmp_path: Path
):
    alone = config_in(tmp_path)
    config = replace(alone, store=empty_database)

    def comes(config: Config, now: datetime = NOON) -> bool:
        with whoever_is_there(config, store, now) as called:
            return called is not None

    assert not comes(config)
    store.note_serving(
        Serving(owner="a:1", kind="worker", began_at=NOON, seen_at=NOON, config_at=NOON, mark="m")
    )
    assert [comes(config), comes(alone), comes(config, NOON + HOUR)] == [True, False, False]
    sql(empty_database, f"COMMENT ON SCHEMA {SCHEMA} IS 'of another version'")
    assert not comes(config)
    sql(empty_database, f"COMMENT ON SCHEMA {SCHEMA} IS '{version('procrastinate')}'")
    store.end_serving("a:1", before=NOON)


def taken(store: SqlStore, queue: Queue, sync: str = "nps", *, by: str = ANYBODY) -> Claim:
    """A due time that went on the queue; the next one is an hour later."""
    store.schedule_first(sync, NOON)
    tick = store.take_tick(sync, NOON, NOON + HOUR, "started", "serve:1:2:3", now=NOON)
    assert tick is not None
    claim = Claim(sync, NOON, tick=tick)
    job = Job(CLAIM, {"claim": words_of(claim)}, once=f"claim/{sync}", by=by)
    store.hand_tick(tick, None, enlist=lambda connection: queue.put_within(job, connection))
    return claim


def test_what_worker_after_worker_dies_of_comes_again_with_its_due_time_and_then_rests(
    queue: Queue, store: SqlStore, empty_database: str
):
    def dies() -> None:
        sql(empty_database, "UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")
        assert len(rescue(store, queue)) == 1

    due: list[datetime] = []
    for _ in range(3):
        taken(store, queue, "deadly")
        dies()
        assert rescue_lost(store, queue, NOON) == []  # its job waits
        dies()
        assert queue.waiting() == 0
        assert len(rescue_lost(store, queue, NOON)) == 1
        due.append(store.due(["deadly"])["deadly"].due_at)
        store.schedule("deadly", NOON)
    assert due == [NOON, NOON, NOON + FIRST_REST]


@pytest.mark.parametrize(("pushed", "waits"), [(True, 0), (False, 1)])
def test_a_job_whose_due_time_comes_again_by_itself_is_done_twice_at_most(
    queue: Queue, store: SqlStore, empty_database: str, pushed: bool, waits: int
):
    queue.put(Job(CLAIM, {"claim": words_of(Claim("nps", NOON, pushed=pushed))}, once="claim/nps"))
    for _ in range(3):
        sql(empty_database, "UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")
        rescue(store, queue)
    assert queue.waiting() == waits


def test_what_was_handed_back_is_no_overlap_while_its_job_is_on_the_queue_still(
    queue: Queue, store: SqlStore
):
    hands = Queued(store, queue, Laborer.__new__(Laborer))
    claim = taken(store, queue)
    assert hands.is_busy("nps")
    assert claim.tick is not None
    assert store.return_tick(claim.tick, now=NOON)
    assert not hands.is_busy("nps")
    queue.put(Job(CLAIM, {"claim": words_of(Claim("nps", NOON, pushed=True))}, once="claim/nps/answers"))
    assert hands.is_busy("nps/answers")


def test_a_due_time_that_the_queue_was_to_keep_and_does_not_is_due_again(
    queue: Queue, store: SqlStore, empty_database: str
):
    kept, lost = taken(store, queue, "kept"), taken(store, queue, "lost")
    assert rescue_lost(store, queue, NOON) == []
    sql(empty_database, "DELETE FROM procrastinate_jobs WHERE queueing_lock = 'claim/lost'")
    assert [tick.number for tick in rescue_lost(store, queue, NOON)] == [lost.tick]
    assert {sync: due.due_at for sync, due in store.due(["kept", "lost"]).items()} == {
        "kept": NOON + HOUR,
        "lost": NOON,
    }
    assert kept.tick in [tick.number for tick in store.open_ticks()]
    assert rescue_lost(store, queue, NOON) == []


def test_a_claim_travels_as_words():
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    claim = Claim(sync="nps", due_at=noon, outcome="caught_up", pushed=True, again_at=noon, tick=7)
    assert claim_of(words_of(claim)) == claim
    assert claim_of({**words_of(claim), "of a later version": 1}).tick == 7


def test_a_store_is_scaled_on_postgresql_alone():
    assert is_scaled("postgresql://someone@somewhere/npsync")
    assert not is_scaled("sqlite:///npsync.db")
    with pytest.raises(ConfigError, match="workers share their work on PostgreSQL"):
        refuse_alone("sqlite:///npsync.db")


def test_options_of_the_address_are_kept():
    told = conninfo("postgresql://someone@/npsync?host=/run/pg&options=-c%20statement_timeout%3D5s")
    assert "statement_timeout=5s -c search_path=npsync_jobs" in told
    assert "host=/run/pg" in told


def test_from_where_on_runs_are_shared_is_a_setting_of_the_process():
    assert cut_from({}) == Cut()
    assert cut_from({"NPSYNC_SHARE_FROM": "40"}) == Cut(answers=40, batches=2, least=4)
    with pytest.raises(ConfigError, match="NPSYNC_SHARE_FROM is a number of answers"):
        cut_from({"NPSYNC_SHARE_FROM": "many"})
