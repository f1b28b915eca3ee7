"""Salesforce as a destination: find, read and update records of one org."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from connectors.contract import (
    Allowance,
    Case,
    Entry,
    Grant,
    Lookup,
    Making,
    Needs,
    Only,
    Owner,
    Task,
    TaskState,
    Tools,
    Way,
)
from connectors.provisioning import Unread
from connectors.salesforce import access, bulk, codecs, composite, readers, soql
from connectors.salesforce.campaigns import Campaigns
from connectors.salesforce.errors import Refused
from connectors.salesforce.history import History
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import quote
from connectors.salesforce.making import Maker
from connectors.salesforce.matching import Asked
from connectors.salesforce.org import open_org
from connectors.salesforce.reading import Reading
from connectors.salesforce.schema import Column, Table, object_schema
from connectors.salesforce.settings import USUAL_TASK_KEY, SalesforceSettings
from connectors.salesforce.surroundings import Surroundings
from connectors.salesforce.tasks import Tasks
from nps.changes import Batch, Hit, Outcome, Record
from nps.schema import ObjectSchema
from nps.values import Json, Value

_AUTO_BULK = 10_000


class SalesforceDestination:
    """Fulfils `connectors.contract.Destination` and `Accessible`; `KeepsHistory`, `GivesTasks` and `KeepsLists` too.
    Thread-safe."""

    def __init__(self, settings: SalesforceSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._org = open_org(settings, tools)
        self._api = self._org.api
        self._learnt = composite.Learnt()
        maker = Maker(self._api, tools.clock)
        self._history = History(self._org, maker)
        self._tasks = Tasks(self._org, maker, tools)
        self._surroundings = Surroundings(self._org, tools)
        self._campaigns = Campaigns(self._org, maker, tools)

    # ------------------------------------------------------------ schema

    def describe(self, object: str) -> ObjectSchema:
        return object_schema(self.table(object), lambda path: self.column(object, path))

    def table(self, object: str) -> Table:
        return self._org.table(object)

    def column(self, object: str, field: str) -> Column:
        return self._org.column(object, field)

    def unread(self, written: Mapping[str, Sequence[str]]) -> Unread | None:
        return readers.unread(self._org, self._settings.account_managers, written)

    # ------------------------------------------------------------ values

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        return codecs.writer(self.column(object, field))

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        return codecs.typed(self.column(object, field))

    # ------------------------------------------------------------ reading

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        asked = [Asked(lookup.field, self.column(object, lookup.field), lookup.values) for lookup in lookups]
        wanted = [value for one in asked for value in one.wanted()]
        if not wanted:
            return []
        reading = Reading(object, self._org.columns(object, fields))
        select = reading.select(*(one.field for one in asked))
        hits: list[Hit] = []
        strangers = 0
        restriction = self._org.restriction(object, only)
        for row in self._org.by_value(object, select, wanted, restriction, what=f"find {object}"):
            record = reading.record(row)
            named = [Hit(one.field, value, record) for one in asked for value in one.named_by(row)]
            strangers += not named
            hits.extend(named)
        if strangers:
            # Salesforce found them by rules of comparison we do not know; guessing would match the wrong
            # person.
            self._tools.notice("salesforce_unpaired", object=object, records=strangers)
        return hits

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        reading = Reading(object, self._org.columns(object, fields))
        asked = {full: given for given in ids if (full := long_id(given)) is not None}
        found = self._by_id(reading, asked, only)
        if self.table(object).keeps_merged and (gone := [one for one in asked if one not in found]):
            survivors = self._org.survivors(object, gone)
            missing = [one for one in set(survivors.values()) if one not in found]
            found.update(self._by_id(reading, missing, only))
            for one, survivor in survivors.items():
                if (record := found.get(survivor)) is not None:
                    merged = (*record.merged, asked[one])
                    found[survivor] = Record(record.object, record.id, record.fields, merged)
        return list(found.values())

    def _by_id(self, reading: Reading, ids: Iterable[str], only: Only) -> dict[str, Record]:
        wanted = [soql.Wanted("Id", quote(one)) for one in ids]
        if not wanted:
            return {}
        object, restriction = reading.object, self._org.restriction(reading.object, only)
        rows = self._org.by_value(object, reading.select(), wanted, restriction, what=f"read {object}")
        return {record.id: record for record in map(reading.record, rows)}

    def absorbed(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Sequence[Record]]:
        if not self.table(object).keeps_merged:
            return {}
        reading = Reading(object, self._org.columns(object, fields))
        return {
            survivor: [reading.record(row) for row in rows]
            for survivor, rows in self._org.absorbed(object, ids, reading.select()).items()
        }

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        reading = Reading(object, self._org.columns(object, fields))
        restriction = self._org.restriction(object, only)
        last: str | None = None
        while True:
            conditions = [restriction] if restriction else []
            if last is not None:
                conditions.append(f"Id > {quote(last)}")
            where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
            query = f"SELECT {reading.select()} FROM {object}{where} ORDER BY Id"
            started = last
            try:
                for page in self._org.pages(query, object, what=f"read all {object}"):
                    yield [reading.record(row) for row in page]
                    last = str(page[-1]["Id"])
                return
            except Refused as refused:
                # The vendor lost its place between two pages: go on behind the last one.
                if last == started:
                    raise refused.as_error(object) from None

    # ------------------------------------------------------------ writing

    def ways(self, object: str, count: int) -> Sequence[Way]:
        size = self._settings.write.chunk_size
        collections = Way("collections", size, lambda n: -(-n // size))
        in_bulk = Way("bulk", bulk.ROWS_PER_JOB, lambda n: -(-n // bulk.ROWS_PER_JOB) * bulk.CALLS_PER_JOB)
        threshold = self._settings.write.bulk_threshold
        if threshold == "never" or in_bulk.cost(count) >= collections.cost(count):
            return [collections]
        if threshold == "auto":
            # Between, a job would save calls but tell of each record only at its end.
            return [in_bulk, collections] if count >= _AUTO_BULK else [collections, in_bulk]
        return [in_bulk, collections] if count >= threshold else [collections]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        soql.checked_name(batch.object)
        clock, write = self._tools.clock, self._settings.write
        if batch.api == "bulk":
            return bulk.write(self._api, clock, batch, remember, write.bulk_deadline, self._learnt)
        if batch.api == "collections":
            return composite.write(self._api, clock, batch, write.chunk_size, self._learnt)
        raise ValueError(f"Salesforce has no way to write called {batch.api}")

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        if batch.api != "bulk":
            return None
        deadline = self._settings.write.bulk_deadline
        return bulk.resume(self._api, self._tools.clock, batch, handle, deadline, self._learnt)

    # ------------------------------------------------------------ each answer as a record

    def keep(self, object: str, key: str, entries: Sequence[Entry]) -> Iterable[Making]:
        return self._history.keep(object, key, entries)

    def kept(self, object: str, key: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        return self._history.kept(object, key, entries)

    def discard(self, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        return self._history.discard(object, ids)

    # ------------------------------------------------------------ tasks

    def give(self, tasks: Sequence[Task]) -> Iterable[Making]:
        return self._tasks.give(tasks)

    def given(self, tasks: Sequence[Task]) -> Mapping[str, str]:
        return self._tasks.given(tasks)

    def task_states(self, ids: Sequence[str]) -> Mapping[str, TaskState]:
        return self._tasks.states(ids)

    def take_away(self, ids: Sequence[str]) -> Iterable[Outcome]:
        return self._tasks.take_away(ids)

    def owners(self, ids: Sequence[str]) -> Mapping[str, Owner]:
        return self._surroundings.owners(ids)

    def owner_of(self, email: str) -> Owner | None:
        return self._surroundings.owner_of(email)

    def cases(self, object: str, ids: Sequence[str], since: datetime) -> Mapping[str, Sequence[Case]]:
        return self._surroundings.cases(object, ids, since)

    def page(self, object: str, id: str) -> str:
        return self._surroundings.page(object, id)

    # ------------------------------------------------------------ campaigns

    def list_id(self, name: str, object: str) -> str:
        return self._campaigns.list_id(name, object)

    def add(self, list: str, object: str, ids: Sequence[str], status: str | None) -> Iterable[Making]:
        return self._campaigns.add(list, object, ids, status)

    def drop(self, list: str, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        return self._campaigns.drop(list, object, ids)

    def on(self, list: str, object: str, ids: Sequence[str]) -> frozenset[str]:
        return self._campaigns.on(list, object, ids)

    # ------------------------------------------------------------ access

    def access(self, needs: Needs) -> list[Grant]:
        key_field = self._settings.task_key_field or USUAL_TASK_KEY
        return access.tested(self._api, self.table, self.column, needs, key_field)

    def allowance(self) -> Allowance | None:
        return self._org.budget.allowance()

    def close(self) -> None:
        self._tools.shared.give_back()
