"""`python -m bench --only claims`: due invitations are claimed, decided and settled while many lie in the future.

A hundred due steps are claimed at a time, by one process and by two on one SQLite file; then each is decided under the
lock, reserved and settled as sent. Nothing is sent: what is measured is the store alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from nps.asking import (
    Decision,
    Invitation,
    InvitationState,
    Past,
    Send,
    Step,
    StepKind,
    Suppress,
    Suppression,
    person_keys,
)
from nps.sending import Accepted
from store import open_store
from store.api import Claimed, Store
from store.owners import this_process

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
AT_ONCE = 100
STORED_AT_ONCE = 5_000
WORKERS = 2


def claims(future: int, due: int) -> None:
    print(f"\n{due:,} due invitations among {future:,} in the future, SQLite, {AT_ONCE} claimed at a time")
    with filled(0, due) as url:
        alone = _per_second(due, lambda: _claim_all(url))
    with filled(future, due) as url:
        among = _per_second(due, lambda: _claim_all(url))
    print(f"  claimed     {among:8,.0f} a second by one process ({alone:,.0f} with none in the future)")
    with filled(future, due) as url:
        print(f"  claimed     {_per_second(due, lambda: _by_two(url)):8,.0f} a second by two")
    some = due // 5
    with filled(future, some) as url:
        sent = _per_second(some, lambda: _send_all(url))
    print(f"  sent        {sent:8,.0f} a second by one: decided, reserved and settled, each on the disk")
    disk = _per_second(400, lambda: _to_disk(400))
    print(f"  the disk    {disk:8,.0f} times a second; a send needs it twice")


@contextmanager
def filled(future: int, due: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
        url = f"sqlite:///{folder}/npsync.db"
        store = open_store(url)
        store.migrate()
        every = [*range(-due, 0), *range(1, future + 1)]
        for start in range(0, len(every), STORED_AT_ONCE):
            some = every[start : start + STORED_AT_ONCE]
            store.decide_event(None, [_pair(n) for n in some], [], {}, now=NOW)
        store.close()
        os.sync()  # what filling left to be written would be waited for by the first who wants to be sure
        yield url


def _pair(n: int) -> tuple[Invitation, Step]:
    due = NOW + timedelta(minutes=n)
    id = f"{n + 10_000_000:022d}"
    invitation = Invitation(
        id=id,
        dedupe=f"half-yearly/{n}",
        trigger="half-yearly",
        survey="relationship",
        metric="nps",
        kind="relationship",
        connection="crm",
        object="Contact",
        record_id=f"003{n + 10_000_000:015d}",
        state=InvitationState.QUEUED,
        created_at=NOW,
        due_at=due,
        recurring=True,
        facts={"Priority": "High", "CaseNumber": str(n)},
    )
    return invitation, Step(invitation=id, kind=StepKind.ASK, way=0, due_at=due)


def _per_second(count: int, work: Callable[[], int]) -> float:
    began = time.perf_counter()
    done = work()
    seconds = time.perf_counter() - began
    assert done == count, f"{done} of {count}"
    return count / seconds


def _claim_all(url: str) -> int:
    store = open_store(url)
    try:
        return sum(len(some) for some in _claimed(store))
    finally:
        store.close()


def _claimed(store: Store) -> Iterator[list[Claimed]]:
    owner = this_process()
    while some := store.claim_steps(owner, now=NOW, limit=AT_ONCE, seconds=600):
        yield some


def _to_disk(times: int) -> int:
    with tempfile.TemporaryFile(prefix="npsync-bench-") as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    return times


def _by_two(url: str) -> int:
    command = [sys.executable, "-m", "bench.claims", url]
    working = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)]
    return sum(int(one.communicate()[0]) for one in working)


def _send_all(url: str) -> int:
    store = open_store(url)
    sent = 0
    for some in _claimed(store):
        for claimed in some:
            keys = person_keys(connection="crm", object="Contact", record_id=claimed.invitation.record_id)
            decision = store.reserve(
                claimed, keys, _judge, way=0, account=None, account_since=NOW, day_began=NOW, now=NOW
            )
            assert isinstance(decision, Send)
            store.settle_step(
                claimed, Accepted(f"m{claimed.step.number}"), via="mailer", channel="email", now=NOW
            )
            sent += 1
    store.close()
    return sent


def _judge(past: Sequence[Past], suppressions: Sequence[Suppression], asks: int, sent: int) -> Decision:
    return Suppress("rest", "asked before") if past else Send()


if __name__ == "__main__":
    print(_claim_all(sys.argv[1]))
