"""What must be true when a soak of serve has ended."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression, mean, quantiles
from typing import Any

from bench.intake import ids_in
from bench.soak_serve.serving import Sample, Serving
from npsync.schedule import spread_of

LATE = 5.0  # seconds after a due time is too late, while serve is up
STARTING = 20.0  # seconds after a start in which it may still catch up
WARM = 420.0  # seconds after which a process has done once what comes again: what is verified every five minutes, too
LONG = 480.0  # seconds beyond which a slope is more than where in a run its first and last sample fell
GROWTH = 0.3  # MB a minute
MB = 1_000_000


@dataclass
class Checks:
    failed: int = 0

    def tell(self, name: str, problems: Sequence[str], facts: str) -> None:
        self.failed += bool(problems)
        print(f"{'FAILED' if problems else 'ok    '} {name}: {facts}", flush=True)
        for problem, times in Counter(problems).most_common(12):
            print(f"         {problem}" + (f" ({times} times)" if times > 1 else ""), flush=True)


# ------------------------------------------------------------ memory


def memory(samples: Iterable[Sample], minutes: float) -> tuple[list[str], str]:
    """Of each process that lived long enough for it to mean anything: how the least it had in a minute grew, once it
    was warm. What a run has for a while comes and goes."""
    warm, long = min(WARM, minutes * 60 / 4), min(LONG, minutes * 60 / 4)
    lives: defaultdict[tuple[str, int], list[Sample]] = defaultdict(list)
    for sample in samples:
        lives[sample.who, sample.pid].append(sample)
    problems, facts, judged = [], [], set[str]()
    for (who, _), life in lives.items():
        after = [one for one in life if one.at - life[0].at >= warm]
        if not after or after[-1].at - after[0].at < long:
            continue
        judged.add(who)
        least: dict[int, float] = {}
        for one in after:
            minute = int(one.at - after[0].at) // 60
            least[minute] = min(one.bytes / MB, least.get(minute, one.bytes / MB))
        slope = linear_regression(list(least), list(least.values())).slope
        sizes = [one.bytes / MB for one in after]
        lasted = (after[-1].at - after[0].at) / 60
        facts.append(
            f"{who} {mean(sizes[:12]):.1f} → {mean(sizes[-12:]):.1f} MB in {lasted:.0f} min "
            f"({slope:+.2f} MB/min, most {max(sizes):.0f})"
        )
        if slope > GROWTH:
            problems.append(f"{who} grows by {slope:.2f} MB a minute")
    problems += [f"no {who} lived long enough" for who in ("serve", "web") if who not in judged]
    return problems, "; ".join(facts)


# ------------------------------------------------------------ the clock


def ticks(serving: Serving) -> tuple[list[str], str]:
    """Every due time was kept once and told; each led to the one it named; none late while serve was up. One that was
    handed back has two notes: a late one of whoever took it next is not late for that."""
    rows = _rows(serving.store, "SELECT sync, due_at, outcome, noted_at, next_at FROM tick ORDER BY id")
    installation = str(
        _rows(serving.store, "SELECT value FROM memory WHERE connection = 'clock/installation'")[0][0]
    )
    problems, late = taken_once(serving.store), []
    expected: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()
    for sync, due, outcome, noted, following in rows:
        if sync in expected and expected[sync] is not None and due > expected[sync]:
            problems.append(f"{sync}: {(due - expected[sync]) / 1000:.0f} s of due times were missed")
        expected[sync] = following
        gap = timedelta(milliseconds=(following or due) - due)
        behind = (noted - due) / 1000 - spread_of(installation, sync, None, gap).total_seconds()
        first = (sync, due) not in seen
        seen.add((sync, due))
        if first and outcome != "caught_up" and _long_up(serving, due / 1000):
            late.append(behind)
            if behind > LATE:
                problems.append(f"{sync}: {outcome} {behind:.1f} s late")
    outcomes = ", ".join(f"{times} {name}" for name, times in Counter(row[2] for row in rows).most_common())
    p99 = quantiles(late, n=100)[98] if len(late) > 1 else 0.0
    return (
        problems,
        f"{len(rows)} due times: {outcomes}; late by {p99:.1f} s at p99, {max(late, default=0):.1f} at most",
    )


def taken_once(store: Path) -> list[str]:
    """Nobody took a due time that another still had, nobody kept one that was kept, and none that was handed back was
    left lying: somebody kept it, or it is due."""
    notes: defaultdict[tuple[str, int], list[tuple[str, int, int | None]]] = defaultdict(list)
    for sync, due, *note in _rows(
        store, "SELECT sync, due_at, outcome, noted_at, ended_at FROM tick ORDER BY id"
    ):
        notes[sync, due].append((note[0], note[1], note[2]))
    due_next = dict(_rows(store, "SELECT sync, due_at FROM schedule"))
    problems = []
    for (sync, due), of_it in notes.items():
        kept = [outcome for outcome, *_ in of_it if outcome != "handed_back"]
        if len(kept) > 1:
            problems.append(f"{sync}: a due time was taken {len(kept)} times")
        if not kept and due_next.get(sync, due + 1) > due:
            problems.append(f"{sync}: a due time was handed back, and nobody took it again")
        if any(ended is None or ended > began for (*_, ended), (_, began, _) in pairwise(of_it)):
            problems.append(f"{sync}: a due time was taken from one who still had it")
    return problems


def _long_up(serving: Serving, moment: float) -> bool:
    return any(began + STARTING < moment < ended - 1 for began, ended in serving.up)


def runs(serving: Serving) -> tuple[list[str], str]:
    rows = _rows(
        serving.store, "SELECT sync, status, started_at, ended_at FROM run WHERE kind = 'run' ORDER BY id"
    )
    problems, ended = [], dict[str, int]()
    for sync, status, began, end in rows:
        if began < ended.get(sync, 0):
            problems.append(f"two runs of {sync} at a time")
        ended[sync] = max(ended.get(sync, 0), end or began)
        if end is None:
            problems.append(f"a run of {sync} never ended")
        if status == "stopped_by_breaker":
            problems.append(f"a run of {sync} was stopped by the breaker")
    counted = Counter(f"{status}" for _, status, *_ in rows)
    return problems, f"{len(rows)} runs: " + ", ".join(
        f"{times} {name}" for name, times in counted.most_common()
    )


def ends(serving: Serving) -> tuple[list[str], str]:
    """How long an end took at most, and for what it waited then."""
    waited, slowest, began, places = 0.0, "nothing", None, list[str]()
    for line in serving.lines():
        if line["event"] == "stopping":
            began, places = datetime.fromisoformat(line["timestamp"]), []
        elif line["event"] == "waiting_for":
            places += [one for one in line["places"] if one not in places]
        elif line["event"] == "stopped" and began is not None:
            lasted = (datetime.fromisoformat(line["timestamp"]) - began).total_seconds()
            if lasted >= waited:
                waited, slowest = lasted, ", ".join(places) or "nothing"
            began = None
    facts = f"ended by SIGTERM in {serving.slow_to_end:.1f} s at most, {waited:.1f} of them for {slowest}"
    return [f"exit {code}" for code in serving.codes if code], facts


# ------------------------------------------------------------ what people saw, what the log says


def log(serving: Serving, secrets: Iterable[str], addresses: Iterable[str]) -> tuple[list[str], str]:
    text = serving.log.read_text("utf-8", errors="replace")
    lines = serving.lines()
    events = Counter(str(one.get("event")) for one in lines)
    problems = [f"a line that is no event: {one['line'][:160]}" for one in lines if not one["event"]]
    if "Traceback (most recent" in text:
        problems.append("a traceback")
    problems += [
        f"{one['event']}: {str(one.get('problem', ''))[-300:]}" for one in lines if one["event"] in _BAD
    ]
    problems += [
        f"request {one['method']} {one['route']}: {one['status']}"
        for one in lines
        if one["event"] == "request" and one["status"] >= 500 and not str(one["route"]).startswith("/health")
    ]
    problems += [f"a secret of {len(one)} characters" for one in set(secrets) if one in text]
    problems += ["a customer's address" for one in set(addresses) if one in text][:1]
    return problems, f"{len(lines):,} lines; " + ", ".join(f"{n} {name}" for name, n in events.most_common(8))


_BAD = (
    "run_crashed",
    "library_failed",
    "turn_crashed",
    "action_crashed",
    "tick_failed",
    "web_failed",
    "web_ended",
    "web_crashed",
)


def events(store: Path, acknowledged: Sequence[str]) -> tuple[list[str], str]:
    stored = ids_in(store)
    missing = [one for one in acknowledged if one not in stored]
    return [
        f"event {one} is not stored" for one in missing
    ], f"{len(acknowledged)} acknowledged, {len(stored)} stored"


def mails(store: Path, messages: Sequence[dict[str, Any]]) -> tuple[list[str], str]:
    """Nobody got one invitation twice, and what the ledger says was sent is what lies in the inbox."""
    links = Counter(
        next((one.partition("?")[0] for one in mail["links"] if "/s/" in one), "") for mail in messages
    )
    problems = [
        f"an invitation was mailed {times} times" for link, times in links.items() if link and times > 1
    ]
    by_state = dict(_rows(store, "SELECT state, count(*) FROM invitation GROUP BY state"))
    return problems, f"{len(messages)} mails; invitations: {by_state}"


def conservation(store: Path) -> tuple[list[str], str]:
    """Each version is in exactly one state of each sync that has seen it."""
    twice = _rows(
        store,
        "SELECT sync, count(*) FROM (SELECT sync, response FROM answer_state UNION ALL "
        "SELECT sync, response FROM work) GROUP BY sync, response HAVING count(*) > 1",
    )
    counts = _rows(store, "SELECT sync, state, count(*) FROM answer_state GROUP BY sync, state")
    told = defaultdict(list)
    for sync, state, count in counts:
        told[sync].append(f"{count} {state}")
    facts = "; ".join(f"{sync}: {', '.join(states)}" for sync, states in sorted(told.items()))
    return [f"{sync}: a version with {count} states" for sync, count in twice], facts


def _rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as connection:
        return connection.execute(sql).fetchall()
