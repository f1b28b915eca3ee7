"""`make pages`: how soon the dashboard answers with a million answers stored, asked by several visitors at a time.

`npsync serve` as people run it, on a store of years (`bench.pages_store`). Each page is asked many times: when nothing
else happens, while a run writes, and right after a start. A store that is there already is used again
(`--store`); the visitors share the machine with it. `--postgres`: the store is a PostgreSQL that is started for it.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from bench.pages_store import SOURCE, SURVEY, SYNC, Town, fill, people
from bench.scale.processes import database
from nps.keys import key_number
from nps.responses import Cursor, Page, SurveyResponse
from npsync.sign_in import tokens
from store import open_store
from store.api import Settled, State
from store.owners import this_process
from store.sql import SqlStore

HERE = Path(__file__).parent
NPSYNC = [sys.executable, "-c", "from npsync.cli import main; main()"]
PROMISE = 0.2
PATIENCE = 600.0
TOGETHER, A_SECOND = (
    500,
    4_000,
)  # answers a writer stores and settles at a time: as a first run of the main job does
_CSRF = re.compile(r'name="csrf" value="([^"]*)"')
_COUNTING = "These figures are being counted"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--store", help="an empty or filled store: sqlite:///… or postgresql://…")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own")
    parser.add_argument("--times", type=int, default=40, help="how often each page is asked")
    parser.add_argument("--visitors", type=int, default=3)
    parser.add_argument("--write-to", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write_to:
        _write(options.write_to)
        return
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="npsync-pages-")))
        url = options.store or f"sqlite:///{folder}/npsync.db"
        if options.postgres:
            url = held.enter_context(database(folder / "postgres"))
        good = measure(url, options.answers, options.times, options.visitors)
    sys.exit(0 if good else 1)


def measure(url: str, answers: int, times: int, visitors: int) -> bool:
    store = open_store(url)
    store.migrate()
    town = Town(store.most_answers(), datetime.now(UTC)) if store.most_answers() else None
    if town is None:
        began = time.monotonic()
        town = fill(store, answers)
        print(f"{answers:,} answers of {town.people:,} people made in {time.monotonic() - began:.0f} s")
    token = tokens.create(store, f"bench-{time.time_ns()}", ("read",), now=datetime.now(UTC))
    pages = list(pages_of(store, town))
    with serving(url) as server:
        began = time.monotonic()
        visitor = Visitor(server.url, token)
        print(f"signed in {time.monotonic() - began:.1f} s after the web listened")
        usual = [page for page in pages if not page.unusual]
        good = told(
            "right after the start",
            asked(server.url, visitor.cookies, usual, 3, 1, server.web),
            promise=False,
        )
        until(
            lambda: not any(_COUNTING in visitor.get(page).text for page in usual),
            "the figures were not counted",
        )
        print(
            f"every figure was there after {time.monotonic() - began:.0f} s; counting took: {server.counted()}"
        )
        good = told(
            "nothing else happens", asked(server.url, visitor.cookies, usual, times, visitors, server.web)
        )
        with writing(url):
            good &= told(
                "a run writes", asked(server.url, visitor.cookies, usual, times, visitors, server.web)
            )
        for page in pages:
            if page.unusual:
                print(first_asked(visitor, page))
    with serving(url) as server:
        visitor = Visitor(server.url, token)
        good &= told("right after a restart", asked(server.url, visitor.cookies, usual, 3, 1, server.web))
    store.close()
    return good


def first_asked(visitor: Visitor, page: Asking) -> str:
    """How soon a page answers whose figures nobody has counted yet, and when they are there."""
    began = time.monotonic()
    first = visitor.timed(page)
    until(lambda: _COUNTING not in visitor.get(page).text, f"{page.name} was not counted")
    return f"{page.name}: first answer {first * 1000:.0f} ms, counted after {time.monotonic() - began:.0f} s"


# ------------------------------------------------------------ pages


@dataclass(frozen=True)
class Asking:
    """A page of the dashboard. `unusual`: its figures are not kept ready."""

    name: str
    path: str
    form: str = ""  # what is searched for
    unusual: bool = False


def pages_of(store: SqlStore, town: Town) -> Iterator[Asking]:
    yield Asking("overview", "/")
    yield Asking("report", "/report")
    for by in ("channel", "plan", "product", "account"):
        yield Asking(f"report by {by}", f"/report?by={by}")
    yield Asking("accounts", "/accounts")
    for order in ("best", "most", "latest", "name"):
        yield Asking(f"accounts, {order} first", f"/accounts?order={order}")
    yield Asking("accounts, page 400", "/accounts?page=400")
    yield Asking("customers", "/customers")
    one, other, *_ = people(town, 20)
    yield Asking("search: an address", "/customers", form=f"p{one}@example.com")
    yield Asking("search: nobody", "/customers", form="nobody@example.com")
    yield Asking("search: a word", "/customers", form="something")
    yield Asking("search: an answer", "/customers", form=f"a{one}")
    yield Asking("search: a phone", "/customers", form="+12025550143")
    yield Asking("a customer's story", f"/customers/crm/contacts/{town.record(other)}")
    yield Asking("an account's story", f"/accounts/crm/companies/{town.account(other)}")
    for path in ("syncs", f"syncs/{SYNC}", "runs", "review", "held", "waiting", "dead-letters", "follow-ups"):
        yield Asking(path, f"/{path}")
    run = store.runs(sync=SYNC, limit=5)[-1].id
    yield Asking("a run", f"/runs/{run}")
    yield Asking("a run's changes", f"/runs/{run}/changes")
    yield Asking("a run's answers", f"/runs/{run}/answers")
    [letter] = store.dead_letters(status="open", limit=1)
    yield Asking("a dead letter", f"/dead-letters/{letter.id}")
    [(answer, _)] = store.undecided(SYNC, [State.REVIEW], limit=1)
    yield Asking("an answer in review", f"/review/answers/{answer.number}")
    for path in ("invitations", "invitations/asked", "invitations/not-asked", "suppressions", "decisions"):
        yield Asking(path, f"/{path}")
    for path in ("connections", "activity", "config"):
        yield Asking(path, f"/{path}")
    yield Asking("report against a year before", "/report?compare=year", unusual=True)
    yield Asking("report of other days", "/report?since=2026-01-05&until=2026-02-10&every=week", unusual=True)


class Visitor:
    def __init__(self, url: str, token: str) -> None:
        self.url, self.session = url, requests.Session()
        found = _CSRF.search(self.session.get(f"{url}/sign-in", timeout=60).text)
        form = {"token": token, "csrf": html.unescape(found[1]) if found else ""}
        replied = self.session.post(f"{url}/sign-in", form, timeout=60, allow_redirects=False)
        if replied.status_code != 303:
            raise SystemExit(f"signing in: {replied.status_code}")

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self.session.cookies)

    def get(self, page: Asking) -> requests.Response:
        return self.session.get(self.url + page.path, timeout=60, allow_redirects=False)

    def timed(self, page: Asking) -> float:
        began = time.perf_counter()
        self.get(page)
        return time.perf_counter() - began


def asked(
    url: str, cookies: dict[str, str], pages: Sequence[Asking], times: int, visitors: int, web: int = 0
) -> dict[str, list[float]]:
    """Seconds by page. Every visitor looks at all pages again and again, each beginning at another one."""
    took: dict[str, list[float]] = {page.name: [] for page in pages}
    forms = requests.Session()
    forms.cookies.update(cookies)
    csrf = _CSRF.search(forms.get(f"{url}/customers", timeout=60).text)

    def visit(visitor: int) -> None:
        session = requests.Session()
        session.cookies.update(cookies)
        for round in range(-(-times // visitors)):
            for n in range(len(pages)):
                page = pages[(n + round + visitor * len(pages) // visitors) % len(pages)]
                began = time.perf_counter()
                if page.form:
                    form = {"who": page.form, "csrf": html.unescape(csrf[1]) if csrf else ""}
                    replied = session.post(url + page.path, form, timeout=60, allow_redirects=False)
                else:
                    replied = session.get(url + page.path, timeout=60, allow_redirects=False)
                seconds = time.perf_counter() - began
                if replied.status_code not in (200, 303):
                    took.setdefault(f"{page.name}: {replied.status_code}", []).append(seconds)
                    continue
                took[page.name].append(seconds)

    before = _cpu(web)
    with ThreadPoolExecutor(visitors) as pool:
        list(pool.map(visit, range(visitors)))
    pages_asked = sum(len(seconds) for seconds in took.values())
    if web:
        spent = (_cpu(web) - before) / pages_asked * 1000
        print(f"\nload {os.getloadavg()[0]:.1f}; a page took the web {spent:.0f} ms CPU")
    return {name: seconds for name, seconds in took.items() if seconds}


def told(what: str, took: dict[str, list[float]], *, promise: bool = True) -> bool:
    print(f"\n{what:<34}{'p50':>8}{'p95':>8}{'p99':>8}{'slowest':>9}  ms")
    late = 0
    for name, seconds in took.items():
        p50, p95, p99 = (_percentile(seconds, share) for share in (0.5, 0.95, 0.99))
        late += promise and p95 > PROMISE
        mark = "  too slow" if promise and p95 > PROMISE else ""
        print(
            f"  {name:<32}{p50 * 1000:>8.0f}{p95 * 1000:>8.0f}{p99 * 1000:>8.0f}{max(seconds) * 1000:>9.0f}{mark}"
        )
    every = [one for seconds in took.values() for one in seconds]
    print(
        f"  {'all pages':<32}{_percentile(every, 0.5) * 1000:>8.0f}{_percentile(every, 0.95) * 1000:>8.0f}"
        f"{_percentile(every, 0.99) * 1000:>8.0f}{max(every) * 1000:>9.0f}",
        flush=True,
    )
    return not late


def _cpu(process: int) -> float:
    """Seconds of CPU so far; 0 where there is no /proc."""
    try:
        its = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(its[11]) + int(its[12])) / os.sysconf("SC_CLK_TCK")


def _percentile(seconds: Sequence[float], share: float) -> float:
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# ------------------------------------------------------------ the processes


@dataclass
class Server:
    url: str = ""
    web: int = 0  # its process
    lines: list[dict[str, Any]] = field(default_factory=list)

    def counted(self) -> str:
        return ", ".join(
            f"{line['figures']} figures in {line['seconds']} s"
            for line in self.lines
            if line["event"] == "counted"
        )


@contextmanager
def serving(url: str) -> Iterator[Server]:
    environment = {**os.environ, "BENCH_STORE": url, "PYTHONWARNINGS": "ignore"}
    command = [
        *NPSYNC,
        "--config",
        str(HERE / "npsync-pages.yaml"),
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--json",
    ]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    server = Server()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            try:
                said = json.loads(line)
            except ValueError:
                print(line, end="", file=sys.stderr)
                continue
            server.lines.append(said)
            if said["event"] == "listening":
                server.url = f"http://127.0.0.1:{said['port']}"
            elif said["event"] == "web_started":
                server.web = said["pid"]
            elif said["event"].endswith(("_failed", "_crashed")):
                print(f"  {said}", file=sys.stderr)

    threading.Thread(target=read, daemon=True).start()
    try:
        until(lambda: bool(server.url) and _answers(server.url), "npsync serve did not answer")
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/sign-in", timeout=10).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def writing(url: str) -> Iterator[None]:
    """A process beside that stores and settles answers as a run does."""
    process = subprocess.Popen([sys.executable, "-m", "bench.pages", "--write-to", url], cwd=HERE.parent)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def _write(url: str) -> None:
    store, now = open_store(url), datetime.now(UTC)
    lease = store.acquire(SYNC, this_process(), now=now, seconds=86_400)
    assert lease is not None
    run = store.begin_run(SYNC, "run", now=now, facts={})
    began = time.monotonic()
    for n in range(10**9):
        time.sleep(max(0.0, began + n * TOGETHER / A_SECOND - time.monotonic()))
        given = [
            SurveyResponse(
                source=SOURCE,
                id=f"w{os.getpid()}-{n}-{m}",
                survey=SURVEY,
                score=(n + m) % 11,
                answered_at=datetime.now(UTC),
                email=f"p{(n * TOGETHER + m) % 400_000}@example.com",
            )
            for m in range(TOGETHER)
        ]
        persons = [key_number("email", one.email or "") for one in given]
        store.append(SOURCE, Page(responses=tuple(given), cursor=Cursor({"n": n})), persons, received_at=now)
        store.take_up(SYNC, [SOURCE], lease=lease, now=now)
        taken, _ = store.work(SYNC, None, TOGETHER)
        settled = [
            Settled(number=one.number, state=State.UNCHANGED, record_id=f"{1_000_000 + one.person % 400_000}")
            for one in taken
        ]
        store.settle(
            SYNC, run, lease=lease, now=now, settled=settled, demoted={}, changes={}, connection="crm"
        )


def until(happened: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(problem)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
