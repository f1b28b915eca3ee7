"""Each answer as a record of an object of the org's own, created and brought up to date by its external id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from connectors.contract import Entry, Making
from connectors.salesforce import soql
from connectors.salesforce.making import Maker
from connectors.salesforce.matching import Asked
from connectors.salesforce.org import Org
from connectors.salesforce.schema import Column, Table
from nps.changes import Outcome
from nps.errors import ConfigError
from nps.values import Json


class History:
    def __init__(self, org: Org, maker: Maker) -> None:
        self._org = org
        self._maker = maker

    def keep(self, object: str, key: str, entries: Sequence[Entry]) -> Iterator[Making]:
        if not entries:
            return
        self._key(object, key)
        lookups = self._lookups(object, entries)
        fixed = {column.name for column in lookups.values() if not column.schema.writable}
        # A master of a detail record is named once, when the record is created.
        there = self.kept(object, key, entries) if fixed else {}
        records = {
            entry.key: {
                name: value
                for name, value in _filled(entry, lookups).items()
                if name not in fixed or entry.key not in there
            }
            for entry in entries
        }
        yield from self._maker.upsert(object, key, records)

    def kept(self, object: str, key: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        column = self._key(object, key)
        by_value = {str(entry.fields.get(key) or entry.key): entry.key for entry in entries}
        asked = Asked(key, column, list(by_value))
        rows = self._org.by_value(object, f"Id, {key}", list(asked.wanted()), "", what=f"find {object}")
        return {by_value[value]: str(row["Id"]) for row in rows for value in asked.named_by(row)}

    def discard(self, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        soql.checked_name(object)
        return self._maker.delete(object, ids)

    def _key(self, object: str, key: str) -> Column:
        if not key:
            raise ConfigError(
                f"{object}: name the field that holds each answer's key: an external id, unique, like "
                "Response_Key__c"
            )
        column = self._org.column(object, key)
        if "." in key or not column.external_id:
            raise ConfigError(
                f'{object}: "{key}" is no external id, so answers could not be found again by it; tick "External '
                'ID" and "Unique" in its settings, or name another field'
            )
        if not column.schema.unique:
            raise ConfigError(
                f'{object}: "{key}" is an external id, but not unique: one answer could become two records; tick '
                '"Unique" in its settings'
            )
        return column

    def _lookups(self, object: str, entries: Sequence[Entry]) -> Mapping[str, Column]:
        """Object of a record that entries belong to → the lookup that says so, where the mapping does not."""
        table = self._org.table(object)
        mapped = frozenset(name for entry in entries for name in entry.fields)
        about = dict.fromkeys(name for entry in entries for name in entry.about)
        found = ((name, _lookup(table, name, mapped)) for name in about)
        return {name: column for name, column in found if column is not None}


def _lookup(table: Table, to: str, mapped: frozenset[str]) -> Column | None:
    leading = [
        column
        for column in table.columns.values()
        if column.kind == "reference" and to in column.relates_to and column.name.endswith("__c")
    ]
    if any(column.name in mapped for column in leading):
        return None
    own_name = [column for column in leading if column.name == f"{to.removesuffix('__c')}__c"]
    fitting = [column for column in (own_name or leading) if column.createable]
    if leading and not fitting:
        names = ", ".join(sorted(column.name for column in leading))
        raise ConfigError(
            f"{table.name}: the integration user may not fill {names}, so answers would belong to nobody; let it edit "
            "the field (field-level security)"
        )
    if len(fitting) > 1:
        names = ", ".join(sorted(column.name for column in fitting))
        raise ConfigError(
            f"{table.name}: several lookups lead to {to} ({names}); say in the history's fields which one holds the "
            "record, with record.id"
        )
    return fitting[0] if fitting else None


def _filled(entry: Entry, lookups: Mapping[str, Column]) -> dict[str, Json]:
    about = {column.name: entry.about[name] for name, column in lookups.items() if name in entry.about}
    return {**about, **entry.fields}
