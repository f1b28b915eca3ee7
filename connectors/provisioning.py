"""Creating what a mapping needs and the vendor lacks, where a connector can: what is missing is told first, and created
one by one. What is there is never altered; only what npsync created can be removed, and only while it is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from nps.schema import FieldSchema, FieldType

# ---------------------------------------------------------------- what is wanted


class Kind(StrEnum):
    FIELD = "field"
    OBJECT = "object"
    GROUP = "group"
    LIST = "list"
    GRANT = "grant"


@dataclass(frozen=True)
class Thing:
    """By what something that was created is found again."""

    kind: Kind
    object: str
    name: str = ""


@dataclass(frozen=True)
class WantedField:
    """A field that the YAML writes. `type` is None where only an answer would tell; `options` are the texts it will
    hold where all of them are known."""

    object: str
    name: str
    type: FieldType | None
    options: tuple[str, ...] = ()
    length: int | None = None  # of the longest text, where the mapping says it
    long: bool = False  # a text of several lines, of any length
    label: str = ""
    help: str = ""  # what somebody reads beside it in the vendor's settings
    unique: bool = False  # no two records hold the same value: records are found again by it
    references: str = ""  # the object whose records it names: a lookup
    digits: int | None = None  # of a number, before the decimal point
    decimals: int | None = None
    percent: bool = False

    @property
    def thing(self) -> Thing:
        return Thing(Kind.FIELD, self.object, self.name)


@dataclass(frozen=True)
class WantedObject:
    """Records of our own: each answer is kept as one. Its fields are wanted one by one besides."""

    object: str
    label: str
    plural: str
    help: str = ""
    key: WantedField | None = None  # what its records are found again by
    belongs_to: tuple[str, ...] = ()  # objects whose records these are about

    @property
    def thing(self) -> Thing:
        return Thing(Kind.OBJECT, self.object)


@dataclass(frozen=True)
class WantedGroup:
    """What a vendor puts fields together in."""

    object: str
    name: str
    label: str

    @property
    def thing(self) -> Thing:
        return Thing(Kind.GROUP, self.object, self.name)


@dataclass(frozen=True)
class WantedList:
    """A list whose members npsync sets."""

    object: str
    name: str

    @property
    def thing(self) -> Thing:
        return Thing(Kind.LIST, self.object, self.name)


@dataclass(frozen=True)
class WantedGrant:
    """Who may see and do what, where the vendor asks for it: a set of permissions; without `object` and `user` the set
    itself, with one of them what it grants on that object, or to whom it is given."""

    to: str
    object: str = ""
    fields: tuple[str, ...] = ()
    edit: bool = False
    create: bool = False  # and delete again, when somebody wants to be forgotten
    user: str = ""
    label: str = ""
    help: str = ""

    @property
    def thing(self) -> Thing:
        return Thing(Kind.GRANT, self.object or (self.user and f"user {self.user}"), self.to)


Wanted = WantedField | WantedObject | WantedGroup | WantedList | WantedGrant

# ---------------------------------------------------------------- plan and create


@dataclass(frozen=True)
class Step:
    """One thing to create, in the vendor's words. Where npsync cannot, `statement` is what an administrator runs."""

    wanted: Wanted
    says: str
    statement: str = ""


@dataclass(frozen=True)
class Hindrance:
    """Something that is not as it is wanted, and that nothing npsync does could make so."""

    wanted: Wanted
    why: str  # and what to do


@dataclass(frozen=True)
class Missing:
    """What became of looking: everything wanted is in one of the three. Of what is there, `signed` looks as if npsync
    had made it, down to the help text."""

    there: Sequence[Wanted] = ()
    steps: Sequence[Step] = ()
    hindrances: Sequence[Hindrance] = field(default=())
    signed: frozenset[Thing] = frozenset()


