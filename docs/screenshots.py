"""Make the pictures of the dashboard in docs/images again: a town of the sandbox, two syncs that ran, and a browser.

    python docs/screenshots.py                      all of them
    python docs/screenshots.py overview run         these

Needs Chromium and the packages of the tests. The town is the same every time; only the times follow the clock.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pictured_people
import uvicorn
from playwright.sync_api import sync_playwright

from npsync import opening
from npsync.actions.doing import Doer
from npsync.actions.wanting import want
from npsync.clock import SystemClock
from npsync.config import Config, load
from npsync.demonstration.toys import copied, sandbox
from npsync.figures.counting import Counter
from npsync.schedule import verify_place
from npsync.sign_in import tokens
from npsync.syncing.jobs import run_once
from npsync.web.app import app
from store.api import Stand, Store
from store.api.scheduling import Serving
from sync.options import Options

HERE = Path(__file__).parent
IMAGES = HERE / "images"
CUSTOMERS, RESPONSES, SEED = 800, 2_500, 7
LARGEST = 120_000  # bytes of one picture
WIDE, PHONE = (1120, 760), (390, 844)
ANN = "token:ann"

# name → address, size of the window, dark?
PICTURES: Mapping[str, tuple[str, tuple[int, int], bool]] = {
    "overview": ("/", (1120, 860), False),
    "overview-dark": ("/", WIDE, True),
    "overview-phone": ("/", PHONE, False),
    "syncs": ("/syncs", (1120, 560), False),
    "sync": ("/syncs/nps-to-contacts", (1120, 1000), False),
    "runs": ("/runs", (1120, 700), False),
    "run": ("/runs/{run}", (1120, 760), False),
    "run-changes": ("/runs/{run}/changes?outcome=rejected", (1120, 640), False),
    "plan": ("/actions/{plan}", WIDE, False),
    "undo": ("/runs/{run}/undo", (1120, 760), False),
    "connections": ("/connections", (1120, 620), False),
    "connection": ("/connections/marketing", WIDE, False),
    "configuration": ("/config", WIDE, False),
    "activity": ("/activity", WIDE, False),
    **pictured_people.PICTURES,
}


def main(wanted: list[str]) -> None:
    unknown = set(wanted) - set(PICTURES)
    if unknown:
        raise SystemExit(
            f"no picture is called {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}"
        )
    with (
        tempfile.TemporaryDirectory(prefix="npsync-pictures-") as folder,
        sandbox(CUSTOMERS, RESPONSES, SEED) as (_, variables),
        chdir(folder),  # pages name the file as it was named to us
    ):
        os.environ |= variables
        config = load(with_accounts(copied("config.example.yaml", Path())).rename("npsync.yaml"))
        with opening.open_store(config) as store:
            numbers = lived_in(config, store)
            token = tokens.create(store, "ann", ["read", "apply", "undo"], now=SystemClock().now())
            with served(config, store) as address:
                take(address, token, wanted or list(PICTURES), numbers)


def with_accounts(file: Path) -> Path:
    """The example with what it says of accounts in use."""
    text = file.read_text("utf-8")
    told = re.search(r"(?m)^    # account:\n(?:    #   .*\n)+", text)
    assert told is not None, "config.example.yaml tells of accounts in a comment"
    used = re.sub(r"(?m)^    # ", "    ", told[0])
    file.write_text(text.replace(told[0], used), "utf-8")
    return file


def lived_in(config: Config, store: Store) -> dict[str, int | str]:
    """Some runs, a plan, what an undo would restore, a check, a clock that ticks. The numbers in addresses."""
    clock = SystemClock()
    now = clock.now()
    ticked(store, verify_place("nps-to-contacts"), now - timedelta(hours=9), "started", timedelta(days=1))
    ticked(store, "nps-to-marketing", now - timedelta(minutes=26), "caught_up", timedelta(hours=1))
    ticked(store, "nps-to-contacts", now - timedelta(minutes=2), "started", timedelta(minutes=15))
    runs = [
        run_once(config, store, name, options=Options(limit=limit))
        for limit in (600, 500, 400)
        for name in config.sync
    ]
    plan = done(config, store, "plan", {"sync": "nps-to-contacts"})
    runs += [run_once(config, store, name) for name in config.sync]
    refused = next(report for report in reversed(runs) if report.status == "partial")
    done(config, store, "undo", {"run": refused.run, "plan": True})
    done(config, store, "check", {})
    done(config, store, "verify", {"sync": "nps-to-contacts"})
    now = clock.now()
    store.note_serving(
        Serving(
            owner="npsync-1:1",
            kind="serve",
            began_at=now - timedelta(days=4),
            seen_at=now,
            config_at=now - timedelta(days=4),
            mark="",
        )
    )
    numbers = {"plan": plan, "run": refused.run, **pictured_people.people(config, store, now)}
    counter = Counter(config, store, clock, rest=0)
    while counter.turn().did_something:
        pass
    return numbers


def done(config: Config, store: Store, kind: str, given: Mapping[str, Any]) -> int:
    """What somebody asks for at a page, done as `npsync serve` does it."""
    clock = SystemClock()
    action, _ = want(config, store, kind, given, who=ANN, key=f"picture/{kind}", now=clock.now())
    claimed = store.claim_action(ANN, now=clock.now(), seconds=600)
    assert claimed is not None
    outcome = Doer(config, store, clock, lambda: False).do(claimed)
    store.end_action(claimed, ANN, Stand.DONE, now=clock.now(), outcome=outcome)
    return action.number


def ticked(store: Store, place: str, at: Any, outcome: str, every: timedelta) -> None:
    store.schedule(place, at)
    number = store.take_tick(place, at, at + every, outcome, "npsync-1:1", now=at)
    assert number is not None
    store.end_tick(number, now=at + timedelta(seconds=14))


@contextmanager
def served(config: Config, store: Store) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    web = app(config, store, SystemClock())
    server = uvicorn.Server(uvicorn.Config(web, log_level="error", lifespan="off", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()


def take(address: str, token: str, wanted: list[str], numbers: Mapping[str, int | str]) -> None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{address}/sign-in")
        page.fill("#token", token)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/")
        for name in wanted:
            path, (width, height), dark = PICTURES[name]
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if dark else "light")
            page.goto(address + path.format(**numbers))
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(400)
            file = IMAGES / f"dashboard-{name}.png"
            page.screenshot(path=str(file))
            if file.stat().st_size > LARGEST:
                raise SystemExit(f"{file} has {file.stat().st_size:,} bytes; at most {LARGEST:,} are wanted")
            print(f"{file.name}: {file.stat().st_size:,} bytes")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
