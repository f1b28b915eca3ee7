"""What people texted back is learnt without an open port: by the list, under the keys of the push."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from builders_twilio import twilio_settings
from fake_clock import FakeClock, fake_tools
from played_vendor import PlayedVendor, playing

from connectors.twilio import CONNECTOR
from connectors.twilio.sender import Twilio
from nps.errors import UnavailableError
from nps.events import SignalKind
from nps.responses import Cursor

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CURSOR = Cursor({"heard_at": NOW.isoformat()})


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://api.twilio.com") as played:
        yield played


def twilio() -> Twilio:
    return Twilio(twilio_settings(), replace(fake_tools("texts", clock=FakeClock(NOW))))


def texted(sid: str, body: str, ago: int = 0, **more: object) -> dict[str, object]:
    at = format_datetime(NOW - timedelta(minutes=ago))
    made = {"sid": sid, "body": body, "from": "+12025550143", "status": "received", "date_sent": at}
    return made | more


def test_the_first_time_starts_at_now_and_asks_nothing(vendor):
    [page] = twilio().heard(None)
    assert (page.signals, page.cursor) == ((), CURSOR)
    assert vendor.asked == []


def test_what_was_texted_is_told_the_oldest_first_with_the_push_s_keys(vendor):
    rows = [
        texted("SM3", "START"),
        texted("SM2", "9 love it", 5),
        texted("SM1", "Stop.", 9),
        texted("SM0", "HELP"),
    ]
    vendor.says = [(200, {"messages": rows})]
    [page] = twilio().heard(CURSOR)
    assert [(one.key, one.kind, one.address) for one in page.signals] == [
        ("SM1", SignalKind.STOP, "+12025550143"),
        ("SM2", SignalKind.REPLY, "+12025550143"),
        ("SM3", SignalKind.START, "+12025550143"),
    ]
    assert page.signals[1].text == "9 love it"
    assert page.signals[0].at == NOW - timedelta(minutes=9)
    [asked] = vendor.asked
    assert asked.params == {"To": twilio_settings().number, "DateSent>": "2026-03-01", "PageSize": "1000"}


def test_our_own_texts_are_no_replies(vendor):
    vendor.says = [(200, {"messages": [texted("SM1", "STOP", status="delivered")]})]
    [page] = twilio().heard(CURSOR)
    assert page.signals == ()


@pytest.mark.parametrize(
    "rows",
    [
        [{"status": "received", "body": "STOP"}],
        [texted("SM1", "STOP", date_sent="yesterday")],
        [texted(f"SM{number}", "5") for number in range(1000)],
        "none",
    ],
)
def test_a_list_that_cannot_be_trusted_is_told_and_asked_for_again(vendor, rows):
    vendor.says = [(200, {"messages": rows})]
    with pytest.raises(UnavailableError):
        list(twilio().heard(CURSOR))


def test_only_a_number_of_our_own_can_be_listed():
    owned = CONNECTOR.sends(twilio_settings())
    shared = CONNECTOR.sends(twilio_settings(number=None, messaging_service="MG" + "0" * 32))
    assert owned is not None
    assert shared is not None
    assert (owned.hears, shared.hears) == (True, False)
