"""`python -m bench --only accounts`: every account of a million answers is worked out anew, as each night.

The answers lie in a SQLite store as years of runs leave them. The CRM answers from memory, without HTTP: only npsync is
measured. The first night everybody's account is learned and every account is written; the second night a week has
passed, some answers have aged out, and everything is compared again.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from bench.measuring import Measured, measured
from connectors.contract import Allowance, Destination, Lookup, Only, Way
from mapping.fields import compile_fields
from mapping.match import compile_match
from mapping.spec import FieldMapping, MatchRule
from nps.changes import Batch, Hit, Outcome, Record, Written
from nps.schema import FieldSchema, FieldType, ObjectSchema
from nps.values import Json, Value
from store import open_store
from store.rows import milliseconds
from store.sql import SqlStore
from sync.accounts.engine import Options, run
from sync.accounts.place import RollUp
from sync.accounts.spec import AccountSpec
from sync.job import Feed, Job

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
SYNC = "nps"
PER_ACCOUNT = 16  # people, on average
STORED_AT_ONCE = 20_000
SPAN = 730  # days over which the answers were given: half of them count
FIELDS = ("nps", "responses", "detractors", "margin", "coverage", "previous_nps", "last_answered_at")


def accounts(answers: int) -> None:
    people = answers * 8 // 10
    print(
        f"\n{answers:,} answers of {people:,} people in {people // PER_ACCOUNT:,} accounts, SQLite: all accounts anew"
    )
    baseline = measured([sys.executable, "-c", "import bench.accounts"], {})
    with filled(answers, people) as url:
        for night, days in (("first night", 0), ("a week later", 7)):
            _tell(
                night,
                measured([sys.executable, "-m", "bench.accounts", url, str(people), str(days)], {}),
                baseline,
            )


def _tell(night: str, one: Measured, baseline: Measured) -> None:
    said = json.loads(one.output)
    print(
        f"  {night:<13} {one.wall:6.1f} s wall, {one.cpu:6.1f} s CPU, peak {one.peak_mb:.0f} MB "
        f"({one.peak_mb - baseline.peak_mb:.0f} above the imports); {said['accounts']:,} accounts worked out, "
        f"{said['written']:,} written, {said['status']}"
    )


@contextmanager
def filled(answers: int, people: int) -> Iterator[str]:
    """A store in which these answers were settled by runs of the past."""
    with tempfile.TemporaryDirectory(prefix="npsync-bench-") as folder:
        url = f"sqlite:///{folder}/npsync.db"
        store = open_store(url)
        store.migrate()
        numbers = random.Random(1)
        for start in range(0, answers, STORED_AT_ONCE):
            some = range(start + 1, min(start + STORED_AT_ONCE, answers) + 1)
            _fill(store, some, people, numbers)
        with store.database.write() as tx:
            tx.load("watermark", "sync, source, response", [(SYNC, "mail", answers)])
        store.close()
        os.sync()
        yield url


def _fill(store: SqlStore, some: Iterable[int], people: int, numbers: random.Random) -> None:
    responses: list[tuple[Any, ...]] = []
    states: list[tuple[Any, ...]] = []
    for number in some:
        person = number % people
        at = milliseconds(NOW - timedelta(days=numbers.random() * SPAN))
        score = numbers.choice((10, 9, 9, 8, 7, 6, 3, 0))
        email = f"p{person}@example.com"
        responses.append(
            ("mail", f"a{number}", 1, True, person, score, at, at, email, "complete", "{}", number)
        )
        states.append((SYNC, person, number, "written", f"c{person:07}", "email = email", "", "", 1))
    with store.database.write() as tx:
        tx.load(
            "response",
            "source, source_id, version, newest, person, score, answered_at, received_at, email, status, "
            "properties, digest",
            responses,
        )
        tx.load(
            "answer_state",
            "sync, person, response, state, record_id, rule, code, reason, run",
            sorted(states),
        )


# ------------------------------------------------------------ the process that is measured


class Crm:
    """People and accounts that follow from their numbers; what accounts show is kept."""

    def __init__(self, people: int) -> None:
        self.people = people
        self.accounts = people // PER_ACCOUNT
        self.shown: dict[str, dict[str, Json]] = {}

    def describe(self, object: str) -> ObjectSchema:
        types = dict.fromkeys((*FIELDS, "company"), FieldType.TEXT)
        return ObjectSchema(object, {n: FieldSchema(n, n, t, writable=True) for n, t in types.items()})

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        if object == "contacts":
            return [Record(object, id, {"company": self.account_of(int(id[1:]))}) for id in ids]
        empty = dict.fromkeys(fields)
        return [Record(object, id, self.shown.get(id, empty)) for id in ids]

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        hits: list[Hit] = []
        for account in lookups[0].values:
            for person in range(int(account[1:]), self.people, self.accounts):
                hits.append(Hit("company", account, Record(object, f"c{person:07}", {"company": account})))
        return hits

    def account_of(self, person: int) -> str:
        return f"A{person % self.accounts:06}"

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        return lambda value: None if value is None else str(value)

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        return lambda live: str(live)

    def ways(self, object: str, count: int) -> Sequence[Way]:
        return [Way("collections", 200, lambda n: -(-n // 200))]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        for one in batch.changes:
            self.shown.setdefault(one.record_id, dict.fromkeys(FIELDS)).update(one.after)
        return [Written(one.record_id) for one in batch.changes]

    def allowance(self) -> Allowance | None:
        return None

    def close(self) -> None:
        pass


class Stopped:
    """A clock on which the night is as it is."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None: ...

    def monotonic(self) -> float:
        return 0.0


def night(url: str, people: int, days: int) -> Mapping[str, Any]:
    crm = Crm(people)
    store = open_store(url)
    if days:
        _as_left(crm, store)
    spec = AccountSpec.model_validate({"fields": {name: name for name in FIELDS}})
    job = Job(
        name=SYNC,
        survey="relationship",
        metric="nps",
        labelled=None,
        feeds=(Feed("mail", None, 0),),
        region=None,
        connection="crm",
        object="contacts",
        only={},
        destination=cast(Destination, crm),
        match=compile_match([MatchRule(response="email", record="email")], None),
        fields=compile_fields({"nps": FieldMapping.model_validate("score")}, zone=ZoneInfo("UTC")),
        account_object="companies",
        account_by="company",
        rolled_up=True,
    )
    roll_up = RollUp(job, "companies", "company", spec, compile_fields(spec.fields, zone=ZoneInfo("UTC")))
    clock = Stopped(NOW + timedelta(days=days))
    report = run(roll_up, store, clock, f"bench-{days}", dict, Options(everything=True))
    store.close()
    return report.as_json()


def _as_left(crm: Crm, store: SqlStore) -> None:
    """What the night before wrote, read back of its journal."""
    [before] = [one.id for one in store.runs(sync=f"{SYNC}/account", limit=1)]
    for change in store.written_by(before):
        crm.shown[change.record_id] = dict.fromkeys(FIELDS) | dict(change.after)


def main(url: str, people: str, days: str) -> None:
    report = night(url, int(people), int(days))
    writes = cast(dict[str, int], report["writes"])
    print(
        json.dumps(
            {"accounts": report["accounts"], "written": writes["companies"], "status": report["status"]}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
