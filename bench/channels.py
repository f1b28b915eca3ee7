"""`python -m bench --only described` (or sql, pretectum, qualtrics): the ways in and out that a YAML file describes.

A connector alone, without the store and the plan around it. What each process does is in bench.channel_work.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.channel_work import email_of
from bench.measuring import Measured, measured, median, serving

LATENCY = 0.05
READ = {"token": 1, "page": 2}
"""How often a first read goes through a list. Where pages are counted, a row that goes between two calls moves another
past the edge: a second pass must see the same rows."""


def described(answers: int, rounds: int) -> None:
    print(f"\n{answers:,} answers read by type: http, 100 on a page; {rounds} rounds in turn")
    baseline = _work("described", "npsync", "", "nothing")
    for style in READ:
        with _toys(answers=answers) as url:
            pairs = []
            for _ in range(rounds):
                script = _work("described", "script", url, style)
                pairs.append((_work("described", "npsync", url, style), script))
                read = [READ[style] * total for total in _said(script, "answers", "scores")]
                assert _said(pairs[-1][0], "answers", "scores") == read
        _tell(f"by {style}", pairs, baseline, answers)
    for count in (answers, 10 * answers):
        with _toys(answers=count) as url:
            peak = _work("described", "npsync", url, "token").peak_mb - baseline.peak_mb
        print(f"  memory      {peak:6.1f} MB above the imports for {count:,} answers")


def sql(updates: int, rounds: int) -> None:
    print(f"\n{updates:,} rows of a SQLite master found by e-mail and updated; {rounds} rounds in turn")
    pairs = []
    with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
        empty = _database(f"{folder}/empty.db", 0)
        baseline = _work("sql", "npsync", empty, "0")
        for one in range(rounds):
            theirs, ours = (_database(f"{folder}/{who}{one}.db", updates) for who in ("script", "npsync"))
            script = _work("sql", "script", theirs, str(updates))
            pairs.append((_work("sql", "npsync", ours, str(updates)), script))
            assert _rows(theirs) == _rows(ours), "npsync and the script disagree about what rows show"
            assert _said(script, "written") == [updates]
    _tell("all", pairs, baseline, updates)


def pretectum(records: int) -> None:
    print(
        f"\n{records:,} records of a Pretectum found by e-mail and updated, {LATENCY * 1000:.0f} ms per call"
    )
    with _toys(records=records, latency=LATENCY) as url:
        said = json.loads(_work("pretectum", "npsync", url, str(records)).output)
    assert said["written"] == records, said
    alone = said["calls"] * LATENCY
    print(
        f"  calls       {said['calls'] / records:.3f} for each record; {said['seconds']:.1f} s where {said['calls']:,} "
        f"calls one after the other take {alone:.1f} s: {alone / said['seconds']:.1f} in flight"
    )


def qualtrics(megabytes: int) -> None:
    print(f"\na Qualtrics export of {megabytes} MB (unpacked)")
    baseline = _work("qualtrics", "npsync", "")
    with _toys(megabytes=megabytes) as url:
        seen = _work("qualtrics", "npsync", url)
    count = json.loads(seen.output)["answers"]
    cpu, peak = seen.cpu - baseline.cpu, seen.peak_mb - baseline.peak_mb
    print(f"  {count:,} answers, {cpu:.1f} s CPU and {peak:.1f} MB above the imports")


# ------------------------------------------------------------ inside


def _tell(what: str, pairs: list[tuple[Measured, Measured]], baseline: Measured, count: int) -> None:
    """`baseline` is npsync doing nothing: its start-up is what a small job costs, and nothing of each row."""
    ratios = [mine.cpu / script.cpu for mine, script in pairs]
    mine, script = (median(pair[which].cpu for pair in pairs) for which in (0, 1))
    print(
        f"  {what:<11} npsync {mine:6.2f} s CPU   script {script:6.2f} s CPU   "
        f"ratio {median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})   "
        f"start-up {baseline.cpu:.2f} s, then {(mine - baseline.cpu) * 1e6 / count:.0f} µs each"
    )


def _work(*told: str) -> Measured:
    return measured([sys.executable, "-m", "bench.channel_work", *told], {})


def _said(one: Measured, *names: str) -> list[Any]:
    told = json.loads(one.output)
    return [told[name] for name in names]


def _toys(*, answers: int = 0, megabytes: int = 0, records: int = 0, latency: float = 0.0) -> Any:
    told = ("--answers", answers, "--megabytes", megabytes, "--records", records, "--latency", latency)
    return serving("bench.channel_toys", *map(str, told))


def _database(path: str, customers: int) -> str:
    Path(path).unlink(missing_ok=True)
    store = sqlite3.connect(path)
    columns = "customer_key integer primary key, email text, nps_score integer, nps_segment text"
    store.execute(f"create table customer ({columns})")
    store.execute("create index customer_email on customer (email)")
    rows = ((number, email_of(number)) for number in range(customers))
    store.executemany("insert into customer (customer_key, email) values (?, ?)", rows)
    store.commit()
    store.close()
    return path


def _rows(path: str) -> list[Any]:
    with sqlite3.connect(path) as store:
        return store.execute("select * from customer order by customer_key").fetchall()
