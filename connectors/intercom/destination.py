"""Intercom as a Destination: contacts, one call each, and the companies they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from connectors.contract import Allowance, Grant, Lookup, Needs, Only, Tools, Way
from connectors.intercom import access
from connectors.intercom.attributes import COMPANIES, Attributes, value_of
from connectors.intercom.companies import Companies
from connectors.intercom.contacts import Contacts, Read
from connectors.intercom.encoding import canonical, live, typed
from connectors.intercom.searching import passes, rules
from connectors.intercom.settings import IntercomSettings
from connectors.intercom.workspace import open_workspace
from connectors.intercom.writing import Writing
from nps.changes import Batch, Hit, Outcome, Record
from nps.errors import ConfigError
from nps.schema import ObjectSchema
from nps.values import Json, Value

_BATCH = 100


class Intercom:
    """Thread-safe."""

    def __init__(self, settings: IntercomSettings, tools: Tools) -> None:
        self._tools = tools
        self._workspace = open_workspace(settings, tools)
        self._contacts = Contacts(self._workspace)
        self._companies = Companies(self._workspace)

    # ------------------------------------------------------------ what there is

    def describe(self, object: str) -> ObjectSchema:
        return self._workspace.attributes(object).schema

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        return canonical(self._workspace.attributes(object).field(field))

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        return typed(self._workspace.attributes(object).field(field))

    # ------------------------------------------------------------ reading

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        known = self._checked(object, fields, only, [lookup.field for lookup in lookups])
        allowed = rules(known, only)
        hits = []
        for lookup in lookups:
            for value, read in self._named(known, lookup, only) if lookup.values else ():
                if (record := _record(known, read, fields, allowed)) is not None:
                    hits.append(Hit(lookup.field, value, record))
        return hits

    def _named(self, known: Attributes, lookup: Lookup, only: Only) -> list[tuple[str, Read]]:
        if known.schema.name == COMPANIES:
            return [(value, Read(row)) for value, row in self._companies.found(lookup)]
        return self._contacts.found(known, lookup, only)

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        known = self._checked(object, fields, only)
        allowed = rules(known, only)
        found = (
            [Read(row) for row in self._companies.read(ids)]
            if object == COMPANIES
            else self._contacts.read(ids)
        )
        records = (_record(known, read, fields, allowed) for read in found)
        return [record for record in records if record is not None]

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        known = self._checked(object, fields, only)
        if object == COMPANIES:
            raise ConfigError(f"{self._tools.connection}: an audience is made of contacts, not of companies")
        allowed = rules(known, only)
        for page in self._contacts.everything(known, only):
            shown = (_record(known, Read(row), fields, allowed) for row in page)
            if records := [record for record in shown if record is not None]:
                yield records

    # ------------------------------------------------------------ writing

    def ways(self, object: str, count: int) -> Sequence[Way]:
        calls = 2 if object == COMPANIES else 1
        return [Way(api="one_by_one", batch=_BATCH, cost=lambda records: calls * records)]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        known = self._checked(batch.object, [name for change in batch.changes for name in change.after], {})
        return Writing(self._workspace, known).outcomes(batch.changes)

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        return None  # each record is a call of its own: what became of it is read from the record

    def allowance(self) -> Allowance | None:
        return None  # Intercom counts calls in ten seconds, not in days

    def close(self) -> None:
        self._tools.shared.give_back()

    # ------------------------------------------------------------ access

    def access(self, needs: Needs) -> list[Grant]:
        return access.tested(self._workspace, needs)

    # ------------------------------------------------------------ inside

    def _checked(
        self, object: str, fields: Sequence[str], only: Only, keys: Sequence[str] = ()
    ) -> Attributes:
        known = self._workspace.attributes(object)
        known.check([*fields, *only, *keys])
        return known


def _record(
    known: Attributes, read: Read, fields: Sequence[str], allowed: Mapping[str, frozenset[Json]]
) -> Record | None:
    """None for one that `only` does not allow."""
    shown = {name: live(known.field(name))(value_of(read.row, name)) for name in {*fields, *allowed}}
    if not passes(shown, allowed):
        return None
    return Record(known.schema.name, str(read.row["id"]), {name: shown[name] for name in fields}, read.merged)
