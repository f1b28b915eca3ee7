"""Sending into a campaign: what is posted, and what each answer means."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
import requests
from builders_sending import INVITATION, message, recipient
from fake_clock import FakeClock, fake_tools
from played_vendor import PlayedVendor, playing
from pydantic import ValidationError

from connectors.contract import Needs, Verdict
from connectors.promoter.sender import Promoter
from connectors.promoter.settings import PromoterSettings
from nps.errors import AccessError, ConfigError
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown, SuppressedByVendor

KEY = "pr0moter-key-77"
NOT_ELIGIBLE = {"non_field_errors": ["Contact is not eligible for survey."]}


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://app.promoter.io") as played:
        played.says = [(201, {"id": 77})]
        yield played


def promoter(clock: FakeClock | None = None, **more: object) -> Promoter:
    settings = PromoterSettings.model_validate({"api_key": KEY} | more)
    return Promoter(settings, fake_tools("promo", clock=clock or FakeClock()))


def asked(**more: object) -> object:
    return message(vendor_survey="99", **more)


def test_one_send_is_one_post_with_the_slash_and_the_invitation(vendor):
    assert promoter().send(asked()) == Accepted("77")
    [request] = vendor.asked
    assert (request.method, request.path) == ("POST", "/api/v2/survey/")
    assert request.headers["authorization"] == f"Token {KEY}"
    assert request.json == {
        "campaign_id": 99,
        "contact": {"email": "ann@petrov.example", "first_name": "Ann", "last_name": "O'Brien"},
        "attributes": {"npsync_invitation": INVITATION},
    }


def test_the_campaign_s_field_and_your_own_id_are_settings(vendor):
    promoter(campaign_field="campaign", external_id_attribute="customer_id").send(
        message(vendor_survey="spring", to=recipient(name=None))
    )
    assert vendor.asked[0].json == {
        "campaign": "spring",
        "contact": {"email": "ann@petrov.example", "attributes": {"customer_id": "C-007"}},
        "attributes": {"npsync_invitation": INVITATION},
    }


def test_a_person_who_is_not_eligible_is_suppressed_and_never_tried_again(vendor):
    vendor.says = [(400, NOT_ELIGIBLE)]
    outcome = promoter().send(asked())
    assert isinstance(outcome, SuppressedByVendor)
    assert (outcome.code, outcome.opted_out) == ("not_eligible", False)
    assert len(vendor.asked) == 1


def test_an_address_it_does_not_take_is_a_dead_one(vendor):
    vendor.says = [(400, {"contact": {"email": ["ann@petrov.example is invalid"]}})]
    outcome = promoter().send(asked())
    assert isinstance(outcome, FailedPermanent)
    assert (outcome.code, outcome.address) == ("bad_email", True)
    assert "petrov" not in repr(outcome)


@pytest.mark.parametrize(("field", "other"), [("campaign_id", "campaign"), ("campaign", "campaign_id")])
def test_a_campaign_it_does_not_take_names_the_setting_to_try(vendor, field, other):
    vendor.says = [(400, {other: ["This field is required."]})]
    with pytest.raises(ConfigError, match=rf"try campaign_field: {other}$"):
        promoter(campaign_field=field).send(asked())


def test_any_other_refusal_is_this_person_s_and_quotes_nothing(vendor):
    vendor.says = [(400, {"attributes": ["ann@petrov.example"]})]
    outcome = promoter().send(asked())
    assert outcome == FailedPermanent("400", "Promoter.io refused the survey (400: attributes)")


@pytest.mark.parametrize(
    ("status", "error"), [(401, AccessError), (403, AccessError), (404, ConfigError), (301, ConfigError)]
)
def test_what_concerns_everybody_stops_all_sending(vendor, status, error):
    vendor.says = [(status, {"detail": "no"}, {"Location": "https://app.promoter.io/api/v2/survey"})]
    with pytest.raises(error, match=r"^promo: send a survey: ") as caught:
        promoter().send(asked())
    assert len(vendor.asked) == 1
    text = "".join(traceback.format_exception(caught.value))
    assert KEY not in text
    assert "petrov" not in text


def test_a_throttle_is_waited_for_as_its_header_or_its_sentence_says(vendor):
    clock = FakeClock()
    vendor.says = [
        (429, {"detail": "Request was throttled. Expected available in 7.0 seconds."}),
        (429, {}, {"Retry-After": "3"}),
        (201, {"id": 1}),
    ]
    assert promoter(clock).send(asked()) == Accepted("1")
    assert sum(clock.slept) >= 10


@pytest.mark.parametrize("broken", [requests.ReadTimeout("ann@petrov.example"), (500, {}), (200, "{cut off")])
def test_no_readable_answer_is_an_unknown_fate_and_is_never_repeated(vendor, broken):
    vendor.says = [broken]
    outcome = promoter().send(asked())
    assert isinstance(outcome, FateUnknown)
    assert "petrov" not in outcome.reason
    assert len(vendor.asked) == 1
    assert promoter().find(asked()) is None


def test_a_host_that_refuses_connections_surely_sent_nothing(vendor):
    vendor.says = [requests.ConnectTimeout()]
    assert isinstance(promoter().send(asked()), FailedRetryable)


def test_without_a_campaign_or_an_address_nothing_leaves(vendor):
    with pytest.raises(ConfigError, match=r'names no campaign; add at: \{promo: "CAMPAIGN ID"\}'):
        promoter().send(message())
    outcome = promoter().send(asked(to=recipient(email="nobody")))
    assert isinstance(outcome, FailedPermanent)
    assert outcome.address
    assert vendor.asked == []


def test_access_is_tried_without_asking_anybody(vendor):
    vendor.says = [(200, {"count": 0, "results": []})]
    assert [grant.verdict for grant in promoter().access(Needs(sends=True))] == [Verdict.OK, Verdict.UNTESTED]
    assert vendor.sent() == []
    assert vendor.asked[0].path == "/api/v2/feedback/"


def test_a_plain_host_is_refused():
    with pytest.raises(ValidationError, match="https"):
        promoter(base_url="http://promoter.example")
