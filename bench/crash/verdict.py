"""What a kill left behind, and whether everything is as it must be once it was dealt with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from bench import by_hand
from bench.crash.processes import Copy
from bench.crash.scenarios import CONNECTIONS, OBJECTS, OVERLAP, SALESFORCE, SINCE, SOURCE, Scenario
from store import open_store
from store.database import Transaction
from store.sql import SqlStore

Field = tuple[str, str, str, str, str]  # vendor, record, field, before, after: the values as JSON
Answer = tuple[str, str, int]  # sync, the source's id, version


@dataclass(frozen=True)
class Left:
    """The store just after the kill."""

    written: set[tuple[str, str]] = field(default_factory=set)  # vendor, record: in a batch that was open
    batches: int = 0
    jobs: int = 0  # of those, with a job's handle
    entries: int = 0  # of the outbox, opened and not settled
    read_from: int = 0  # the second from which the source has to be read on
    violations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Memory:
    """The store when everything is settled, as far as two runs of one town must have it alike."""

    states: Mapping[Answer, tuple[str, str | None, str]] = field(default_factory=dict)
    last_change: int = 0
    made: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """Tasks, kept answers and places on lists that the CRM has, each as what tells it apart."""


def left_behind(scenario: Scenario, url: str, town: Copy) -> Left:
    """Look into the store of a process that is dead."""
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite") and not file.exists():
        return Left(read_from=int(SINCE.timestamp()))
    store = open_store(url)
    try:
        if store.revision() is None:  # it died before it had a store
            return Left(read_from=int(SINCE.timestamp()))
        with store.database.read() as tx:
            rows = tx.rows(
                """SELECT b.id, b.handle, b.connection, c.record_id FROM batch b
                JOIN change c ON c.run = b.run AND c.batch = b.id WHERE b.state = 'open'"""
            )
            entries = tx.rows("SELECT count(*) FROM outbox WHERE state = 'open'")[0][0]
        vendors = {CONNECTIONS[sync]: OBJECTS[sync][0] for sync in scenario.syncs}
        start, ahead = _cursor(store, town)
        return Left(
            written={(vendors[row[2]], row[3]) for row in rows},
            batches=len({row[0] for row in rows}),
            jobs=len({row[0] for row in rows if row[1] is not None}),
            entries=entries,
            read_from=start,
            violations=tuple(ahead),
        )
    finally:
        store.close()


def remembered(url: str) -> Memory:
    store = open_store(url)
    try:
        with store.database.read() as tx:
            states = tx.rows(
                """SELECT s.sync, r.source_id, r.version, s.state, s.record_id, s.code
                FROM answer_state s JOIN response r ON r.id = s.response"""
            )
            last = tx.rows("SELECT coalesce(max(id), 0) FROM change")
        return Memory({(row[0], row[1], row[2]): (row[3], row[4], row[5]) for row in states}, last[0][0])
    finally:
        store.close()


def violations(
    scenario: Scenario,
    url: str,
    town: Copy,
    left: Left,
    logs: Sequence[Path],
    before: Memory,
    reference: Memory,
) -> list[str]:
    """Everything that is not as it must be. `before` is the store before the command that died, `reference` the store
    after the same command without a kill; `logs` are those of the restarts."""
    found = [*left.violations, *_wrong_records(scenario, town)]
    if not scenario.undo:
        found += _read_again(logs, left)
    effective, repeated = _seen_by(scenario, town)
    found += [
        f"{vendor} {record}.{name} was changed {times} times"
        for (vendor, record, name), times in Counter(one[:3] for one in effective).items()
        if times > 1
    ]
    found += [
        f"{vendor} {record} was sent again, and lay in no open batch"
        for vendor, record in sorted(repeated - left.written)
    ]
    store = open_store(url)
    try:
        with store.database.read() as tx:
            journal = Counter(_confirmed(tx, scenario, before.last_change))
            found += _left_open(tx)
        found += _unlike(Counter(effective), journal)
        found += _unbalanced(store, scenario)
    finally:
        store.close()
    found += _other_states(remembered(url).states, reference.states)
    if scenario.after:
        found += _made_otherwise(made(scenario, town), reference.made)
        found += _untold(scenario, town)
    return found


# ------------------------------------------------------------ the source


def _cursor(store: SqlStore, town: Copy) -> tuple[int, list[str]]:
    """Where to read on from, and the answers the cursor has passed that are not stored."""
    since = int(SINCE.timestamp())
    cursor = store.cursor(SOURCE)
    if cursor is None:
        return since, []
    reached = int(str(cursor.state["created"]))
    with store.database.read() as tx:
        stored = {row[0] for row in tx.rows("SELECT source_id FROM response WHERE newest")}
    missing = [
        f"the cursor has passed answer {row['id']}, which is not stored"
        for row in town.rows("wootric", "responses")
        if since <= _second(row) < reached and str(row["id"]) not in stored
    ]
    return max(since, reached - int(OVERLAP.total_seconds())), missing


def _read_again(logs: Sequence[Path], left: Left) -> Iterator[str]:
    """The first question after the kill goes on from the cursor."""
    for log in logs:
        asked = re.search(
            r"\tbefore GET wootric/v1/responses\t\S*created%5Bgte%5D=(\d+)", log.read_text("utf-8")
        )
        if asked is not None:
            if int(asked[1]) != left.read_from:
                yield f"after the kill the source was read from {asked[1]}, not from {left.read_from}"
            return
    if logs:
        yield "after the kill the source was not read"


def _second(answer: Mapping[str, Any]) -> int:
    return int(datetime.strptime(answer["created_at"], "%Y-%m-%d %H:%M:%S %z").timestamp())


# ------------------------------------------------------------ the CRMs and the journal


def _wrong_records(scenario: Scenario, town: Copy) -> Iterator[str]:
    """An undone first run leaves what was there before it: nothing, as if nobody had answered."""
    answers = [] if scenario.undo else town.rows("wootric", "responses")
    people = town.rows("wootric", "end_users")
    for sync in scenario.syncs:
        records = town.rows(*OBJECTS[sync])
        expected = by_hand.on_salesforce if sync == SALESFORCE else by_hand.on_hubspot
        yield from by_hand.differences(records, expected(answers, people, records))


def _seen_by(scenario: Scenario, town: Copy) -> tuple[list[Field], set[tuple[str, str]]]:
    """Every change the CRMs saw, and the records that were sent without changing anything."""
    effective: list[Field] = []
    repeated: set[tuple[str, str]] = set()
    for sync in scenario.syncs:
        vendor, object = OBJECTS[sync]
        for write in town.writes(vendor, object):
            changed = {name: values for name, values in write["fields"].items() if values[0] != values[1]}
            if not changed:
                repeated.add((vendor, write["id"]))
            effective += [
                (vendor, write["id"], name, _text(old), _text(new)) for name, (old, new) in changed.items()
            ]
    return effective, repeated


def _confirmed(tx: Transaction, scenario: Scenario, after: int) -> Iterator[Field]:
    """Every change of a field that the journal calls written."""
    vendors = {CONNECTIONS[sync]: OBJECTS[sync][0] for sync in scenario.syncs}
    for connection, record, old, new in tx.rows(
        """SELECT c.connection, c.record_id, c.before, c.after FROM change c JOIN batch b ON b.id = c.batch
        WHERE c.id > :after AND c.outcome IS NULL AND (b.state = 'answered' OR b.state = 'settled')""",
        after=after,
    ):
        before = orjson.loads(old)
        for name, value in orjson.loads(new).items():
            yield vendors[connection], record, name, _text(before[name]), _text(value)


def _unlike(seen: Counter[Field], journal: Counter[Field]) -> Iterator[str]:
    for vendor, record, name, before, after in seen - journal:
        yield f"{vendor} saw {record}.{name} {before} → {after}, and the journal does not confirm it"
    for vendor, record, name, before, after in journal - seen:
        yield f"the journal confirms {record}.{name} {before} → {after}, and {vendor} never saw it"


def _text(value: Any) -> str:
    """Values as both sides tell them: whole numbers without a point, one kind of line end."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        value = value.replace("\r\n", "\n")
    return orjson.dumps(value).decode()


