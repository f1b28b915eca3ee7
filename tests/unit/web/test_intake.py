"""What arrived is on the disk before its sender hears so, and reaches the store whatever happens on the way."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nps.errors import NpsyncError, UnavailableError
from nps.events import Arrival, Hint, PersonKey, Signal, SignalKind, Subject
from npsync.operating.carrying_over import Carrier
from npsync.web.intake import TogetherIntake
from store.errors import StoreError
from store.spool import Spool, spool_path

NOW = datetime(2026, 3, 2, 12, 0, 0, 123_000, tzinfo=UTC)
HINT = Hint(
    connection="product",
    key="track/1",
    kind="track",
    subject=Subject("track", "1"),
    person=(PersonKey("email", "zoë@example.com"),),
    occurred_at=NOW,
    facts={"name": "Función", "properties": {"n": 1.5, "deep": [None, {"a": True}]}},
)
STOP = Signal(connection="sms", key="s1", kind=SignalKind.STOP, at=NOW, address="+12025550143")


def hints(*keys: str) -> list[Arrival]:
    return [Hint(connection="product", key=key) for key in keys]


class Store:
    """Remembers by key; refuses what it is told to refuse."""

    def __init__(self, *, refuses: frozenset[str] = frozenset()) -> None:
        self.known: dict[str, Arrival] = {}
        self.refuses = refuses
        self.trouble: NpsyncError | None = None
        self.together: list[int] = []

    def __call__(self, arrivals: Sequence[Arrival]) -> None:
        self.together.append(len(arrivals))
        if self.trouble is not None:
            raise self.trouble
        if any(arrival.key in self.refuses for arrival in arrivals):
            raise StoreError("the database refused a statement")
        for arrival in arrivals:
            self.known.setdefault(arrival.key, arrival)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "npsync.hooks.db")


# ---------------------------------------------------------------- the spool


def test_what_is_put_comes_back_as_it_was(spool: Spool):
    spool.put([HINT, STOP], now=NOW)
    assert [(each.what, each.at) for each in spool.first(10)] == [(HINT, NOW), (STOP, NOW)]


def test_a_spool_outlives_its_process(spool: Spool):
    spool.put(hints("a", "b"), now=NOW)
    again = Spool(spool.path)
    assert [each.what.key for each in again.first(10)] == ["a", "b"]
    again.drop([each.number for each in again.first(1)])
    assert [each.what.key for each in spool.first(10)] == ["b"]


def test_its_log_begins_anew_when_it_has_grown(spool: Spool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("store.spool.LONGEST_LOG", 100_000)
    log = spool.path.with_name("npsync.hooks.db-wal")
    longest = 0
    for number in range(200):
        spool.put(hints(f"k{number}"), now=NOW)
        if number % 10 == 9:
            spool.drop([each.number for each in spool.first(10)])
        longest = max(longest, log.stat().st_size)
    assert spool.counts() == (0, 0)
    assert longest < 400_000


def test_only_its_owner_may_read_a_spool(spool: Spool):
    assert stat.S_IMODE(spool.path.stat().st_mode) == 0o600


def test_all_of_a_request_is_kept_or_nothing(spool: Spool):
    broken = Hint(key="b", facts={"no": object()})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        spool.put([*hints("a"), broken], now=NOW)
    assert spool.counts() == (0, 0)
    spool.put(hints("b"), now=NOW)
    assert spool.counts() == (1, 0)


def test_only_a_store_with_one_writer_needs_a_spool():
    assert spool_path("sqlite:////var/lib/npsync/npsync.db") == Path("/var/lib/npsync/npsync.hooks.db")
    assert spool_path("postgresql://u@h/name") is None


# ---------------------------------------------------------------- from the spool into the store


def test_everything_is_carried_in_its_order(spool: Spool):
    store = Store()
    spool.put(hints("a", "b", "c"), now=NOW)
    assert Carrier(spool, store).carry() == 3
    assert list(store.known) == ["a", "b", "c"]
    assert spool.counts() == (0, 0)


def test_a_death_between_storing_and_dropping_repeats_what_is_known(spool: Spool):
    store = Store()
    spool.put(hints("a", "b"), now=NOW)
    store([each.what for each in spool.first(10)])  # and then it died
    assert Carrier(spool, store).carry() == 2
    assert list(store.known) == ["a", "b"]
    assert spool.counts() == (0, 0)


def test_while_the_store_is_away_everything_waits(spool: Spool):
    store = Store()
    store.trouble = UnavailableError("locked")
    spool.put(hints("a"), now=NOW)
    with pytest.raises(UnavailableError):
        Carrier(spool, store).carry()
    assert spool.counts() == (1, 0)
    store.trouble = None
    assert Carrier(spool, store).carry() == 1


def test_one_that_the_store_refuses_is_set_aside_and_keeps_nobody_waiting(spool: Spool):
    store = Store(refuses=frozenset({"b"}))
    spool.put(hints("a", "b", "c"), now=NOW)
    Carrier(spool, store).carry()
    assert list(store.known) == ["a", "c"]
    [refused] = spool.refused(10)
    assert (refused.what.key, spool.counts()) == ("b", (0, 1))
    assert Carrier(spool, store).carry() == 0

    store.refuses = frozenset()
    with Carrier(spool, store):  # the next start tries it once more
        until_empty(spool)
    assert sorted(store.known) == ["a", "b", "c"]


def test_a_carrier_works_when_it_is_woken(spool: Spool):
    store = Store()
    with Carrier(spool, store) as carrier:
        spool.put(hints("a"), now=NOW)
        carrier.wake()
        until_empty(spool)
    assert list(store.known) == ["a"]


# ---------------------------------------------------------------- many requests at once


def test_requests_that_wait_are_stored_together():
    store = Store()

    async def all_at_once() -> None:
        intake = TogetherIntake(store)
        await asyncio.gather(*(intake.take(hints(f"k{n}")) for n in range(200)))
        intake.close()

    asyncio.run(all_at_once())
    assert len(store.known) == 200
    assert sum(store.together) == 200
    assert len(store.together) < 200


def test_one_that_cannot_be_stored_does_not_fail_the_others():
    store = Store(refuses=frozenset({"k7"}))

    async def all_at_once() -> list[object]:
        intake = TogetherIntake(store)
        told = await asyncio.gather(*(intake.take(hints(f"k{n}")) for n in range(20)), return_exceptions=True)
        intake.close()
        return list(told)

    told = asyncio.run(all_at_once())
    assert [n for n, each in enumerate(told) if each is not None] == [7]
    assert len(store.known) == 19


def test_while_nothing_can_be_stored_every_sender_hears_so():
    store = Store()
    store.trouble = UnavailableError("the disk is full")

    async def two() -> list[object]:
        intake = TogetherIntake(store)
        return list(
            await asyncio.gather(intake.take(hints("a")), intake.take(hints("b")), return_exceptions=True)
        )

    assert all(isinstance(each, UnavailableError) for each in asyncio.run(two()))


def test_what_waits_when_it_ends_is_stored_first():
    store = Store()

    async def one() -> None:
        intake = TogetherIntake(store)
        waiting = asyncio.create_task(intake.take(hints("a")))
        await asyncio.sleep(0)
        intake.close()
        await waiting

    asyncio.run(one())
    assert list(store.known) == ["a"]


def until_empty(spool: Spool) -> None:
    import time

    deadline = time.monotonic() + 20
    while spool.counts() != (0, 0):
        assert time.monotonic() < deadline, "it was not carried"
        time.sleep(0.01)
