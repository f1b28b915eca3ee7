"""Entries are decided, opened durably, sent, and settled exactly once; what a killed process left open is looked up by
its key before anything is repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from connectors.contract import Clock
from nps.changes import Cause, Deferred, Made, Rejected, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, Interrupted, NpsyncError, UnavailableError
from nps.retrying import PATIENCE
from store.api import Lease, Store
from store.api.outbox import Kind, Opening, Outgoing, Settling, Stage
from sync.outbox.followed import Tally
from sync.outbox.making import Decision, Leave, Make, Maker, Nothing, Rest, Said

_FIRST_WAIT = timedelta(minutes=5)  # of what the vendor stumbled over; doubled each time


@dataclass
class Carrier:
    """What carrying out needs of a run."""

    store: Store
    lease: Lease
    run: int
    clock: Clock
    stop: Callable[[], bool]

    # ------------------------------------------------------------ what was left in doubt

    def recover(self, maker: Maker, sync: str, tally: Tally) -> None:
        """Entries whose call nobody knows the fate of: what is there is done, what is not is wanted again, and what
        cannot be looked up stays unknown."""
        for rows in self._chunks(self.store.doubtful_entries(sync, maker.kind), maker.together):
            there = maker.look_up(rows)
            if there is None:
                unseen = [row for row in rows if row.stage is Stage.OPEN]
                tally.counts["unknown"] += len(unseen)
                self._settle([_unknown(row, "an interrupted run may have sent it") for row in unseen])
            else:
                self._settle([_looked_up(row, there.get(row.id)) for row in rows], durable=True)
                if maker.kind is Kind.TASK:
                    tally.counts["created"] += len(there)

    # ------------------------------------------------------------ what is wanted

    def carry_out(self, maker: Maker, sync: str, tally: Tally, *, since: datetime | None) -> None:
        """Raises what ended it; everything that was begun is settled by then."""
        now = self.clock.now()
        ids = self.store.wanted_entries(sync, maker.kind, now=now, since=since)
        taken = 0
        try:
            for rows in self._chunks(ids, maker.together):
                if self.stop():
                    raise Interrupted
                decisions = list(maker.decide(rows))
                _each_once(rows, decisions)
                taken += len(rows)
                self._rest(decisions, tally)
                makes = [one for one in decisions if isinstance(one, Make)]
                if makes:
                    self._send(maker, makes, tally)
        finally:
            tally.counts["left"] += len(ids) - taken

    def preview(self, maker: Maker, sync: str, tally: Tally, *, since: datetime | None, most: int) -> None:
        """The same without opening anything: what would be created, and some of it in words."""
        ids = self.store.wanted_entries(sync, maker.kind, now=self.clock.now(), since=since)
        makes: Counter[str] = Counter()
        for rows in self._chunks(ids, maker.together):
            for decision in maker.decide(rows):
                if isinstance(decision, Make):
                    makes[decision.row.connection] += 1
                    tally.counts["updated" if decision.row.vendor_id else "created"] += 1
                    if len(tally.examples) < most:
                        tally.examples.append(decision.example)
                elif isinstance(decision, Rest):
                    _count_rest(decision, tally)
        tally.calls = {connection: maker.calls(count) for connection, count in makes.items()}

    def _chunks(self, ids: Sequence[int], size: int) -> Iterator[list[Outgoing]]:
        left = iter(ids)
        while some := list(islice(left, size)):
            yield self.store.entries(some)

    def _rest(self, decisions: Sequence[Decision], tally: Tally) -> None:
        nothing = [one.row for one in decisions if isinstance(one, Nothing)]
        resting = [one for one in decisions if isinstance(one, Rest)]
        resting += [_not_any_more(row) for row in nothing if row.opened_at is not None]
        for one in resting:
            if not _as_before(one):
                _count_rest(one, tally)
        self._settle(
            [
                Settling(
                    id=one.row.id,
                    stage=one.stage,
                    vendor_id=one.there,
                    code=one.code,
                    reason=one.reason,
                    as_before=_as_before(one),
                )
                for one in resting
            ]
        )
        self.store.drop_entries([row.id for row in nothing if row.opened_at is None], lease=self.lease)
        tally.counts["left"] += sum(isinstance(one, Leave) for one in decisions)

    def _send(self, maker: Maker, makes: Sequence[Make], tally: Tally) -> None:
        now = self.clock.now()
        opened = self.store.open_entries(
            self.run,
            [Opening(one.row.id, one.digest, one.record_id) for one in makes],
            lease=self.lease,
            now=now,
        )
        makes = [one for one in makes if one.row.id in opened]
        if not makes:
            return
        said: dict[int, Said] = {}
        problem: NpsyncError | None = None
        try:
            maker.make(makes, said)
            silence: Said = Unknown("", "the vendor's answer did not mention it")
        except (AccessError, ConfigError, BudgetError, Interrupted) as error:
            problem, silence = error, Deferred("", "refused as a whole; see the run's problem", tried=False)
        except UnavailableError as error:
            problem, silence = error, Unknown("", str(error))
        settling = [self._settled(one, said.get(one.row.id, silence), tally) for one in makes]
        self._settle(settling, durable=True)
        if problem is not None:
            raise problem

    def _settled(self, make: Make, said: Said, tally: Tally) -> Settling:
        row = make.row
        match said:
            case Made(id=id):
                tally.counts["updated" if row.vendor_id else "created"] += 1
                return Settling(id=row.id, stage=Stage.DONE, vendor_id=id)
            case Written():
                tally.counts["removed"] += 1
                return Settling(id=row.id, stage=Stage.REMOVED)
            case Rejected(code=code, message=message, cause=cause):
                if cause is Cause.TRANSIENT and row.attempts + 1 < PATIENCE:
                    tally.counts["left"] += 1
                    again = self.clock.now() + _FIRST_WAIT * 2**row.attempts
                    return _again(row, code, message, again)
                tally.counts["rejected"] += 1
                tally.refused[code] += 1
                return Settling(
                    id=row.id, stage=Stage.REJECTED, vendor_id=row.vendor_id, code=code, reason=message
                )
            case Deferred(reason=reason, tried=True) if row.attempts + 1 >= PATIENCE:
                tally.counts["rejected"] += 1
                tally.refused["deferred"] += 1
                return Settling(
                    id=row.id,
                    stage=Stage.REJECTED,
                    vendor_id=row.vendor_id,
                    code="deferred",
                    reason=f"put off {PATIENCE} times: {reason}",
                )
            case Deferred(reason=reason, until=until, tried=tried):
                tally.counts["left"] += 1
                return _again(row, "deferred", reason, until, tried=tried)
            case Unknown(reason=reason):
                tally.counts["unknown"] += 1
                return _unknown(row, reason)

    def _settle(self, settling: Sequence[Settling], *, durable: bool = False) -> None:
        self.store.settle_entries(settling, lease=self.lease, now=self.clock.now(), durable=durable)


def _each_once(rows: Sequence[Outgoing], decisions: Sequence[Decision]) -> None:
    if sorted(one.row.id for one in decisions) != [row.id for row in rows]:
        raise NpsyncError(
            f"conservation: {len(rows)} entries were looked at, {len(decisions)} decided. This is a defect of npsync; "
            f"please report it with `npsync runs`"
        )


def _count_rest(one: Rest, tally: Tally) -> None:
    tally.counts[_RESTING[one.stage]] += 1
    if one.stage is Stage.REJECTED:
        tally.refused[one.code] += 1


def _not_any_more(row: Outgoing) -> Rest:
    """It was begun once, which is not forgotten."""
    if row.code == "removed":
        return Rest(row, Stage.REMOVED)
    return Rest(row, Stage.VOID, _NO_RULE, "no rule wants it any more")


def _as_before(one: Rest) -> bool:
    """It was over already, in the same way: nothing happened to it in this run."""
    was_removed = one.row.code == "removed" and one.stage is Stage.REMOVED
    return was_removed or one.row.code == one.code == _NO_RULE


_NO_RULE = "no_rule"


_RESTING = {
    Stage.DONE: "unchanged",
    Stage.VOID: "void",
    Stage.REMOVED: "void",
    Stage.REJECTED: "rejected",
}


def _again(row: Outgoing, code: str, reason: str, until: datetime | None, *, tried: bool = True) -> Settling:
    return Settling(
        id=row.id,
        stage=Stage.WANTED,
        vendor_id=row.vendor_id,
        code=code,
        reason=reason,
        look_again=until,
        tried=tried,
    )


def _unknown(row: Outgoing, reason: str) -> Settling:
    return Settling(id=row.id, stage=Stage.UNKNOWN, vendor_id=row.vendor_id, code="unknown", reason=reason)


def _looked_up(row: Outgoing, vendor_id: str | None) -> Settling:
    """A task that is there is done. What can be brought up to date is decided anew: of an update that was cut off the
    vendor only tells that the thing is there."""
    done = vendor_id is not None and row.kind is Kind.TASK
    kept = (
        row.vendor_id if row.kind is Kind.HISTORY else None
    )  # it may be at the record it belonged to before
    return Settling(
        id=row.id, stage=Stage.DONE if done else Stage.WANTED, vendor_id=vendor_id or kept, code="looked_up"
    )
