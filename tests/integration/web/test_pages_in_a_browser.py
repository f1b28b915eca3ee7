"""The pages in a real browser: by keyboard alone, without JavaScript, on a phone, in the dark, from right to left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium, free_port, serving
from builders_page import YAML, Front
from starlette.responses import HTMLResponse, PlainTextResponse

from store import open_store

PHONES = [320, 375]
DESKTOP = {"width": 1100, "height": 800}

# The contrast of everything that is read with the ground it stands on, as WCAG computes it.
CONTRASTS = """() => {
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = (c) => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = rgb(getComputedStyle(node).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const names = "h1, p, a, button, legend, label, .number, .ends, .problem, header, textarea";
  const read = [...document.querySelectorAll(names)];
  return read.filter((node) => node.textContent.trim() && node.getClientRects().length).map((node) => {
    const [one, two] = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => a - b);
    return [node.tagName + "." + node.className, (two + 0.05) / (one + 0.05)];
  });
}"""


class House:
    """Our pages and a product that embeds them, each on an origin of its own."""

    def __init__(self, front: Front, address: str, product: str, browser: Any) -> None:
        self.front, self.address, self.product, self.browser = front, address, product, browser
        self._ids = (f"invitation-number-{number:04d}" for number in count())

    def page(self, *, width: int = 1100, height: int = 800, **options: Any) -> Any:
        made = self.browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
        made.set_default_timeout(10_000)
        made.troubles = []
        made.on("console", lambda said: made.troubles.append(said.text) if said.type == "error" else None)
        made.on("pageerror", lambda error: made.troubles.append(str(error)))
        return made

    def sent(self, survey: str = "relationship") -> tuple[str, str]:
        """A new invitation's id and address."""
        id = next(self._ids)
        return id, self.address + self.front.sent(id, survey)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(migrated_sqlite, folder / "npsync.db")
    (ours, address), (theirs, product) = free_port(), free_port()
    yaml = YAML.replace("https://ask.acme.example", address).replace("https://app.acme.example", product)
    store = open_store(f"sqlite:///{folder / 'npsync.db'}")
    front = Front(store, folder, yaml)
    with chromium() as browser, serving(front.app, ours), serving(_Product(address), theirs):
        yield House(front, address, product, browser)
    store.close()


