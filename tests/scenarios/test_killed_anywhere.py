"""The real process, killed at a sample of the points where it touches the world. `make crash` takes all of them."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from postgres_server import PostgresServer, database_name, running_postgres

from bench.crash.harness import Databases, Tally, kill_everywhere, nurseries, prepared, sample, spread
from bench.crash.processes import Nursery
from bench.crash.scenarios import SCENARIOS, Scenario

WRITE_ANSWERED = "answered PATCH salesforce/composite/sobjects"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with nurseries(1) as (nursery,):
        yield nursery


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with (
        tempfile.TemporaryDirectory() as data,  # pytest's own folders are closed to the server's user
        running_postgres(Path(data)) as server,
    ):
        yield server


def killed(
    name: str, count: int, nursery: Nursery, folder: Path, databases: Databases | None = None
) -> Tally:
    with prepared(by_name(name), nursery, folder, databases) as ready:
        return kill_everywhere(ready, [nursery], [(at, 0) for at in sample(ready.boundaries, count)])


def by_name(name: str) -> Scenario:
    return next(one for one in SCENARIOS if one.name == name)


def tell(tally: Tally, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(
            f"\n{tally.scenario}: {len(tally.killed)} kills at {len(tally.boundaries)} boundaries, "
            f"{sum(one.batches for one in tally.kills)} batches found open, {len(tally.violations)} violations"
        )


@pytest.mark.parametrize(
    ("scenario", "count"),
    [
        ("collections, edits and withdrawals", 8),
        ("bulk jobs, first run", 8),
        ("HubSpot batches, edits and withdrawals", 6),
        ("undo by bulk jobs", 5),
    ],
)
def test_wherever_it_is_killed_nothing_is_lost_doubled_or_unexplained(
    scenario: str, count: int, nursery: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    tally = killed(scenario, count, nursery, tmp_path)
    tell(tally, capsys)
    assert tally.violations == []
    assert len(tally.killed) >= count - 2  # threads: a run may come to a boundary less
    assert sum(one.batches for one in tally.kills) > 0
    assert "bulk" not in scenario or sum(one.jobs for one in tally.kills) > 0


KILLS = int(os.environ.get("NPSYNC_KILLS", "6"))  # make properties: 200


@pytest.mark.timeout(0 if KILLS > 20 else 300)
def test_one_task_for_an_answer_wherever_it_is_killed_and_whatever_reply_is_lost(
    nursery: Nursery, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """The contacts that show a bad score have one task each, every answer is kept once, every promoter listed once."""
    with prepared(by_name("tasks, kept answers and campaigns"), nursery, tmp_path) as ready:
        opened = [n for n, name in enumerate(ready.boundaries, 1) if name.endswith("_entries")]
        following = range(opened[0], opened[-1] + 1)
        points = [(at, 0) for at in spread(following, min(KILLS, len(following)))]
        again = ((at, 1 + at * 7 % len(ready.boundaries)) for at in itertools.cycle(following))
        tally = kill_everywhere(ready, [nursery], [*points, *itertools.islice(again, KILLS - len(points))])
    tell(tally, capsys)
    assert tally.violations == []
    assert len(tally.killed) >= KILLS * 9 // 10
    assert sum(one.entries > 0 for one in tally.kills) >= 2  # while tasks or answers were under way


def test_wherever_it_is_killed_on_postgresql_it_is_the_same(
    nursery: Nursery, postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    @contextmanager
    def database(template: str | None) -> Iterator[str]:
        yield postgres.new_database(database_name(template) if template else "template1")

    tally = killed("PostgreSQL, collections", 5, nursery, tmp_path, database)
    tell(tally, capsys)
    assert tally.violations == []
    assert sum(one.batches for one in tally.kills) > 0


def test_without_the_journal_a_kill_leaves_writes_that_nothing_explains(nursery: Nursery, tmp_path: Path):
    """What the others prove is the journal's doing: without its intents the same kills are violations."""
    with prepared(by_name("collections, first run"), nursery, tmp_path) as ready:
        answered = [number for number, name in enumerate(ready.boundaries, 1) if name == WRITE_ANSWERED]
        points = [(answered[0], 0), (answered[-1], 0)]
        with_it = kill_everywhere(ready, [nursery], points)
        without = kill_everywhere(ready, [nursery], points, without_journal=True)
    assert with_it.violations == []
    assert any("the journal does not confirm it" in one for one in without.violations)
    assert sum(one.batches for one in with_it.kills) > 0 == sum(one.batches for one in without.kills)
