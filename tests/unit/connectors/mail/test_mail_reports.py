"""What comes back by mail: it counts only for the message it names, and only for what it surely says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from builders_reports import CALLED, ORIGINAL, dsn

from connectors.mail.reports import signals
from nps.events import Signal, SignalKind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def told(raw: bytes) -> list[tuple[SignalKind, str]]:
    return [(one.kind, one.code) for one in signals(raw, NOON)]


def test_a_hard_bounce_is_told_of_its_message_and_of_no_address():
    assert signals(dsn(), NOON) == [
        Signal(
            key=f"{CALLED}/bounce/5.1.1",
            kind=SignalKind.BOUNCE,
            at=NOON,
            message=CALLED,
            address=None,
            code="5.1.1",
        )
    ]


@pytest.mark.parametrize(
    ("status", "action", "kind"),
    [
        ("5.1.1", "failed", SignalKind.BOUNCE),
        ("5.1.10", "failed", SignalKind.BOUNCE),
        ("5.4.4", "failed", SignalKind.BOUNCE),
        ("5.1.1 (no such user)", "Failed", SignalKind.BOUNCE),
        ("5.2.2", "failed", SignalKind.SOFT_BOUNCE),
        ("4.4.1", "failed", SignalKind.SOFT_BOUNCE),
        ("4.4.1", "delayed", SignalKind.SOFT_BOUNCE),
        ("5.7.1", "failed", SignalKind.FAILED),
        ("5.7.26", "failed", SignalKind.FAILED),
        ("", "failed", SignalKind.FAILED),
        ("2.0.0", "delivered", SignalKind.DELIVERED),
    ],
)
def test_what_a_report_says(status, action, kind):
    assert [found for found, _ in told(dsn(status, action))] == [kind]


@pytest.mark.parametrize("action", ["relayed", "expanded", "", "made-up"])
def test_what_went_on_elsewhere_says_nothing(action):
    assert told(dsn("2.0.0", action)) == []


def test_a_report_is_about_the_message_of_the_address_it_came_to():
    raw = dsn(to=f"bounces+{CALLED}@acme.example", third="text/plain", original="nothing of the original")
    assert [one.message for one in signals(raw, NOON)] == [CALLED]


@pytest.mark.parametrize(
    ("third", "original"),
    [
        ("text/rfc822-headers", ORIGINAL),
        ("message/rfc822", ORIGINAL + "\n\nHello Ann"),
        ("text/rfc822-headers", "X-Npsync-Message: {called}\nMessage-ID: <0100-of-the-service@mail.example>"),
    ],
)
def test_or_about_the_message_whose_headers_it_brings_back(third, original):
    assert [one.message for one in signals(dsn(third=third, original=original), NOON)] == [CALLED]


def test_an_address_in_its_words_names_nobody():
    assert signals(dsn(original="Message-ID: <somebody-else@acme.example>"), NOON) == []


def test_the_same_report_again_is_the_same_signal():
    assert signals(dsn(), NOON)[0].key == signals(dsn(), NOON)[0].key


ARF = """\
From: <abuse@mailbox.example>
To: {to}
Subject: FW: One question
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=AA

--AA
Content-Type: text/plain

This is an email abuse report.

--AA
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--AA
Content-Type: message/rfc822

Message-ID: <{called}@acme.example>
From: Acme <feedback@acme.example>

Hello
--AA--
"""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("abuse", [SignalKind.COMPLAINT]), ("opt-out", [SignalKind.UNSUBSCRIBE]), ("not-spam", [])],
)
def test_a_complaint_is_told(kind, expected):
    raw = ARF.format(to="fbl@acme.example", kind=kind, called=CALLED).encode()
    assert [found for found, _ in told(raw)] == expected


def test_an_unsubscribe_by_mail_is_the_subject_we_gave_and_nothing_more():
    mail = "From: Ann <ann@petrov.example>\nTo: unsub@acme.example\nSubject: {subject}\n\nbye\n"
    assert told(mail.format(subject=CALLED).encode()) == [(SignalKind.UNSUBSCRIBE, "mail")]
    assert told(mail.format(subject=f"Re: {CALLED}").encode()) == []
    assert told(mail.format(subject="unsubscribe").encode()) == []


def test_a_holiday_reply_says_nothing():
    mail = f"From: Ann <ann@petrov.example>\nAuto-Submitted: auto-replied\nSubject: {CALLED}\n\naway\n"
    assert told(mail.encode()) == []


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe\x00", b"Content-Type: multipart/report\n\n", dsn()[:400], dsn()[:-200]]
)
def test_what_is_broken_breaks_nothing(raw):
    assert isinstance(signals(raw, NOON), list)
