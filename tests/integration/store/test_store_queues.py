"""What waits for a person is counted over what is open alone."""

from __future__ import annotations

from contextlib import closing

from store import open_store, queues
from store.api import Queue
from store.sql import SqlStore


def test_what_is_open_is_counted_by_sync_and_what_is_settled_is_not(store: SqlStore):
    states = ["review", "review", "held", "waiting", "pending", "written", "superseded", "rejected"]
    with store.database.write() as tx:
        tx.many(
            """INSERT INTO answer_state (sync, person, response, state, rule, code, reason, run)
            VALUES (?, ?, ?, ?, '', '', '', 1)""",
            [("s", n, n, state) for n, state in enumerate(states)] + [("t", 9, 9, "review")],
        )
        tx.many(
            """INSERT INTO dead_letter (sync, run, code, reason, status, cause, attempts, created_at)
            VALUES ('s', 1, 'c', '', ?, 'unknown', 0, 0)""",
            [("open",), ("open",), ("open",), ("resolved",)],
        )
    assert store.queues(["s", "t", "new"]) == {
        "s": Queue(review=2, held=1, waiting=1, pending=1, dead_letters=3),
        "t": Queue(review=1),
        "new": Queue(),
    }


def test_nothing_but_the_indexes_of_what_is_open_is_read(sqlite_url: str):
    """On SQLite: how PostgreSQL reads depends on what it counted before."""
    with closing(open_store(sqlite_url)) as store, store.database.read() as tx:
        for question in (queues._STATES, queues._LETTERS):
            plan = str(tx.rows(f"EXPLAIN QUERY PLAN {question}", syncs=["s"]))
            assert "_open" in plan, plan
