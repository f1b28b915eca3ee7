"""A mail through the sandbox's relay, as a mailbox provider would see it, and what comes back about it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

import pytest
from contract_place import Place
from fake_clock import fake_tools
from sender_table import CONNECTION, SENDERS, asked, open_sender, somebody

from connectors.mail.reports import signals
from connectors.mail.sender import Mail
from connectors.mail.settings import MailSettings
from nps.events import SignalKind
from nps.sending import Accepted, Message

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROW = SENDERS["mail"]


def sent(place: Place, **more: Any) -> tuple[Message, dict[str, Any], str]:
    """A message, the mail the relay got of it, and what the sender called it."""
    sender = open_sender("mail", ROW.settings(place) | more)
    olga = somebody(ROW, place)
    message = asked(ROW, olga, unsubscribe="https://nps.acme.example/u/" + "u" * 90)
    outcome = sender.send(message)
    sender.close()
    assert isinstance(outcome, Accepted)
    assert outcome.message is not None
    [mail] = ROW.taken(place, olga)
    return message, dict(mail), outcome.message


def test_the_mail_is_whole_signed_in_and_can_be_unsubscribed_with_one_click(place: Place) -> None:
    message, mail, called = sent(place)
    headers = {name.lower(): value for name, value in mail["raw_headers"]}
    assert mail["login"] == place.sandbox.env["SMTP_USER"]
    assert headers["list-unsubscribe"].strip() == f"<{message.unsubscribe}>"
    assert headers["list-unsubscribe-post"].strip() == "List-Unsubscribe=One-Click"
    assert headers["message-id"].strip() == f"<{called}@acme.example>"
    assert message.ask in mail["text"]
    assert message.link in mail["text"]
    assert any(link.startswith(message.link) for link in mail["links"])
    assert "<html" in mail["html"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("5.1.1", SignalKind.BOUNCE),
        ("5.2.2", SignalKind.SOFT_BOUNCE),
        ("4.4.1", SignalKind.SOFT_BOUNCE),
        ("5.7.1", SignalKind.FAILED),
    ],
)
@pytest.mark.parametrize("more", [{}, {"bounce_to": "bounces@acme.example"}], ids=["by id", "by envelope"])
def test_its_bounce_finds_the_way_back(place: Place, status: str, kind: SignalKind, more: Any) -> None:
    _, mail, called = sent(place, **more)
    report = place.sandbox.control("POST", "/mail/do/bounce", {"id": mail["id"], "status": status})
    assert [(each.kind, each.message) for each in signals(report["raw"].encode(), NOON)] == [(kind, called)]


def test_so_does_a_complaint_and_a_holiday_reply_says_nothing(place: Place) -> None:
    _, mail, called = sent(place)
    complaint = place.sandbox.control("POST", "/mail/do/complain", {"id": mail["id"]})["raw"]
    assert [(each.kind, each.message) for each in signals(complaint.encode(), NOON)] == [
        (SignalKind.COMPLAINT, called)
    ]
    away = place.sandbox.control("POST", "/mail/do/away", {"id": mail["id"]})["raw"]
    assert signals(away.encode(), NOON) == []


def test_mail_goes_encrypted_where_the_relay_wants_it(place: Place) -> None:
    told = place.sandbox.control("POST", "/mail/do/set", {"starttls": "required", "auth": "required"})
    try:
        given = ROW.settings(place) | {"security": "starttls"}
        trusting = ssl.create_default_context(cafile=told["certificate"])
        sender = Mail(MailSettings.model_validate(given), fake_tools(CONNECTION), trusting)
        olga = somebody(ROW, place)
        assert isinstance(sender.send(asked(ROW, olga)), Accepted)
        sender.close()
        [mail] = ROW.taken(place, olga)
        assert mail["tls"]
    finally:
        place.sandbox.control("POST", "/mail/do/set", {"starttls": "off", "auth": "offered"})
