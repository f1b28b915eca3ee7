"""What a connector is: the protocols it fulfils, the tools it is given, what it declares about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

from connectors.alerting import Alert as Alert
from connectors.alerting import Alerter as Alerter
from connectors.asking import EventKind as EventKind
from connectors.asking import EventSource as EventSource
from connectors.asking import Hears as Hears
from connectors.asking import Inbound as Inbound
from connectors.asking import LeftOut as LeftOut
from connectors.asking import Parameters as Parameters
from connectors.asking import Posted as Posted
from connectors.asking import ReadsAgain as ReadsAgain
from connectors.asking import Refused as Refused
from connectors.asking import Reply as Reply
from connectors.asking import Sender as Sender
from connectors.asking import Sends as Sends
from connectors.asking import Taken as Taken
from connectors.asking import Watch as Watch
from connectors.creating import OWNER_REFUSED as OWNER_REFUSED
from connectors.creating import Case as Case
from connectors.creating import Creates as Creates
from connectors.creating import Entry as Entry
from connectors.creating import GivesTasks as GivesTasks
from connectors.creating import KeepsHistory as KeepsHistory
from connectors.creating import KeepsLists as KeepsLists
from connectors.creating import Making as Making
from connectors.creating import Owner as Owner
from connectors.creating import Priority as Priority
from connectors.creating import Task as Task
from connectors.creating import TaskState as TaskState
from connectors.provisioning import Provisioner as Provisioner
from connectors.provisioning import Wanted as Wanted
from connectors.provisioning import WantedField as WantedField
from connectors.sharing import Shared
from nps.branding import PLAIN, Branding
from nps.changes import Batch, Hit, Outcome, Record
from nps.errors import NpsyncError
from nps.responses import Cursor, Page
from nps.schema import FieldType, ObjectSchema
from nps.sending import Message
from nps.values import Json, Value

T = TypeVar("T")


class Settings(BaseModel):
    """Base of every connector's settings: unknown keys are refused, each field is described as on a form."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- what a connector is given


class Memory(Protocol):
    """Durable small things, in a namespace of this connection: bulk job ids, caches, record versions."""

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        """The known ones of `keys`."""
        ...

    def put(self, items: Mapping[str, str]) -> None: ...

    def forget(self, keys: Sequence[str]) -> None: ...

    def lease(self, name: str, seconds: float) -> AbstractContextManager[bool]:
        """True inside while no other process holds `name`."""
        ...


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Before a call. Raises Interrupted where the end was asked for and this is more than a moment: what was not
        called by then is not called any more."""
        ...

    def monotonic(self) -> float: ...


class Pacing(Protocol):
    """What the processes that use one store keep together about how often its connections are called."""

    def change(self, name: str, change: Callable[[bytes | None, int], tuple[bytes, T]]) -> T:
        """Give `change` what is kept under `name` and the moment, in milliseconds that all of them count alike; keep
        the first of what it returns, hand over the second. Nobody comes between, so it does nothing else."""
        ...

    def at_end(self, tell: Callable[[], None]) -> None:
        """Call this when the connection is closed."""
        ...


class Notice(Protocol):
    def __call__(self, event: str, /, **facts: Any) -> None:
        """A log line for machines; no customer data, no secret."""
        ...


@dataclass(frozen=True)
class Tools:
    """What `open` hands to a connector beside its settings."""

    connection: str  # its name in the YAML, for messages
    memory: Memory
    clock: Clock
    notice: Notice
    count_call: Callable[[], None]  # called once per HTTP request sent
    time_zone: str = "UTC"
    folder: Path = Path()  # the YAML file's: paths in the settings are relative to it
    look: Branding = PLAIN  # what messages in our own words look like
    public_url: str = ""  # where we can be reached, without a slash at the end; "" when we cannot
    credentials: Memory | None = None
    """For what a vendor hands out to sign in with the next time: durable also where a plan works in a copy that
    vanishes. None where nothing is."""
    went: Callable[[NpsyncError | None], None] = lambda error: None
    """Told how each call ended: None when it got through."""
    pacing: Pacing | None = field(default=None, compare=False, repr=False)
    """What a Limiter shares its limits through with other processes. None: this one is alone."""
    shared: Shared = field(default_factory=Shared, compare=False, repr=False)
    """What the destination, the event source and the sender of this connection share: hand all of them one Tools."""

    def path(self, text: str) -> Path:
        """A path of the settings: absolute, from a home (~), or relative to the YAML file."""
        return self.folder / Path(text).expanduser()


# ---------------------------------------------------------------- sources


class Source(Protocol):
    """Where answers come from."""

    def read(self, cursor: Cursor | None, *, since: datetime | None) -> Iterator[Page]:
        """Pages in reading order. `since` bounds a first read (no cursor) from below.

        What repeats is identical. Reading on from the cursor of any page, together with what came up to that page,
        loses nothing. Raises AccessError, UnavailableError, BudgetError, ConfigError.
        """
        ...

    def close(self) -> None: ...


# ---------------------------------------------------------------- destinations


@dataclass(frozen=True)
class Lookup:
    """Values to find records by. All are of one `field`; `kind` is what the response called it (email, phone,
    external_id, …), so that a connector may use the vendor's own semantics (HubSpot: secondary e-mails)."""

    field: str
    kind: str
    values: Sequence[str]


