"""Somebody works at the dashboard in a real browser, over a real sandbox: plans, runs, pauses, verifies, checks, takes
back. What is asked for there is done as `npsync serve` does it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium, free_port, serving
from sandbox_process import running_sandbox

from npsync import opening
from npsync.actions.doing import Doer
from npsync.clock import SystemClock
from npsync.config import Config, load
from npsync.sign_in import tokens
from npsync.syncing.jobs import run_once
from npsync.web.app import app
from store.api import Stand, Store
from sync.options import Options

ROOT = Path(__file__).parents[2]
OWNER = "somebody"


class Work:
    """A page of somebody who may do everything. `done()` does what was asked for last, and looks at the page again."""

    def __init__(self, page: Any, address: str, config: Config, store: Store) -> None:
        self.page, self.address, self.config, self.store = page, address, config, store

    def goto(self, path: str) -> None:
        self.page.goto(self.address + path)

    def text(self) -> str:
        return str(self.page.locator("main").inner_text())

    def done(self) -> dict[str, Any]:
        clock = SystemClock()
        action = self.store.claim_action(OWNER, now=clock.now(), seconds=60)
        assert action is not None
        outcome = Doer(self.config, self.store, clock, lambda: False).do(action)
        self.store.end_action(action, OWNER, Stand.DONE, now=clock.now(), outcome=outcome)
        return outcome


@pytest.fixture
def work(at_work: Work) -> Work:
    at_work.page.troubles.clear()
    at_work.page.set_viewport_size({"width": 1200, "height": 800})
    at_work.goto("/")
    return at_work


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Work]:
    folder = tmp_path_factory.mktemp("in-use")
    shutil.copy(ROOT / "config.example.yaml", folder)
    with running_sandbox(customers=40, responses=100) as sandbox, pytest.MonkeyPatch.context() as env:
        for name, value in sandbox.env.items():
            env.setenv(name, value)
        config = load(folder / "config.example.yaml")
        listening, address = free_port()
        with opening.open_store(config) as store, chromium() as browser:
            run_once(config, store, "nps-to-contacts", options=Options(limit=50))
            token = tokens.create(store, "ann", ["read", "apply", "undo"], now=SystemClock().now())
            with serving(app(config, store, SystemClock()), listening):
                page = browser.new_context(viewport={"width": 1200, "height": 800}).new_page()
                page.set_default_timeout(10_000)
                page.troubles = []
                page.on(
                    "console", lambda said: page.troubles.append(said.text) if said.type == "error" else None
                )
                page.on("pageerror", lambda error: page.troubles.append(str(error)))
                page.goto(f"{address}/sign-in")
                page.wait_for_selector("input[type=password]:focus")
                page.keyboard.type(token)
                page.keyboard.press("Enter")
                page.wait_for_url(f"{address}/")
                yield Work(page, address, config, store)


def test_a_day_at_the_dashboard(work: Work):
    page = work.page
    # A plan is asked for by keyboard, shown as a diff, and run from there.
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/syncs")
    page.click("text=nps-to-contacts")
    page.click("button:has-text('Plan')")
    page.wait_for_url("**/actions/1")
    assert "waits for npsync serve" in work.text()
    planned = work.done()
    assert planned["changes"] > 0
    page.wait_for_selector("text=What would change")  # by itself: it looks again every two seconds
    assert page.locator("ins").count() > 0
    page.click("button:has-text('Run it')")
    page.wait_for_url("**/actions/2")
    ran = work.done()
    assert sum(ran["writes"].values()) == planned["changes"]

    # The run in words: each number leads to exactly those.
    work.goto(f"/runs/{ran['run']}")
    page.locator("h2.sentence a").first.click()
    page.wait_for_url("**/answers?state=written")
    assert page.locator("tbody tr").count() == min(50, ran["states"]["written"])

    # Its undo shows what it would restore, and asks for the number.
    work.goto(f"/runs/{ran['run']}/undo")
    page.click("text=Show what it would restore")
    page.wait_for_selector("text=waits for npsync serve")
    foreseen = work.done()
    page.wait_for_selector("button.danger")
    assert f"{foreseen['restores']} records would be restored" in work.text()
    page.fill("input[name=typed]", "999")
    page.click("button.danger")
    page.wait_for_selector("text=Nothing was done")
    page.fill("input[name=typed]", str(ran["run"]))
    page.click("button.danger")
    page.wait_for_url("**/actions/4")
    undone = work.done()
    work.goto(f"/runs/{ran['run']}")
    assert f"Taken back by run {undone['run']}" in work.text()

    # Verified, paused, resumed, checked.
    work.goto("/syncs/nps-to-contacts")
    page.click("button:has-text('Verify')")
    page.wait_for_url("**/actions/5")
    assert work.done()["records_drifted"] == 0
    work.goto("/syncs/nps-to-contacts")
    page.click("button:has-text('Pause')")
    page.wait_for_selector("text=nps-to-contacts is paused.")
    page.click("button:has-text('Resume')")
    page.wait_for_selector("text=nps-to-contacts goes on.")
    work.goto("/connections")
    page.click("text=Check all now")
    page.wait_for_url("**/actions/6")
    assert work.done()["granted"]["crm"]["grants"]
    work.goto("/connections/crm")
    assert "granted" in work.text()
    assert page.troubles == []


def test_a_run_under_way_is_watched_until_it_ends(work: Work):
    run = work.store.begin_run("nps-to-contacts", "run", now=SystemClock().now(), facts={})
    work.store.note_progress(run, "writing", 5, 100, now=SystemClock().now())
    work.goto(f"/runs/{run}")
    work.page.wait_for_selector("text=Writing: 5 of 100")
    work.store.note_progress(run, "writing", 60, 100, now=SystemClock().now())
    work.page.wait_for_selector("text=Writing: 60 of 100")
    work.store.end_run(
        run, "succeeded", now=SystemClock().now(), report={"states": {"written": 1}, "pulled": 1}
    )
    work.page.wait_for_selector("text=1 written")
    assert work.page.locator("[hx-trigger]").count() == 0
    assert work.page.troubles == []


def test_the_trend_is_pointed_at_and_the_search_finds_a_run(work: Work):
    work.goto("/")
    work.page.wait_for_selector("canvas")
    work.page.hover(".u-over")
    assert "NPS" in work.page.locator(".readout").inner_text()
    work.page.keyboard.press("/")
    work.page.keyboard.type("run 1")
    work.page.keyboard.press("Enter")
    work.page.wait_for_url("**/runs/1")
    work.page.keyboard.press("?")
    assert work.page.locator("#keys").is_visible()
    work.page.keyboard.press("Escape")
    assert work.page.troubles == []


def test_every_page_fits_a_phone_and_its_menu_folds(work: Work):
    page = work.page
    page.set_viewport_size({"width": 360, "height": 740})
    of_runs = ("/runs", "/runs/1", "/runs/1/changes", "/runs/1/answers", "/runs/1/undo")
    others = ("/connections", "/connections/crm", "/config", "/activity")
    for path in ("/", "/syncs", "/syncs/nps-to-contacts", *of_runs, *others):
        work.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        assert page.locator("h1").count() == 1, path
    assert not page.locator("nav.side").is_visible()
    page.click("text=Menu")
    assert page.locator("nav.side").is_visible()
    page.click("nav.side >> text=Syncs")
    page.wait_for_url("**/syncs")
    assert not page.locator("nav.side").is_visible()
    assert page.troubles == []
