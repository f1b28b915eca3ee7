"""What Twilio posts: replies, STOP and START, and what became of a text."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from builders_twilio import ACCOUNT, HOOK, NOON, TOKEN, posted, reply, status, twilio_settings
from fake_clock import fake_tools

from connectors.contract import Posted, Refused
from connectors.twilio.hooks import TwilioHooks
from connectors.twilio.signing import signature
from nps.events import Signal, SignalKind

D_URL = "https://nps.example.com/webhooks/twilio/inbound"
D = {
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "Body": "9 love it",
    "From": "+14155550123",
    "MessageSid": "SM00000000000000000000000000000001",
    "NumMedia": "0",
    "NumSegments": "1",
    "SmsMessageSid": "SM00000000000000000000000000000001",
    "SmsSid": "SM00000000000000000000000000000001",
    "SmsStatus": "received",
    "To": "+14155550100",
}
SID = "SM" + "1" * 32


def received(request: Posted, **more: object) -> list[Signal]:
    return list(TwilioHooks(twilio_settings(**more)).receive(request).arrivals)  # type: ignore[arg-type]


def refused(request: Posted, **more: object) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        TwilioHooks(twilio_settings(**more)).receive(request)
    return caught.value.status, caught.value.code


def test_a_reply_is_told_once_with_its_number_and_its_words():
    request = reply("9 love it")
    [signal] = received(request)
    assert signal == Signal(key=SID, kind=SignalKind.REPLY, at=NOON, address="+14155550123", text="9 love it")
    assert received(request) == [signal]


def test_nothing_is_texted_back_unless_thanks_are_wanted_and_it_is_a_score():
    hooks = TwilioHooks(twilio_settings(thanks="Thanks & bye"))
    nothing = b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
    answer = hooks.receive(reply("9 love it")).reply
    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert answer.body.endswith(b"<Response><Message>Thanks &amp; bye</Message></Response>")
    assert hooks.receive(reply("who is this?")).reply.body == nothing
    assert hooks.receive(reply("STOP")).reply.body == nothing
    assert TwilioHooks(twilio_settings()).receive(reply("9")).reply.body == nothing


@pytest.mark.parametrize(
    "word",
    [
        "STOP",
        "stop",
        " Stop. ",
        "STOP!",
        "StopAll",
        "UNSUBSCRIBE",
        "cancel",
        "END",
        "quit",
        "REVOKE",
        "optout",
        "ｓｔｏｐ",
    ],
)
def test_a_word_for_stop_stops(word):
    [signal] = received(reply(word))
    assert (signal.kind, signal.address, signal.text) == (SignalKind.STOP, "+14155550123", None)


@pytest.mark.parametrize(
    "words", ["please stop the machine", "9 but stop calling", "the end", "cancelled my flight"]
)
def test_a_sentence_with_such_a_word_is_a_reply(words):
    assert [signal.kind for signal in received(reply(words))] == [SignalKind.REPLY]


@pytest.mark.parametrize("word", ["START", "yes", "Unstop"])
def test_a_word_for_start_starts(word):
    assert [signal.kind for signal in received(reply(word))] == [SignalKind.START]


@pytest.mark.parametrize("words", ["yes.", "yes please", "start again"])
def test_anything_more_than_the_word_does_not_start_again(words):
    assert [signal.kind for signal in received(reply(words))] == [SignalKind.REPLY]


@pytest.mark.parametrize(("told", "kind"), [("STOP", SignalKind.STOP), ("START", SignalKind.START)])
def test_what_twilio_itself_understood_counts_in_any_language(told, kind):
    assert [signal.kind for signal in received(reply("arrêt", OptOutType=told))] == [kind]


@pytest.mark.parametrize("request_", [reply("HELP"), reply("info"), reply("aide", OptOutType="HELP")])
def test_a_call_for_help_is_twilio_s_to_answer(request_):
    assert received(request_) == []


def test_a_reply_without_a_phone_number_tells_of_nobody():
    assert received(reply("9", From="whatsapp:+14155550123")) == []


# ---------------------------------------------------------------- what became of a text


@pytest.mark.parametrize(
    ("word", "kind"),
    [("delivered", SignalKind.DELIVERED), ("undelivered", SignalKind.FAILED), ("failed", SignalKind.FAILED)],
)
def test_where_a_text_ended_is_told(word, kind):
    [signal] = received(status(word, ErrorCode="30003") if kind is SignalKind.FAILED else status(word))
    assert (signal.kind, signal.message, signal.key) == (kind, SID, f"{SID}/{word}")
    assert signal.code == ("30003" if kind is SignalKind.FAILED else "")


@pytest.mark.parametrize("word", ["accepted", "scheduled", "queued", "sending", "sent", "brand_new"])
def test_what_is_on_its_way_tells_nothing_and_is_answered_well(word):
    taken = TwilioHooks(twilio_settings()).receive(status(word))
    assert (taken.arrivals, taken.reply.status) == ((), 204)


def test_a_text_that_failed_because_of_a_stop_stops():
    [signal] = received(status("failed", ErrorCode="21610"))
    assert (signal.kind, signal.address) == (SignalKind.STOP, "+14155550123")


def test_fields_that_are_new_are_passed_over():
    assert len(received(reply("9", BrandNew="x", FromCity=""))) == 1


# ---------------------------------------------------------------- who is let in


def test_the_vendor_s_own_request_is_let_in():
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": "HIuYFJBbYidtrkgBemKgWcCecv4=",
    }
    [signal] = received(Posted("POST", D_URL, headers, urlencode(D).encode(), NOON))
    assert (signal.kind, signal.text) == (SignalKind.REPLY, "9 love it")


def test_what_is_unsigned_wrongly_signed_or_another_account_s_is_refused():
    genuine = reply("9")
    unsigned = replace(genuine, headers={"content-type": genuine.headers["content-type"]})
    assert refused(unsigned) == (403, "unsigned")
    assert refused(replace(genuine, body=genuine.body + b"&x=1")) == (403, "wrong_signature")
    assert refused(replace(genuine, url="https://evil.example/hooks/texts")) == (403, "wrong_signature")
    assert refused(posted({"Body": "9", "AccountSid": "AC" + "9" * 32})) == (403, "foreign_account")
    assert refused(posted({"Body": "9"}, token="another")) == (403, "wrong_signature")


def test_without_the_auth_token_nobody_is_let_in():
    key = {"auth_token": None, "api_key_sid": "SK1", "api_key_secret": "s3cret-of-the-key"}
    assert refused(reply("9"), **key) == (403, "no_token")


def test_an_old_token_is_let_in_while_it_is_being_changed():
    assert (
        len(
            received(
                posted({"Body": "9", "From": "+14155550123"}, token="old-one-9"),
                former_auth_token="old-one-9",
            )
        )
        == 1
    )


def test_a_json_body_needs_its_hash_and_its_signature():
    body = b'{"AccountSid": "%s", "MessageSid": "SM1", "MessageStatus": "delivered"}' % ACCOUNT.encode()
    url = f"{HOOK}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"content-type": "application/json", "x-twilio-signature": signature(TOKEN, url, [])}
    genuine = Posted("POST", url, headers, body, NOON)
    assert [signal.kind for signal in received(genuine)] == [SignalKind.DELIVERED]
    assert refused(replace(genuine, body=body + b" ")) == (403, "wrong_signature")


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"&".join(b"a=1" for _ in range(2_000))])
def test_a_form_that_cannot_be_read_is_the_sender_s_mistake(body):
    assert refused(replace(reply("9"), body=body))[0] == 400


def test_a_request_about_no_message_is_refused():
    assert refused(posted({"Body": "9", "MessageSid": ""})) == (400, "unreadable")


def test_a_refusal_helps_no_forger():
    with pytest.raises(Refused) as caught:
        TwilioHooks(twilio_settings()).receive(posted({"Body": "9"}, token="another"))
    assert str(caught.value) == "not signed by Twilio"
    assert fake_tools().connection not in str(caught.value)
