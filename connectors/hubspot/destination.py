"""HubSpot as a Destination: contacts, companies, tickets, custom objects; by the vendor's batches of 100."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil

import msgspec

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
    Way,
)
from connectors.hubspot.access import tested
from connectors.hubspot.account import Account
from connectors.hubspot.encoding import canonical, live, typed
from connectors.hubspot.finding import (
    ADDITIONAL_EMAILS,
    MERGED_IDS,
    READ_BATCH,
    SEARCH_PAGE,
    Allowed,
    Everybody,
    Key,
    Row,
    Search,
    absorbed,
    allowed,
    chunks,
    comparable,
    is_primary,
    is_wide,
    key_of,
    other_addresses,
    others,
    paired,
    passes,
    primary,
    pushed_down,
    record_key,
    searches,
)
from connectors.hubspot.history import History
from connectors.hubspot.isolation import Isolation, Learnt
from connectors.hubspot.lists import Lists
from connectors.hubspot.making import Maker
from connectors.hubspot.properties import (
    PRIMARY_COMPANY,
    PRIMARY_COMPANY_TYPES,
    RECORD_ID,
    Properties,
)
from connectors.hubspot.ruling import Ruling
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.surroundings import Surroundings
from connectors.hubspot.tasks import Tasks
from connectors.hubspot.writing import UPDATE_BATCH, Input, body, inputs, reread
from connectors.replies import Reply
from nps.changes import Batch, Hit, Outcome, Record, Unknown
from nps.errors import AccessError, ConfigError, Interrupted, UnavailableError
from nps.schema import ObjectSchema
from nps.values import Json, Value

_MOST_SEARCH_PAGES = 50


class HubSpot:
    """One HubSpot account: a Destination that keeps history and lists, and gives tasks. Thread-safe."""

    def __init__(self, account: Account, settings: HubSpotSettings) -> None:
        self._account = account
        self._wire = account.wire
        self._tools = tools = account.tools
        self._learnt = Learnt()
        self._ruling = Ruling(tools.connection, account.read_again, tools.clock)
        maker = Maker(account)
        self._history = History(account, maker, self._ruling)
        self._tasks = Tasks(account, maker, account.zone, settings.tasks.completed_at)
        self._surroundings = Surroundings(account, settings)
        self._lists = Lists(account)

    # ------------------------------------------------------------ what there is

    def describe(self, object: str) -> ObjectSchema:
        return self._account.known(object).schema

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        known = self._account.known(object)
        self._account.check(known, [field])
        return canonical(known.schema.fields[field])

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        known = self._account.known(object)
        self._account.check(known, [field])
        return typed(known.schema.fields[field])

    # ------------------------------------------------------------ reading

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        known = self._account.known(object)
        self._account.check(known, [*fields, *only, *(one.field for one in lookups if one.field != "id")])
        rules = allowed(known, only)
        keys = [
            None if lookup.field == PRIMARY_COMPANY else key_of(known, lookup.field) for lookup in lookups
        ]
        wanted = [
            *_read_fields(fields, rules),
            *(name for key in keys if key for name in key.reads),
            MERGED_IDS,
        ]
        read: dict[str, Row] = {}
        answers: list[tuple[str, str, Row]] = []
        companies: dict[str, str] = {}
        for lookup, key in zip(lookups, keys, strict=True):
            if lookup.field == PRIMARY_COMPANY:
                pairs = self._by_company(known, lookup.values, wanted, companies)
            elif key is None:
                pairs = self._by_search(known, lookup, wanted, rules)
            else:
                pairs = self._by_unique(known, key, lookup.values, wanted, read)
            answers += [(lookup.field, value, row) for value, row in pairs if passes(rules, row)]
        rows = {row["id"]: row for _, _, row in answers}
        records = self._records(known, rows, fields, companies)
        for id, row in rows.items():
            # A merge makes a record with an id of its own: without the old ids its history would be forgotten.
            if row["properties"].get(MERGED_IDS):
                records[id] = msgspec.structs.replace(records[id], merged=tuple(sorted(absorbed(row) - {id})))
        return [Hit(field, value, _named(records[row["id"]], field, value)) for field, value, row in answers]

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        known = self._account.known(object)
        self._account.check(known, [*fields, *only])
        rules = allowed(known, only)
        key = record_key(known.object_type)
        wanted = _read_fields(fields, rules)
        found = self._by_key(known, key, [key.normal(id) for id in ids], wanted)
        rows = {row["id"]: row for row in found.values() if passes(rules, row)}
        # A merge makes a record with an id of its own: whoever knew somebody by an old one must find them by the new.
        merged = {id: absorbed(row) for id, row in rows.items()}
        for asked, row in found.items():
            if row["id"] in merged:
                merged[row["id"]].add(asked)
        return [
            Record(one.object, one.id, one.fields, tuple(sorted(merged[one.id] - {one.id})))
            for one in self._records(known, rows, fields).values()
        ]

    def absorbed(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Sequence[Record]]:
        """The merged ids come with `get`; here come the addresses that HubSpot keeps of them, on the survivor."""
        known = self._account.known(object)
        if known.object_type != "contacts" or "email" not in fields:
            return {}
        key = record_key(known.object_type)
        rows = self._by_key(known, key, [key.normal(id) for id in ids], [ADDITIONAL_EMAILS])
        nothing = dict.fromkeys(fields)
        return {
            id: [Record(object, id, nothing | {"email": address}) for address in addresses]
            for id, row in rows.items()
            if (addresses := other_addresses(row))
        }

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        known = self._account.known(object)
        self._account.check(known, [*fields, *only])
        rules = allowed(known, only)
        wanted = _read_fields(fields, rules)
        # What makes the question too long is read by id, a page at a time.
        wide = is_wide(RECORD_ID, wanted, pushed_down(rules))
        everybody = Everybody(() if wide else tuple(wanted), tuple(pushed_down(rules)))
        for page in self._account.everything(known, everybody.body):
            rows = {str(row["id"]): row for row in page}
            if wide:
                found = self._by_key(known, record_key(known.object_type), list(rows), wanted)
                rows = {str(row["id"]): row for row in found.values()}
            meant = {id: row for id, row in rows.items() if passes(rules, row)}
            if meant:
                yield list(self._records(known, meant, fields).values())

    # ------------------------------------------------------------ writing

    def ways(self, object: str, count: int) -> Sequence[Way]:
        return [Way(api="batch", batch=UPDATE_BATCH, cost=lambda records: ceil(records / UPDATE_BATCH))]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        known = self._account.known(batch.object)
        settled: dict[str, Outcome] = {}
        for group in chunks(inputs(batch.changes), UPDATE_BATCH):
            settled |= self._written(known, group, settled)
        return [settled[change.record_id] for change in batch.changes]

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        return None  # a batch is one call: what became of it is read from the records

    def allowance(self) -> Allowance | None:
        return self._account.daily.allowance()

    def close(self) -> None:
        self._tools.shared.give_back()

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

    # ------------------------------------------------------------ lists

    def list_id(self, name: str, object: str) -> str:
        return self._lists.list_id(name, object)

    def add(self, list: str, object: str, ids: Sequence[str], status: str | None) -> Iterable[Making]:
        return self._lists.add(list, object, ids, status)

    def drop(self, list: str, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        return self._lists.drop(list, object, ids)

    def on(self, list: str, object: str, ids: Sequence[str]) -> frozenset[str]:
        return self._lists.on(list, object, ids)

    # ------------------------------------------------------------ access

    def access(self, needs: Needs) -> list[Grant]:
        return tested(self._account.prober, needs)

    # ------------------------------------------------------------ inside: reading

    def _by_unique(
        self, known: Properties, key: Key, values: Sequence[str], wanted: Sequence[str], read: dict[str, Row]
    ) -> Iterator[tuple[str, Row]]:
        """Records by a unique property. One that an earlier lookup `read` and that holds the value is the one it
        names: the e-mails of people already found by their id cost no call."""
        held = {claim: row for row in read.values() for claim in key.claims(row) if claim}
        normals = [key.normal(value) for value in values]
        found = self._by_key(known, key, [normal for normal in normals if normal not in held], wanted)
        read.update((row["id"], row) for row in found.values())
        for value, normal in zip(values, normals, strict=True):
            if row := found.get(normal) or held.get(normal):
                yield value, row

    def _by_key(
        self, known: Properties, key: Key, values: Sequence[str], wanted: Sequence[str]
    ) -> dict[str, Row]:
        """Records by values that are normalised already: 100 per call."""
        asked = [value for value in dict.fromkeys(values) if key.asks(value)]
        reads = tuple(dict.fromkeys((*wanted, *key.reads)))
        found: dict[str, Row] = {}
        for chunk in chunks(asked, READ_BATCH):
            found |= self._read_paired(known, key, chunk, reads)
        return found

    def _read_paired(
        self, known: Properties, key: Key, asked: Sequence[str], reads: Sequence[str]
    ) -> dict[str, Row]:
        rows, missing = self._account.read(known, key, asked, reads)
        pairs = paired(key, asked, rows, missing)
        found = dict(pairs.rows)
        if len(asked) == 1 and rows and not found:
            return {asked[0]: rows[0]}
        strangers = {row["id"] for row in pairs.strangers}
        for value in pairs.silent:
            # Only asking alone tells which of the values a record answers that names none of them.
            if not strangers:
                break
            alone, _ = self._account.read(known, key, [value], reads)
            for row in alone:
                found[value] = row
                strangers.discard(row["id"])
        return found

    def _by_search(
        self, known: Properties, lookup: Lookup, wanted: Sequence[str], rules: Sequence[Allowed]
    ) -> Iterator[tuple[str, Row]]:
        """A property that is not unique: every record that holds one of the values."""
        normal = comparable(known.schema.fields[lookup.field])
        asked: dict[str, list[str]] = {}
        for value in lookup.values:
            if normal(value):
                asked.setdefault(normal(value), []).append(value)
        filters = pushed_down(rules)
        reads = tuple(dict.fromkeys((*wanted, lookup.field)))
        wide = is_wide(lookup.field, reads, filters)
        rows: list[Row] = []
        for search in searches(lookup.field, list(asked), (lookup.field,) if wide else reads, filters):
            rows += self._searched(known, search)
        if wide:
            key = record_key(known.object_type)
            ids = [key.normal(row["id"]) for row in rows]
            rows = list(self._by_key(known, key, ids, reads).values())
        for row in rows:
            held = row["properties"].get(lookup.field)
            for value in asked.get(normal(held), ()) if held else ():
                yield value, row

    def _by_company(
        self, known: Properties, ids: Sequence[str], wanted: Sequence[str], companies: dict[str, str]
    ) -> Iterator[tuple[str, Row]]:
        """Everybody whose primary company is one of these: of those linked to it in any way. What was learned of their
        companies is added to `companies`."""
        linked: dict[str, None] = {}
        among = dict.fromkeys(ids)
        from_companies = self._account.known("companies")
        for _, association in self._account.associated(
            from_companies, known.object_type, list(among), enough=lambda _: False
        ):
            linked |= dict.fromkeys(others(association))
        companies |= self._companies(known, list(linked))
        meant = [id for id in linked if companies.get(id) in among]
        if list(wanted) == [MERGED_IDS]:  # nothing of theirs is asked for but whose they are
            yield from ((companies[id], {"id": id, "properties": {}}) for id in meant)
            return
        key = record_key(known.object_type)
        for row in self._by_key(known, key, [key.normal(id) for id in meant], wanted).values():
            yield companies[str(row["id"])], row

    def _searched(self, known: Properties, search: Search) -> Iterator[Row]:
        last = None
        for _ in range(_MOST_SEARCH_PAGES):
            rows = self._account.searched(known, search.body(last), by=search.field)
            yield from rows
            if len(rows) < SEARCH_PAGE:
                return
            last = rows[-1]["id"]
        raise ConfigError(
            f"{self._tools.connection}: {search.field} is no key of {known.schema.name}: "
            f"{len(search.values)} values name more than {_MOST_SEARCH_PAGES * SEARCH_PAGE:,} records; "
            "match by a property that tells them apart"
        )

    def _records(
        self,
        known: Properties,
        rows: Mapping[str, Row],
        fields: Sequence[str],
        learned: Mapping[str, str] | None = None,
    ) -> dict[str, Record]:
        """`learned`: primary companies that are known already."""
        normals = [(name, live(known.schema.fields[name])) for name in fields if name != PRIMARY_COMPANY]
        companies = dict(learned or {}) if PRIMARY_COMPANY in fields else None
        if companies is not None and (unknown := [id for id in rows if id not in companies]):
            companies |= self._companies(known, unknown)
        records = {}
        for id, row in rows.items():
            held = row["properties"]
            shown: dict[str, Json] = {
                name: None if (text := held.get(name)) is None else normal(text) for name, normal in normals
            }
            if companies is not None:
                shown[PRIMARY_COMPANY] = companies.get(id)
            records[id] = Record(known.schema.name, id, shown)
        return records

    def _companies(self, known: Properties, ids: Sequence[str]) -> dict[str, str]:
        """The primary company of each record that has one: 1,000 records per call."""
        type_id = PRIMARY_COMPANY_TYPES[known.object_type]
        found: dict[str, str] = {}
        for record, association in self._account.associated(
            known, "companies", ids, enough=is_primary(type_id)
        ):
            if company := primary(association, type_id):
                found[record] = company
        return found

    # ------------------------------------------------------------ inside: writing

    def _written(
        self, known: Properties, group: Sequence[Input], earlier: Mapping[str, Outcome]
    ) -> dict[str, Outcome]:
        object = known.schema.name
        isolation = Isolation(
            send=lambda part: self._update(known, part),
            recheck=lambda reason, part: self._ruling.after(object, reason, part),
            learnt=self._learnt,
        )
        ruled_out = self._ruling.beforehand(object, group)
        isolation.settled |= earlier
        isolation.settled |= ruled_out
        isolation.run([one for one in group if one.id not in ruled_out])
        if isolation.silent:
            isolation.settled |= self._reread(known, isolation.silent)
        return isolation.settled

    def _reread(self, known: Properties, silent: Sequence[Input]) -> dict[str, Outcome]:
        names = sorted({name for one in silent for name in one.properties})
        try:
            records = self.get(known.schema.name, [one.id for one in silent], names, {})
        except (UnavailableError, AccessError, Interrupted) as error:
            # What is known of the others must not be lost with this.
            return {one.id: Unknown(one.id, f"HubSpot's answer left it out, and {error}") for one in silent}
        return reread(silent, records)

    def _update(self, known: Properties, group: Sequence[Input]) -> Reply:
        reply = self._wire.update(known.object_type, body(group))
        if reply.status >= 300:
            self._account.noted(reply, f"update {known.object_type}")
        return reply


def _read_fields(fields: Sequence[str], rules: Sequence[Allowed]) -> list[str]:
    return [name for name in (*fields, *(rule.known.name for rule in rules)) if name != PRIMARY_COMPANY]


def _named(record: Record, field: str, value: str) -> Record:
    """The record as the hit of this value: asked for by an id it absorbed, it says so."""
    if field not in ("id", RECORD_ID) or value.strip() in (record.id, *record.merged):
        return record
    return Record(record.object, record.id, record.fields, (*record.merged, value))
