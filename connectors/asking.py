"""What a connector may be beside a source and a destination: a place where events happen, and a way to ask.

Part of the contract (`connectors.contract` re-exports it). All of it is optional for a connector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from nps.asking import Channel
from nps.errors import NpsyncError
from nps.events import Answered, Arrival, Event, EventPage, Hint, Reading
from nps.responses import Cursor, SurveyResponse
from nps.sending import Message, SendOutcome


class Parameters(BaseModel):
    """Base of what a trigger says about a kind of event beside its name (`{object, field, to}`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def mean(self, event: Event) -> bool:
        """Whether an event of this kind is one that these parameters mean. Two triggers may watch one kind with
        parameters of their own, and what is found for one is no event for the other: a model with keys says which."""
        return True


@dataclass(frozen=True)
class EventKind:
    """A kind of event a connector tells. `parameters` is the model of the trigger's other keys below `event:`."""

    name: str
    about: str  # what happened, as a sentence for people: "a case was closed"
    object: str | None = None  # what its subject is; None: what the parameters say
    parameters: type[Parameters] = Parameters
    opposite: str | None = None  # the kind that usually cancels it: case_reopened
    by: tuple[str, ...] = ("poll",)  # poll | hook: how it is learnt
    past: bool = True  # whether `EventSource.past` can tell it
    reads: Callable[[Parameters], Mapping[str, frozenset[str]]] = lambda parameters: {}
    """What the credential must be able to read for it: object → fields."""
    why: str = (
        ""  # what a person asked after it reads: "your support case was closed"; "": only that we know them
    )


@dataclass(frozen=True)
class Watch:
    """What some trigger wants to know of: a kind, its parameters, and the fields it uses as `event.*`."""

    kind: str
    parameters: Parameters = field(default_factory=Parameters)
    facts: tuple[str, ...] = ()


class EventSource(Protocol):
    """Where events are read. Every method may raise AccessError, UnavailableError, BudgetError, ConfigError."""

    def poll(self, watches: Sequence[Watch], cursor: Cursor | None) -> Iterator[EventPage]:
        """Pages of what happened since the cursor, in any order, with the overlap the vendor needs: what repeats has
        the same key. Without a cursor it starts at now: one page without events, and the cursor to go on from.
        A watch that is new under an old cursor starts at the cursor."""
        ...

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        """What these hints name, read again: one Reading per hint, in their order, in as few calls as possible."""
        ...

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        """Keys of those events that are no longer so (reopened, deleted, merged, changed back) → why, as a sentence
        without personal data. Asked a moment before sending."""
        ...

    def past(self, watches: Sequence[Watch], since: datetime) -> Iterator[EventPage]:
        """What happened since then, as far as the vendor can still tell: for a simulation. Moves no cursor."""
        ...

    def close(self) -> None: ...


# ---------------------------------------------------------------- pushed to us


@dataclass(frozen=True)
class Posted:
    """One HTTP request as it came. `url` is the public address (public_url + path and query, as the sender called it),
    header names are lower case, `body` is what was signed: raw bytes."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    at: datetime


@dataclass(frozen=True)
class Reply:
    """What the sender wants to hear."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True)
class LeftOut:
    """Parts of a request that were not taken: too old, about nobody. They are counted where people can find them."""

    code: str
    reason: str  # a sentence without anything of the request
    count: int = 1


@dataclass(frozen=True)
class Taken:
    """What a request held, and the reply for when all of it is stored."""

    arrivals: tuple[Arrival, ...] = ()
    reply: Reply = Reply()
    left_out: tuple[LeftOut, ...] = ()


class Refused(NpsyncError):
    """A request that is not taken: 401 unsigned or wrongly signed, 400 unreadable, 413 too large, 403 another
    account's. The message goes to the caller and must not help a forger."""

    def __init__(self, status: int, message: str, *, code: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Inbound(Protocol):
    """Pure: no network, no store. It must be quick, for the caller waits."""

    def receive(self, posted: Posted) -> Taken:
        """Verify over the raw bytes, then read. Raises Refused. The arrivals' `connection` is filled in by the
        caller, who knows at which address they came."""
        ...


@runtime_checkable
class ReadsAgain(Protocol):
    """A Source that can tell more about answers that were pushed, beside its list."""

    @property
    def list_after(self) -> timedelta:
        """For pushes that only the list tells more about: how long after the last run it may be read again."""
        ...

    def again(self, told: Sequence[Answered]) -> Sequence[SurveyResponse | None]:
        """What these answers are now, in their order, exactly as the list would tell them; None where only the list
        can tell. Raises AccessError, UnavailableError, BudgetError, ConfigError: then all of them are asked again."""
        ...


# ---------------------------------------------------------------- asking


@dataclass(frozen=True)
class Sends:
    """How a connector asks. `channel`: which suppressions and consents count. `needs`: what it must know of the person
    (email, phone, external_id, record). `words`: whose wording the person reads; with "vendor" the survey's `ask:` is
    ignored. `page`: the message leads to our own survey page, so `public_url` is needed."""

    channel: Channel
    needs: str
    words: str = "ours"  # ours | vendor
    page: bool = True
    can_remind: bool = True  # False: the vendor reminds, or cannot
    can_find: bool = False  # whether `find` can tell the fate of an interrupted send
    needs_survey_id: bool = False  # `at:` has to name the survey's id in this tool
    hears: bool = False  # whether the sender fulfils Hears
    looked_up: bool = False  # nothing leaves: whoever sends looks the link up (`npsync invitations --links`)
    writes: tuple[str, ...] = ()  # fields of the person's record it writes
    called: Callable[[str, int], str] | None = None
    """Of an invitation and a step: the message's id, where the sender chooses it. It is stored before anything leaves:
    what the channel tells of the message then finds it even when the process died while sending."""


class Hears(Protocol):
    """A Sender that can be asked what people wrote back, for where nothing is pushed (`Sends.hears`)."""

    def heard(self, cursor: Cursor | None) -> Iterator[EventPage]:
        """Signals since the cursor, with the keys they have when they are pushed; some may come again. The first time
        starts at now."""
        ...


class Sender(Protocol):
    """Thread-safe. Raises AccessError, ConfigError (the credential, the relay's policy: sending stops for all) and
    BudgetError (nothing left, for no calls are left: it is tried again later), never anything for one person's sake:
    that is a SendOutcome."""

    def send(self, message: Message) -> SendOutcome:
        """Hand it over, once. A timeout after the request left is FateUnknown. Interrupted only where it surely did not
        leave."""
        ...

    def find(self, message: Message) -> SendOutcome | None:
        """The fate of an earlier attempt whose process died; FailedRetryable only when it surely never left. None: the
        vendor cannot tell. Raises UnavailableError and BudgetError, too, where it cannot be asked now: it is later."""
        ...

    def close(self) -> None: ...
