"""One person's rows, table by table: the same list tells what is held and takes it out.

A person is found by numbers and names in columns of their own, and then once more by every spelling of them in every
text of the store: what nobody thought of is blacked out, so that an address never stays because a table was forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from nps.values import Json
from store.acting import foresee_again, forget_foreseen
from store.api.privacy import Receipt
from store.api.subjects import Holdings, Place, Traces
from store.breaking_off import never
from store.counts import count_months
from store.database import Database, Transaction
from store.figures import forget_figures
from store.mentions import Mentions
from store.rows import from_json, json_object, milliseconds, moment, storable, to_json
from store.sqlite import SQLite

SCRUB = "scrub"  # the switch that says: bytes of somebody who was erased may be left

_TOLD = {
    "response": "answers",
    "again": "asked_again",
    "answer_state": "states",
    "work": "work",
    "hold_decision": "hold_decisions",
    "change": "journal",
    "dead_letter": "dead_letters",
    "clearing": "to_be_cleared",
    "manual_link": "manual_links",
    "member": "groups",
    "outbox": "outbox",
    "arrival": "pushed",
    "event": "events",
    "verdict": "verdicts",
    "invitation": "invitations",
    "step": "messages",
    "ledger": "ledger",
    "ledger_key": "ledger_names",
    "suppression": "suppressions",
    "reason_due": "reasons_due",
    "memory": "memory",
    "cursor": "cursors",
    "event_cursor": "event_cursors",
}
"""Table → what it is called in an export and on a receipt, in this order. They are deleted in it, too, as others lock
them: a wish to try an answer again before its state, an invitation before its steps, an entry before its names."""

_READ_AGAIN = ("cursor", "event_cursor")
"""Gone, they make their source be read from its beginning: nothing is lost, and what repeats is known."""

_IDS = {"arrival": "what", "event": "person", "memory": "key"}
"""Where a record's id stands as a whole among other things, however short it is."""

_OURS = {
    "sync", "connection", "event_connection", "object", "subject_object", "source", "scope", "trigger", "api", "kind",
    "event_kind", "metric", "name",
}  # fmt: skip
"""Columns that hold names of the YAML and npsync's own words: whoever is called like one is not who is meant."""

_TIME = re.compile(r"(_at|^at|^until|^look_again)$")

_Where = tuple[str, str, dict[str, Any]]  # table, condition, parameters


