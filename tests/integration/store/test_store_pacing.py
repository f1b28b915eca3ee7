"""A connection's pace in the store: one number for all who ask, also for those who ask at the same time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from builders_store import NOON
from fake_clock import FakeClock
from sharers import World

from connectors.limits import Window
from npsync.opening import StoredPacing
from store import open_store
from store.sql import SqlStore


class _WorldsClock(FakeClock):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._world.now)


def test_two_stores_of_one_database_keep_one_window(url: str) -> None:
    world = World()
    stores = [open_store(url), open_store(url)]
    windows = {"": [Window(60, 10)], "search": [Window(5, 1)]}
    limiters = [world.limiter(StoredPacing(store, _WorldsClock(world)), windows) for store in stores]
    free = [0.0, 0.0]
    while world.now < 25:
        who = free.index(min(free))
        world.now = max(world.now, free[who])
        wait = world.try_call(str(who), limiters[who], "search" if len(world.left) % 7 == 0 else "")
        free[who] = world.now + (wait or 0.01)
    assert world.most_in_any(10) <= 60
    assert len(world.left) >= 120
    assert {who for who, _ in world.left} == {"0", "1"}
    for store in stores:
        store.close()


def test_nobody_comes_between_reading_and_keeping(store: SqlStore) -> None:
    def once_more(known: bytes | None, now: int) -> tuple[bytes, int]:
        count = int(known or b"0") + 1
        return str(count).encode(), count

    seen: list[int] = []

    def work() -> None:
        for _ in range(10):
            seen.append(store.change_pace("crm", once_more, now=None))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 41))


def test_names_are_kept_apart_and_time_is_the_databases_unless_it_is_told(store: SqlStore) -> None:
    def look(known: bytes | None, now: int) -> tuple[bytes, tuple[bytes | None, int]]:
        return b"seen", (known, now)

    assert store.change_pace("crm", look, now=NOON) == (None, NOON.timestamp() * 1000)
    assert store.change_pace("crm/sign-in", look, now=NOON)[0] is None
    known, moment = store.change_pace("crm", look, now=None)
    assert known == b"seen"
    assert abs(moment / 1000 - datetime.now(UTC).timestamp()) < 3600


def test_the_paces_of_a_connection_are_its_own_and_its_limiters(store: SqlStore) -> None:
    for name in ("crm", "crm/sign-in", "crm2", "crm-old/sign-in"):
        store.change_pace(name, lambda known, now: (b"[]", None), now=NOON)
    assert store.paces_of("crm") == {"crm": b"[]", "crm/sign-in": b"[]"}
    assert store.paces_of("nobody") == {}