# ------------------------------------------------------------ what follows an answer


def made(scenario: Scenario, town: Copy) -> Counter[tuple[str, ...]]:
    """What was created in the CRM beside the records, told apart by what it is about."""
    found: Counter[tuple[str, ...]] = Counter()
    if SALESFORCE in scenario.syncs:
        rows = {name: _living(town, name) for name in ("Task", "NPS_Response__c", "CampaignMember")}
        found.update(("task", row["WhoId"], row["Subject"]) for row in rows["Task"])
        found.update(
            ("kept", row["Response_Key__c"], row["Contact__c"], _text(row["Score__c"]))
            for row in rows["NPS_Response__c"]
        )
        found.update(("listed", row["ContactId"], row["CampaignId"]) for row in rows["CampaignMember"])
    else:
        found.update(
            ("task", re.sub(r"(?s).*npsync why (\d+).*", r"\1", row["hs_task_body"]), row["hs_task_subject"])
            for row in town.rows("hubspot", "tasks")
            if str(row["hs_task_subject"]).startswith("Call: ")
        )
        found.update(("kept", row["hs_note_body"]) for row in town.rows("hubspot", "notes"))
    return found


def _living(town: Copy, object: str) -> list[dict[str, Any]]:
    return [row for row in town.rows("salesforce", object) if not row.get("IsDeleted")]