@dataclass(frozen=True)
class Way:
    """One API a destination can write through: records per batch, and what `count` records cost in calls."""

    api: str
    batch: int
    cost: Callable[[int], int]


@dataclass(frozen=True)
class Allowance:
    """What is known of a connection's calls per day. `left` are those that npsync may still make: what the vendor
    still allows less the share kept for people and other apps, or what the YAML allows if that is less."""

    left: int
    used: int | None = None  # by everybody, as the vendor counts it
    limit: int | None = None  # the vendor's, for everybody
    kept: int = 0  # of `limit`, left alone for others
    resets_at: datetime | None = None  # None: a rolling window, or not told


Only = Mapping[str, Json]  # people.*.only: a value or a list of values per field


class Destination(Protocol):
    """Where records live. Thread-safe: the engine calls find, get and write from several threads.

    Every method may raise AccessError, UnavailableError, BudgetError; ConfigError for an object or field that does
    not exist (or is not visible).

    One that cannot read records back has an attribute `write_only` beside: why, and what to do about it (see
    `why_write_only`). Its find and get show what was written through it, None for what never was.
    """

    def describe(self, object: str) -> ObjectSchema:
        """Live schema, cached for the life of this object."""
        ...

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        """Every record that any value of any lookup names, with `fields` live, in as few calls as possible.

        The looked-up fields are compared as the vendor compares them; each hit says which value it answers. A record
        may come once per value that names it. Values are escaped here, never by the caller.
        """
        ...

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        """Live records by id; those that are gone (or outside `only`) are missing. A merged id comes back as its
        survivor with the asked id in `Record.merged`, beside any other the vendor still tells of."""
        ...

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        """Every record that `only` allows, with `fields` live, a page at a time and in no promised order: an audience.
        Memory stays flat, however many there are. What changes meanwhile may be shown as it was or as it is."""
        ...

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        """A function that turns a neutral value into what the vendor shows once it is written: the form compared,
        journalled and sent. Empty is always None. It raises RejectedError for what the field cannot hold."""
        ...

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        """The way back: a live value as the schema's type (for CEL and conditions)."""
        ...

    def ways(self, object: str, count: int) -> Sequence[Way]:
        """The APIs that can write `count` changes of this object, the usual one first. Another that costs fewer
        calls follows where the settings allow it: for a day on which few are left."""
        ...

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        """Update-only. Exactly one outcome per change, in any order.

        `remember(handle)` is called, and has returned, before anything leaves that `resume` could later ask about.
        """
        ...

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        """Outcomes of a batch whose process died after `remember`; None if the vendor no longer knows, so that the
        records must be read instead. StillUnderWay, soon, when the vendor is not done: `write` waited already."""
        ...

    def allowance(self) -> Allowance | None:
        """As of the last reply, without a call; None while nothing is known or there is no daily limit."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class RemembersMerges(Protocol):
    """A Destination that can tell which records were merged into others, where `get` by a survivor's id does not: its
    own call, for those who must know a person by every name they ever had."""

    def absorbed(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Sequence[Record]]:
        """Of these live records, those that absorbed others → the absorbed ones as they last were, along the whole
        chain and as far back as the vendor remembers; under the survivor's own id where it remembers names alone."""
        ...


def why_write_only(destination: Destination) -> str:
    """Why a destination cannot read back what its records show, and what to do about it; "" when it can. What somebody
    else wrote is not seen there, so nothing is compared, undone or verified."""
    return str(getattr(destination, "write_only", ""))


# ---------------------------------------------------------------- access: what to grant, tested


@dataclass(frozen=True)
class Needs:
    """What one YAML file does with a connection."""

    answers: bool = False
    sends: bool = False
    events: frozenset[str] = frozenset()  # kinds of event
    read: Mapping[str, frozenset[str]] = field(default_factory=dict)  # object → fields
    write: Mapping[str, frozenset[str]] = field(default_factory=dict)
    types: Mapping[str, Mapping[str, FieldType]] = field(default_factory=dict)
    """Object → written field → what the mapping shows there, as far as that is known without an answer."""
    creates: frozenset[Creates] = frozenset()
    history: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Object of the records that keep each answer → their fields that are written, the key's among them."""


