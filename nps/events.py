"""What happened at a customer's: a case was closed, a feature used. Hints name it; events were read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from nps.responses import Cursor, SurveyResponse
from nps.values import Json


class Subject(msgspec.Struct, frozen=True):
    """What an event is about: one record (a case, a ticket, a contact), or whatever the sender calls it."""

    object: str
    id: str


SUBJECT_ID = "id"


def named(subject: Subject | None, facts: Mapping[str, Json]) -> Mapping[str, Json]:
    """What `event.*` names: the facts, and as `id` the subject's id, so that an answer can be written onto the case."""
    return facts if subject is None else {**facts, SUBJECT_ID: subject.id}


class PersonKey(msgspec.Struct, frozen=True):
    """One thing that may tell whom an event concerns. `record` is an id in the event's own connection; the others are
    looked up as the `match` rules of `people` look up an answer's."""

    kind: str  # record | email | phone | external_id
    value: str


class Hint(msgspec.Struct, frozen=True, kw_only=True, tag="hint"):
    """Somebody says that something may have happened. It names the thing; what is true is read again.

    `key` is the delivery's own identity at its sender (or a digest of it): the same delivery again is no second hint.
    `facts` are for events that cannot be read again anywhere (a feature was used); no address is among them.
    """

    key: str
    connection: str = ""  # whose /hooks address it came to; filled in there
    kind: str | None = None  # of the connector's kinds; None: reading it again shows what it is
    subject: Subject | None = None
    person: tuple[PersonKey, ...] = ()
    occurred_at: datetime | None = None
    facts: Mapping[str, Json] = {}


class SignalKind(StrEnum):
    """What a channel tells about a message or about the person who got it."""

    DELIVERED = "delivered"
    FAILED = "failed"  # not delivered, for a reason that says nothing about the address
    SOFT_BOUNCE = "soft_bounce"
    BOUNCE = "bounce"  # hard: the address does not work
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    STOP = "stop"  # by SMS: of that channel alone
    START = "start"  # lifts a STOP
    REPLY = "reply"  # the person wrote back


class Signal(msgspec.Struct, frozen=True, kw_only=True, tag="signal"):
    """One thing a channel tells. It finds its invitation by `invitation` or `message`, else its person by `address`
    (an e-mail or phone key, as `nps.keys` spells it) and by `external_id`: some are known by one of them alone."""

    key: str
    connection: str = ""  # whose /hooks address it came to; filled in there
    kind: SignalKind
    at: datetime
    invitation: str | None = None
    message: str | None = None  # the vendor's id of the message
    address: str | None = None
    external_id: str | None = None
    text: str | None = None  # of a reply
    code: str = ""  # the vendor's own


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """Somebody says that an answer was given, changed or deleted.

    `response` is the whole answer where whoever says so has proved who they are and the answer reads exactly as the
    source's own list would read it; else it is read again, by `id`, or, where there is none, out of the list.
    """

    key: str
    connection: str = ""  # whose /hooks address it came to; filled in there
    at: datetime
    id: str | None = None  # the answer's own, as the list spells it
    survey: str | None = None  # in the source's own words
    response: SurveyResponse | None = None
    deleted: bool = False  # a deletion somebody proved: nothing can be read again
    about: Mapping[str, str] = {}
    """What reading it again needs besides, by names of the connector's own: a `response` is not the whole yet."""


Arrival = Hint | Signal | Answered


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that did happen, as its system shows it now (or, for what leaves no record, as its sender said).

    `key` is the same however npsync learnt of it, by push or by poll: "case_closed/500…/2026-11-02T10:15:30Z".
    `facts` are the `event.*` of conditions and mappings.
    """

    connection: str
    kind: str
    key: str
    subject: Subject
    occurred_at: datetime
    person: tuple[PersonKey, ...] = ()
    facts: Mapping[str, Json] = {}

    @property
    def names(self) -> Mapping[str, Json]:
        """What `event.*` names in conditions and mappings."""
        return named(self.subject, self.facts)


OF_EVERY_EVENT = frozenset({"id", "kind", "object", "occurred_at"})
"""What conditions may name of every event, beside the fields of its record: `event.id` is the case's id."""


class EventPage(msgspec.Struct, frozen=True):
    """Some events, and the cursor that is right once all of them are stored. `signals`: what the system knows against
    asking the people they are about (unsubscribed there, bounced)."""

    events: tuple[Event, ...]
    cursor: Cursor
    signals: tuple[Signal, ...] = ()


class Reading(msgspec.Struct, frozen=True):
    """What reading a hint again showed: events, or why there is none (a sentence without personal data)."""

    hint: Hint
    events: tuple[Event, ...] = ()
    why_not: str = ""
    signals: tuple[Signal, ...] = ()
