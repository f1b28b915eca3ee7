"""Business areas, schemas, datasets, and the data objects in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sandbox.pretectum import schema
from sandbox.pretectum.schema import Field
from sandbox.toy import NoSuchRecord, Room, Row
from sandbox.world import Customer, Ugly

_EVERY_DECOY = 20  # every so many customers have a billing address that a full-text search takes for theirs
_REMEMBERED = 10  # states of one object that a search that lags may still believe in
_EVERY_EUROPEAN = 25  # every so many are in the second dataset as well


@dataclass(frozen=True)
class Area:
    id: str
    name: str


@dataclass(frozen=True)
class Schema:
    id: str
    name: str
    area: Area


@dataclass(frozen=True)
class Dataset:
    id: str
    name: str
    schema: Schema

    @property
    def area(self) -> Area:
        return self.schema.area


@dataclass
class Thing:
    """One data object: its values now, and what they were while the search still believed so."""

    id: str
    dataset: Dataset
    values: Row
    number: int  # in order of making
    version: int = 1
    deleted: bool = False
    written: float = 0.0
    past: list[tuple[float, Row | None]] = field(default_factory=list)  # since when it was this

    def believed(self, at: float) -> Row | None:
        """The values of that time; None: it was not there yet, or no longer."""
        if not self.past or self.past[-1][0] <= at:
            return None if self.deleted else self.values
        held = [values for since, values in self.past[:-1] if since <= at]
        return held[-1] if held else self.past[0][1]

    def set(self, values: Row | None, at: float) -> None:
        """New values; None deletes."""
        if not self.past:
            self.past.append((self.written, self.values))
        if values is None:
            self.deleted = True
        else:
            self.values = values
        self.past = [*self.past[-_REMEMBERED:], (at, values)]
        self.written = at

    def row(self, errors: list[Row]) -> Row:
        """As control shows it."""
        told = {"id": self.id, "dataset": self.dataset.name, "version": self.version}
        return {**told, "deleted": self.deleted, "errors": errors, **self.values}


CUSTOMER, SUPPLIER = (
    Area("20240110T081500Z-ba-7f31c2", "Customer"),
    Area("20240110T081700Z-ba-90be14", "Supplier"),
)
INDIVIDUAL = Schema("20240111T090000Z-sc-51d0aa", "Individual Customer", CUSTOMER)
COMPANY = Schema("20240111T091200Z-sc-8c2f07", "Company", CUSTOMER)
US = Dataset("20240112T100000Z-ds-c4471b", "US Customers", INDIVIDUAL)
EU = Dataset("20240112T100500Z-ds-1ea93d", "EU Customers", INDIVIDUAL)
COMPANIES = Dataset("20240112T101000Z-ds-66b0f2", "Companies", COMPANY)
AREAS, SCHEMAS, DATASETS = (CUSTOMER, SUPPLIER), (INDIVIDUAL, COMPANY), (US, EU, COMPANIES)


class Books:
    """Loaded when somebody first looks: most sandboxes never need a Pretectum."""

    def __init__(self, room: Room, date_format: str) -> None:
        self._room = room
        self._hidden: set[str] = set()
        self._made = 0
        self.shape(date_format)

    def shape(self, date_format: str) -> None:
        """What the schemas hold: fields by schema id."""
        self._date_format = date_format
        every = {INDIVIDUAL.id: schema.customer_fields(date_format), COMPANY.id: schema.company_fields()}
        self.fields: dict[str, dict[str, Field]] = {
            id: {name: one for name, one in fields.items() if name not in self._hidden}
            for id, fields in every.items()
        }

    def hide(self, name: str) -> None:
        """A field is gone from the schema, with what it held."""
        if not any(name in fields for fields in self.fields.values()):
            raise ValueError(f"no field {name}")
        self._hidden.add(name)
        self.shape(self._date_format)
        for thing in self.things.values():
            thing.values.pop(name, None)

    def show(self, name: str) -> None:
        self._hidden.discard(name)
        self.shape(self._date_format)

    @property
    def loaded(self) -> bool:
        return "things" in vars(self)

    @property
    def how_many(self) -> int:
        """Without loading them: the start page counts."""
        if self.loaded:
            return sum(not thing.deleted for thing in self.things.values())
        return self._room.world.size

    @cached_property
    def things(self) -> dict[str, Thing]:
        at = self._room.world.until - timedelta(days=self._room.world.days + 30)
        things = [
            Thing(_id(at, f"{dataset.name}-{key}", number), dataset, values, number)
            for number, (dataset, key, values) in enumerate(self._rows(), start=1)
        ]
        return {thing.id: thing for thing in things}

    def _rows(self) -> Iterator[tuple[Dataset, str, Row]]:
        companies: dict[int, Row] = {}
        for customer in self._room.world.customers():
            if customer.ugly is Ugly.STRANGER:
                continue
            values = _customer(customer)
            yield US, customer.external_id, values
            if customer.ugly is Ugly.TWINS:
                yield (
                    US,
                    f"twin of {customer.external_id}",
                    {**values, "Customer Id": f"T-{customer.number:06d}"},
                )
            if customer.email and customer.number % _EVERY_DECOY == 0:
                billing = {"Customer Id": f"B-{customer.number:06d}", "Email": f"billing-{customer.email}"}
                yield (
                    US,
                    f"billing of {customer.external_id}",
                    {**values, **billing, "First Name": "Billing of"},
                )
            if customer.number % _EVERY_EUROPEAN == 0:
                yield EU, customer.external_id, dict(values)
            if company := customer.company:
                companies.setdefault(
                    company.number,
                    {
                        "Account Id": _account(company.number),
                        "Company Name": company.name,
                        "Domain": company.domain,
                    },
                )
        for number, row in companies.items():
            yield COMPANIES, str(number), row

    def of(self, dataset: Dataset) -> list[Thing]:
        return [one for one in self.things.values() if one.dataset is dataset and not one.deleted]

    def thing(self, id: str) -> Thing:
        if id not in self.things or self.things[id].deleted:
            raise NoSuchRecord(f"no data object {id}")
        return self.things[id]

    def errors(self, thing: Thing) -> list[Row]:
        return schema.errors(self.fields[thing.dataset.schema.id], thing.values)

    def add(self, dataset: Dataset, values: Row) -> Thing:
        self._made += 1
        now = self._room.clock.time()
        id = _id(self._room.clock.now(), f"{self._room.world.seed} made", self._made)
        thing = self.things[id] = Thing(id, dataset, _kept(values), len(self.things) + 1, written=now)
        thing.past = [(0.0, None), (now, thing.values)]
        return thing

    def write(self, thing: Thing, values: Row, *, step: int = 1) -> dict[str, tuple[Any, Any]]:
        """Only these fields change; null empties one. What each was and is."""
        before = {name: thing.values.get(name) for name in values}
        thing.set(_kept({**thing.values, **values}), self._room.clock.time())
        thing.version += step
        return {name: (before[name], value) for name, value in values.items()}

    def delete(self, thing: Thing) -> None:
        thing.set(None, self._room.clock.time())
        thing.version += 1


def _customer(customer: Customer) -> Row:
    company = customer.company
    return _kept(
        {
            "Customer Id": customer.external_id,
            "First Name": customer.first_name,
            "Last Name": customer.last_name,
            "Email": customer.email,
            "Phone": customer.phone,
            "Role": customer.role,
            "Company Name": company.name if company else None,
            "Account Id": _account(company.number) if company else None,
            "Email Opt Out": customer.opted_out,
        }
    )


def _kept(values: Row) -> Row:
    """A field without a value is not in a data object at all."""
    return {name: value for name, value in values.items() if value is not None}


def _account(number: int) -> str:
    return f"A-{number:06d}"


def _id(at: datetime, name: str, number: int) -> str:
    digest = hashlib.blake2b(f"{name} {number}".encode(), digest_size=6).hexdigest()
    return f"{at:%Y%m%dT%H%M%SZ}-do-{digest}"