class Subjects:
    database: Database

    def holdings(self, traces: Traces) -> Holdings:
        with self.database.read() as tx:
            found = {table: rows for table, rows in _rows(tx, traces).items() if rows}
        return {_TOLD[table]: [_told(row) for row in rows] for table, rows in found.items()}

    def erase(self, traces: Traces, receipt: Receipt, *, zone: ZoneInfo, now: datetime) -> Mapping[str, int]:
        with self.database.write(durable=True) as tx:
            if not tx.postgres:
                tx.rows("PRAGMA secure_delete = ON")
            forget_figures(tx)  # groups of them may be called by what only this person said
            found = _rows(tx, traces)
            count_months(tx, traces.numbers, zone)
            _look_again(tx, traces, found["member"])
            taken = {_TOLD[table]: _delete(tx, table, rows) for table, rows in found.items() if rows}
            forget_foreseen(tx)
            foresee_again(tx, now=milliseconds(now))
            tx.run("DELETE FROM shard")  # whoever erases holds every sync: they are of runs that are over
            if blacked := _black_out(tx, traces):
                taken["blacked_out"] = blacked
            report: dict[str, Json] = {**receipt.report, "rows": dict(taken)}
            tx.run(
                "INSERT INTO receipt (kind, at, who, report) VALUES (:kind, :at, :who, :report)",
                kind=receipt.kind,
                at=milliseconds(receipt.at),
                who=storable(receipt.who),
                report=storable(json_object(report)),
            )
            tx.run(
                """INSERT INTO switch (name, value) VALUES (:name, :value)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
                name=SCRUB,
                value=to_json(milliseconds(now)),
            )
        return taken

    def scrub(self, stop: Callable[[], bool] = never) -> bool:
        if not self.database.scrub(stop):
            return False
        with self.database.write() as tx:
            tx.run("DELETE FROM switch WHERE name = :name", name=SCRUB)
        if isinstance(self.database, SQLite):
            self.database.checkpoint()
        return True

    def scrubbing_due(self) -> bool:
        with self.database.read() as tx:
            return tx.one("SELECT 1 FROM switch WHERE name = :name", name=SCRUB) is not None


# ------------------------------------------------------------ which rows


def _rows(tx: Transaction, traces: Traces) -> dict[str, list[dict[str, Any]]]:
    """Table → its rows about the person, each once."""
    found: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {table: {} for table in _TOLD}
    for table, condition, its in _conditions(tx, traces):
        for row in _select(tx, table, condition, its):
            found[table][_key(table, row)] = row
    for table in ("arrival", "event", "memory", *_READ_AGAIN):
        for row in _mentioning(tx, table, traces):
            found[table][_key(table, row)] = row
    events = [row["id"] for row in found["event"].values()]
    invitations = [row["id"] for row in found["invitation"].values()]
    for table, condition, its in _consequences(events, invitations):
        for row in _select(tx, table, condition, its):
            found[table][_key(table, row)] = row
    entries = [row["id"] for row in found["ledger"].values()]
    for row in _select(tx, "ledger_key", "entry IN LIST(:entries)", {"entries": entries}):
        found["ledger_key"][_key("ledger_key", row)] = row
    return {table: list(rows.values()) for table, rows in found.items()}


def _conditions(tx: Transaction, traces: Traces) -> Iterator[_Where]:
    numbers = {"numbers": list(traces.numbers)}
    yield "response", "id IN LIST(:numbers)", numbers
    answers = tx.rows(
        "SELECT DISTINCT source, source_id, person FROM response WHERE id IN LIST(:numbers)", **numbers
    )
    persons = {"persons": sorted({row[2] for row in answers}), **numbers}
    syncs = [row[0] for row in tx.rows("SELECT DISTINCT sync FROM watermark ORDER BY sync")]
    for table in ("answer_state", "work"):
        where = "sync IN LIST(:syncs) AND person IN LIST(:persons) AND response IN LIST(:numbers)"
        yield table, where, {"syncs": syncs, **persons}
    for table in ("again", "dead_letter", "change", "outbox"):
        yield table, "response IN LIST(:numbers)", numbers
    for source, source_id in sorted({row[:2] for row in answers}):
        yield "hold_decision", "source = :source AND source_id = :id", {"source": source, "id": source_id}
        subjects = {"subjects": [f"{source}:{source_id}", f"{source}/{source_id}"]}
        yield "outbox", "subject IN LIST(:subjects)", subjects
    for place in traces.records:
        yield from _of_record(place)
    yield from _of_names(traces, [f"{source}:{id}" for source, id, _ in answers])


def _of_record(place: Place) -> Iterator[_Where]:
    its = {"record": place.id}
    syncs = {"syncs": list(place.syncs), **its}
    where = {"connection": place.connection, "object": place.object, **its}
    yield "verdict", "scope = :scope AND record_id = :record", {"scope": place.scope, **its}
    yield "invitation", "connection = :connection AND object = :object AND record_id = :record", where
    subject = "event_connection = :connection AND subject_object = :object AND subject = :record"
    yield "invitation", subject, where
    yield "event", "connection = :connection AND object = :object AND subject = :record", where
    scopes = {"scopes": [place.scope, f"answer/{place.scope}"], **its}
    yield "manual_link", "scope IN LIST(:scopes) AND record_id = :record", scopes
    if place.shared:
        return
    yield "change", "connection = :connection AND object = :object AND record_id = :record", where
    yield (
        "outbox",
        "connection = :connection AND record_id = :record",
        {"connection": place.connection, **its},
    )
    for table in ("clearing", "member", "dead_letter"):
        yield table, "sync IN LIST(:syncs) AND record_id = :record", syncs


def _of_names(traces: Traces, answers: Sequence[str]) -> Iterator[_Where]:
    names = {"names": list(traces.names)}
    for table in ("suppression", "reason_due", "ledger_key"):
        yield table, "key IN LIST(:names)", names
    yield "ledger", "id IN (SELECT entry FROM ledger_key WHERE key IN LIST(:names))", names
    bare = sorted({name.partition(":")[2] for name in traces.names if not name.startswith("record:")})
    yield "manual_link", "value IN LIST(:values)", {"values": [*bare, *answers]}


def _consequences(events: Sequence[int], invitations: Sequence[str]) -> Iterator[_Where]:
    its = {"invitations": list(invitations)}
    yield "step", "invitation IN LIST(:invitations)", its
    yield "ledger", "invitation IN LIST(:invitations)", its
    yield "verdict", "invitation IN LIST(:invitations)", its
    yield "verdict", "event IN LIST(:events)", {"events": list(events)}


def _mentioning(tx: Transaction, table: str, traces: Traces) -> Iterator[dict[str, Any]]:
    """Rows in whose text the person stands: by a word nobody else shares, or by an id as a whole value."""
    words, texts = _mentions(tx, traces), _texts(table)
    for row in _select(tx, table, words.somewhere(texts), words.parameters):
        if words.blacked_out(row, texts):
            yield row
    if (column := _IDS.get(table)) is None:
        return
    for place in traces.records:
        id = place.id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        its = {"whole": f'%"{id}"%', "below": f"%/{id}", "behind": f"%:{id}", "id": place.id}
        said = f"{column} = :id OR " + " OR ".join(
            f"{column} LIKE :{how} ESCAPE '\\'" for how in ("whole", "below", "behind")
        )
        where = f"connection = :connection AND ({said})"
        yield from _select(tx, table, where, {**its, "connection": place.connection})


def _select(tx: Transaction, table: str, condition: str, its: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = _columns(table)
    found = tx.rows(f"SELECT {', '.join(names)} FROM {table} WHERE {condition}", **its)
    return [dict(zip(names, row, strict=True)) for row in found]


def _columns(table: str) -> list[str]:
    from store.tables import metadata

    return [column.name for column in metadata.tables[table].columns]


def _keys(table: str) -> list[str]:
    from store.tables import metadata

    return [column.name for column in metadata.tables[table].primary_key.columns]


def _texts(table: str) -> list[str]:
    from sqlmodel import AutoString

    from store.tables import metadata

    return [
        column.name
        for column in metadata.tables[table].columns
        if isinstance(column.type, AutoString) and column.name not in _OURS
    ]


def _mentions(tx: Transaction, traces: Traces) -> Mentions:
    return Mentions(traces.words, within="strpos" if tx.postgres else "instr")


def _key(table: str, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _keys(table))


def _delete(tx: Transaction, table: str, rows: Sequence[Mapping[str, Any]]) -> int:
    where = " AND ".join(f"{name} = ?" for name in _keys(table))
    tx.many(f"DELETE FROM {table} WHERE {where}", [_key(table, row) for row in rows])
    return len(rows)


def _look_again(tx: Transaction, traces: Traces, members: Sequence[Mapping[str, Any]]) -> None:
    """What showed their answers shows others' from now on: their accounts, and records they shared with somebody."""
    touched = {
        (traces.roll_ups[row["sync"]], row["account"])
        for row in members
        if row["sync"] in traces.roll_ups and row["account"] is not None
    }
    tx.many("INSERT INTO clearing (sync, record_id) VALUES (?, ?) ON CONFLICT DO NOTHING", sorted(touched))
    for place in traces.records:
        if place.shared:
            tx.run(
                """INSERT INTO again (sync, response)
                SELECT s.sync, s.response FROM answer_state s JOIN response r ON r.id = s.response
                WHERE s.sync IN LIST(:syncs) AND s.record_id = :record AND r.newest
                AND NOT s.response IN LIST(:numbers) ON CONFLICT DO NOTHING""",
                syncs=list(place.syncs),
                record=place.id,
                numbers=list(traces.numbers),
            )


# ------------------------------------------------------------ in other people's rows


def _black_out(tx: Transaction, traces: Traces) -> int:
    """What other rows say of the person. A row whose very key says it goes, any other says GONE instead."""
    from store.tables import metadata

    words = _mentions(tx, traces)
    count = _no_candidate(tx, traces)
    for table in sorted(metadata.tables):
        if table == "tombstone" or not (texts := _texts(table)):
            continue
        for row in _select(tx, table, words.somewhere(texts), words.parameters):
            if not (changed := words.blacked_out(row, texts)):
                continue
            count += 1
            if not changed.keys().isdisjoint(_keys(table)):
                _delete(tx, table, [row])
                continue
            where = " AND ".join(f"{name} = :key_{name}" for name in _keys(table))
            keys = {f"key_{name}": row[name] for name in _keys(table)}
            sets = ", ".join(f"{name} = :{name}" for name in changed)
            tx.run(f"UPDATE {table} SET {sets} WHERE {where}", **changed, **keys)
    return count


def _no_candidate(tx: Transaction, traces: Traces) -> int:
    """Answers of others that wait for a person's choice between records: this one is no choice any more."""
    gone = {place.id for place in traces.records if not place.shared}
    found = tx.rows(
        "SELECT sync, person, response, candidates FROM answer_state WHERE state = 'review' AND candidates IS NOT NULL"
    )
    count = 0
    for sync, person, response, candidates in found:
        ids = from_json(candidates)
        left = [id for id in ids if id not in gone]
        if len(left) == len(ids):
            continue
        count += 1
        tx.run(
            """UPDATE answer_state SET candidates = :left
            WHERE sync = :sync AND person = :person AND response = :response""",
            left=to_json(left),
            sync=sync,
            person=person,
            response=response,
        )
    return count


# ------------------------------------------------------------ told


def _told(row: Mapping[str, Any]) -> dict[str, Json]:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Json:
    if isinstance(value, int) and not isinstance(value, bool) and _TIME.search(name):
        return moment(value).isoformat()
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return msgspec.json.decode(value)  # type: ignore[no-any-return]
        except msgspec.MsgspecError:
            return value
    return value  # type: ignore[no-any-return]
