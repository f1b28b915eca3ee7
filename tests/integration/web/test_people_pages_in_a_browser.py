"""The pages about people in a real browser: every action by hand, without a script, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answered import NOW, SYNC
from browsing import CONTRASTS, chromium, free_port, serving
from fake_clock import FakeClock
from peopled import ACCOUNT, YAML, Peopled, fill, record

from npsync.sign_in import tokens
from npsync.web.app import app
from store.api import State
from triggers import ledger

PATHS = [
    "/review",
    "/dead-letters",
    "/dead-letters/1",
    "/follow-ups",
    "/review/answers/7",
    "/customers",
    f"/customers/crm/Contact/{record('ann')}",
    f"/accounts/crm/Account/{ACCOUNT}",
    "/invitations",
    "/invitations/asked",
    "/invitations/may-ask",
]


class House:
    def __init__(self, address: str, token: str, browser: Any, town: Peopled) -> None:
        self.address, self.token, self.browser, self.town = address, token, browser, town

    def page(self, **options: Any) -> Any:
        made = self.browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options}).new_page()
        made.set_default_timeout(15_000)
        made.troubles = []
        made.on("console", lambda said: made.troubles.append(said.text) if said.type == "error" else None)
        made.on("pageerror", lambda error: made.troubles.append(str(error)))
        made.on("dialog", lambda dialog: made.troubles.append(dialog.message))
        made.goto(f"{self.address}/sign-in")
        made.fill("#token", self.token)
        made.press("#token", "Enter")
        made.wait_for_selector("main h1")
        return made


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[House]:
    town = fill(Peopled(tmp_path_factory.mktemp("people"), YAML, migrated=migrated_sqlite))
    listening, address = free_port()
    token = tokens.create(town.store, "ann", ["read", "apply"], now=NOW)
    with chromium() as browser, serving(app(town.config, town.store, FakeClock(NOW)), listening):
        yield House(address, token, browser, town)


def said(page: Any) -> str:
    return " ".join(page.inner_text("main").split())


def test_every_page_fits_and_can_be_read_on_a_phone_and_at_a_desk_in_the_light_and_in_the_dark(house: House):
    for scheme, width in (("light", 1200), ("dark", 360)):
        page = house.page(color_scheme=scheme, viewport={"width": width, "height": 800})
        for path in PATHS:
            page.goto(house.address + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, scheme)
            faint = [(where, ratio) for where, ratio in page.evaluate(CONTRASTS) if ratio < 4.5]
            assert faint == [], (path, scheme)
            unnamed = "e => !e.labels.length && !e.getAttribute('aria-label')"
            fields = "[...document.querySelectorAll('main :is(input:not([type=hidden]), select)')]"
            assert page.evaluate(f"() => {fields}.filter({unnamed}).length") == 0, path
            assert page.evaluate("document.querySelectorAll('h1').length") == 1, path
        assert page.troubles == []
        page.context.close()


def test_what_waits_is_decided_by_hand_without_a_script(house: House):
    page, store = house.page(java_script_enabled=False), house.town.store
    page.goto(f"{house.address}/review")
    page.locator(".item", has_text="ida@example.com").get_by_role("button", name="Ignore").click()
    assert "1 answer ignored: left out for good" in said(page)
    assert "ida@example.com" not in said(page)
    page.get_by_role("link", name="Decided").click()
    page.get_by_role("button", name="Undo").first.click()
    assert "is judged anew" in said(page)
    page.goto(f"{house.address}/review")
    page.locator(".item", has_text="gil@example.com").get_by_role("button", name="It is theirs").first.click()
    assert "is being written" in said(page)
    assert "being linked" in said(page)
    page.get_by_label("Tick mail:5-0").check()
    page.locator("#ticked").get_by_role("button", name="Recheck").click()
    assert "1 answer rechecked: looked up again" in said(page)
    assert {one.kind for one in store.actions()} == {"link", "take_up"}
    page.goto(f"{house.address}/held")
    page.locator(".item", has_text="lee@example.com").get_by_role("button", name="Release").click()
    assert "released, being written" in said(page)
    page.get_by_role("link", name="discard all…").click()
    page.get_by_label("Why").fill("a scanner")
    page.get_by_role("button", name="Discard 2 answers").click()
    assert "left out for good" in said(page)
    assert store.waiting_page([SYNC], [State.HELD]) == []
    page.context.close()


def test_letters_and_follow_ups_are_settled_by_hand(house: House):
    page, store = house.page(), house.town.store
    page.goto(f"{house.address}/dead-letters")
    page.get_by_role("button", name="Retry it").click()
    page.wait_for_selector("text=1 letter retried")
    page.get_by_role("link", name="1", exact=True).click()
    page.wait_for_selector("text=The answer as it came")
    page.get_by_label("Why").fill("left the company")
    page.get_by_role("button", name="Discard: leave it out for good").click()
    page.wait_for_selector("text=Everything could be written")
    page.get_by_role("link", name="Follow-ups").click()
    page.get_by_label("Tick 2").check()
    page.get_by_role("button", name="Retry").click()
    page.wait_for_selector("text=1 follow-up retried")
    assert store.count_refused() == 0
    assert page.troubles == []
    page.context.close()


def test_a_customer_is_found_by_keyboard_alone(house: House):
    page = house.page()
    page.goto(f"{house.address}/customers")
    page.keyboard.press("/")
    page.keyboard.type("ann@example.com")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/customers/crm/Contact/{record('ann')}")
    page.locator(".past summary").first.focus()
    page.keyboard.press("Enter")
    assert "→" in page.locator(".past[open]").inner_text()
    assert page.troubles == []  # the comment of this customer is a script
    page.context.close()


def test_sends_are_stopped_and_an_invitation_is_taken_back_by_hand(house: House):
    page, store = house.page(), house.town.store
    page.goto(f"{house.address}/invitations")
    page.get_by_role("link", name="Stop sending…").click()
    page.get_by_label("Why").fill("a wrong mail")
    page.get_by_role("button", name="Stop all sends").click()
    page.wait_for_selector("text=Stopped by ann")
    assert ledger.why_none_is_sent(store) is not None
    page.get_by_role("link", name="May they be asked?").click()
    page.get_by_label("E-mail, phone").fill("ann@example.com")
    page.get_by_role("button", name="Ask").click()
    page.wait_for_selector(".verdict .no")
    page.goto(f"{house.address}/invitations/sends")
    page.get_by_role("button", name="Resume sends").click()
    page.wait_for_selector("text=Sends go out again")
    page.get_by_role("link", name="Due later").click()
    page.get_by_text("Cancel…").first.click()
    page.get_by_role("button", name="Cancel it").first.click()
    page.wait_for_selector("text=is not asked support")
    assert store.count_coming() == 1
    page.get_by_role("link", name="Funnel").click()
    page.get_by_label("Trigger").select_option("half-yearly")
    page.wait_for_url("**trigger=half-yearly**")
    assert "In shadow mode" in said(page)
    assert page.troubles == []
    page.context.close()


def test_what_happened_is_narrowed_by_hand_and_read_on(house: House):
    page, store = house.page(), house.town.store
    for n in range(65):
        store.note_audit("user:bo", "pause", f"sync-{n}", now=NOW)
    page.goto(f"{house.address}/activity")
    page.get_by_label("Who").fill("bo")
    page.get_by_label("Who").press("Enter")
    page.wait_for_url("**who=bo**")
    assert "sync-64" in said(page)
    assert "ann" not in page.inner_text("main table")
    page.get_by_role("link", name="older →").click()
    page.wait_for_selector("text=sync-0")
    assert page.locator("main tbody tr").count() == 5
    page.get_by_role("link", name="← latest").click()
    page.get_by_label("Day").fill("2025-12-01")
    page.wait_for_selector("text=Nothing is like that")
    assert page.troubles == []


def test_an_account_s_picture_is_told_to_who_cannot_see_it(house: House):
    page = house.page()
    page.goto(f"{house.address}/accounts/crm/Account/{ACCOUNT}")
    picture = page.get_by_role("img", name="Scores of its people over time")
    assert picture.locator("circle.person").count() == 5
    assert "5 people scored" in picture.locator("desc").text_content()


def test_what_was_ignored_at_the_command_line_is_undone_by_hand(house: House):
    page, store = house.page(java_script_enabled=False), house.town.store
    [number] = house.town.waiting(State.REVIEW, "many", "two records have this Email", ("zoe", 4, None))
    assert store.ignore(SYNC, number, "ignored by cli:bo on 2025-12-15")
    page.goto(f"{house.address}/decisions")
    row = page.locator("section", has_text="Left out for good").locator("tr", has_text="zoe@example.com")
    assert "ignored by cli:bo on 2025-12-15" in row.inner_text()
    row.get_by_role("button", name="Undo").click()
    assert "is judged anew" in said(page)
    assert "zoe@example.com" not in said(page)
