"""Shards: each is one hand's until it is closed, the hand is gone or its time is over."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from nps.changes import Batch
from nps.values import Json
from store.api import Lease, Taken
from store.api.sharing import Enlisting, Shard, ShardKind, Sharing, Trouble
from store.closing import close_shard, prove_shard, trouble_of
from store.database import Database, Transaction
from store.journal import batches_of
from store.owners import is_gone
from store.rows import from_json, milliseconds
from store.taking import taken_of
from store.wrong_clocks import held_until

_LEAST, _MOST = -(2**63), 2**63 - 1
_AT_ONCE = 10_000
_SHARD = "id, sync, run, kind, low, high, size, token"

# Every so-many-th answer begins a shard (without a percent sign, which PostgreSQL's driver takes for a parameter).
_CUTS = """
    SELECT person, n FROM (
        SELECT person, row_number() OVER (ORDER BY person, response) - 1 AS n FROM work WHERE sync = :sync) w
    WHERE n = (n / :size) * :size ORDER BY n"""

_CLAIM = f"""
    UPDATE shard SET state = 'held', owner = :owner, token = token + 1, until = :until WHERE id = (
        SELECT s.id FROM shard s WHERE s.run = :run AND s.kind = :kind
        AND (s.state = 'free' OR s.state = 'held') AND s.token < :starts
        AND (s.state = 'free' OR s.until <= :now OR s.until > :far OR s.owner IN LIST(:gone))
        ORDER BY s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED)
    RETURNING {_SHARD}"""

_HOLDERS = """
    SELECT DISTINCT owner FROM shard
    WHERE run = :run AND kind = :kind AND (state = 'free' OR state = 'held') AND state = 'held'"""

# Where the run goes no further, nobody takes these over: they end with it, and the next run finds what they left open.
_LEFT = """
    UPDATE shard SET state = 'failed', trouble = :trouble
    WHERE run = :run AND kind = :kind AND state = 'held'
    AND (until <= :now OR until > :far OR owner IN LIST(:gone))"""

_TROUBLE = """
    SELECT trouble FROM shard WHERE run = :run AND kind = :kind AND state = 'failed' ORDER BY id LIMIT 1"""

_STANDING = """
    SELECT count(*) FILTER (WHERE state = 'free'), count(*) FILTER (WHERE state = 'held'),
        COALESCE(sum(size) FILTER (WHERE state = 'done'), 0)
    FROM shard WHERE run = :run AND kind = :kind"""

_OPEN = """
    UPDATE batch SET state = 'open' WHERE run = :run AND position >= :low AND position <= :high
    AND state = 'planned' RETURNING id, object, api, handle, run, position"""

_OPENED = """
    SELECT id, object, api, handle, run FROM batch WHERE run = :run AND position >= :low AND position <= :high
    AND state = 'open' ORDER BY position"""

# Answers of two persons may lie in two shards.
_OF_TWO = """
    SELECT record_id, min(person), max(person) FROM answer_state
    WHERE sync = :sync AND run = :run AND record_id IS NOT NULL
    GROUP BY record_id HAVING min(person) <> max(person)"""

_PERSONS_ON = """
    SELECT record_id, person FROM answer_state INDEXED BY ix_answer_state_sync_record_id
    WHERE sync = :sync AND record_id IN LIST(:records) AND run = :run"""

_KEYS = """
    SELECT record_id, key FROM change INDEXED BY ix_change_record_id
    WHERE record_id IN LIST(:records) AND run = :run AND batch IS NULL ORDER BY id"""


class Sharings:
    database: Database
    opened: dict[int, Any]
    handed_out: dict[str, dict[int, int]]

    def share_work(
        self, sync: str, run: int, *, size: int, lease: Lease, enlist: Enlisting | None = None
    ) -> int:
        with self.database.write() as tx:
            tx.prove(lease)
            cuts = tx.rows(_CUTS, sync=sync, size=size)
            found = tx.one("SELECT count(*) FROM work WHERE sync = :sync", sync=sync)
            begins = dict(reversed(cuts))  # of a person with very many answers, the first
            lows = sorted(begins)
            ends = [*(begins[low] for low in lows[1:]), 0 if found is None else int(found[0])]
            edges = [*lows[1:], _MOST]
            shards = [
                (low if place else _LEAST, edges[place] - (place < len(lows) - 1), ends[place] - begins[low])
                for place, low in enumerate(lows)
            ]
            return _shared(tx, sync, run, ShardKind.PLAN, shards, enlist)

    def share_batches(
        self, sync: str, run: int, *, together: int, lease: Lease, enlist: Enlisting | None = None
    ) -> int:
        with self.database.write() as tx:
            tx.prove(lease)
            found = tx.rows(
                """SELECT b.position, count(c.id) FROM batch b JOIN change c ON c.run = b.run AND c.batch = b.id
                WHERE b.run = :run AND b.state = 'planned' GROUP BY b.position ORDER BY b.position""",
                run=run,
            )
            shards = [
                (some[0][0], some[-1][0], sum(count for _, count in some))
                for start in range(0, len(found), together)
                for some in [found[start : start + together]]
            ]
            return _shared(tx, sync, run, ShardKind.WRITE, shards, enlist)

    def claim_shard(
        self,
        run: int,
        kind: ShardKind,
        owner: str,
        *,
        lease: Lease,
        now: datetime,
        seconds: float,
        starts: int | None = None,
    ) -> Shard | None:
        its: dict[str, Any] = {"run": run, "kind": kind.value}
        with self.database.write() as tx:
            tx.prove(lease)
            at = {"now": milliseconds(now), "far": held_until(now), "gone": _gone(tx, its)}
            if (trouble := tx.one(_TROUBLE, **its)) is not None:
                tx.run(_LEFT, **its, **at, trouble=trouble[0])
                return None
            until = milliseconds(now) + round(seconds * 1000)
            most = _MOST if starts is None else starts
            found = tx.one(_CLAIM, **its, **at, owner=owner, until=until, starts=most)
        return None if found is None else _shard(found)

    def keep_shards(self, owner: str, *, now: datetime, seconds: float) -> None:
        with self.database.write() as tx:
            tx.run(
                "UPDATE shard SET until = :until WHERE owner = :owner AND state = 'held'",
                until=milliseconds(now) + round(seconds * 1000),
                owner=owner,
            )

    def give_back(self, owner: str) -> None:
        with self.database.write() as tx:
            tx.run(
                """UPDATE shard SET state = 'free', owner = NULL, until = NULL
                WHERE owner = :owner AND state = 'held'""",
                owner=owner,
            )

    def close_shard(
        self, shard: Shard, outcome: Mapping[str, Json], *, lease: Lease, trouble: Trouble | None = None
    ) -> None:
        with self.database.write() as tx:
            tx.prove(lease)
            close_shard(tx, shard, outcome, trouble)

    def stop_sharing(
        self, run: int, kind: ShardKind, trouble: Trouble, *, lease: Lease, now: datetime
    ) -> None:
        its: dict[str, Any] = {"run": run, "kind": kind.value}
        held = "" if kind is ShardKind.WRITE else " OR state = 'held'"
        with self.database.write() as tx:
            tx.prove(lease)
            tx.run(
                f"""UPDATE shard SET state = 'failed', trouble = :trouble
                WHERE run = :run AND kind = :kind AND (state = 'free'{held})""",
                trouble=trouble_of(trouble),
                **its,
            )
            at = {"now": milliseconds(now), "far": held_until(now), "gone": _gone(tx, its)}
            tx.run(_LEFT, **its, **at, trouble=trouble_of(trouble))

    def shard_work(self, shard: Shard) -> list[Taken]:
        where = " AND w.person >= :low AND w.person <= :high"
        with self.database.read() as tx:
            taken = taken_of(tx, shard.sync, where, low=shard.low, high=shard.high)
        self.handed_out.setdefault(shard.sync, {}).update((one.number, one.person) for one in taken)
        return taken

    def open_shard(self, shard: Shard, *, lease: Lease) -> tuple[list[Batch], list[tuple[Batch, str | None]]]:
        its = {"run": shard.run, "low": shard.low, "high": shard.high}
        with self.database.write(durable=True) as tx:
            tx.prove(lease)
            prove_shard(tx, shard)
            before = batches_of(tx, tx.rows(_OPENED, **its))
            found = sorted(tx.rows(_OPEN, **its), key=lambda row: int(row[5]))
            batches = [batch for batch, _handle in batches_of(tx, [row[:5] for row in found])]
        self.opened.update((batch.id, batch.changes) for batch in batches)
        return batches, before

    def prove_shard(self, shard: Shard, *, lease: Lease) -> None:
        with self.database.read() as tx:
            tx.prove(lease, lasting=False)
            prove_shard(tx, shard, lasting=False)

    def sharing(self, run: int, kind: ShardKind) -> Sharing:
        with self.database.read() as tx:
            [(free, held, done)] = tx.rows(_STANDING, run=run, kind=kind.value)
            trouble = tx.one(_TROUBLE, run=run, kind=kind.value)
        told = None if trouble is None else msgspec.json.decode(trouble[0], type=Trouble)
        return Sharing(free=int(free), held=int(held), done=int(done), trouble=told)

    def shard_outcomes(self, run: int, kind: ShardKind) -> Iterator[Mapping[str, Json]]:
        for outcome, _low in self._outcomes(run, kind):
            yield outcome

    def _outcomes(self, run: int, kind: ShardKind) -> Iterator[tuple[Mapping[str, Json], int]]:
        with self.database.read() as tx:
            numbers = [
                row[0]
                for row in tx.rows(
                    "SELECT id FROM shard WHERE run = :run AND kind = :kind AND outcome IS NOT NULL ORDER BY id",
                    run=run,
                    kind=kind.value,
                )
            ]
        for number in numbers:
            with self.database.read() as tx:
                found = tx.one("SELECT outcome, low FROM shard WHERE id = :number", number=number)
            if found is not None:
                yield from_json(found[0]), int(found[1])

    def met(self, sync: str, run: int) -> dict[str, str]:
        with self.database.read() as tx:
            lows = [
                row[0]
                for row in tx.rows(
                    "SELECT low FROM shard WHERE run = :run AND kind = 'plan' ORDER BY low", run=run
                )
            ]
            two = tx.rows(_OF_TWO, sync=sync, run=run)
        met = {record for record, first, last in two if bisect_right(lows, first) != bisect_right(lows, last)}
        touched: defaultdict[str, set[int]] = defaultdict(set)  # without an answer of this run on them
        for outcome, low in self._outcomes(run, ShardKind.PLAN):
            for record in _texts(outcome.get("touched")):
                touched[record].add(bisect_right(lows, low))
        with self.database.read() as tx:
            for some in _chunks(sorted(touched)):
                for record, person in tx.rows(_PERSONS_ON, sync=sync, run=run, records=some):
                    touched[record].add(bisect_right(lows, person))
            met |= {record for record, places in touched.items() if len(places) > 1}
            keys = dict.fromkeys(sorted(met), "")
            for some in _chunks(sorted(met)):
                keys.update(tx.rows(_KEYS, run=run, records=some))
        return keys

    def still_writing(self, sync: str, *, now: datetime) -> bool:
        with self.database.read() as tx:
            held = tx.rows(
                """SELECT DISTINCT owner FROM shard
                WHERE sync = :sync AND kind = 'write' AND state = 'held'
                AND until > :now AND until <= :far""",
                sync=sync,
                now=milliseconds(now),
                far=held_until(now),
            )
        return any(not is_gone(row[0]) for row in held)

    def drop_shards(self, sync: str, *, lease: Lease, run: int | None = None) -> None:
        its = {"sync": sync} if run is None else {"sync": sync, "run": run}
        with self.database.write() as tx:
            tx.prove(lease)
            tx.run(f"DELETE FROM shard WHERE {' AND '.join(f'{name} = :{name}' for name in its)}", **its)


def _shared(
    tx: Transaction,
    sync: str,
    run: int,
    kind: ShardKind,
    shards: Sequence[tuple[int, int, int]],
    enlist: Enlisting | None,
) -> int:
    tx.load(
        "shard",
        "sync, run, kind, low, high, size, state, token",
        [(sync, run, kind.value, low, high, size, "free", 0) for low, high, size in shards],
    )
    if shards and enlist is not None:
        enlist(tx.connection.connection.driver_connection)
    return len(shards)


def _gone(tx: Transaction, its: dict[str, Any]) -> list[str]:
    """The hands that hold some of these, and have surely ended."""
    return [row[0] for row in tx.rows(_HOLDERS, **its) if is_gone(row[0])]


def _shard(row: tuple[Any, ...]) -> Shard:
    return Shard(
        number=row[0],
        sync=row[1],
        run=row[2],
        kind=ShardKind(row[3]),
        low=row[4],
        high=row[5],
        size=row[6],
        token=row[7],
    )


def _texts(value: Json) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _chunks(records: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(records), _AT_ONCE):
        yield list(records[start : start + _AT_ONCE])
