"""`npsync health`, as a container asks it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nps.errors import ConfigError
from npsync.cli import application
from npsync.clock import SystemClock
from store import open_store
from store.api import Serving


@pytest.fixture
def folder(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "npsync.yaml").write_text("store: sqlite:///npsync.db\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(*words: str) -> tuple[int, str]:
    ended = CliRunner().invoke(application(), ["health", *words])
    return ended.exit_code, ended.stdout


def ticking(
    ago: timedelta = timedelta(0),
    *,
    owner: str = "here",
    kind: str = "serve",
    mark: str = "m",
    problem: str | None = None,
) -> None:
    store, now = open_store("sqlite:///npsync.db"), SystemClock().now()
    store.migrate()
    began = now - timedelta(hours=1)
    one = Serving(
        owner=owner,
        kind=kind,
        began_at=began,
        seen_at=now - ago,
        config_at=began,
        mark=mark,
        problem=problem,
    )
    store.note_serving(one)
    store.close()


def test_it_succeeds_while_all_is_well(folder: Path):
    ticking()
    assert asked() == (0, "All is well.\n")
    code, told = asked("--json")
    assert (code, json.loads(told)["status"]) == (0, "ok")


def test_it_fails_and_says_why_when_no_clock_ticks(folder: Path):
    ticking(ago=timedelta(hours=1))
    code, told = asked()
    assert code == 1
    assert "no clock ticks" in told


def test_a_worker_has_no_clock(folder: Path):
    ticking(kind="worker")
    code, told = asked()
    assert code == 1
    assert "no clock ticks (never seen)" in told


def test_all_is_well_beside_a_worker_with_another_config_and_the_next_step_is_told(folder: Path):
    ticking()
    ticking(owner="there:12:a:1.0", kind="worker", mark="older")
    code, told = asked()
    words = " ".join(told.split())
    assert (code, words.startswith("All is well.")) == (0, True)
    assert "npsync worker (there, process 12) goes by another config than npsync serve (here)" in words
    assert "Next: bring the same file to both" in words
    [remark] = json.loads(asked("--json")[1])["remarks"]
    assert "there, process 12" in remark


def test_a_store_that_is_not_there_is_not_made(folder: Path):
    for left in folder.glob("npsync.db*"):
        left.unlink()
    code, told = asked()
    assert code == 1
    assert "store" in told
    assert not list(folder.glob("npsync.db*"))


def test_a_web_that_does_not_answer_is_told(folder: Path):
    ticking()
    code, told = asked("--web", "127.0.0.1:9")
    assert (code, "127.0.0.1:9 is not ready" in told) == (1, True)


def test_a_file_that_a_running_serve_refused_is_told_with_its_problem_though_all_is_well(folder: Path):
    ticking(problem='npsync.yaml:9:9: sync.a: its test "a nine" fails')
    code, told = asked()
    words = " ".join(told.split())
    assert (code, words.startswith("All is well.")) == (0, True)
    assert 'goes on by the one before: npsync.yaml:9:9: sync.a: its test "a nine" fails.' in words


def test_a_file_that_cannot_be_read_stops_the_question_and_not_the_serve_that_runs(folder: Path):
    (folder / "npsync.yaml").write_text("store: [\n", encoding="utf-8")
    ended = CliRunner().invoke(application(), ["health"])
    assert isinstance(ended.exception, ConfigError)
    assert "npsync.yaml:2:1: the file ends before a bracket, [ or {, is closed" in str(ended.exception)
    assert "A running npsync serve goes on by the file as it was" in str(ended.exception)


def test_what_a_clock_that_was_ahead_has_noted_is_no_sign_of_life_and_is_told(folder: Path):
    ticking(ago=-timedelta(days=40))
    code, told = asked()
    assert (code, "no clock ticks" in told) == (1, True)
    assert "the clock of a machine is wrong, or was" in " ".join(told.split())
    ticking(owner="now")
    code, told = asked()
    assert (code, told.startswith("All is well.")) == (0, True)
    assert "is still to come" in " ".join(told.split())
