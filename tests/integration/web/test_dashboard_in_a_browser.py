"""The dashboard in a real browser: by keyboard alone, without JavaScript, on a phone, in the dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from answered import NOW, config_in, matched, people, record_of
from browsing import CONTRASTS, chromium, free_port, serving
from builders_runs import ran
from fake_clock import FakeClock

from npsync.sign_in import tokens
from npsync.web.app import app
from store import open_store

UNNAMED = (
    "() => [...document.querySelectorAll('input:not([type=hidden]), select')].filter(e => !e.labels.length)"
)


class House:
    def __init__(self, address: str, token: str, browser: Any, ann: str, run: int) -> None:
        self.address, self.token, self.browser = address, token, browser
        self.paths = [
            "/",
            "/report?by=plan",
            "/accounts",
            "/report/comments?q=slow",
            f"/customers/crm/Contact/{ann}",
        ]
        self.paths += [
            "/syncs",
            "/syncs/contacts",
            f"/runs/{run}",
            "/connections/crm",
            "/config",
            "/activity",
        ]

    def page(self, **options: Any) -> Any:
        """A page of somebody who signed in by keyboard."""
        made = self.browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options}).new_page()
        made.set_default_timeout(10_000)
        made.troubles = []
        made.on("console", lambda said: made.troubles.append(said.text) if said.type == "error" else None)
        made.on("pageerror", lambda error: made.troubles.append(str(error)))
        made.goto(f"{self.address}/report")
        made.wait_for_selector("input[type=password]:focus")  # which it has by itself
        made.keyboard.type(self.token)
        made.keyboard.press("Enter")
        made.wait_for_url(f"{self.address}/report")
        return made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("dashboard")
    shutil.copy(migrated_sqlite, folder / "npsync.db")
    config = config_in(folder)
    store = open_store(config.store)
    said = ["slow export", "x" * 5000, "الدعم بطيء جدا"]
    for month in range(3):
        at = NOW - timedelta(days=30 * month)
        for n, name in enumerate(("Pro", "A name of two hundred characters " * 6)):
            given = people(store, {9: 20, 7: 9, 2: 6 + n}, at=at, comments=said)
            matched(store, given, account=f"001{n}", plan=name, amount=1000)
    with store.database.write() as tx:
        tx.run("INSERT INTO watermark (sync, source, response) VALUES ('contacts', 'mail', 100000)")
    run = ran(store, now=NOW, comment="الدعم بطيء جدا " + "x" * 5000)
    listening, address = free_port()
    token = tokens.create(store, "ann", ["read"], now=NOW)
    with chromium() as browser, serving(app(config, store, FakeClock(NOW)), listening):
        yield House(address, token, browser, record_of(given[0]), run)
    store.close()


def test_the_report_is_filtered_in_place_and_letters_lead_to_pages(house: House):
    page = house.page()
    page.goto(f"{house.address}/report")
    page.select_option("select[name=by]", "plan")
    page.wait_for_selector("text=By plan")
    assert "by=plan" in page.url
    page.fill("input[name=since]", "2030-01-01")
    page.wait_for_selector("[role=alert]")
    page.go_back()
    page.wait_for_selector("text=By plan")
    assert [said for said in page.troubles if "422" not in said] == []
    page.locator("h1").click()
    page.keyboard.press("g")  # and a letter: to a page
    page.keyboard.press("c")
    page.wait_for_url(f"{house.address}/customers")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


def test_everything_works_without_a_script(house: House):
    page = house.page(java_script_enabled=False)
    page.goto(f"{house.address}/report")
    page.select_option("select[name=every]", "quarter")
    page.click("text=Show")
    assert page.locator("table >> nth=0").inner_text().count("2025-Q") == 4
    assert page.locator("svg.trend polyline").count() >= 1
    page.click("text=Sign out")
    page.goto(f"{house.address}/accounts")
    assert page.url == f"{house.address}/sign-in?next=%2Faccounts"


def test_all_can_be_read_by_eye_and_by_ear_and_nothing_is_wider_than_a_phone(house: House):
    page = house.page(viewport={"width": 360, "height": 740})
    for path in house.paths:
        page.goto(house.address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        for bars in page.locator("svg.scores").all():
            assert (box := bars.bounding_box()) is not None
            assert box["x"] + box["width"] <= 360, path
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            pale = [(what, round(ratio, 2)) for what, ratio in page.evaluate(CONTRASTS) if ratio < 4.5]
            assert pale == [], f"{path} {scheme}"
        assert page.locator("h1").count() == 1
        assert page.locator("main, nav.side").count() == 2
        assert page.locator("table:not(:has(th[scope=col]))").count() == 0
        assert page.evaluate(UNNAMED) == []
    assert page.troubles == []
