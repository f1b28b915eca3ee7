"""How to use the API: every example of the page is run against it. How to watch npsync: every metric that is named
there or alerted by is one that is told."""

from __future__ import annotations

import os
import re
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from answered import NOW, SYNC, matched, people
from api_desk import ApiDesk
from browsing import serving
from ruamel.yaml import YAML

from npsync.sign_in import tokens
from store.api import Stand

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "use-the-api.md").read_text("utf-8")
MONITOR = (ROOT / "docs" / "how-to" / "monitor.md").read_text("utf-8")
ALERTS = (ROOT / "deploy" / "prometheus-alerts.yaml").read_text("utf-8")
METRIC = re.compile(r"\bnpsync_[a-z_]+\b")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def curls() -> list[str]:
    joined = "\n".join(blocks("console")).replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ curl")]


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiDesk]:
    made = ApiDesk(tmp_path)
    matched(made.store, people(made.store, [9], names=["ann"]))
    for status in ("succeeded", "failed"):
        run = made.store.begin_run(SYNC, "run", now=NOW, facts={})
        made.store.end_run(run, status, now=NOW, report={"run": run})
    listening = socket.create_server(("127.0.0.1", 0))
    with serving(made.web, listening):
        monkeypatch.setenv("NPSYNC_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("NPSYNC_TOKEN", made.token("read", "apply"))
        yield made


def test_every_command_of_the_page_is_answered(desk: ApiDesk):
    assert len(curls()) == 3
    for line in curls():
        replied = called(line)
        assert replied.status_code in (200, 202), (line, replied.text)


def called(line: str) -> requests.Response:
    """A curl command, as far as the page uses curl."""
    words = iter(shlex.split(os.path.expandvars(line))[1:])
    method, headers, data, url = "GET", {}, None, ""
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                data = next(words)
            case _:
                url = word
    return requests.request(method, url, headers=headers, data=data, timeout=10)


def test_the_programs_of_the_page_run(desk: ApiDesk, capsys: pytest.CaptureFixture[str]):
    waits, walks = blocks("python")
    desk.post(f"/syncs/{SYNC}/run", None, "read", "apply", key="nightly-2026-03-02")
    action = desk.store.claim_action("serve", now=NOW, seconds=60)
    assert action is not None
    desk.store.end_action(action, "serve", Stand.DONE, now=NOW, outcome={"status": "succeeded"})
    run(waits)
    assert "done {'status': 'succeeded'}" in capsys.readouterr().out
    run(walks)
    assert re.findall(r"^\d+ \S+ (\w+)$", capsys.readouterr().out, re.MULTILINE) == ["failed", "succeeded"]


def run(program: str) -> None:
    exec(compile(program, "use-the-api.md", "exec"), {"__name__": "__main__"})


def test_the_scopes_of_the_page_are_those_that_are():
    table = re.findall(r"^\| `([a-z]+)` \| (?!`)", PAGE, re.MULTILINE)
    assert set(table) == tokens.SCOPES.keys()


def test_every_metric_of_the_page_is_told_and_every_one_that_is_told_is_there(desk: ApiDesk):
    replied = desk.get("/runs")  # a request, so that there is one to count
    assert replied.status == 200
    text = requests.get(
        f"{os.environ['NPSYNC_URL']}/metrics",
        headers={"Authorization": f"Bearer {desk.token('metrics')}"},
        timeout=10,
    ).text
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    told = {name for name in told if not name.endswith("_created")}
    # Those that are told only of what was seen.
    sometimes = {"npsync_clock_seen_timestamp_seconds"}
    assert set(METRIC.findall(MONITOR)) == told | sometimes


def test_rules_alert_by_metrics_and_labels_that_are_there():
    rules: list[dict[str, Any]] = YAML(typ="safe").load(ALERTS)["groups"][0]["rules"]
    labels = {
        name: set(filter(None, given.split(",")))
        for name, given in re.findall(r"`(npsync_[a-z_]+)(?:\{([a-z,]*)\})?`", MONITOR)
    }
    for rule in rules:
        assert rule["annotations"]["summary"]
        for name in METRIC.findall(rule["expr"]):
            assert name in labels, rule["alert"]
        for name, given in re.findall(r"(npsync_[a-z_]+)\{([^}]*)\}", rule["expr"]):
            assert {one.partition("=")[0] for one in given.split(",")} <= labels[name], rule["alert"]
        for named in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
            assert all(named in labels[name] for name in METRIC.findall(rule["expr"])), rule["alert"]
