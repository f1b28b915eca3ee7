"""One kill and its restarts: prepared once per scenario, repeated for every boundary."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue

from bench.crash.processes import KILLED, NEVER, Copy, Nursery, Town
from bench.crash.scenarios import Scenario, copy_records, live_on, settle_in, write_config
from bench.crash.verdict import Left, Memory, is_settled, left_behind, made, remembered, violations
from store import open_store

MOST_RESTARTS = 4
Databases = Callable[[str | None], AbstractContextManager[str]]
"""A PostgreSQL database for the length of a `with`, by its URL: a copy of the one given, or an empty one."""


@dataclass(frozen=True)
class Killed:
    """What became of one kill."""

    boundary: str  # where it died; empty if the run ended before it came there
    violations: tuple[str, ...] = ()
    restarts: int = 0
    batches: int = 0  # found open after the kill
    jobs: int = 0  # of those, with a job to ask
    entries: int = 0  # of the outbox, found open


@dataclass
class Tally:
    """All kills of one scenario. `boundaries` are those of the run without a kill."""

    scenario: str
    boundaries: Sequence[str]
    kills: list[Killed] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        return [f"killed {one.boundary}: {problem}" for one in self.kills for problem in one.violations]

    @property
    def killed(self) -> list[Killed]:
        return [one for one in self.kills if one.boundary]

    def kinds(self) -> Counter[str]:
        """Kills by the kind of boundary: before, after, sent, answered."""
        return Counter(one.boundary.partition(" ")[0] for one in self.killed)


class Prepared:
    """A scenario ready to be killed: its town, its store before the command, and what comes of the command when nothing
    happens. Several threads may kill, each with a nursery of its own."""

    def __init__(
        self,
        scenario: Scenario,
        town: Town,
        nursery: Nursery,
        folder: Path,
        databases: Databases | None = None,
    ) -> None:
        self.scenario, self._town, self._folder, self._databases = scenario, town, folder, databases
        self._template: str | None = None
        self._before = Memory()
        settled = settle_in(town)
        if scenario.later or scenario.undo:
            with self._place() as place, town.copy() as copy:
                place.whole(nursery, copy, "first.log", scenario.run)
                copy_records(copy, town, scenario.syncs)
                self._template = self._kept(place.url)
                self._before = remembered(place.url)
        if scenario.later:
            live_on(town, settled)
        with self._place() as place, town.copy() as copy:
            place.whole(nursery, copy, "clean.log", scenario.command)
            self.boundaries = place.boundaries("clean.log")
            self._reference = replace(
                remembered(place.url), made=made(scenario, copy) if scenario.after else Counter()
            )
            problems = violations(scenario, place.url, copy, Left(), (), self._before, self._reference)
            if problems:
                raise RuntimeError(f"{scenario.name}: wrong without any kill: {problems[:5]}")

    def kill(self, nursery: Nursery, at: int, *, again: int = 0, without_journal: bool = False) -> Killed:
        """Kill the command at its boundary number `at`; with `again` its restart too, at that one of its own."""
        with self._place() as place, self._town.copy() as copy:
            if self.scenario.lost:
                copy.lose_replies(*self.scenario.giving_tasks, self.scenario.lost)
            ended = place.command(
                nursery,
                copy,
                "victim.log",
                self.scenario.command,
                die_at=self._named(at),
                without_journal=without_journal,
            )
            if ended != KILLED:
                return Killed("", () if ended in (0, 3) else (f"exit {ended}: {place.said()}",))
            where = place.boundaries("victim.log")[-1]
            left = left_behind(self.scenario, place.url, copy)
            logs: list[Path] = []
            if again:
                second = place.command(
                    nursery, copy, "again.log", self.scenario.restarts[0], die_at=("", again)
                )
                if second == KILLED:
                    where += f", then {place.boundaries('again.log')[-1]}"
                    left = _also(left, left_behind(self.scenario, place.url, copy))
                else:  # it was through before it came there
                    logs.append(place.folder / "again.log")
            restarted, problems = self._restarted(place, nursery, copy)
            logs += restarted
            found = problems or violations(
                self.scenario, place.url, copy, left, logs, self._before, self._reference
            )
            return Killed(where, tuple(found), len(logs), left.batches, left.jobs, left.entries)

    def _named(self, at: int) -> tuple[str, int]:
        """A boundary of the run without a kill, by its name and how often it had come there."""
        name = self.boundaries[at - 1]
        return name, self.boundaries[:at].count(name)

    def _restarted(self, place: _Place, nursery: Nursery, copy: Copy) -> tuple[list[Path], list[str]]:
        """Start it again until everything is settled; the logs of the restarts, and why they did not get there."""
        logs: list[Path] = []
        commands = [*self.scenario.restarts, *[self.scenario.restarts[-1]] * MOST_RESTARTS]
        for number, command in enumerate(commands, start=1):
            log = f"restart-{number}.log"
            ended = place.command(nursery, copy, log, command)
            logs.append(place.folder / log)
            if ended not in (0, 3):
                return logs, [f"a restart ended with {ended}: {place.said()}"]
            if number >= len(self.scenario.restarts) and is_settled(place.url):
                return logs, []
        return logs, [f"not settled after {len(logs)} restarts: {place.said()}"]

    # ------------------------------------------------------------ places

    @contextmanager
    def _place(self) -> Iterator[_Place]:
        """A folder with a configuration and a store as it was before the command."""
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="kill-") as name:
            folder = Path(name)
            with self._store(folder) as url:
                write_config(self.scenario, folder, url)
                yield _Place(folder, url, self.scenario)

    @contextmanager
    def _store(self, folder: Path) -> Iterator[str]:
        if self._databases is not None:
            with self._databases(self._template) as url:
                yield url
            return
        file = folder / "npsync.db"
        if self._template is not None:
            file.write_bytes(Path(self._template).read_bytes())
        yield f"sqlite:///{file}"

    def _kept(self, url: str) -> str:
        """The store as it is now, for all places to come. What was due is due again."""
        store = open_store(url)
        try:
            with store.database.write() as tx:
                tx.run("UPDATE schedule SET due_at = 0")
            if self._databases is not None:
                return url
            kept = self._folder / "template.db"
            store.backup(kept)
            return str(kept)
        finally:
            store.close()


@dataclass(frozen=True)
class _Place:
    folder: Path
    url: str
    scenario: Scenario

    def whole(self, nursery: Nursery, copy: Copy, log: str, arguments: Sequence[str]) -> None:
        """A command without a kill."""
        ended = self.command(nursery, copy, log, arguments)
        if ended not in (0, 3) or not is_settled(self.url):
            raise RuntimeError(f"{self.scenario.name}: without any kill it ends with {ended}: {self.said()}")

    def command(
        self,
        nursery: Nursery,
        copy: Copy,
        log: str,
        arguments: Sequence[str],
        *,
        die_at: tuple[str, int] = NEVER,
        without_journal: bool = False,
    ) -> int:
        return nursery.run(
            arguments, self.folder, copy.env, log=log, die_at=die_at, without_journal=without_journal
        )

    def boundaries(self, log: str) -> list[str]:
        """Those a process came to, in order."""
        path = self.folder / log
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [line.split("\t")[1] for line in lines]

    def said(self) -> str:
        return " ".join((self.folder / name).read_text(encoding="utf-8")[-500:] for name in ("out", "err"))


def _also(first: Left, second: Left) -> Left:
    return replace(
        second,
        written=first.written | second.written,
        batches=first.batches + second.batches,
        entries=first.entries + second.entries,
        jobs=first.jobs + second.jobs,
        violations=(*first.violations, *second.violations),
    )


# ------------------------------------------------------------ many kills


@contextmanager
def prepared(
    scenario: Scenario, nursery: Nursery, folder: Path, databases: Databases | None = None
) -> Iterator[Prepared]:
    town = Town()
    try:
        yield Prepared(scenario, town, nursery, folder, databases if scenario.postgres else None)
    finally:
        town.close()


@contextmanager
def nurseries(count: int) -> Iterator[list[Nursery]]:
    opened = [Nursery() for _ in range(count)]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()


def sample(boundaries: Sequence[str], count: int) -> list[int]:
    """So many boundaries, each of another name: half of them where something is written or journalled, the others
    spread over the run."""
    numbers: dict[str, int] = {}
    for number, name in enumerate(boundaries, start=1):
        numbers.setdefault(name, number)
    writing = [number for name, number in numbers.items() if _WRITING.search(name)]
    others = [number for name, number in numbers.items() if not _WRITING.search(name)]
    half = min(count // 2, len(writing))
    return sorted([*spread(writing, half), *spread(others, count - half)])


def spread(numbers: Sequence[int], count: int) -> list[int]:
    """So many of these, as evenly as they go."""
    return [numbers[place * len(numbers) // count] for place in range(min(count, len(numbers)))]


_WRITING = re.compile("open_batches|settle_batches|remember|sobjects|jobs/ingest|batch/update")


def kill_everywhere(
    scenario: Prepared,
    nurseries: Sequence[Nursery],
    points: Sequence[tuple[int, int]],
    *,
    without_journal: bool = False,
) -> Tally:
    """Kill at every point (a boundary, and one of the restart or 0), as many at a time as there are nurseries."""
    free: SimpleQueue[Nursery] = SimpleQueue()
    for one in nurseries:
        free.put(one)

    def kill(point: tuple[int, int]) -> Killed:
        nursery = free.get()
        try:
            return scenario.kill(nursery, point[0], again=point[1], without_journal=without_journal)
        finally:
            free.put(nursery)

    tally = Tally(scenario.scenario.name, scenario.boundaries)
    with ThreadPoolExecutor(len(nurseries)) as pool:
        tally.kills = list(pool.map(kill, points))
    return tally
