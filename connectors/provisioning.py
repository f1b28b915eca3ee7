"""Creating the fields that a mapping writes, where a connector can: what is missing is told first, and created one by
one. A field that is there is never altered, and none is ever deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nps.schema import FieldSchema, FieldType


@dataclass(frozen=True)
class WantedField:
    """A field that the YAML writes. `type` is None where only an answer would tell; `options` are the texts it will
    hold where all of them are known."""

    object: str
    name: str
    type: FieldType | None
    options: tuple[str, ...] = ()
    length: int | None = None  # the longest text
    label: str = ""
    help: str = ""  # what somebody reads beside it in the vendor's settings


@dataclass(frozen=True)
class Step:
    """One field to create, in the vendor's words. Where npsync cannot, `statement` is what an administrator runs."""

    wanted: WantedField
    says: str
    statement: str = ""


@dataclass(frozen=True)
class Hindrance:
    """A field that is not as it is wanted, and that nothing npsync does could make so."""

    wanted: WantedField
    why: str  # and what to do


@dataclass(frozen=True)
class Missing:
    """What became of looking: each wanted field is in one of the three."""

    there: Sequence[WantedField] = ()
    steps: Sequence[Step] = ()
    hindrances: Sequence[Hindrance] = field(default=())


class Provisioner(Protocol):
    """Opened with the settings of a connection; it uses a credential of its own where they name one."""

    def missing(self, wanted: Sequence[WantedField]) -> Missing:
        """Changes nothing. Raises AccessError, UnavailableError, ConfigError."""
        ...

    def create(self, step: Step) -> str:
        """Carry out one step without a statement; what the vendor calls the new field. RejectedError when the vendor
        refuses it (it may have been made meanwhile: look again), FateUnknown when no answer came."""
        ...

    def close(self) -> None: ...


def misfit(wanted: WantedField, held: FieldSchema) -> str:
    """What is wrong with a field that is there already; "" when it takes what is wanted."""
    if not held.writable:
        return "it is there, and npsync cannot write it"
    if wanted.type is not None and held.type is not FieldType.OTHER and not held.type.takes(wanted.type):
        return f"it is there as {held.type.in_words}, and {wanted.type.in_words} is wanted"
    options = held.options if held.restricted else None
    if options is not None and (lacking := [one for one in wanted.options if one not in options]):
        return f"it is there without the option{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}"
    return ""