class Provisioner(Protocol):
    """Opened with the settings of a connection; it uses a credential of its own where they name one."""

    def missing(self, wanted: Sequence[Wanted]) -> Missing:
        """What to create, in the order in which it can be; what a vendor asks for beside (who may see the fields) is
        among it. Changes nothing. Raises AccessError, UnavailableError, ConfigError."""
        ...

    def create(self, step: Step) -> str:
        """Carry out one step without a statement; what the vendor calls the new thing. RejectedError when the vendor
        refuses it (it may have been made meanwhile: look again), FateUnknown when no answer came."""
        ...

    def close(self) -> None: ...


# ---------------------------------------------------------------- remove


@dataclass(frozen=True)
class Made:
    """Something that npsync created. `id` is the vendor's for it, "" where its answer was lost."""

    thing: Thing
    id: str = ""
    text: str = ""  # the help text it was made with: what bears another one is somebody else's


@dataclass(frozen=True)
class Removal:
    """What is to become of one thing: it goes, stays and why, or is gone already."""

    made: Made
    says: str  # "" for what goes along with another thing, without a word
    stays: str = ""
    is_gone: bool = False


@runtime_checkable
class Removes(Protocol):
    """A Provisioner may fulfil it besides."""

    def removals(self, made: Sequence[Made]) -> Sequence[Removal]:
        """One for each, in the order in which they can go. What holds a value stays, and so does what is not as it was
        made. Changes nothing."""
        ...

    def remove(self, removal: Removal) -> None:
        """Take away one thing that neither stays nor is gone; looks again right before whether it is empty.
        RejectedError when it is not, or the vendor refuses; FateUnknown when no answer came."""
        ...


# ---------------------------------------------------------------- other ways


@dataclass(frozen=True)
class Package:
    """What is missing as files, by their path in the package; `left` are steps that it cannot hold."""

    missing: Missing
    files: Mapping[Path, str]
    left: Sequence[Step]


@runtime_checkable
class Packages(Protocol):
    """A Provisioner whose steps an administrator may deploy as files instead."""

    def package(self, wanted: Sequence[Wanted]) -> Package:
        """Looks as `missing` does; with the everyday credential where the settings name no other. Changes nothing."""
        ...


@dataclass(frozen=True)
class Unread:
    """Fields that are written and that the people they are written for do not see."""

    who: str  # in the vendor's words
    fields: Mapping[str, tuple[str, ...]]  # object → names
    unknown: str = ""  # why it cannot be told


@runtime_checkable
class KnowsReaders(Protocol):
    """A Destination that can tell who may read a field."""

    def unread(self, written: Mapping[str, Sequence[str]]) -> Unread | None:
        """Of these fields (object → names), those that account managers may not read; None where the settings do not
        say who they are. Raises what other calls raise."""
        ...


def misfit(wanted: WantedField, held: FieldSchema) -> str:
    """What is wrong with a field that is there already; "" when it takes what is wanted."""
    if not held.writable:
        return "it is there, and npsync cannot write it"
    if wanted.type is not None and held.type is not FieldType.OTHER and not held.type.takes(wanted.type):
        return f"it is there as {held.type.in_words}, and {wanted.type.in_words} is wanted"
    if wanted.unique and not held.unique:
        return "it is there without being unique, so that records could not be found again by it"
    options = held.options if held.restricted else None
    if options is not None and (lacking := [one for one in wanted.options if one not in options]):
        return f"it is there without the option{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}"
    if wanted.length is not None and held.length is not None and held.length < wanted.length:
        return f"it is there for {held.length} characters, and {wanted.length} are wanted"
    return ""


def not_made(wanted: Sequence[Wanted], what: str) -> tuple[list[WantedField], list[Hindrance]]:
    """For a connector that creates fields alone: the fields, and why nothing else is made."""
    fields = [one for one in wanted if isinstance(one, WantedField)]
    return fields, [Hindrance(one, what) for one in wanted if not isinstance(one, WantedField)]
