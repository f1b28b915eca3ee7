"""The soak of serve (`make soak-serve`): its file is a good one, and its checks find what they are there to find."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.soak_serve import checks, setting
from bench.soak_serve.serving import Sample, Serving
from bench.soak_serve.visitors import kind_of
from npsync.config import load

MINUTE = 60_000
BEGAN = 1_700_000_000.0


def life(
    growth: float, *, who: str = "serve", pid: int = 1, minutes: int = 20, noise: float = 0.0
) -> list[Sample]:
    """MB a minute, after two of loading and some at once in the seventh. `noise`: so many MB more while a run is under
    way, each minute for a while."""
    sizes = [
        100 + 20 * min(at / 120, 1) + 7 * (at > 370) + growth * at / 60 + noise * (at % 60 < 25)
        for at in range(0, minutes * 60, 5)
    ]
    return [Sample(5.0 * number, pid, who, int(size * checks.MB)) for number, size in enumerate(sizes)]


def test_its_file_has_four_syncs_and_two_triggers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SALESFORCE", "HUBSPOT", "WOOTRIC"):
        monkeypatch.setenv(f"{name}_URL", "http://127.0.0.1:1")
    for name in ("SF_ID", "SF_SECRET", "HUBSPOT_TOKEN", "WOOTRIC_ID", "WOOTRIC_SECRET"):
        monkeypatch.setenv(name, f"a-{name}-of-the-soak")
    for name, value in {"HOST": "127.0.0.1", "PORT": "25", "USER": "u", "PASSWORD": "a-password"}.items():
        monkeypatch.setenv(f"SMTP_{name}", value)
    config = load(setting.written(tmp_path, 8652))
    assert sorted(config.sync) == sorted(setting.SYNCS)
    assert len(config.triggers) == 2


def test_memory_that_grows_is_found_and_loading_is_not_taken_for_it() -> None:
    web = life(0.0, who="web", pid=2)
    assert checks.memory([*life(0.0), *web], 30)[0] == []
    assert checks.memory([*life(0.9), *web], 30)[0] == ["serve grows by 0.90 MB a minute"]


@pytest.mark.parametrize("minutes", [16, 17, 19, 26])
def test_what_a_run_needs_for_a_while_hides_no_leak_and_is_none(minutes: int) -> None:
    web = life(0.0, who="web", pid=2, minutes=minutes, noise=4.0)
    assert checks.memory([*life(0.0, minutes=minutes, noise=4.0), *web], 30)[0] == []
    [told] = checks.memory([*life(0.5, minutes=minutes, noise=4.0), *web], 30)[0]
    assert told.startswith("serve grows by")


def test_a_process_that_did_not_live_long_enough_is_no_proof() -> None:
    short = life(0.0, minutes=14)
    assert checks.memory([*short, *life(0.0, who="web", pid=2)], 30)[0] == ["no serve lived long enough"]
    assert checks.memory(life(0.0), 30)[0] == ["no web lived long enough"]


def test_what_an_end_waited_for_is_told(tmp_path: Path) -> None:
    serving = Serving(tmp_path, {}, 1, codes=[0, 0], slow_to_end=3.9)
    lines = [
        ("10:00:00", "stopping", []),
        ("10:00:01", "waiting_for", ["nps", "csat"]),
        ("10:00:03", "waiting_for", ["nps"]),
        ("10:00:03.5", "stopped", []),
        ("10:30:00", "stopping", []),
        ("10:30:00.1", "stopped", []),
    ]
    serving.log.write_text(
        "\n".join(
            json.dumps({"event": event, "places": places, "timestamp": f"2026-03-02T{at}Z"})
            for at, event, places in lines
        )
    )
    assert checks.ends(serving) == ([], "ended by SIGTERM in 3.9 s at most, 3.5 of them for nps, csat")


def kept(
    due: int, outcome: str, late: int, following: int, lasted: int | None = 200
) -> tuple[int | str | None, ...]:
    """What the clock notes of one due time, as it stands in the table: minutes, and milliseconds after it."""
    began = int(BEGAN * 1000) + due * MINUTE
    ended = None if lasted is None else began + late + lasted
    return began, outcome, began + late, began - due * MINUTE + following * MINUTE, ended


@pytest.mark.parametrize(
    ("ticks", "found"),
    [
        ([kept(0, "started", 500, 1), kept(1, "started", 400, 2), kept(2, "skipped_overlap", 300, 3)], []),
        ([kept(0, "started", 500, 1), kept(2, "started", 400, 3)], ["60 s of due times were missed"]),
        ([kept(0, "started", 500, 1), kept(1, "started", 59_000, 2)], ["s late"]),
        ([kept(0, "started", 500, 1), kept(0, "started", 900, 1)], ["a due time was taken 2 times"]),
        ([kept(0, "handed_back", 500, 1), kept(0, "started", 30_000, 1)], []),
        (
            [kept(0, "handed_back", 500, 1, lasted=2000), kept(0, "started", 600, 1)],
            ["taken from one who still had it"],
        ),
        ([kept(0, "handed_back", 500, 1), kept(1, "started", 500, 2)], ["nobody took it again"]),
    ],
)
def test_a_due_time_that_is_missed_late_or_kept_twice_is_found(
    tmp_path: Path, sqlite_url: str, ticks: list[tuple[int | str | None, ...]], found: list[str]
) -> None:
    serving = Serving(tmp_path, {}, 1)
    serving.up.append((BEGAN - 3600, BEGAN + 3600))
    with closing(sqlite3.connect(serving.store)) as store, store:
        store.execute("INSERT INTO memory (connection, key, value) VALUES ('clock/installation', 'id', 'x')")
        store.executemany(
            "INSERT INTO tick (sync, due_at, outcome, noted_at, next_at, ended_at) VALUES ('nps', ?, ?, ?, ?, ?)",
            ticks,
        )
    problems, _ = checks.ticks(serving)
    assert len(problems) == len(found)
    for problem, part in zip(problems, found, strict=True):
        assert part in problem


def test_what_was_handed_back_at_the_end_is_due(tmp_path: Path, sqlite_url: str) -> None:
    serving = Serving(tmp_path, {}, 1)
    handed_back = kept(0, "handed_back", 500, 1)
    with closing(sqlite3.connect(serving.store)) as store, store:
        store.execute("INSERT INTO schedule (sync, due_at, paused) VALUES ('nps', ?, 0)", handed_back[:1])
        store.execute(
            "INSERT INTO tick (sync, due_at, outcome, noted_at, next_at, ended_at) VALUES ('nps', ?, ?, ?, ?, ?)",
            handed_back,
        )
    assert checks.taken_once(serving.store) == []


def test_pages_are_told_apart_by_kind_not_by_record() -> None:
    assert kind_of("/customers/crm/003Hs000001?page=2") == "/customers/crm/…"
    assert kind_of("/api/v1/runs") == "/api/v1/runs"