class _Product:
    """A page of somebody's product, with a policy as strict as they come; /naked has no room for our frame."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        link = scope["query_string"].decode()
        policy = f"default-src 'none'; script-src {self._address}; frame-src {self._address}"
        if scope["path"] == "/frame":
            reply: Any = HTMLResponse(f'<title>x</title><iframe src="{link}"></iframe>')
        elif scope["path"] == "/":
            reply = HTMLResponse(
                f'<!doctype html><html lang="en"><title>Product</title><body><h1>Product</h1><input id="work">'
                f'<script src="{self._address}/snippet.js" data-survey="{link}" defer></script>',
                headers={"Content-Security-Policy": policy},
            )
        else:
            reply = PlainTextResponse("", 404)
        await reply(scope, receive, send)


def boxes(page: Any, selector: str) -> list[dict[str, float]]:
    return [each.bounding_box() for each in page.locator(selector).all()]


# ---------------------------------------------------------------- the whole way


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_survey_is_answered_by_keyboard_alone(house: House, scripts: bool):
    id, address = house.sent()
    page = house.page(java_script_enabled=scripts)
    page.goto(address)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("textarea")
    assert house.front.answer(id) is not None
    page.keyboard.press("Tab")  # the chosen number
    page.keyboard.press("Tab")
    page.keyboard.type("Quick, and kind.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Thank you!")
    answer = house.front.answer(id)
    assert answer is not None
    assert (answer.score, answer.comment) == (9, "Quick, and kind.")
    assert page.troubles == []


def test_the_number_clicked_in_a_mail_is_confirmed_with_one_press(house: House):
    id, address = house.sent()
    page = house.page()
    page.goto(f"{address}?score=4")
    assert page.locator("input:checked").get_attribute("value") == "4"
    assert house.front.answer(id) is None
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # a form is sent from any of its fields
    page.wait_for_selector("text=What went wrong")
    answer = house.front.answer(id)
    assert answer is not None
    assert answer.score == 4


def test_going_back_and_choosing_again_is_one_answer_with_the_last_choice(house: House):
    id, address = house.sent()
    page = house.page()
    page.goto(f"{address}?score=4")
    page.click("button")
    page.wait_for_selector("textarea")
    page.go_back()
    page.locator("label.choice", has_text="8").click()
    page.click("button")
    page.wait_for_selector("text=even better")
    page.locator("label.choice", has_text="7").click()
    page.click("button")
    page.wait_for_selector("text=Thank you!")
    answer = house.front.answer(id)
    assert answer is not None
    assert answer.score == 7


def test_a_page_that_is_loaded_again_after_sending_changes_nothing(house: House):
    id, address = house.sent()
    page = house.page()
    page.goto(f"{address}?score=9")
    page.click("button")
    page.wait_for_selector("textarea")
    before = house.front.answer(id)
    page.reload()
    page.wait_for_selector("textarea")
    assert house.front.answer(id) == before


# ---------------------------------------------------------------- for everybody


def test_a_screen_reader_hears_the_question_and_what_the_numbers_mean(house: House):
    _, address = house.sent()
    page = house.page()
    page.goto(address)
    group = page.get_by_role("group", name="How likely are you to recommend Acme?")
    names = [each.get_attribute("value") for each in group.get_by_role("radio").all()]
    assert names == [str(score) for score in range(11)]
    assert group.get_by_role("radio", name="0 = Not at all likely").count() == 1
    assert group.get_by_role("radio", name="10 = Extremely likely").count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("main").count() == 1
    assert page.title() == "How likely are you to recommend Acme? – Acme & Sons"
    page.locator("label.choice", has_text="9").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("textbox", name="What do you like most?").wait_for()
    assert page.get_by_role("status").inner_text() == "Your score is noted."
    page.get_by_role("button", name="Send").click()
    page.get_by_role("heading", name="Thank you!").wait_for()


def test_a_mistake_is_announced_and_takes_the_focus(house: House):
    _, address = house.sent()
    page = house.page()
    page.goto(address)
    page.get_by_role("button", name="Continue").click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "There is a problem. Please choose a number."
    assert page.evaluate("document.activeElement.id") == "problem"
    assert page.title().startswith("There is a problem: ")
    assert page.locator("input[aria-describedby=problem]").count() == 11


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("step", ["question", "mistake", "reason", "thanks"])
def test_everything_can_be_read_in_light_and_dark(house: House, scheme: str, step: str):
    _, address = house.sent()
    page = house.page(color_scheme=scheme)
    page.goto(address + ("" if step == "mistake" else "?score=9"))
    if step != "question":
        page.click("button")
        page.wait_for_load_state()
    if step == "thanks":
        page.click("button")
        page.wait_for_load_state()
    found = page.evaluate(CONTRASTS)
    assert len(found) > 3
    assert [(what, ratio) for what, ratio in found if ratio < 4.5] == []


def test_the_focus_can_be_seen(house: House):
    _, address = house.sent()
    page = house.page()
    page.goto(address)
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement.nextElementSibling).outlineWidth")
    assert outline == "3px"


@pytest.mark.parametrize("width", PHONES)
@pytest.mark.parametrize("survey", ["relationship", "support-csat", "effort"])
def test_on_a_phone_every_number_is_big_enough_for_a_thumb(house: House, width: int, survey: str):
    _, address = house.sent(survey)
    page = house.page(width=width, height=640, is_mobile=True, has_touch=True)
    page.goto(address)
    found = boxes(page, ".choice input")
    assert all(box["width"] >= 44 and box["height"] >= 44 for box in found)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if survey == "relationship":
        assert len({box["y"] for box in found}) == 2
        page.tap("label.choice >> nth=9")
        page.tap("button")
        page.wait_for_selector("textarea")
        assert all(box["width"] >= 44 and box["height"] >= 44 for box in boxes(page, ".choice input"))
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_a_desktop_the_numbers_stand_in_one_row(house: House):
    _, address = house.sent()
    page = house.page()
    page.goto(address)
    found = boxes(page, ".choice input")
    assert len({box["y"] for box in found}) == 1
    assert all(box["width"] >= 44 and box["height"] >= 44 for box in found)


def test_in_arabic_the_scale_begins_at_the_right(house: House):
    _, address = house.sent()
    page = house.page()
    page.goto(f"{address}?lang=ar")
    found = boxes(page, ".choice input")
    assert found[0]["x"] > found[-1]["x"]
    assert boxes(page, "button")[0]["x"] > DESKTOP["width"] / 2


def test_a_very_long_question_and_a_very_long_name_break_no_page(house: House):
    _, address = house.sent()
    page = house.page(width=320)
    page.goto(address)
    page.evaluate("document.querySelector('h1').textContent = 'Donaudampfschifffahrtsgesellschaft'.repeat(8)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_page_loads_nothing_from_elsewhere_and_runs_no_script(house: House):
    _, address = house.sent()
    page = house.page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    assert all(url.startswith(house.address) for url in asked)
    assert page.locator("script").count() == 0
    assert page.troubles == []


def test_unsubscribing_by_mistake_is_taken_back(house: House):
    id, _ = house.sent()
    page = house.page()
    page.goto(f"{house.address}/u/{id}")
    page.get_by_role("button", name="Stop them").click()
    page.get_by_role("heading", name="You will not get survey invitations any more").wait_for()
    assert house.front.store.all_suppressions() != []
    page.get_by_role("button", name="I clicked by mistake").click()
    page.get_by_role("heading", name="All right").wait_for()
    assert house.front.store.all_suppressions() == []


# ---------------------------------------------------------------- inside a product


def test_a_product_with_a_strict_policy_shows_a_survey_and_gets_it_answered(house: House):
    id, address = house.sent()
    page = house.page()
    page.goto(f"{house.product}/?{address}")
    frame = page.frame_locator("iframe")
    frame.locator("label.choice", has_text="9").click()
    frame.get_by_role("button", name="Continue").click()
    frame.locator("textarea").fill("In the middle of my work.")
    frame.get_by_role("button", name="Send").click()
    frame.get_by_role("heading", name="Thank you!").wait_for()
    answer = house.front.answer(id)
    assert answer is not None
    assert (answer.score, answer.comment) == (9, "In the middle of my work.")
    page.get_by_role("button", name="Close").click()
    assert page.locator("npsync-survey").count() == 0
    assert page.troubles == []


def test_the_panel_is_as_tall_as_what_it_shows_and_leaves_the_focus_where_it_was(house: House):
    _, address = house.sent()
    page = house.page()
    page.goto(f"{house.product}/?{address}")
    page.focus("#work")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Continue").wait_for()
    page.wait_for_function(
        "document.querySelector('npsync-survey').shadowRoot.querySelector('iframe').style.height !== ''"
    )
    assert page.evaluate("document.activeElement.id") == "work"
    inner = frame.locator(".card").bounding_box()["height"]
    assert abs(boxes(page, "npsync-survey iframe")[0]["height"] - inner) <= 2


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_a_panel_that_was_closed_does_not_come_back(house: House, how: str):
    id, address = house.sent()
    page = house.page()
    page.goto(f"{house.product}/?{address}")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Continue").wait_for()
    if how == "button":
        page.get_by_role("button", name="Close").click()
    else:
        frame.get_by_role("button", name="Continue").focus()
        page.keyboard.press("Escape")
    page.wait_for_selector("npsync-survey", state="detached")
    page.reload()
    assert page.locator("npsync-survey").count() == 0
    assert house.front.answer(id) is None


def test_no_other_site_can_put_the_page_in_a_frame(house: House):
    _, address = house.sent()
    page = house.page()
    page.goto(f"{house.product}/frame?{address}")  # without embed, not even the product
    page.wait_for_load_state()
    assert page.frame_locator("iframe").locator("form").count() == 0
    assert any("frame" in said.lower() for said in page.troubles)


def test_a_survey_from_elsewhere_is_not_shown_by_our_script(house: House):
    page = house.page()
    page.goto(f"{house.product}/?https://evil.example/s/x")
    page.wait_for_load_state()
    assert page.locator("npsync-survey").count() == 0
    assert any("evil.example" in said for said in page.troubles)
