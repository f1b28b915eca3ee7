"""What a text says, and what it costs."""

from __future__ import annotations

import pytest
from builders_sending import message, recipient
from builders_twilio import twilio_settings
from pydantic import ValidationError

from connectors.twilio.texts import Size, remarks, size, text
from nps.asking import StepKind


def test_a_text_names_who_asks_and_says_how_to_opt_out():
    asked = message(ask="How was our help?\n", link="https://nps.acme.example/s/abc")
    assert text(asked, twilio_settings()) == (
        "Acme: How was our help? https://nps.acme.example/s/abc Reply STOP to opt out."
    )


def test_a_reminder_has_words_of_its_own():
    asked = message(kind=StepKind.REMINDER, ask="How was our help?", link="https://a.example/s/abc")
    assert text(asked, twilio_settings()).startswith("Acme, a reminder: How was our help?")


def test_names_of_people_stay_what_they_are():
    asked = message(to=recipient(name="{link} Ann"), link="https://a.example/s/1")
    said = text(asked, twilio_settings(text="{sender}: {name}, {ask} Until {deadline}. {link}"))
    assert said.startswith("Acme: {link} Ann, How satisfied")
    assert "Until 2026-03-16." in said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a" * 160, Size("GSM-7", 1)),
        ("a" * 161, Size("GSM-7", 2)),
        ("a" * 306, Size("GSM-7", 2)),
        ("a" * 307, Size("GSM-7", 3)),
        ("ä€" * 53, Size("GSM-7", 1)),
        ("€" * 81, Size("GSM-7", 2)),
        ("ç" * 70, Size("UCS-2", 1)),
        ("ç" * 71, Size("UCS-2", 2)),
        ("😀" * 36, Size("UCS-2", 2)),
    ],
)
def test_segments_are_counted_as_twilio_bills_them(said, expected):
    assert size(said) == expected


def test_a_long_text_is_remarked_on_with_what_makes_it_long():
    asked = message(ask="Zufrieden? „Ja“ oder nein " * 3, link="https://a.example/s/abc")
    [remark] = remarks(asked, twilio_settings())
    assert "segments (UCS-2 because of “ „)" in remark
    assert remarks(message(ask="Happy?", link="https://a.example/s/abc"), twilio_settings()) == []
    [remark] = remarks(message(ask="x" * 1_700), twilio_settings())
    assert "1600 at most" in remark


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"text": "{sender}: {ask}"}, "has to hold {link}"),
        ({"text": "{ask} {link}"}, "has to hold {sender}"),
        ({"text": "{sender} {link} {first_name}"}, "{first_name} is no name here"),
        ({"text": "{sender} {link!r}"}, "is no name here"),
        ({"text": "{sender} {link} {"}, "cannot be read"),
        ({"text": "{sender} {link} {}"}, "is no name here"),
        ({"number": "4155550100"}, "E.164"),
        ({"messaging_service": "MG" + "0" * 32}, "one of them"),
        ({"number": None}, "one of them"),
        ({"auth_token": None}, "needs auth_token"),
        ({"api_key_sid": "SK1"}, "together"),
        ({"base_url": "http://twilio.example"}, "https"),
        ({"valid_for": "11 hours"}, "10 hours at most"),
        ({"opt_out": ""}, "at least"),
        ({"account_sid": "SK123"}, "pattern"),
    ],
)
def test_settings_that_would_not_work_are_refused_with_the_reason(given, problem):
    with pytest.raises(ValidationError, match=problem):
        twilio_settings(**given)