def _made_otherwise(ours: Counter[tuple[str, ...]], without: Counter[tuple[str, ...]]) -> Iterator[str]:
    for one, times in sorted((ours - without).items()):
        yield f"{' '.join(one)} is there {times} times more often than without a kill"
    for one in sorted(without - ours):
        yield f"{' '.join(one)} is missing"


def _untold(scenario: Scenario, town: Copy) -> Iterator[str]:
    """Whoever shows a bad score has one task; of a second run the copy has no tasks of the first."""
    if scenario.later or SALESFORCE not in scenario.syncs:
        return
    tasks = Counter(row["WhoId"] for row in _living(town, "Task") if row["Subject"].startswith("Call: "))
    for row in town.rows("salesforce", "Contact"):
        wanted = int(row["NPS_Segment__c"] == "Detractor")
        if tasks[row["Id"]] != wanted:
            yield f"contact {row['Id']} has {tasks[row['Id']]} tasks, not {wanted}"


# ------------------------------------------------------------ the store


def _left_open(tx: Transaction) -> Iterator[str]:
    for sql, what in (
        ("SELECT count(*) FROM batch WHERE state = 'open' OR state = 'planned'", "batches are open"),
        ("SELECT count(*) FROM change WHERE batch IS NULL", "changes are planned"),
        ("SELECT count(*) FROM run WHERE status = 'running'", "runs are running"),
        ("SELECT count(*) FROM clearing", "records are still to be cleared"),
        ("SELECT count(*) FROM work", "answers lie in the work"),
        (
            "SELECT count(*) FROM outbox WHERE state = 'wanted' OR state = 'open' OR state = 'unknown'",
            "tasks, kept answers or places on lists are unsettled",
        ),
    ):
        count = tx.rows(sql)[0][0]
        if count:
            yield f"{count} {what}, though everything is settled"


def _unbalanced(store: SqlStore, scenario: Scenario) -> Iterator[str]:
    for sync in scenario.syncs:
        stored, accounted = store.balance(sync, [SOURCE])
        if stored != accounted:
            yield f"{sync}: {stored} answers are stored, {accounted} accounted for"


def _other_states(
    states: Mapping[Answer, tuple[str, str | None, str]],
    reference: Mapping[Answer, tuple[str, str | None, str]],
) -> Iterator[str]:
    for answer in sorted(states.keys() | reference.keys()):
        ours, without = states.get(answer), reference.get(answer)
        if ours != without:
            sync, number, version = answer
            yield f"{sync}: version {version} of answer {number} is {ours}, and without a kill {without}"


def is_settled(url: str) -> bool:
    """Nothing is on its way any more."""
    store = open_store(url)
    try:
        with store.database.read() as tx:
            states = tx.rows("SELECT count(*) FROM answer_state WHERE state = 'pending' OR state = 'planned'")
            return states[0][0] == 0 and not list(_left_open(tx))
    finally:
        store.close()
