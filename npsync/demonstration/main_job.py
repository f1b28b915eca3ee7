"""The first half of `npsync demo`: the example configuration, plan, run, run again, and what came of it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path

from npsync import opening
from npsync.cli import output
from npsync.cli.progress import shown_progress
from npsync.config import Config, load
from npsync.demonstration.toys import copied
from npsync.syncing import customer_story
from npsync.syncing.jobs import build_job, run_once, target_of
from npsync.words import sync_text, why_text
from store.api import Store
from sync.engine import preview
from sync.progress import Progress
from sync.report import Report

EXAMPLE = "config.example.yaml"
LOOKED_AT = 50  # changes among which the customer is picked whose record is explained


def show(variables: Mapping[str, str], folder: Path) -> bool:
    """Whether every sync ran, its plan was written and a second run had nothing left to write."""
    config = load(copied(EXAMPLE, folder), {**os.environ, **variables})
    with opening.open_store(config) as store:
        for name in config.sync:
            _plan(config, store, name)
        first = [_run(config, store, name) for name in config.sync]
        _show_changes(config, store, first)
        output.say("\nAgain, with nothing new:\n")
        second = [_run(config, store, name) for name in config.sync]
        _explain(config, store, first[0])
    good = all(one.status in ("succeeded", "partial") for one in (*first, *second))
    idle = not any(sum(one.writes.values()) for one in second)
    if good and idle:
        output.say("\nEvery record shows its customer's newest answer; the second run wrote nothing.")
    return good and idle


def _plan(config: Config, store: Store, name: str) -> None:
    output.say(f"$ npsync plan {name}")
    with store.overlay() as overlay, opening.opened(config, overlay, books=store) as connections:
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
    with opening.opened(config, store) as opened:
        story = customer_story.told(
            config, store, who, now=opened.clock.now(), sync=report.sync, connections=opened
        )
    for record in story.records:
        for line in why_text.short(record, config.time_zone):
            output.say(line)
    output.say(f"\nTo take it back: npsync undo {report.run} --record {who}   (it shows its plan first)")
