"""Twilio: surveys by text message, and what people text back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.contract import Confidence, Connector, Inbound, Needs, Sender, Sends, Tools
from connectors.twilio.settings import TwilioSettings
from nps.asking import Channel
from nps.sending import Message


def _sender(settings: TwilioSettings, tools: Tools) -> Sender:
    from connectors.twilio.sender import Twilio

    return Twilio(settings, tools)


def _inbound(settings: TwilioSettings, folder: Path) -> Inbound:
    from connectors.twilio.hooks import TwilioHooks

    return TwilioHooks(settings)


def _sends(settings: TwilioSettings) -> Sends:
    kept = not (settings.discard_content or settings.obfuscate_address)
    return Sends(channel=Channel.SMS, needs="phone", can_find=kept, hears=settings.number is not None)


def _remarks(settings: TwilioSettings, message: Message) -> Sequence[str]:
    from connectors.twilio.texts import remarks

    return remarks(message, settings)


def _grants(settings: TwilioSettings, needs: Needs) -> Sequence[str]:
    where = "the messaging service" if settings.messaging_service else "the number"
    return [
        "An API key (standard) that may create and list messages, or the account's primary auth token.",
        f"In the Console, {where}'s webhook for incoming messages: POST public_url/hooks/CONNECTION. "
        "STOP and replies come there.",
        "The primary auth token in any case, to verify what Twilio posts.",
    ]


CONNECTOR = Connector(
    name="twilio",
    title="Twilio (SMS)",
    settings=TwilioSettings,
    grants=_grants,
    sender=_sender,
    inbound=_inbound,
    sends=_sends,
    remarks=_remarks,
    limits="1,600 characters a text; 160 (70 with letters outside the GSM alphabet) are billed as one. "
    "npsync keeps to per_minute and waits when Twilio says so.",
    confidence=Confidence.PARTIAL,
    starter="""\
type: twilio
account_sid: AC00000000000000000000000000000000   # yours, from the Console
auth_token: "${TWILIO_AUTH_TOKEN}"                  # the primary one: it also verifies what Twilio posts
number: "+15005550006"                              # or messaging_service: MG…
sender: Example Inc.                                # each text names it
# text: "{sender}: {ask} {link}"                    # "Reply STOP to opt out." is added
# valid_for: 4 hours                                # not delivered by then: given up
""",
)
