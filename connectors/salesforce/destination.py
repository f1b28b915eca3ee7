"""Salesforce as a destination: find, read and update records of one org."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from connectors.calls import CallPolicy
from connectors.contract import Allowance, Grant, Lookup, Needs, Only, Tools, Way
from connectors.limits import Limiter
from connectors.salesforce import access, bulk, codecs, composite, soql
from connectors.salesforce.budget import CallBudget
from connectors.salesforce.errors import Refused, judge
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import Api, quote
from connectors.salesforce.matching import Asked
from connectors.salesforce.reading import Reading
from connectors.salesforce.schema import Column, Table, no_such_field, object_schema, read_through, table
from connectors.salesforce.settings import SalesforceSettings
from connectors.salesforce.signin import SignIn
from nps.changes import Batch, Hit, Outcome, Record
from nps.errors import ConfigError
from nps.schema import ObjectSchema
from nps.values import Json, Value

_MOST_HOPS = 5  # a merged record's survivor may have been merged again
_AUTO_BULK = 10_000


class SalesforceDestination:
    """Fulfils `connectors.contract.Destination` and `Accessible`. Thread-safe."""

    def __init__(self, settings: SalesforceSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        limiter = Limiter(tools)
        self._budget = CallBudget(settings.budget, limiter, tools)
        policy = CallPolicy(
            tools, limiter, judge=partial(judge, clock=tools.clock), learn=self._budget.learn, attempts=5
        )
        sign_in = SignIn(settings, tools, policy)
        self._api = Api(settings, replace(policy, token=sign_in.token), sign_in)
        self._lock = threading.RLock()
        self._tables: dict[str, Table] = {}
        self._learnt = composite.Learnt()

    # ------------------------------------------------------------ schema

    def describe(self, object: str) -> ObjectSchema:
        return object_schema(self.table(object), lambda path: self.column(object, path))

    def table(self, object: str) -> Table:
        """What describe says about an object, asked once."""
        if (known := self._tables.get(object)) is not None:
            return known
        soql.checked_name(object)
        with self._lock:
            if object not in self._tables:
                self._tables[object] = table(self._described(object))
            return self._tables[object]

    def column(self, object: str, field: str) -> Column:
        """A field by its name, along relations if it is dotted. ConfigError if there is none."""
        soql.checked_name(field)
        relation, dot, rest = field.partition(".")
        here = self.table(object)
        if not dot:
            return here.column(field)
        lookup = here.relation(relation)
        for parent in lookup.relates_to if lookup else ():
            try:
                return read_through(self.column(parent, rest), field)
            except ConfigError:
                continue  # a lookup may lead to several objects (an owner is a user or a queue)
        raise no_such_field(object, field)

    def _described(self, object: str) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._api.call(
                "GET", f"sobjects/{object}/describe", what=f"describe {object}"
            )
        except Refused as refused:
            if refused.status == 404:
                raise ConfigError(
                    f"{self._tools.connection}: Salesforce has no object {object}, or it is not "
                    "visible to the integration user"
                ) from None
            raise refused.as_error(object) from None
        return answer

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
        reading = Reading(object, {name: self.column(object, name) for name in fields})
        select = reading.select(*(one.field for one in asked))
        hits: list[Hit] = []
        strangers = 0
        for row in self._rows(object, select, wanted, only, what=f"find {object}"):
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
        reading = Reading(object, {name: self.column(object, name) for name in fields})
        asked = {full: given for given in ids if (full := long_id(given)) is not None}
        found = self._by_id(reading, asked, only)
        if self.table(object).keeps_merged and (gone := [one for one in asked if one not in found]):
            survivors = self._survivors(object, gone)
            missing = [one for one in set(survivors.values()) if one not in found]
            found.update(self._by_id(reading, missing, only))
            for one, survivor in survivors.items():
                if (record := found.get(survivor)) is not None:
                    merged = (*record.merged, asked[one])
                    found[survivor] = Record(record.object, record.id, record.fields, merged)
        return list(found.values())

    def _by_id(self, reading: Reading, ids: Iterable[str], only: Only) -> dict[str, Record]:
        wanted = [soql.Wanted("Id", quote(one)) for one in ids]
        rows = self._rows(reading.object, reading.select(), wanted, only, what=f"read {reading.object}")
        return {record.id: record for record in map(reading.record, rows)}

    def _survivors(self, object: str, gone: Sequence[str]) -> dict[str, str]:
        """Merged id → the record it was merged into, along the whole chain. Deleted ones are missing."""
        masters: dict[str, str] = {}
        ask = list(gone)
        for _ in range(_MOST_HOPS):
            wanted = [soql.Wanted("Id", quote(one)) for one in ask]
            rows = self._rows(
                object, "Id, MasterRecordId", wanted, {}, what=f"follow merged {object}", deleted_only=True
            )
            step = {row["Id"]: row["MasterRecordId"] for row in rows if row["MasterRecordId"]}
            masters.update(step)
            ask = [one for one in set(step.values()) if one not in masters]
            if not ask:
                break
        return {one: _end(masters, one) for one in gone if one in masters}

    def _rows(
        self,
        object: str,
        select: str,
        wanted: Sequence[soql.Wanted],
        only: Only,
        *,
        what: str,
        deleted_only: bool = False,
    ) -> list[dict[str, Any]]:
        if not wanted:
            return []
        restriction = "IsDeleted = true" if deleted_only else self._restriction(object, only)
        room = soql.LONGEST_ADDRESS - self._api.query_length(0)
        rows: list[dict[str, Any]] = []
        waiting = deque(soql.queries(select, object, wanted, restriction, room))
        while waiting:
            query = waiting.popleft()
            try:
                rows.extend(self._asked(query.soql, object, what, deleted_only))
            except Refused as refused:
                if not refused.is_too_long or len(query.wanted) == 1:
                    raise refused.as_error(object) from None
                half = len(query.wanted) // 2
                for part in (query.wanted[:half], query.wanted[half:]):
                    waiting.extend(soql.queries(select, object, part, restriction, room))
        return rows

    def _asked(self, query: str, object: str, what: str, deleted_too: bool) -> list[dict[str, Any]]:
        for attempt in (1, 2):
            try:
                return list(self._api.query(query, what=what, deleted_too=deleted_too))
            except Refused as refused:
                if refused.is_too_long:
                    raise
                if refused.code == "INVALID_QUERY_LOCATOR" and attempt == 1:
                    continue  # the cursor died between two pages: ask again from the start
                if refused.code in ("INVALID_FIELD", "INVALID_TYPE"):
                    self._forget(object)
                raise refused.as_error(object) from None
        raise AssertionError("the second attempt returns or raises")

    def _restriction(self, object: str, only: Only) -> str:
        known = dict(only)
        if known.get("IsPersonAccount") is False and not self.table(object).person_accounts:
            del known["IsPersonAccount"]  # without Person Accounts nobody is one
        return soql.restriction({name: self.column(object, name) for name in known}, known)

    def _forget(self, object: str) -> None:
        """The schema changed under us: describe again when next asked."""
        with self._lock:
            self._tables.pop(object, None)

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

    # ------------------------------------------------------------ access

    def access(self, needs: Needs) -> list[Grant]:
        return access.tested(self._api, self.table, self.column, needs)

    def allowance(self) -> Allowance | None:
        return self._budget.allowance()

    def close(self) -> None:
        self._budget.save()
        self._api.close()


def _end(masters: Mapping[str, str], merged: str) -> str:
    """The survivor at the end of a chain of merges."""
    for _ in range(_MOST_HOPS):
        if merged not in masters:
            break
        merged = masters[merged]
    return merged
