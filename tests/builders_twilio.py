"""A Twilio account for tests: its settings, and requests signed as Twilio signs them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from connectors.contract import Posted
from connectors.twilio.settings import TwilioSettings
from connectors.twilio.signing import signature

ACCOUNT = "AC" + "0" * 32
TOKEN = "twilio-auth-token-test"
HOOK = "https://nps.example.com/hooks/texts"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def twilio_settings(**more: Any) -> TwilioSettings:
    usual = {"account_sid": ACCOUNT, "auth_token": TOKEN, "number": "+14155550100", "sender": "Acme"}
    return TwilioSettings.model_validate(usual | more)


def posted(
    fields: dict[str, str] | None = None, *, token: str = TOKEN, url: str = HOOK, **more: str
) -> Posted:
    """A form as Twilio posts it."""
    usual = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "MessageSid": "SM" + "1" * 32}
    pairs = list((usual | (fields or {}) | more).items())
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "x-twilio-signature": signature(token, url, pairs),
    }
    return Posted("POST", url, headers, urlencode(pairs).encode(), NOON)


def reply(body: str, **more: str) -> Posted:
    return posted(
        {"From": "+14155550123", "To": "+14155550100", "Body": body, "SmsStatus": "received", **more}
    )


def status(word: str, **more: str) -> Posted:
    return posted(
        {"From": "+14155550100", "To": "+14155550123", "MessageStatus": word, "SmsStatus": word, **more}
    )
