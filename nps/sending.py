"""A message to one person, and what became of handing it over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from nps.asking import StepKind
from nps.values import Json


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a message is for, read from the CRM a moment before it is sent."""

    connection: str
    object: str
    record_id: str
    name: str | None = None
    email: str | None = None  # as the CRM spells it
    phone: str | None = None  # E.164
    external_id: str | None = None
    language: str | None = None

    def __repr__(self) -> str:
        return f"Recipient({self.connection}.{self.object}/{self.record_id})"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """All that a sender may need. `link` is our own survey page and `unsubscribe` our own page for it; both are ""
    when there is no `public_url`. `invitation` and `step` together are the idempotency key."""

    invitation: str
    step: int
    kind: StepKind
    to: Recipient
    survey: str
    metric: str
    vendor_survey: str | None = None  # this survey's id in the sender's own tool (`at:`)
    language: str | None = None  # in which `ask` is written
    ask: str = ""
    labels: tuple[str, str] | None = None  # what the ends of the scale mean; None: as npsync says it
    then: str = ""  # the open question, for senders that ask it with the score
    link: str = ""
    unsubscribe: str = ""
    deadline: datetime | None = None
    why: str = ""  # why this person gets it, as a sentence: "because your support case was closed"
    facts: Mapping[str, Json] = {}  # event.*

    def __repr__(self) -> str:
        return f"Message({self.invitation}, {self.kind}, {self.to!r})"


class Accepted(msgspec.Struct, frozen=True):
    """The vendor took it, which says nothing about delivery."""

    message: str | None = None  # the vendor's id of it


class SuppressedByVendor(msgspec.Struct, frozen=True):
    """The vendor's own rule said no. `opted_out`: because the person once said so, which then holds for us too."""

    code: str
    reason: str
    opted_out: bool = False


class FailedPermanent(msgspec.Struct, frozen=True):
    """It will never work. `address`: because the address does not (then it is suppressed as a bounce)."""

    code: str
    reason: str
    address: bool = False


class FailedRetryable(msgspec.Struct, frozen=True):
    """Surely not sent; may work later. `tried` is false when nobody got as far as this message (the credential was
    refused): that costs it none of its tries."""

    code: str
    reason: str
    after: datetime | None = None
    tried: bool = True


class FateUnknown(msgspec.Struct, frozen=True):
    """It may have been sent. It is never repeated blindly. `message`: its id at the vendor, where the sender chooses
    it; what the channel tells later then still finds it."""

    reason: str
    message: str | None = None


SendOutcome = Accepted | SuppressedByVendor | FailedPermanent | FailedRetryable | FateUnknown
