"""One survey mail: headers and parts. Pure; the words come from `rendering`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from connectors.addresses import is_loopback
from connectors.mail.rendering import Rendered
from connectors.mail.settings import MailSettings, as_address
from nps.keys import email_key
from nps.sending import Message

# Header texts are folded where mail programs expect it. Not so the addresses in angle brackets: the library would
# turn a long one into encoded words, and no mailbox provider finds an unsubscribe link in those.
_FOLDED = frozenset({"subject", "from", "to", "reply-to"})
_UNFOLDED = 998


class _Policy(EmailPolicy):
    """As the wire wants it: CRLF, ASCII alone, each header folded as far as it may be."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _FOLDED:
            return super().fold_binary(name, value)
        return bytes(_WIDE.fold_binary(name, value))


_WIDE = SMTP.clone(max_line_length=_UNFOLDED, cte_type="7bit")
# 76: the longest line quoted-printable may have.
BODY = SMTP.clone(max_line_length=76, cte_type="7bit")
_ON_THE_WIRE = _Policy(linesep="\r\n", cte_type="7bit", max_line_length=76)


class Unsafe(ValueError):
    """A value that would break out of its header. `what` names it, without the value."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} holds a line break or control character, which could forge mail headers")


class BadAddress(ValueError):
    """What the CRM holds is no address."""


class Letter(NamedTuple):
    """A mail as it goes over the wire."""

    sender: str  # of the envelope: where bounces go
    to: str
    content: bytes
    reference: str
    international: bool  # the address needs SMTPUTF8

    def __repr__(self) -> str:
        return f"Letter({self.reference})"


def reference(invitation: str, step: int) -> str:
    """What this message is called towards the world: the same for each attempt, and nothing that opens the survey. A
    relay's log shows it, while the invitation's own id is its link."""
    return f"inv-{blake2b(f'{invitation}/{step}'.encode(), digest_size=16).hexdigest()}"


def reference_in(text: str) -> str | None:
    """The reference in a Message-ID, an envelope address or whatever else quotes it."""
    found = _REFERENCE.search(text)
    return found[0].lower() if found else None


_REFERENCE = re.compile(r"(?<![0-9A-Za-z])inv-[0-9a-f]{32}(?![0-9A-Za-z])", re.IGNORECASE)


def letter(
    message: Message, words: Rendered, settings: MailSettings, now: datetime, *, language: str = ""
) -> Letter:
    """Raises Unsafe for a value that would forge a header, BadAddress for what is no address."""
    called = reference(message.invitation, message.step)
    to = _recipient(message)
    mail = EmailMessage(policy=BODY)
    mail["From"] = settings.from_
    mail["To"] = to
    if settings.reply_to:
        mail["Reply-To"] = as_address(settings.reply_to)
    mail["Subject"] = _line(words.subject, "the subject")
    mail["Date"] = now
    mail["Message-ID"] = f"<{called}@{settings.domain}>"
    for name, value in _unsubscribing(message, called, settings).items():
        mail[name] = value
    # Keeps most holiday replies away.
    mail["Auto-Submitted"] = "auto-generated"
    # Mail services that write a Message-ID of their own leave this one alone.
    mail["X-Npsync-Message"] = called
    mail.set_content(words.text)
    if words.html:
        mail.add_alternative(words.html, subtype="html")
    if language:
        mail["Content-Language"] = _line(language, "the language")
    international = not to.username.isascii()
    content = on_the_wire(mail, international=international)
    return Letter(_envelope(called, settings), to.addr_spec, content, called, international)


def on_the_wire(mail: EmailMessage, *, international: bool) -> bytes:
    """The mail as the relay gets it; `international`: with addresses beyond ASCII (SMTPUTF8)."""
    return bytes(mail.as_bytes(policy=_ON_THE_WIRE.clone(utf8=international)))


def _recipient(message: Message) -> Address:
    key = email_key(message.to.email)
    if key is None:
        raise BadAddress("the record's e-mail is no address")
    given = (message.to.email or "").strip()
    # The mailbox as it is spelt in the CRM, for few but some tell cases apart; the domain as DNS knows it.
    local, domain = given.rpartition("@")[0], key.rpartition("@")[2]
    local = unicodedata.normalize("NFC", local)
    if local.lower() != key.rpartition("@")[0]:
        local = key.rpartition("@")[0]
    name = _line(message.to.name or "", "the person's name")
    return Address(display_name=name, username=local, domain=domain)


def _line(text: str, what: str) -> str:
    text = text.strip()
    if _CONTROL.search(text):
        raise Unsafe(what)
    return text


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


def _unsubscribing(message: Message, called: str, settings: MailSettings) -> Mapping[str, str]:
    """RFC 8058: the address first, one click only where it is https (or this very machine)."""
    ways = []
    one_click = False
    if message.unsubscribe:
        link = _line(message.unsubscribe, "the unsubscribe link")
        if not _IN_BRACKETS.fullmatch(link):
            raise Unsafe("the unsubscribe link")
        parts = urlsplit(link)
        one_click = parts.scheme == "https" or is_loopback(parts.hostname or "")
        ways.append(f"<{link}>")
    if settings.unsubscribe_mailto:
        ways.append(f"<mailto:{settings.unsubscribe_mailto}?subject={quote(called)}>")
    headers = {}
    if ways:
        headers["List-Unsubscribe"] = ", ".join(ways)
    if one_click:
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


_IN_BRACKETS = re.compile(r"[!-;=?-~]+")  # printable ASCII without < and >


def _envelope(called: str, settings: MailSettings) -> str:
    if settings.bounce_to is None:
        return settings.from_.addr_spec
    local, _, domain = settings.bounce_to.rpartition("@")
    return f"{local}+{called}@{domain}"
