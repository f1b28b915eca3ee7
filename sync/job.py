"""One sync, ready to run: its YAML compiled, its connections opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from connectors.contract import Destination, Only, Source
from mapping.fields import CompiledFields
from mapping.match import CompiledMatch
from mapping.names import field_of
from nps.anonymity import Anonymous
from nps.schema import ObjectSchema
from nps.score import Labelled
from nps.suspicion import HoldSpec
from nps.values import Json, Value
from sync.outbox.care import Aftercare
from sync.spec import BreakerSpec

_ROLL_UP = "/account"


def roll_up_of(sync: str) -> str:
    """Under which name the roll-up onto the accounts of this sync's people runs."""
    return f"{sync}{_ROLL_UP}"


def rolled_up_sync(name: str) -> str | None:
    """The sync whose roll-up has this name; None for the name of anything else. No sync's own name holds a slash."""
    return name.removesuffix(_ROLL_UP) if name.endswith(_ROLL_UP) else None


@dataclass(frozen=True)
class Feed:
    """One source of a sync. `surveys` are the survey ids that count there (None: all of them); `rank` its place in
    the YAML, which decides between answers of the same second."""

    connection: str
    source: Source | None  # None: its answers are in the inbox already (those of our own page)
    rank: int
    surveys: frozenset[str] | None = None
    since: datetime | None = (
        None  # where a first read begins: the earliest `since` of all syncs of this source
    )
    anonymous: Anonymous | None = None  # answers of which the identity is dropped
    keep_comment: bool = True
    keep_properties: frozenset[str] | None = None  # None: all
    holds: frozenset[str] = frozenset()
    """The channels of which it is kept that there was a comment, where the comment is not."""


class Place(Protocol):
    """Where changes are written: what writing and settling need to know of a job."""

    @property
    def name(self) -> str:
        """The sync's."""
        ...

    @property
    def connection(self) -> str: ...

    @property
    def object(self) -> str: ...

    @property
    def destination(self) -> Destination: ...


@dataclass(frozen=True)
class Job:
    name: str
    survey: str
    metric: str
    labelled: Labelled | None  # the declared rule for labelled scores
    feeds: tuple[Feed, ...]
    region: str | None
    connection: str
    object: str
    only: Only
    destination: Destination
    match: CompiledMatch
    fields: CompiledFields
    account_object: str | None = None
    account_by: str | None = None
    rolled_up: bool = False  # its accounts show the figures of their contacts (`sync.accounts`)
    traits: Mapping[str, str] | None = None
    """What a report groups records by: dimension → record.FIELD or account.FIELD. None: no report."""
    hold: HoldSpec | None = None  # what looks as if a program gave it is held; None: nothing is
    since: datetime | None = None
    valid_for: timedelta | None = None
    breaker: BreakerSpec | None = None
    care: Aftercare | None = None  # what follows its answers
    facts: Mapping[str, Json] = field(default_factory=dict)  # what the run remembers of the config

    @property
    def roll_up_name(self) -> str:
        """Under which name the roll-up onto its accounts runs."""
        return roll_up_of(self.name)

    @property
    def keeps_members(self) -> bool:
        """Whether anybody asks whose account its records are, or what a report groups them by."""
        return self.rolled_up or self.traits is not None

    @property
    def account_names(self) -> frozenset[str]:
        """The fields of the account that are read with every record."""
        return self.fields.account_names | self.traits_of("account")

    def traits_of(self, root: str) -> frozenset[str]:
        """The fields of the `record` or the `account` that a report groups by."""
        return frozenset(name for path in (self.traits or {}).values() if (name := field_of(path, root)))

    @property
    def scope(self) -> str:
        """Whom a person's manual links concern: all syncs onto the same records."""
        return f"{self.connection}.{self.object}"

    @property
    def answer_scope(self) -> str:
        """The same for decisions about one answer only, whose value is `answer_value`."""
        return f"answer/{self.scope}"

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(feed.connection for feed in self.feeds)

    @property
    def ranks(self) -> dict[str, int]:
        return {feed.connection: feed.rank for feed in self.feeds}


@dataclass(frozen=True)
class Codecs:
    """The destination's field functions, compiled once per run.

    `fetch` are the fields read with every record. A mapped field that the CRM does not have (yet) is in `absent`:
    a plan shows what would be written there; a run is refused before it starts.
    """

    schema: ObjectSchema
    fetch: tuple[str, ...]
    canonical: Mapping[str, Callable[[Value], Json]]
    typed: Mapping[str, Callable[[Json], Value]]
    absent: tuple[str, ...] = ()
