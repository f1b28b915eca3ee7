"""`make bench`: npsync and the hand-written script side by side, in turn, against the same lean server.

Every figure is of a whole process: CPU seconds (user + system) and peak memory as the operating system accounts them.
The ratio is taken pair by pair, so that a machine that slows down meanwhile does not move it.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.measuring import HERE, Measured, ask, measured, median, serving

CHOICES = (
    *("cost", "overlap", "pacing", "claims", "accounts", "intake"),
    *("described", "sql", "pretectum", "qualtrics"),
    "report",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the answers, one round, no pacing")
    parser.add_argument("--only", choices=CHOICES)
    options = parser.parse_args()
    answers = options.answers // 10 if options.quick else options.answers
    rounds = 1 if options.quick else options.rounds
    if options.only in (None, "cost"):
        cost(answers, rounds)
    if options.only in (None, "overlap"):
        overlap(min(answers, 10_000))
    if options.only in (None, "pacing") and not options.quick:
        pacing()
    if options.only in (None, "claims"):
        from bench.claims import claims

        claims(30_000 if options.quick else 300_000, 5_000)
    if options.only in (None, "accounts"):
        from bench.accounts import accounts

        accounts(100_000 if options.quick else 1_000_000)
    from bench import channels

    tenth = 10 if options.quick else 1
    if options.only in (None, "described"):
        channels.described(answers, rounds)
    if options.only in (None, "sql"):
        channels.sql(20_000 // tenth, rounds)
    if options.only in (None, "pretectum"):
        channels.pretectum(1_000 // tenth)
    if options.only in (None, "qualtrics"):
        channels.qualtrics(100 // tenth)
    if options.only == "report":
        from bench.reports import report

        report(answers * 10)
    if options.only == "intake":
        from bench import intake

        intake.measure(rate=200, seconds=10 if options.quick else 60, answers=answers)


# ------------------------------------------------------------ what safety costs


def cost(answers: int, rounds: int) -> None:
    customers = answers * 8 // 10
    print(
        f"\n{answers:,} answers of {customers:,} customers, Wootric to HubSpot, SQLite; {rounds} rounds in turn"
    )
    baseline = measured([sys.executable, "-c", IMPORTS], {})
    ours: list[tuple[Measured, Measured]] = []
    theirs: list[tuple[Measured, Measured]] = []
    with server(answers, customers) as url:
        for _ in range(rounds):
            theirs.append(twice(url, script))
            truth = shown(url)
            ours.append(twice(url, npsync))
            assert shown(url) == truth, "npsync and the script disagree about what records show"
    for place, name in enumerate(("first run", "second run")):
        pairs = [(mine[place], script[place]) for mine, script in zip(ours, theirs, strict=True)]
        ratios = [mine.cpu / script.cpu for mine, script in pairs]
        print(
            f"  {name:<11} npsync {median(m.cpu for m, _ in pairs):6.2f} s CPU "
            f"({median(m.wall for m, _ in pairs):5.1f} s wall)   script {median(s.cpu for _, s in pairs):6.2f} s CPU "
            f"({median(s.wall for _, s in pairs):5.1f} s wall)   "
            f"ratio {median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"
        )
    peak = max(m.peak_mb for pair in ours for m in pair)
    print(
        f"  memory      npsync peak {peak:.0f} MB, {peak - baseline.peak_mb:.0f} MB above its imports "
        f"({baseline.peak_mb:.0f} MB)"
    )
    per_thousand = median(m.cpu for m, _ in ours) * 1000 / answers
    print(f"  npsync      {per_thousand:.3f} CPU seconds per 1,000 answers (first run)")
    report = json.loads(ours[0][0].output)
    print(f"  calls       {report['calls']}, states {report['states']}")


IMPORTS = (
    "import npsync.config, npsync.opening, npsync.syncing.jobs, sync.engine, store.sql, connectors.hubspot, "
    "connectors.wootric, connectors.registry as r; [r.load(n) for n in ('hubspot', 'wootric')]; "
    "import requests, hubspot, hubspot.crm.contacts, hubspot.crm.properties, sqlmodel, alembic.command"
)


def twice(url: str, command: Any) -> tuple[Measured, Measured]:
    """The first run on empty records, and a second one with nothing new."""
    ask(f"{url}/reset?records=1")
    with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
        return command(url, folder), command(url, folder)


def script(url: str, folder: str) -> Measured:
    return measured([sys.executable, str(HERE / "script.py"), url, f"{folder}/cursor.db"], {})


def npsync(url: str, folder: str, per_ten_seconds: int = 1_000) -> Measured:
    """A run; with a high limit by default, so that pacing does not count as cost."""
    command = [sys.executable, "-c", "from npsync.cli import main; main()"]
    command += ["--config", str(HERE / "npsync.yaml"), "run", "nps", "--json"]
    environment = {
        "BENCH_URL": url,
        "BENCH_STORE": f"sqlite:///{folder}/npsync.db",
        "BENCH_PER_10_SECONDS": str(per_ten_seconds),
    }
    return measured(command, environment)


# ------------------------------------------------------------ overlap and pacing


def overlap(answers: int) -> None:
    customers = answers * 8 // 10
    print(f"\n{answers:,} answers with 50 ms latency per call")
    with server(answers, customers, latency=0.05) as url:
        ask(f"{url}/reset?records=1")
        with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
            mine = npsync(url, folder)
        calls = sum(json.loads(mine.output)["calls"].values())
        ask(f"{url}/reset?records=1")
        with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
            theirs = script(url, folder)
    print(
        f"  npsync {mine.wall:.1f} s for {calls} calls (one after the other they alone take {calls * 0.05:.1f} s); "
        f"script {theirs.wall:.1f} s"
    )


def pacing(answers: int = 60_000, per_ten_seconds: int = 190) -> None:
    customers = answers * 8 // 10
    print(f"\n{answers:,} answers under HubSpot's {per_ten_seconds} calls per 10 s")
    with server(answers, customers, per_ten_seconds=per_ten_seconds) as url:
        ask(f"{url}/reset?records=1")
        with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
            npsync(url, folder, per_ten_seconds)
        seen = ask(f"{url}/stats")
    calls = sum(count for path, count in seen["calls"].items() if path.startswith("/hubspot"))
    floor = max(0, -(-calls // per_ten_seconds) - 1) * 10
    print(
        f"  {calls} HubSpot calls, {seen['refused']} refused (429), {seen['hubspot_seconds']:.1f} s from first to last "
        f"call; the limit's floor is {floor} s"
    )


@contextmanager
def server(answers: int, customers: int, *, latency: float = 0.0, per_ten_seconds: int = 0) -> Iterator[str]:
    told = ["--answers", str(answers), "--customers", str(customers), "--latency", str(latency)]
    with serving("bench.server", *told, "--per-ten-seconds", str(per_ten_seconds)) as url:
        yield url


def shown(url: str) -> Any:
    """What every record shows."""
    return ask(f"{url}/stats?shown=1")["shown"]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
