"""What a toy vendor is.

A toy is a package `sandbox.<vendor>` with one function `toy(room: Room) -> Toy`. It loads its tables from
`room.world`, answers HTTP through `app` (a Starlette application whose routes do not carry the vendor's
prefix), and lets control and the pages look at its state and change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from sandbox.clock import Clock
from sandbox.deliveries import Deliveries
from sandbox.faults import Fault, Faults, VendorFaults
from sandbox.traffic import Traffic
from sandbox.world import World

Row = dict[str, Any]


@dataclass(frozen=True)
class Room:
    """What a toy is given."""

    world: World
    clock: Clock
    faults: VendorFaults
    traffic: Traffic
    limits: Mapping[str, int]  # `--limit salesforce.daily=1000`, without the vendor's name
    deliveries: Deliveries  # what the toy sends out
    host: str  # where the sandbox listens


@dataclass(frozen=True)
class House:
    """What the whole sandbox shares; each toy gets its `room`."""

    world: World
    clock: Clock
    faults: Faults
    traffic: Traffic
    limits: Mapping[str, Mapping[str, int]]
    deliveries: Deliveries
    host: str = "127.0.0.1"

    def room(self, vendor: str) -> Room:
        limits = self.limits.get(vendor, {})
        faults = self.faults.of(vendor)
        return Room(self.world, self.clock, faults, self.traffic, limits, self.deliveries, self.host)


class Show(Protocol):
    """Renders a template of the sandbox as a page."""

    def __call__(self, template: str, status: int = 200, **values: Any) -> Response: ...


@runtime_checkable
class Looked(Protocol):
    """A toy with pages of its own, below /look/{vendor}."""

    def looks(self, show: Show) -> Sequence[Route]: ...


@runtime_checkable
class Listening(Protocol):
    """A toy that is not reached over the sandbox's HTTP alone."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class NoSuchRecord(LookupError):
    """Control named an object or record the toy does not have."""


class Toy(Protocol):
    """One vendor. Rows are plain dicts with an "id" key, as the vendor would show them."""

    @property
    def app(self) -> ASGIApp: ...

    @property
    def fault_kinds(self) -> frozenset[str]:
        """The kinds of fault the toy plays itself, beside those of the front."""
        ...

    def env(self, url: str) -> dict[str, str]:
        """The variables of config.example.yaml this vendor fills; `url` is its base address."""
        ...

    def refusal(self, fault: Fault) -> Response:
        """The vendor's own words for a scripted `status` fault (429, 500, 503 …)."""
        ...

    def objects(self) -> Mapping[str, int]:
        """Object names and how many records each has."""
        ...

    def rows(self, object: str) -> Iterator[Row]: ...

    def row(self, object: str, id: str) -> Row: ...

    def change(self, object: str, id: str, fields: Row) -> None:
        """As a person does in the vendor's own screens: modified times move, no traffic is counted."""
        ...

    def add(self, object: str, fields: Row) -> str:
        """The new record's id."""
        ...

    def remove(self, object: str, id: str) -> None: ...

    def merge(self, object: str, winner: str, loser: str) -> None: ...

    def command(self, name: str, arguments: Row) -> Any:
        """Knobs only this vendor has ("hide_field", "expire_tokens"). ValueError: no such knob."""
        ...


def name_call(scope: Scope, kind: str) -> None:
    """Tell the request log what this call was: `name_call(request.scope, "batch_update")`."""
    scope["sandbox"]["kind"] = kind
