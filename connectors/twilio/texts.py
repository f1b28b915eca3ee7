"""What a text message says, and how many segments it is billed as. Pure."""

from __future__ import annotations

from typing import NamedTuple

from connectors.twilio.settings import TwilioSettings
from nps.asking import StepKind
from nps.sending import Message

LONGEST = 1600  # characters; Twilio takes no more

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("\f^{}\\[~]|€")


class Size(NamedTuple):
    encoding: str  # GSM-7 or UCS-2
    segments: int


def text(message: Message, settings: TwilioSettings) -> str:
    """One paragraph: who asks, the question, the link, how to opt out. Line breaks of the YAML become spaces."""
    template = settings.reminder if message.kind is StepKind.REMINDER else settings.text
    said = template.format_map(
        {
            "sender": settings.sender,
            "ask": message.ask,
            "link": message.link,
            "name": message.to.name or "",
            "deadline": "" if message.deadline is None else f"{message.deadline:%Y-%m-%d}",
        }
    )
    return " ".join(f"{said} {settings.opt_out}".split())


def size(said: str) -> Size:
    """160 characters of the GSM alphabet fit into one segment, or 70 of any other; of several, 153 or 67 into each."""
    if all(each in _GSM or each in _GSM_TWICE for each in said):
        length = sum(2 if each in _GSM_TWICE else 1 for each in said)
        return Size("GSM-7", _divided(length, 160, 153))
    return Size("UCS-2", _divided(len(said.encode("utf-16-le")) // 2, 70, 67))


def _divided(length: int, alone: int, together: int) -> int:
    return 1 if length <= alone else -(-length // together)


def remarks(message: Message, settings: TwilioSettings) -> list[str]:
    """What to know before texts like this one go out."""
    said = text(message, settings)
    if len(said) > LONGEST:
        return [f"the text has {len(said)} characters, and Twilio takes {LONGEST} at most: shorten `ask`"]
    encoding, segments = size(said)
    if segments == 1:
        return []
    odd = sorted({each for each in said if each not in _GSM and each not in _GSM_TWICE})
    because = f" because of {' '.join(odd[:5])}" if odd else ""
    return [
        f"the text has {len(said)} characters and is billed as {segments} segments ({encoding}{because}); "
        "a shorter `ask` costs less"
    ]
