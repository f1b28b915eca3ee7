"""Asking people: the wish to ask, what speaks for and against it, and the decision. `nps.policy` decides."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from nps.events import Subject, named
from nps.values import Json

_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_REFERENCE = re.compile(r"(\d{1,14})-[0-9a-f]{16}", re.ASCII)
INVITATION = "npsync_invitation"
"""The property by which an answer says which invitation it belongs to; senders hand it to vendors that give it back."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The wish to ask one person one survey, because of one event or because their turn has come."""

    trigger: str
    survey: str
    metric: str  # nps | csat | ces
    kind: str  # relationship | transactional
    recurring: bool = False  # an audience's turn: deferred where an event's ask is dropped
    seed: str = ""  # what sampling draws by: the same person in the same round gets the same lot
    follows: str | None = (
        None  # a reminder or fallback: the invitation it belongs to, whose own past does not count
    )


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    IN_APP = "in_app"
    OTHER = "other"  # a link handed on, a workflow of the CRM


class PastKind(StrEnum):
    SEND = "send"  # ours or any tool's; answered or not
    RESERVED = "reserved"  # being sent just now, or promised to another department
    ANSWER = "answer"  # also a spontaneous one
    DECLINE = "decline"


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """One time this person was asked, answered or declined, in any channel and any tool."""

    at: datetime
    what: PastKind
    survey: str = ""  # the YAML's name, "" when a tool does not say
    metric: str = ""
    kind: str = ""
    source: str = ""  # the connection, or the tool of an imported send
    invitation: str | None = None


class SuppressionReason(StrEnum):
    UNSUBSCRIBE = "unsubscribe"
    STOP = "stop"
    OBJECTION = "objection"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    CRM_OPT_OUT = "crm_opt_out"
    ERASED = "erased"


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """This person, address or number must not be asked. `key` is one of `person_keys`; `channel` None: in none."""

    key: str
    reason: SuppressionReason
    at: datetime
    channel: Channel | None = None
    source: str = ""  # who says so: a connection, "page", a person's name
    detail: str = ""


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about one person at one moment, and about how much was sent. What is None was not mapped or
    could not be read; `unreadable` names mapped fields that could not be read (then the answer is no)."""

    past: tuple[Past, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    channels: tuple[
        Channel, ...
    ] = ()  # by which this person could be reached, in the order of `through`; none: no
    consent: bool | None = None
    opted_out: bool | None = None
    unreadable: tuple[str, ...] = ()
    never: str | None = None  # the `never_ask` condition that holds (or could not be judged)
    zone: str | None = None  # the person's, an IANA name
    customer_since: datetime | None = None
    account: str | None = None
    account_asks: int = 0  # sends to this account within policy.per_account.per
    account_free_at: datetime | None = None  # when the first of them is that long ago; None: not looked up
    account_turn: bool = True  # False: others of this account have waited longer (fair rotation)
    sent_today: int = 0  # in the business zone's day, over all triggers


class Send(msgspec.Struct, frozen=True):
    """Ask now, in any of these channels (`Circumstances.channels` less what a suppression closes)."""

    channels: tuple[Channel, ...] = ()


class Wait(msgspec.Struct, frozen=True):
    """Not now but then: quiet hours, today's cap, a rest that a recurring programme sits out."""

    until: datetime
    code: str
    reason: str


class Suppress(msgspec.Struct, frozen=True):
    """No. `code` is a stable word (rest, suppressed, never_ask, sampled_out …), `reason` a sentence for people without
    personal data, `until` when it would no longer hold, if ever."""

    code: str
    reason: str
    until: datetime | None = None


Decision = Send | Wait | Suppress


class InvitationState(StrEnum):
    SHADOW = "shadow"  # decided and recorded; nothing is ever sent
    QUEUED = "queued"
    SENT = "sent"
    ANSWERED = "answered"
    CANCELLED = "cancelled"  # the case was reopened, a person or `sends` stopped it
    SUPPRESSED = "suppressed"  # decided again when it was due, and no
    EXPIRED = "expired"  # too late to ask, or not answered in time
    FAILED = "failed"
    UNKNOWN = "unknown"  # the sending was interrupted and nobody can say; never repeated


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """One person asked one survey once, with all its reminders. `id` is random (128 bits, URL-safe) and says nothing
    about anybody: it is the link. `dedupe` makes it one: the same event and trigger never give two."""

    id: str
    dedupe: str
    trigger: str
    survey: str
    metric: str
    kind: str
    connection: str  # of `people`: whose record
    object: str
    record_id: str
    state: InvitationState
    created_at: datetime
    due_at: datetime
    stale_at: datetime | None = None  # not sent by then: expired
    expires_at: datetime | None = None  # set when it is sent; answers are taken until then
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    recurring: bool = False
    account: str | None = None
    event_connection: str | None = None
    event_kind: str | None = None
    event_key: str | None = None
    subject: Subject | None = None
    facts: Mapping[str, Json] = {}
    via: str | None = None  # the connection that sent it last
    code: str = ""
    reason: str = ""

    @property
    def reference(self) -> str:
        """What it is called wherever its link must not stand: nothing leads from it to the id."""
        return reference_of(self.id, self.created_at)

    @property
    def event(self) -> Mapping[str, Json]:
        """What `event.*` names of an answer to it: the facts, and as `id` the id of what the event was about."""
        return named(self.subject, self.facts)


def reference_of(id: str, created_at: datetime) -> str:
    """The millisecond it was decided, by which it is found, and a hash of what nobody can guess."""
    at = (created_at - _EPOCH) // _MILLISECOND
    return f"{at}-{hashlib.sha256(id.encode()).hexdigest()[:16]}"


def decided_at(reference: str) -> datetime | None:
    """When the invitation of this reference was decided; None for what is no reference."""
    found = _REFERENCE.fullmatch(reference)
    return None if found is None else _EPOCH + int(found[1]) * _MILLISECOND


class StepKind(StrEnum):
    ASK = "ask"
    FALLBACK = "fallback"  # another channel, because the one before was not answered
    REMINDER = "reminder"


class StepState(StrEnum):
    """`sending` is committed before anything leaves; a process that dies there leaves it, and it becomes `unknown`
    unless the vendor can tell."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SUPPRESSED = "suppressed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One message of an invitation, due at a time of its own."""

    number: int = 0
    invitation: str
    kind: StepKind
    way: int  # place in the survey's `through`
    due_at: datetime
    state: StepState = StepState.QUEUED
    attempts: int = 0
    via: str | None = None  # the connection it was handed to, or is meant for, whatever `way` means today
    message: str | None = None  # the vendor's id of it
    delivered_at: datetime | None = None  # where the channel tells
    code: str = ""
    reason: str = ""


def person_keys(
    *,
    connection: str | None = None,
    object: str | None = None,
    record_id: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    external_id: str | None = None,
) -> tuple[str, ...]:
    """The names one person goes by in ledger and suppressions. Takes keys as `nps.keys` makes them."""
    keys = []
    if record_id is not None:
        keys.append(f"record:{connection}.{object}/{record_id}")
    if email is not None:
        keys.append(f"email:{email}")
    if phone is not None:
        keys.append(f"phone:{phone}")
    if external_id is not None:
        keys.append(f"id:{external_id}")
    return tuple(keys)
