"""`npsync demo`: the sandbox as a subprocess, the example configuration, plan, run, run again, and what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path

import npsync
from nps.errors import NpsyncError
from npsync import logs, service
from npsync.cli import output, sync_text, why_text
from npsync.cli.progress import shown_progress
from npsync.cli.why import told
from npsync.config import Config, load
from npsync.jobs import build_job, run_once, target_of
from store.api import Store
from sync.engine import preview
from sync.progress import Progress
from sync.report import Report

EXAMPLE = "config.example.yaml"
LOOKED_AT = 50  # changes among which the customer is picked whose record is explained


class SandboxFailed(NpsyncError):
    """The sandbox did not come up."""


def run(*, customers: int, responses: int | None, seed: int, keep: bool) -> int:
    """The exit code: 0 when every sync ran, its plan was written and a second run had nothing left to write."""
    logs.set_up(json=False, verbose=False)
    with (
        tempfile.TemporaryDirectory(prefix="npsync-demo-") as folder,
        sandbox(customers, responses, seed) as facts,
    ):
        url, variables = facts
        output.say(
            f"A sandbox with {customers:,} customers is at {url}: toy Salesforce, HubSpot and Wootric.\n"
        )
        environment = {**os.environ, **variables}
        config = load(_example(Path(folder)), environment)
        with service.open_store(config) as store:
            for name in config.sync:
                _plan(config, store, name)
            first = [_run(config, store, name) for name in config.sync]
            _show_changes(config, store, first)
            output.say("\nAgain, with nothing new:\n")
            second = [_run(config, store, name) for name in config.sync]
            _explain(config, store, first[0])
        good = all(one.status in ("succeeded", "partial") for one in (*first, *second))
        idle = not any(sum(one.writes.values()) for one in second)
        output.say("")
        if good and idle:
            output.say("Every record shows its customer's newest answer; the second run wrote nothing.")
        _where_to_look(config, url, keep)
        if keep:
            _wait()
    return 0 if good and idle else 1


@contextmanager
def sandbox(customers: int, responses: int | None, seed: int) -> Iterator[tuple[str, dict[str, str]]]:
    """A sandbox of our own on a free port: its address, and the variables the example configuration needs."""
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--with-parent"]
    command += ["--customers", str(customers), "--seed", str(seed)]
    if responses is not None:
        command += ["--responses", str(responses)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SandboxFailed(f"the sandbox ended at once (exit code {process.wait()}); see above")
        facts = json.loads(line)
        yield facts["url"], facts["env"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def _example(folder: Path) -> Path:
    """A copy of config.example.yaml, so that the store lies beside it and goes with it."""
    package = Path(npsync.__file__).parent
    source = next(path for path in (package / EXAMPLE, package.parent / EXAMPLE) if path.exists())
    copy = folder / EXAMPLE
    copy.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    return copy


def _plan(config: Config, store: Store, name: str) -> None:
    output.say(f"$ npsync plan {name}")
    with store.overlay() as overlay, service.opened(config, overlay, books=store) as connections:
        with _progress() as progress:
            plan = preview(
                build_job(config, name, connections),
                overlay,
                connections.clock,
                connections.owner,
                connections.calls.seen,
                progress=progress,
            )
        target = target_of(config, config.sync[name])
        for line in sync_text.plan_lines(plan, name, f"{target.connection} {target.object}", shown=3):
            output.say(line)
    output.say("")


def _run(config: Config, store: Store, name: str) -> Report:
    output.say(f"$ npsync run {name}")
    with _progress() as progress:
        report = run_once(config, store, name, progress=progress)
    for line in sync_text.report_lines(report):
        output.say(line)
    return report


def _progress() -> AbstractContextManager[Progress]:
    """Bars for whoever watches; the story needs no log lines between its paragraphs."""
    return shown_progress(quiet=not sys.stderr.isatty())


def _show_changes(config: Config, store: Store, reports: list[Report]) -> None:
    for report in reports:
        target = target_of(config, config.sync[report.sync])
        output.say(f"\nWhat changed on {target.connection} ({target.object}), the first three:")
        for change, _ in islice(store.run_changes(report.run), 3):
            for line in sync_text.change_lines(change):
                output.say(line)


def _explain(config: Config, store: Store, report: Report) -> None:
    """Why one record shows what it shows: of somebody who answered more than once, if there is one."""
    ids = [change.record_id for change, _ in islice(store.run_changes(report.run), LOOKED_AT)]
    if not ids:
        return
    answers = Counter(one.record_id for one in store.counted(report.sync, ids))
    who = max(ids, key=lambda id: answers[id])
    output.say(f"\n$ npsync why {who}")
    for record in told(config, store, who, sync=report.sync).records:
        for line in why_text.short(record, config.time_zone):
            output.say(line)
    output.say(f"\nTo take it back: npsync undo {report.run} --record {who}   (it shows its plan first)")


def _where_to_look(config: Config, url: str, keep: bool) -> None:
    if keep:
        output.say(f"Look at the records: {url}   (Ctrl-C ends the sandbox)")
        return
    output.say("Where to look:")
    output.say("  see the records in a browser:   npsync demo --keep")
    output.say("  drive it yourself:              npsync sandbox, and the commands of the README")
    output.say("  the file behind it:             config.example.yaml")


def _wait() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        output.say("")