class Verdict(StrEnum):
    OK = "ok"
    MISSING = "missing"
    EXCESS = "excess"  # granted, and npsync needn't it
    UNTESTED = "untested"  # the vendor offers no way to ask


@dataclass(frozen=True)
class Grant:
    """One permission in the vendor's words, and what a test of it said."""

    permission: str
    why: str
    verdict: Verdict
    detail: str = ""


class Accessible(Protocol):
    """Both a Source and a Destination fulfil it."""

    def access(self, needs: Needs) -> list[Grant]:
        """Test every permission the YAML needs, and name what the credential can do that it needn't.
        Raises AccessError when the credential itself is refused."""
        ...


# ---------------------------------------------------------------- what a connector declares


class Confidence(StrEnum):
    VERIFIED = "verified"
    PARTIAL = "partial"
    EXPERIMENTAL = "experimental"


@dataclass(frozen=True)
class WriteOnly:
    """With which settings a destination cannot read its records back."""

    when: str  # in a few words, with what is missed then; "": never
    why: Callable[[Any], str]
    """What `why_write_only` says of a destination with these settings, without opening one."""


NEVER_WRITE_ONLY = WriteOnly("", lambda settings: "")


@dataclass(frozen=True)
class Connector:
    """What the entry point names. Everything the linter, `npsync connectors` and the docs tell comes from here.

    `source` and `destination` open one connection; their objects fulfil Source or Destination, and Accessible.
    `events` opens an EventSource, `sender` a Sender; `inbound` makes what reads a push, without any call.
    `grants(settings, needs)` lists the permissions to grant without any call.
    """

    name: str  # the `type:` in the YAML
    title: str
    settings: type[Settings]
    grants: Callable[[Any, Needs], Sequence[str]]
    source: Callable[[Any, Tools], Source] | None = None
    destination: Callable[[Any, Tools], Destination] | None = None
    events: Callable[[Any, Tools], EventSource] | None = None
    inbound: Callable[[Any, Path], Inbound | None] | None = None
    """What /hooks/{connection} is read with; None where these settings take nothing that is pushed. Files they name are
    relative to the folder, the YAML file's."""
    only_pushed: bool = False  # its source has no list: answers are told by what is pushed alone
    sender: Callable[[Any, Tools], Sender] | None = None
    creates: frozenset[Creates] = frozenset()  # what its destination can create beside the customers' records
    alerter: Callable[[Any, Tools], Alerter] | None = None
    provisioner: Callable[[Any, Tools], Provisioner] | None = None
    """Creates the fields a mapping writes. Settings of it that hold another credential are called `provision`: their
    variables need only be set for `npsync provision`."""
    provision_grants: Callable[[Any, Needs], Sequence[str]] | None = None
    """What that other credential may do, line by line, without any call. None: it is among `grants`."""
    also_wants: Callable[[Any, Needs], Sequence[WantedField]] | None = None
    """Fields that npsync needs there beside those of the mapping. A pure function."""
    layout: Callable[[Any, Sequence[Wanted]], Sequence[str]] | None = None
    """How people get to see what was created: steps on the vendor's own pages, in its words. A pure function."""
    event_kinds: tuple[EventKind, ...] = ()
    sends: Callable[[Any], Sends | None] = lambda settings: None
    """How a connection with these settings asks; None: it cannot."""
    write_only: WriteOnly = NEVER_WRITE_ONLY
    remarks: Callable[[Any, Message], Sequence[str]] | None = None
    """What to know before messages like this one go out through a connection with these settings: `check` warns of it.
    A pure function."""
    objects: tuple[str, ...] = ()  # usual objects, for init and suggestions
    match_fields: Mapping[str, str] = field(default_factory=dict)  # kind → usual record field (email → Email)
    opted_out: Mapping[str, str] = field(default_factory=dict)
    """Object → the yes/no field that says this person must not be mailed, unless `people.opted_out` names another.
    Where the credential does not see it nobody is asked."""
    bounced: Mapping[str, str] = field(default_factory=dict)
    """Object → the field that says, by yes or by a reason, that the person's e-mail address does not work."""
    own_field: Callable[[str], str] = lambda words: words.lower().replace(" ", "_")
    """How the vendor would name a field that a customer adds ("NPS last survey"), for `npsync init`."""
    created: str = ""  # the field of every record that tells when it was made
    record_id: Callable[[str], str | None] = lambda text: text
    """What a person pasted, as the id of a record in the vendor's own spelling; None when it cannot be one."""
    channels: tuple[str, ...] = ()  # channels a source tells
    metrics: tuple[
        str, ...
    ] = ()  # what the scores of a source can be (nps, csat, ces); none: as the survey says
    edits: str = ""  # how an edited answer is noticed, in one sentence
    limits: str = ""
    confidence: Confidence = Confidence.VERIFIED
    starter: str = ""  # the YAML block `npsync init` writes for a connection of this type
