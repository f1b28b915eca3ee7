"""Sending a text: one request, and exactly one meaning for each answer."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests
from builders_sending import message, recipient
from builders_twilio import ACCOUNT, TOKEN, twilio_settings
from fake_clock import FakeClock, fake_tools
from played_vendor import PlayedVendor, playing

from connectors.contract import Needs, Verdict
from connectors.twilio.sender import Twilio
from connectors.twilio.texts import text
from nps.asking import StepKind
from nps.errors import AccessError, BudgetError, UnavailableError
from nps.sending import (
    Accepted,
    FailedPermanent,
    FailedRetryable,
    FateUnknown,
    SuppressedByVendor,
)

SENT = (201, {"sid": "SM1", "status": "queued", "error_code": None})
NOTHING = (200, {"messages": []})
STOPPED = SuppressedByVendor("21610", "", opted_out=True)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://api.twilio.com") as played:
        played.says = [SENT]
        yield played


def twilio(clock: FakeClock | None = None, public_url: str = "", **more: object) -> Twilio:
    tools = replace(fake_tools("texts", clock=clock or FakeClock(NOW)), public_url=public_url)
    return Twilio(twilio_settings(**more), tools)


def listed(body: str, sid: str = "SM7", ago: timedelta = timedelta(), **more: object) -> dict[str, object]:
    made = {"sid": sid, "body": body, "direction": "outbound-api", "date_created": format_datetime(NOW - ago)}
    return made | more


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def test_one_send_is_one_form_with_the_text_and_the_number(vendor):
    asked = message()
    assert twilio().send(asked) == Accepted("SM1")
    [request] = vendor.asked
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    login = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert login == f"{ACCOUNT}:{TOKEN}"
    assert request.form == {
        "To": "+14155550123",
        "From": "+14155550100",
        "Body": text(asked, twilio_settings()),
        "ValidityPeriod": "14400",
    }


def test_a_service_a_key_and_privacy_are_passed_on(vendor):
    service = "MG" + "0" * 32
    more = {"number": None, "messaging_service": service, "api_key_sid": "SK1", "api_key_secret": "k3y"}
    sender = twilio(
        public_url="https://nps.acme.example", obfuscate_address=True, discard_content=True, **more
    )
    sender.send(message())
    [request] = vendor.asked
    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"SK1:k3y"
    form = request.form
    assert (form["MessagingServiceSid"], "From" in form) == (service, False)
    assert (form["AddressRetention"], form["ContentRetention"]) == ("obfuscate", "discard")
    assert form["StatusCallback"] == "https://nps.acme.example/hooks/texts"


def test_nobody_is_told_to_report_where_nobody_listens(vendor):
    twilio().send(message())
    twilio(public_url="https://nps.acme.example", report_status=False).send(message())
    assert all("StatusCallback" not in request.form for request in vendor.asked)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            (400, {"code": 21610, "message": "+14155550123 replied STOP"}),
            SuppressedByVendor("21610", "", opted_out=True),
        ),
        (
            (400, {"code": 21211, "message": "invalid +14155550123"}),
            FailedPermanent("21211", "", address=True),
        ),
        ((400, {"code": 21614}), FailedPermanent("21614", "", address=True)),
        ((400, {"code": 21408}), FailedPermanent("21408", "")),
        ((422, "not json"), FailedPermanent("422", "")),
        ((400, {"code": 20429}), FailedRetryable("20429", "")),
        (
            (201, {"sid": "SM1", "status": "failed", "error_code": 21610}),
            SuppressedByVendor("21610", "", opted_out=True),
        ),
        ((201, {"sid": "SM1", "status": "undelivered", "error_code": 30006}), FailedPermanent("30006", "")),
    ],
)
def test_each_refusal_means_one_thing_and_quotes_no_number(vendor, said, expected):
    vendor.says = [said]
    outcome = twilio().send(message())
    assert type(outcome) is type(expected)
    assert outcome.code == expected.code
    for flag in ("opted_out", "address"):
        assert getattr(outcome, flag, False) == getattr(expected, flag, False)
    assert "4155550123" not in repr(outcome)
    assert len(vendor.sent()) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refused_credentials_stop_all_sending_and_are_not_shown(vendor, status):
    vendor.says = [(status, {"code": 20003, "message": "Authenticate"})]
    with pytest.raises(AccessError, match=r"^texts: send a text: Twilio") as caught:
        twilio().send(message())
    assert TOKEN not in shown(caught.value)
    assert "4155550123" not in shown(caught.value)


def test_a_busy_vendor_is_waited_for_as_it_says(vendor):
    vendor.says = [(429, {"code": 20429}, {"Retry-After": "2"}), SENT]
    clock = FakeClock(NOW)
    assert twilio(clock).send(message()) == Accepted("SM1")
    assert sum(clock.slept) >= 2
    vendor.says = [(429, {"code": 20429})]
    assert isinstance(twilio().send(message()), FailedRetryable)


def test_a_text_does_not_wait_for_its_turn_until_others_think_it_was_left_behind(vendor):
    vendor.says = [(429, {"code": 20429}, {"Retry-After": "600"})]
    clock = FakeClock(NOW)
    sender = twilio(clock)
    assert isinstance(sender.send(message()), FailedRetryable)
    vendor.says = [SENT]
    with pytest.raises(BudgetError):
        sender.send(message())
    assert clock.slept == []
    assert len(vendor.sent()) == 1


@pytest.mark.parametrize(
    "broken", [requests.ReadTimeout("+14155550123"), requests.ConnectionError("reset"), (500, {})]
)
def test_no_answer_is_an_unknown_fate_and_is_never_repeated(vendor, broken):
    vendor.at[f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"] = [broken, NOTHING]
    outcome = twilio().send(message())
    assert isinstance(outcome, FateUnknown)
    assert "4155550123" not in outcome.reason
    assert len(vendor.sent()) == 1


def test_a_text_whose_answer_was_lost_is_found_where_it_shows_already(vendor):
    asked = message()
    vendor.says = [requests.ReadTimeout(), (200, {"messages": [listed(text(asked, twilio_settings()))]})]
    assert twilio().send(asked) == Accepted("SM7")
    assert len(vendor.sent()) == 1


def test_a_host_that_refuses_connections_surely_sent_nothing(vendor):
    vendor.says = [requests.ConnectTimeout()]
    assert isinstance(twilio().send(message()), FailedRetryable)


@pytest.mark.parametrize("phone", [None, "", "555 0123", "+1"])
def test_what_is_no_number_never_leaves(vendor, phone):
    outcome = twilio().send(message(to=recipient(phone=phone)))
    assert isinstance(outcome, FailedPermanent)
    assert (outcome.code, outcome.address) == ("bad_number", True)
    assert vendor.asked == []


def test_a_text_too_long_for_twilio_never_leaves(vendor):
    outcome = twilio().send(message(ask="x" * 1_600))
    assert isinstance(outcome, FailedPermanent)
    assert outcome.code == "too_long"
    assert vendor.asked == []


# ---------------------------------------------------------------- the fate of an interrupted send


def found(
    vendor: PlayedVendor, rows: list[dict[str, object]], clock: FakeClock | None = None, **more: object
) -> object:
    vendor.says = [(200, {"messages": rows})]
    return twilio(clock).find(message(**more))


def test_an_interrupted_text_is_known_by_its_link(vendor):
    said = text(message(), twilio_settings())
    others = [
        listed("Acme: another question https://nps.acme.example/s/other Reply STOP to opt out.", "SM1"),
        listed(message().link, "SM2", direction="inbound"),
        listed(said, "SM3"),
    ]
    assert found(vendor, others) == Accepted("SM3")
    [request] = vendor.asked
    assert request.params["To"] == "+14155550123"


def test_an_ask_whose_wording_changed_since_is_found_all_the_same(vendor):
    assert found(vendor, [listed(f"Acme asks: happy? {message().link}", "SM4")]) == Accepted("SM4")


def test_a_text_that_is_not_listed_never_left_and_is_looked_for_twice(vendor):
    clock = FakeClock(NOW)
    outcome = found(vendor, [], clock)
    assert isinstance(outcome, FailedRetryable)
    assert outcome.code == "not_sent"
    assert len(vendor.asked) == 2
    assert sum(clock.slept) >= 20


def test_a_reminder_is_not_taken_for_the_one_before_it(vendor):
    asked = {"kind": StepKind.REMINDER, "step": 3}
    said = text(message(**asked), twilio_settings())
    ask = listed(text(message(), twilio_settings()), "SM1", timedelta(days=6))
    earlier = listed(said, "SM2", timedelta(days=3))
    this = listed(said, "SM3", timedelta(minutes=5))
    assert found(vendor, [ask, earlier, this], **asked) == Accepted("SM3")
    assert isinstance(found(vendor, [ask], **asked), FailedRetryable)
    assert found(vendor, [ask, earlier], **asked) is None


def test_a_vendor_that_keeps_no_texts_cannot_tell(vendor):
    assert twilio(discard_content=True).find(message()) is None
    assert vendor.asked == []


def test_a_vendor_that_cannot_be_asked_now_is_asked_later(vendor):
    vendor.says = [(500, {})]
    with pytest.raises(UnavailableError):
        twilio().find(message())


# ---------------------------------------------------------------- trying it out


def test_access_is_tried_without_sending_anything(vendor):
    vendor.says = [NOTHING]
    assert [grant.verdict for grant in twilio().access(Needs(sends=True))] == [Verdict.OK]
    assert vendor.sent() == []


@pytest.mark.parametrize(
    ("from_", "learnt"),
    [
        ({}, "STOP and replies are read from Twilio's list, delivery is not learnt"),
        ({"number": None, "messaging_service": "MG" + "1" * 32}, "STOP and replies do not reach us"),
    ],
)
def test_without_the_auth_token_access_says_what_is_learnt_all_the_same(vendor, from_, learnt):
    vendor.says = [NOTHING]
    sender = twilio(auth_token=None, api_key_sid="SK1", api_key_secret="k3y", **from_)
    [missing] = [each for each in sender.access(Needs(sends=True)) if each.verdict is Verdict.MISSING]
    assert learnt in missing.detail
