"""What comes back by mail about a mail of ours: delivery reports (RFC 3464), complaints (RFC 5965), unsubscribes. Pure.

A report is about the message it names: by the address it came to, or by our Message-ID among the headers it brings
back. What it says in words, and which address it quotes, counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.message import Message as Mime

from connectors.mail.composing import reference_in
from nps.events import Signal, SignalKind

LARGEST = 5 * 1024 * 1024

_CAME_TO = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_OUR_HEADERS = ("X-Npsync-Message", "Message-ID")
_STATUS = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})")


def signals(raw: bytes, at: datetime) -> list[Signal]:
    """Empty when the mail is about no message of ours, or says nothing to act on (a holiday reply)."""
    mail = message_from_bytes(raw)
    if mail.get_content_type() == "multipart/report":
        called = _about(mail)
        if called is None:
            return []
        found = _complaints(mail) if mail.get_param("report-type") == "feedback-report" else _deliveries(mail)
        told = dict.fromkeys(found)
        return [_signal(called, kind, code, at) for kind, code in told]
    if mail.get("Auto-Submitted", "no").strip().lower() != "no":
        return []
    # Whoever unsubscribes by mail sends the subject that stood in List-Unsubscribe.
    subject = str(mail.get("Subject", "")).strip()
    called = reference_in(subject)
    return (
        [_signal(called, SignalKind.UNSUBSCRIBE, "mail", at)] if called and called == subject.lower() else []
    )


def _signal(called: str, kind: SignalKind, code: str, at: datetime) -> Signal:
    return Signal(key=f"{called}/{kind}/{code}", kind=kind, at=at, message=called, code=code)


def _about(mail: Mime) -> str | None:
    for name in _CAME_TO:
        for value in mail.get_all(name, []):
            if called := reference_in(str(value)):
                return called
    for part in mail.walk():
        if part.get_content_type() == "text/rfc822-headers":
            part = message_from_bytes(_content(part))
        elif part is mail:
            continue
        for name in _OUR_HEADERS:
            if called := reference_in(str(part.get(name, ""))):
                return called
    return None


def _content(part: Mime) -> bytes:
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


# ---------------------------------------------------------------- delivery


def _deliveries(mail: Mime) -> Iterator[tuple[SignalKind, str]]:
    for block in _blocks(mail, "message/delivery-status"):
        action = str(block.get("Action", "")).strip().lower()
        status = _STATUS.match(str(block.get("Status", "")))
        code = ".".join(status.groups()) if status else ""
        if kind := _kind(action, code):
            yield kind, code


def _kind(action: str, code: str) -> SignalKind | None:
    """Only what says that there is no such mailbox is held against an address: a full one may have room tomorrow, and
    a refusal by policy (5.7.x) is about the sender."""
    match action:
        case "delivered":
            return SignalKind.DELIVERED
        case "delayed":
            return SignalKind.SOFT_BOUNCE
        case "failed" if code.startswith("4.") or code == "5.2.2":
            return SignalKind.SOFT_BOUNCE
        case "failed" if code.startswith("5.7.") or not code.startswith("5."):
            return SignalKind.FAILED
        case "failed":
            return SignalKind.BOUNCE
        case _:
            return None  # relayed, expanded: it went on, and nobody knows how far


def _complaints(mail: Mime) -> Iterator[tuple[SignalKind, str]]:
    for block in _blocks(mail, "message/feedback-report"):
        kind = str(block.get("Feedback-Type", "")).strip().lower()
        if kind == "abuse":
            yield SignalKind.COMPLAINT, kind
        elif kind.startswith("opt-out"):
            yield SignalKind.UNSUBSCRIBE, kind


def _blocks(mail: Mime, type: str) -> Iterator[Mime]:
    """The groups of fields in a report's second part, whether the parser took them apart or not."""
    for part in mail.walk():
        if part.get_content_type() != type:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            for block in payload:
                if isinstance(block, Mime):
                    yield block
                    if not block.keys() or block.get_content_type() == "text/plain":
                        yield message_from_bytes(_content(block))
        else:
            yield message_from_bytes(_content(part))
