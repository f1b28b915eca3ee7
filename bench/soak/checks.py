"""What a soak must never find, counted."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import by_hand
from bench.soak.life import FIELDS, OBJECTS, Life
from bench.soak.processes import Ended
from bench.soak.toys import Sandbox

KINDS = ("lost", "wrong", "doubled", "conservation", "own pace", "crashed", "hanging", "unsettled")


@dataclass
class Findings:
    """Violations by kind, with a line for each that says where."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def add(self, kind: str, line: str) -> None:
        if (kind, line) not in self.lines:
            self.lines.append((kind, line))

    def count(self, kind: str) -> int:
        return sum(1 for of, _ in self.lines if of == kind)


def after_run(found: Findings, ended: Ended, named: str) -> None:
    """No run crashes or hangs, and what it pulled is in exactly one state."""
    if "Traceback" in ended.err:
        found.add("crashed", f"{named}: {ended.err.strip().splitlines()[-1][:200]}")
    report = ended.report
    if report is not None and "states" in report and sum(report["states"].values()) != report["pulled"]:
        found.add("conservation", f"{named}: {report['states']} are not {report['pulled']}")


def records(found: Findings, life: Life, when: str, *, excused: set[str] | None = None) -> int:
    """Every record shows what it must, but for those `excused`: their answer is a dead letter. How many were seen."""
    seen = 0
    for vendor in OBJECTS:
        rows = life.sandbox.contacts() if vendor == "salesforce" else life.sandbox.leads()
        seen += len(rows)
        wanted = life.truth(vendor)
        for row in rows:
            if str(row["id"]) in (excused or set()):
                continue
            for line in by_hand.differences([row], wanted):
                name = line.split(":")[0].split(".")[1]
                gone = row[name] is None and wanted[str(row["id"])][name] is not None
                found.add("lost" if gone else "wrong", f"{when}: {vendor} {line}")
    return seen


def writes(found: Findings, life: Life, when: str) -> tuple[int, int]:
    """No field changed more often than there were reasons to. Effective writes, and those that changed nothing."""
    effective, idle = 0, 0
    for vendor, object in OBJECTS.items():
        changed: Counter[tuple[str, str]] = Counter()
        for write in life.sandbox.call("GET", f"/traffic/writes/{vendor}/{object}"):
            for name, (old, new) in write["fields"].items():
                changed[write["id"], name] += old != new
                effective += old != new
                idle += old == new
        reasons = life.reasons(vendor)
        for (record, name), times in changed.items():
            if name not in FIELDS[vendor]:
                found.add("wrong", f"{when}: {vendor} {record}.{name} is not ours, and was written")
            elif (vendor, record) not in life.merged and times > reasons[record]:
                found.add(
                    "doubled",
                    f"{when}: {vendor} {record}.{name} changed {times} times for {reasons[record]} reasons",
                )
    return effective, idle


def limits(found: Findings, sandbox: Sandbox, when: str) -> None:
    """The vendors' own limits were never reached by our pace. A spent day is somebody else's doing."""
    for vendor, told in sandbox.call("GET", "/traffic").items():
        for name, times in told["limits_met"].items():
            if name != "daily":
                found.add("own pace", f"{when}: {vendor} {name} was met {times} times")


def store(found: Findings, path: Path, sandbox: Sandbox, when: str) -> None:
    """Every answer the survey tool has is stored, and each version is in exactly one state of each sync."""
    at_vendor = {str(row["id"]) for row in sandbox.rows("wootric", "responses")}
    stored = {str(row[0]) for row in _rows(path, "SELECT DISTINCT source_id FROM response")}
    for answer in sorted(at_vendor - stored):
        found.add("lost", f"{when}: answer {answer} is not stored")
    twice = _rows(
        path,
        "SELECT sync, response, count(*) FROM (SELECT sync, response FROM answer_state UNION ALL "
        "SELECT sync, response FROM work) GROUP BY sync, response HAVING count(*) > 1",
    )
    for sync, response, count in twice:
        found.add("conservation", f"{when}: version {response} has {count} states in {sync}")
    nowhere = _rows(
        path,
        "SELECT s.sync, r.id FROM response r JOIN (SELECT DISTINCT sync FROM answer_state) s "
        "WHERE NOT EXISTS (SELECT 1 FROM answer_state a WHERE a.sync = s.sync AND a.response = r.id) "
        "AND NOT EXISTS (SELECT 1 FROM work w WHERE w.sync = s.sync AND w.response = r.id)",
    )
    for sync, response in nowhere:
        found.add("conservation", f"{when}: version {response} has no state in {sync}")


def letters(path: Path) -> set[str]:
    """Records whose answer is set aside as an open dead letter."""
    return {
        str(row[0])
        for row in _rows(path, "SELECT record_id FROM dead_letter WHERE status = 'open'")
        if row[0] is not None
    }


def _rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()
