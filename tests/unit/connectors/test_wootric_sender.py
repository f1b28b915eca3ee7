"""Asking through Wootric: what it is asked, and when it is not asked at all."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
import requests
from builders_sending import INVITATION, message, recipient
from fake_clock import FakeClock, Notices, fake_tools
from played_vendor import PlayedVendor, playing
from pydantic import ValidationError

from connectors.contract import Needs, Verdict
from connectors.wootric import CONNECTOR
from connectors.wootric.rows import NOBODY, Moments, response
from connectors.wootric.sender import WootricSender
from connectors.wootric.settings import WootricSettings
from connectors.wootric.source import Wootric
from nps.asking import Channel
from nps.errors import AccessError
from nps.sending import Accepted, FailedPermanent, FailedRetryable, FateUnknown, SuppressedByVendor

PERSON = "/v1/end_users/ann@petrov.example"
SEND = "/v1/email_survey"
A_PROXY_S_PAGE = (200, "<html>", {"Content-Type": "text/html"})


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://api.wootric.com") as played:
        played.says = [(200, {})]
        played.at["/oauth/token"] = [(200, {"access_token": "t0ken", "expires_in": 7200})]
        played.at[PERSON] = [(404, {})]
        yield played


def settings(**more: object) -> WootricSettings:
    return WootricSettings.model_validate({"client_id": "id", "client_secret": "s3cr3t"} | more)


def wootric(notices: Notices | None = None, **more: object) -> WootricSender:
    return WootricSender(settings(**more), fake_tools("nps", clock=FakeClock(), notice=notices))


def calls(vendor: PlayedVendor) -> list[str]:
    return [f"{each.method} {each.path}" for each in vendor.asked if each.path != "/oauth/token"]


def test_one_send_is_one_survey_for_one_person_that_carries_the_invitation(vendor):
    assert wootric().send(message()) == Accepted()
    assert calls(vendor) == [f"GET {PERSON}", f"POST {SEND}"]
    assert vendor.asked[-1].pairs == [
        ("emails[]", "ann@petrov.example"),
        ("external_ids[]", "C-007"),
        ("end_user[properties][npsync_invitation]", INVITATION),
        ("survey_settings[sampling][response_throttle]", "7"),
    ]
    assert vendor.asked[-1].headers["authorization"] == "Bearer t0ken"


def test_the_mail_s_looks_and_wootric_s_own_rules_are_settings(vendor):
    survey = {
        "response_throttle": "30 days",
        "decline_throttle": "10 days",
        "first_survey_delay": "0 days",
        "registered_percent": 100,
        "survey_immediately": True,
        "subject": "How was it?",
        "senders_name": "Acme",
        "pass_language": True,
    }
    wootric(email_survey=survey, token_in_body=True).send(
        message(to=recipient(language="de", external_id=None))
    )
    form = vendor.asked[-1].form
    assert form["survey_settings[sampling][response_throttle]"] == "30"
    assert form["survey_settings[sampling][decline_throttle]"] == "10"
    assert form["survey_settings[sampling][first_survey_delay]"] == "0"
    assert form["survey_settings[sampling][registered_percent]"] == "100"
    assert (form["survey_immediately"], form["subject"], form["senders_name"]) == (
        "true",
        "How was it?",
        "Acme",
    )
    assert (form["survey_settings[language]"], form["access_token"]) == ("de", "t0ken")
    assert "external_ids[]" not in form


def test_half_days_are_refused_for_wootric_counts_whole_ones():
    with pytest.raises(ValidationError, match="whole days"):
        settings(email_survey={"response_throttle": "36 hours"})


@pytest.mark.parametrize(
    "told",
    [
        {"surveys_disabled_by_end_user": True},
        {"surveys_disabled_by_end_user": "2026-01-01"},
        {"email_nps": False},
    ],
)
def test_a_person_who_switched_surveys_off_is_not_asked(vendor, told):
    vendor.at[PERSON] = [(200, {"id": 7, "settings": told})]
    outcome = wootric().send(message())
    assert isinstance(outcome, SuppressedByVendor)
    assert outcome.opted_out
    assert calls(vendor) == [f"GET {PERSON}"]


def test_what_was_switched_off_elsewhere_does_not_count_here(vendor):
    vendor.at[PERSON] = [(200, {"id": 7, "settings": {"email_nps": True, "web_nps": False}})]
    assert wootric().send(message()) == Accepted()


def test_an_address_stands_in_a_path_escaped_and_in_no_message(vendor):
    odd = "/v1/end_users/o%27brien%2Fx%3Fy%2Btag@acme.example"
    vendor.at[odd] = [(500, {})]
    outcome = wootric().send(message(to=recipient(email="o'brien/x?y+tag@acme.example")))
    assert isinstance(outcome, FailedRetryable)
    assert "brien" not in outcome.reason
    assert calls(vendor)[0] == f"GET {odd}"


@pytest.mark.parametrize("broken", [requests.ReadTimeout("ann@petrov.example"), (500, {}), A_PROXY_S_PAGE])
def test_no_answer_is_an_unknown_fate_and_is_never_repeated(vendor, broken):
    vendor.at[SEND] = [broken]
    outcome = wootric().send(message())
    assert isinstance(outcome, FateUnknown)
    assert "petrov" not in outcome.reason
    assert len(vendor.sent()) == 2  # signing in, and the survey
    assert wootric().find(message()) is None


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_two_hundred_is_accepted_and_says_nothing_of_delivery(vendor, status):
    vendor.at[SEND] = [(status, b"")]
    assert wootric().send(message()) == Accepted()


def test_a_refused_survey_is_this_person_s_and_quotes_nothing(vendor):
    vendor.at[SEND] = [(400, {"errors": ["ann@petrov.example"]})]
    assert wootric().send(message()) == FailedPermanent("400", "Wootric refused the survey (status 400)")


def test_refused_credentials_stop_all_sending(vendor):
    vendor.at["/oauth/token"] = [(401, {"error": "invalid_client"})]
    with pytest.raises(AccessError) as caught:
        wootric().send(message())
    text = "".join(traceback.format_exception(caught.value))
    assert "s3cr3t" not in text
    assert "petrov" not in text


def test_what_is_no_address_never_leaves(vendor):
    outcome = wootric().send(message(to=recipient(email=None)))
    assert isinstance(outcome, FailedPermanent)
    assert vendor.asked == []


# ---------------------------------------------------------------- in the app


@pytest.mark.parametrize("way", ["web", "mobile"])
def test_in_the_app_the_person_is_marked_and_made_due(vendor, way):
    vendor.at[PERSON] = [(200, {"id": 7, "settings": {}})]
    assert wootric(send=way).send(message()) == Accepted()
    assert calls(vendor) == [f"GET {PERSON}", "PUT /v1/end_users/7", "PUT /v1/end_users/7/settings"]
    assert vendor.asked[-2].form == {"properties[npsync_invitation]": INVITATION}
    assert vendor.asked[-1].form == {f"force_{way}_survey": "true"}


def test_somebody_the_app_has_never_seen_cannot_be_asked_there(vendor):
    outcome = wootric(send="web").send(message())
    assert isinstance(outcome, FailedPermanent)
    assert (outcome.code, outcome.address) == ("unknown_end_user", False)


def test_an_account_that_keeps_properties_locked_asks_all_the_same_and_it_is_noticed(vendor):
    vendor.at[PERSON] = [(200, {"id": 7})]
    vendor.at["/v1/end_users/7"] = [(423, {})]
    notices = Notices()
    assert wootric(notices, send="web").send(message()) == Accepted()
    assert notices == [("wootric_end_user_not_marked", {"status": 423})]


def test_a_mark_whose_fate_is_unknown_leaves_the_fate_of_the_survey_clear(vendor):
    vendor.at[PERSON] = [(200, {"id": 7})]
    vendor.at["/v1/end_users/7"] = [(500, {})]
    vendor.at["/v1/end_users/7/settings"] = [(429, {})]
    notices = Notices()
    assert isinstance(wootric(notices, send="web").send(message()), FailedRetryable)
    assert [event for event, _ in notices if event != "waiting"] == ["wootric_end_user_not_marked"]


def test_how_it_asks_decides_which_opt_outs_count():
    mail, web = CONNECTOR.sends(settings()), CONNECTOR.sends(settings(send="web"))
    assert mail is not None
    assert web is not None
    assert (mail.channel, web.channel) == (Channel.EMAIL, Channel.IN_APP)
    assert (mail.words, mail.page, mail.can_remind) == ("vendor", False, False)


# ---------------------------------------------------------------- together with the answers


def test_answers_carry_the_invitation_back():
    row = {
        "id": 1,
        "score": 9,
        "created_at": "2026-03-02 09:05:00 -0800",
        "end_user": {"properties": {"npsync_invitation": INVITATION}},
    }
    read = response(
        row, NOBODY, source="nps", moments=Moments(lambda: None), channel=None, partial_when_incomplete=False
    )
    assert read.properties["npsync_invitation"] == INVITATION


def test_sender_and_source_of_one_connection_sign_in_once(vendor):
    tools = fake_tools("nps", clock=FakeClock())
    sender, source = WootricSender(settings(), tools), Wootric(settings(look_up="never"), tools)
    vendor.says = [(200, [])]
    sender.send(message())
    list(source.read(None, since=None))
    assert [each.path for each in vendor.asked].count("/oauth/token") == 1
    source.close()
    assert sender.send(message()) == Accepted()
    sender.close()
    sender.close()


def test_a_key_that_sends_is_not_said_to_be_able_to_do_too_much(vendor):
    source = Wootric(settings(), fake_tools("nps", clock=FakeClock()))
    vendor.says = [(200, [])]
    reading, sending = source.access(Needs(answers=True)), source.access(Needs(answers=True, sends=True))
    assert Verdict.EXCESS in {grant.verdict for grant in reading}
    assert Verdict.EXCESS not in {grant.verdict for grant in sending}
    source.close()


def test_access_is_tried_without_asking_anybody(vendor):
    assert [grant.verdict for grant in wootric().access(Needs(sends=True))] == [Verdict.UNTESTED]
    assert calls(vendor) == ["GET /v1/end_users"]
