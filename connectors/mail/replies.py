"""What a relay's reply means: for this person, for later, or for everybody. Pure."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from nps.errors import AccessError
from nps.sending import FailedPermanent, FailedRetryable, SendOutcome


class Stage(Enum):
    """How far a mail got when the reply came."""

    HELLO = "greeting"
    SENDER = "the sender's address"
    RECIPIENT = "the recipient's address"
    CONTENT = "the mail"


class SmtpReply(NamedTuple):
    """A reply code, its enhanced status ("" when the relay gives none). The text may quote an address: it stays
    here."""

    code: int
    status: str = ""

    @classmethod
    def of(cls, code: int, text: bytes | str) -> SmtpReply:
        said = text.decode("ascii", "replace") if isinstance(text, bytes) else text
        found = _STATUS.match(said.strip())
        return cls(code, found[0] if found else "")

    def __str__(self) -> str:
        return f"{self.code} {self.status}".strip()


_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")

# Statuses that say the mailbox does not exist (or not any more); nothing else is held against an address.
_NO_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
_FULL = "5.2.2"

# Replies about whoever sends, whatever they are an answer to: log in first, wrong password, encryption needed.
_ABOUT_US = frozenset({530, 534, 535, 538})


def outcome(reply: SmtpReply, stage: Stage, connection: str) -> SendOutcome:
    """What became of a mail that was not taken. AccessError when the relay refuses us rather than this person: then
    nobody's mail would go through, and nobody must pay for it with a suppression."""
    said = f"the relay answered {reply} to {stage.value}"
    if 400 <= reply.code < 500:
        return FailedRetryable(str(reply), said)
    if reply.status == _FULL or (reply.code == 552 and not reply.status):
        return FailedRetryable(str(reply), f"{said}: the mailbox is full")
    if reply.status.startswith("5.7.") or reply.code in _ABOUT_US:
        raise AccessError(
            f"{connection}: {said}, a refusal by policy: it concerns the sender, not the recipient. Check the login, "
            "and that the relay may send for the domain in `sender` (SPF, DKIM, DMARC)"
        )
    if stage in (Stage.HELLO, Stage.SENDER):
        raise AccessError(f"{connection}: {said}; check `sender`, `hello` and what the relay allows")
    if reply.status in _NO_MAILBOX:
        return FailedPermanent(str(reply), f"{said}: there is no such mailbox", address=True)
    # 550 without a status may be an unknown user as well as a relay that has had enough of us. It is not held against
    # the address: a misjudged policy would suppress a whole customer base.
    return FailedPermanent(str(reply), said)


def may_be_about_one_mail(reply: SmtpReply, stage: Stage) -> bool:
    """Whether a refusal by policy came so late that it may be this recipient or this mail after all."""
    return stage in (Stage.RECIPIENT, Stage.CONTENT) and reply.code not in _ABOUT_US
