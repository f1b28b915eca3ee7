"""`python -m bench --only report`: a report over a store full of answers, each question of it a pass of SQL.

Answers of two years, more than one of many people, matched to records whose account, plan, owner and amount are known.
The figures are of one process that asks nothing else.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from store import open_store
from store.api.tallying import By, Counting, Order, Trait
from store.rows import milliseconds
from store.sql import SqlStore

SINCE, MIDDLE, END = (datetime(year, 1, 1, tzinfo=UTC) for year in (2024, 2025, 2026))
TOGETHER = 50_000
_COLUMNS = (
    "source, source_id, version, newest, person, survey, score, answered_at, received_at, email, channel, status, "
    "properties, digest"
)


def report(answers: int) -> None:
    print(f"\na report over {answers:,} answers in two years, SQLite")
    with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
        store = open_store(f"sqlite:///{folder}/npsync.db")
        store.migrate()
        _fill(store, answers)
        months = [datetime(2024 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(25)]
        both, last = _counting(SINCE, MIDDLE, END), _counting(MIDDLE, END)
        questions: list[tuple[str, Callable[[], Any]]] = [
            ("the whole, two years", lambda: store.tallied(both)),
            ("by month", lambda: store.tallied(_counting(*months))),
            ("by plan", lambda: store.grouped(both, By(Trait.RECORD, "plan"), limit=100)),
            ("by owner", lambda: store.grouped(both, By(Trait.RECORD, "owner"), limit=100)),
            ("who moved", lambda: store.moved(both)),
            ("at risk", lambda: sum(1 for _ in store.at_stake(last, "amount"))),
            ("50 accounts", lambda: store.account_figures(last, order=Order.WORST, enough=3, limit=50)),
        ]
        before = _peak()
        for name, ask in questions:
            began, cpu = time.monotonic(), time.process_time()
            ask()
            print(
                f"  {name:<22} {time.process_time() - cpu:6.2f} s CPU ({time.monotonic() - began:5.1f} s wall)"
            )
        print(f"  memory                 {_peak() - before:6.0f} MB more than before the first question")
        store.close()


def _counting(*cuts: datetime) -> Counting:
    return Counting(places={"email-nps": ("1146",)}, syncs=("contacts",), cuts=cuts)


def _fill(store: SqlStore, answers: int) -> None:
    draw = random.Random(6)
    people = [draw.getrandbits(62) for _ in range(answers * 6 // 10)]
    first, span = milliseconds(SINCE), milliseconds(END) - milliseconds(SINCE)
    for start in range(0, answers, TOGETHER):
        with store.database.write() as tx:
            tx.load(
                "response",
                _COLUMNS,
                [_answer(draw, people, first, span, n) for n in range(start, min(answers, start + TOGETHER))],
            )
    with store.database.write() as tx:
        tx.run(
            """INSERT INTO answer_state (sync, person, response, state, record_id, rule, code, reason, run)
            SELECT 'contacts', person, id, 'written', '003' || person, '', '', '', 1 FROM response"""
        )
        tx.run(
            """INSERT INTO member (sync, record_id, account, traits, seen_at)
            SELECT DISTINCT 'contacts', '003' || person, '001' || (person - person / 50000 * 50000), '{"plan":"P'
            || (person - person / 5 * 5) || '","owner":"005' || (person - person / 300 * 300) || '","amount":1000}', 0
            FROM response"""
        )


def _answer(draw: random.Random, people: list[int], first: int, span: int, n: int) -> tuple[Any, ...]:
    person, at = draw.choice(people), first + draw.randrange(span)
    channel = draw.choice(("email", "sms", "in_app"))
    return (
        *("email-nps", f"a{n}", 1, True, person, "1146", draw.randrange(11), at, at),
        *(f"p{person}@example.com", channel, "complete", '{"product":"A"}', n),
    )


def _peak() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1024 if sys.platform != "darwin" else 1024 * 1024)
