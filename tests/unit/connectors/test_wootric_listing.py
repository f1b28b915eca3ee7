"""Wootric's listing: its wall, its edits, and where a later run reads on."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
import responses
from fake_clock import NOON, Calls, Notices
from played_wootric import BASE, MONDAY, Vendor, answer, at, ids, read, wootric

from nps.errors import UnavailableError
from nps.responses import Page, SurveyResponse


def test_answers_come_oldest_first_and_each_once(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 131)]
    assert ids(read(wootric())) == list(range(1, 131))


def test_a_quiet_day_costs_a_sign_in_and_two_calls(vendor: Vendor) -> None:
    calls = Calls()
    vendor.answers = [answer(1)]
    read(wootric(count_call=calls))
    assert calls.count == len(vendor.asked) == 3


def test_the_wall_of_1500_rows_is_passed_without_loss_or_repetition(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 4_001)]
    assert ids(read(wootric())) == list(range(1, 4_001))
    assert max(int(query["page"]) for path, query in vendor.asked if path == "/v1/responses") == 30


def test_many_answers_of_one_second_on_the_wall_are_all_read(vendor: Vendor) -> None:
    vendor.answers = [answer(n, MONDAY + (n // 700)) for n in range(1, 3_001)]
    assert sorted(ids(read(wootric()))) == list(range(1, 3_001))


@pytest.mark.parametrize("seed", range(3))
def test_any_spread_over_seconds_is_read_completely(vendor: Vendor, seed: int) -> None:
    dice = random.Random(seed)
    vendor.answers = [answer(n, MONDAY + dice.randrange(40)) for n in range(1, 5_001)]
    found = ids(read(wootric()))
    assert sorted(found) == list(range(1, 5_001))


def test_more_than_1500_answers_in_one_second_are_said_loudly_and_stepped_over(vendor: Vendor) -> None:
    notices = Notices()
    vendor.answers = [answer(n, MONDAY) for n in range(1, 1_701)] + [answer(5_000)]
    found = ids(read(wootric(notice=notices)))
    assert found == [*range(1, 1_501), 5_000]
    assert [(event, facts["second"]) for event, facts in notices] == [("wootric_second_overfull", MONDAY)]


def test_reading_on_from_any_cursor_loses_nothing(vendor: Vendor) -> None:
    vendor.answers = [answer(n, MONDAY + n // 7) for n in range(1, 3_501)]
    source = wootric(overlap="1 minute")
    pages = list(source.read(None, since=None))
    assert len(pages) > 2
    before: dict[str, SurveyResponse] = {}
    for page in pages:
        before |= {one.id: one for one in page.responses}
        after = {one.id: one for one in read(source, page.cursor)}
        assert len(before | after) == 3_500
        assert all(after[name] == before[name] for name in before.keys() & after.keys())


def test_pages_are_handed_over_about_a_thousand_answers_at_a_time(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 2_501)]
    sizes = [len(page.responses) for page in wootric().read(None, since=None)]
    assert sum(sizes) == 2_500
    assert max(sizes) <= 1_050


def test_nothing_new_gives_no_page_and_keeps_the_cursor(vendor: Vendor) -> None:
    assert list(wootric().read(None, since=None)) == []


def test_since_bounds_the_first_read_and_the_overlap_of_later_ones(vendor: Vendor) -> None:
    vendor.answers = [answer(n) for n in range(1, 101)]
    since = datetime.fromtimestamp(MONDAY + 51, UTC)
    source = wootric()
    pages = list(source.read(None, since=since))
    assert ids([one for page in pages for one in page.responses]) == list(range(51, 101))
    assert ids(read(source, pages[-1].cursor)) == list(range(51, 101))


def test_the_overlap_reads_recent_answers_again_so_that_edits_are_seen(vendor: Vendor) -> None:
    day = 86_400
    vendor.answers = [answer(n, MONDAY - 20 * day + n * day) for n in range(1, 21)]
    source = wootric(overlap="7 days")
    last = list(source.read(None, since=None))[-1]
    vendor.answers[15] |= {"text": "came later", "updated_at": at(MONDAY + 5)}
    again = read(source, last.cursor)
    assert ids(again) == list(range(13, 21))
    assert again[3].comment == "came later"
    assert again[3].updated_at == datetime.fromtimestamp(MONDAY + 5, UTC)


def test_an_answer_from_the_future_does_not_carry_the_cursor_away(vendor: Vendor) -> None:
    far = int((NOON + timedelta(days=400)).timestamp())
    vendor.answers = [answer(1), answer(2, far)]
    last: Page = list(wootric().read(None, since=None))[-1]
    assert last.cursor.state["created"] == int(NOON.timestamp())


def test_rows_out_of_order_are_refused_because_reading_on_would_lose_some(vendor: Vendor) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", json=[answer(5), answer(3)])
        with pytest.raises(UnavailableError, match="oldest first"):
            read(wootric())


def test_the_same_page_twice_is_refused(vendor: Vendor) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", json=[answer(3), answer(5)])
        with pytest.raises(UnavailableError, match="same page twice"):
            read(wootric())


@pytest.mark.parametrize("body", ['{"error": "x"}', "[1, 2]", "<html>busy</html>", "null"])
def test_a_200_that_is_no_list_of_rows_is_refused(vendor: Vendor, body: str) -> None:
    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{BASE}/oauth/token", callback=vendor.token)
        mock.get(f"{BASE}/v1/responses", body=body)
        with pytest.raises(UnavailableError, match=r"inmoment: GET /v1/responses"):
            read(wootric())
