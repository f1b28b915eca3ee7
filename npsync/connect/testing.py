"""For the tests of a connector: a clock nobody waits for, the tools a connector is given, and what every source
promises.

    from npsync.connect.testing import fake_tools, source_keeps_its_promises

    def test_it_keeps_the_promises_of_every_source() -> None:
        source_keeps_its_promises(lambda tools: Pulse(settings, tools))
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from connectors.contract import Pacing, Source, Tools
from nps.responses import Cursor, Page, SurveyResponse

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Sleeping takes no time and moves the clock; `slept` remembers every nap."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._elapsed += seconds

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed += seconds


class MemoryInMemory:
    """A connection's memory that forgets everything when the test ends."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self._leases: set[str] = set()
        self._lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self.items[key] for key in keys if key in self.items}

    def put(self, items: Mapping[str, str]) -> None:
        with self._lock:
            self.items.update(items)

    def forget(self, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self.items.pop(key, None)

    @contextmanager
    def lease(self, name: str, seconds: float) -> Iterator[bool]:
        with self._lock:
            held = name not in self._leases
            self._leases.add(name)
        try:
            yield held
        finally:
            if held:
                self._leases.discard(name)


class Notices(list[tuple[str, dict[str, object]]]):
    """Every notice a connector gave, as (event, facts)."""

    def __call__(self, event: str, /, **facts: object) -> None:
        self.append((event, facts))


class Calls:
    """How many HTTP requests were counted."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.count += 1


def fake_tools(
    connection: str = "vendor",
    *,
    clock: FakeClock | None = None,
    memory: MemoryInMemory | None = None,
    notice: Notices | None = None,
    count_call: Calls | None = None,
    time_zone: str = "UTC",
    folder: Path = Path(),
    pacing: Pacing | None = None,
) -> Tools:
    memory = MemoryInMemory() if memory is None else memory
    return Tools(
        connection=connection,
        memory=memory,
        credentials=memory,
        clock=FakeClock() if clock is None else clock,
        notice=Notices() if notice is None else notice,
        count_call=Calls() if count_call is None else count_call,
        time_zone=time_zone,
        folder=folder,
        pacing=pacing,
    )


# ---------------------------------------------------------------- what every source promises

Opens = Callable[[Tools], Source]


def source_keeps_its_promises(opens: Opens, *, now: datetime | None = None) -> None:
    """Read a source in every way npsync will; AssertionError names the promise that does not hold.

    `opens` opens it with the tools it is given, over a vendor that stands still meanwhile. Let it hold answers for
    several pages: a source of one page promises little.
    """
    clock = FakeClock(now or datetime.now(UTC))
    source = opens(fake_tools("pulse", clock=clock))
    try:
        pages = list(source.read(None, since=None))
        reading_on_loses_nothing(source, pages)
        a_cursor_survives_being_stored(source, pages)
        another_connection_reads_the_same(opens(fake_tools("pulse", clock=clock)), pages)
        since_bounds_the_first_read(source, pages)
        answers_are_whole("pulse", pages)
    finally:
        source.close()
    source.close()  # which may happen twice


def answers_by_id(pages: Iterable[Page]) -> dict[str, SurveyResponse]:
    return {one.id: one for page in pages for one in page.responses}


def reading_on_loses_nothing(source: Source, pages: Sequence[Page]) -> None:
    """From the cursor of any page, and what repeats is identical."""
    everything = answers_by_id(pages)
    for number, page in enumerate(pages, start=1):
        before = answers_by_id(pages[:number])
        after = answers_by_id(source.read(page.cursor, since=None))
        lost = everything.keys() - before.keys() - after.keys()
        assert not lost, f"reading on from page {number} loses {len(lost)} answers, like {min(lost)}"
        assert before | after == everything, (
            f"reading on from page {number} shows answers that were not there"
        )
        changed = [one for one in before.keys() & after.keys() if before[one] != after[one]]
        assert not changed, f"{changed[0]} is another answer when it is read again, and would count as edited"


def a_cursor_survives_being_stored(source: Source, pages: Sequence[Page]) -> None:
    """As JSON, in the store."""
    last = pages[-1].cursor
    stored = Cursor(orjson.loads(orjson.dumps(last.state)))
    read_on, read_on_stored = (answers_by_id(source.read(one, since=None)) for one in (last, stored))
    assert read_on == read_on_stored, "a cursor does not survive being stored as JSON"


def another_connection_reads_the_same(other: Source, pages: Sequence[Page]) -> None:
    found = answers_by_id(other.read(None, since=None))
    other.close()
    assert found == answers_by_id(pages), "a second connection reads other answers"


def since_bounds_the_first_read(source: Source, pages: Sequence[Page]) -> datetime:
    """From below, and nothing later is left out. The moment that was tried."""
    readable = {key: one for key, one in answers_by_id(pages).items() if not one.problem}
    moments = sorted(one.answered_at for one in readable.values())
    since = moments[len(moments) // 2].replace(microsecond=0)
    found = {
        key: one for key, one in answers_by_id(source.read(None, since=since)).items() if not one.problem
    }
    wanted = {key: one for key, one in readable.items() if one.answered_at >= since}
    assert found == wanted, f"since {since}: {len(found)} answers instead of {len(wanted)}"
    return since


def answers_are_whole(connection: str, pages: Sequence[Page]) -> None:
    """Named after their connection, with times in UTC, and None where nothing is known."""
    for page in pages:
        assert len(page.responses) <= 5_000, "a page is too large to be held"
    for one in answers_by_id(pages).values():
        assert one.source == connection, f"{one.id}: its source is the connection's name"
        assert one.id, "an answer without an id"
        moments = (one.answered_at, one.invited_at, one.updated_at)
        assert all(moment is None or moment.tzinfo is UTC for moment in moments), (
            f"{one.id}: a time is not UTC"
        )
        texts = (one.comment, one.email, one.phone, one.external_id, one.survey, one.channel)
        assert "" not in texts, f'{one.id}: what is not known is None, not ""'
