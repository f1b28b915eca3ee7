"""What the accounts should show, chunk by chunk: summed up in the store, compared with what they show, spooled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from mapping.fields import SKIP
from nps.changes import Change, Record
from nps.errors import RejectedError
from nps.values import Fields
from store.api import Lease, Store
from sync.accounts.answers import Given, Reader
from sync.accounts.figures import Moments, Sum, standing
from sync.accounts.looking import Seen, can_count, look_up
from sync.accounts.place import Codecs, RollUp
from sync.deciding import Rules, Target, Undone, Verdict, change_of, difference
from sync.interruption import heed
from sync.merges import remembered
from sync.ours import Ours, ours_in
from sync.progress import Progress
from sync.report import FieldReport

CHUNK = 400  # accounts; Salesforce reads about as many by their ids in one call
AHEAD = 2  # chunks whose accounts are being looked up meanwhile


@dataclass
class Planned:
    """What planning found out, beside the plan itself (which is in the store)."""

    fields: FieldReport = field(default_factory=FieldReport)
    accounts: int = 0  # that were looked at
    changes: int = 0
    overwriting: int = 0
    gone: int = 0
    refused: dict[str, str] = field(default_factory=dict)  # account → why its fields cannot be said


class Planner:
    """Plans a roll-up. `pending`: what is planned for people and not written yet counts, as in a plan."""

    def __init__(
        self,
        roll_up: RollUp,
        codecs: Codecs,
        store: Store,
        lease: Lease,
        run: int,
        planned: Planned,
        *,
        now: datetime,
        adopt: bool = False,
        pending: bool = False,
        stop: Callable[[], bool] = lambda: False,
        progress: Progress,
    ) -> None:
        self.roll_up, self.codecs, self.store, self.lease, self.run = roll_up, codecs, store, lease, run
        self.planned, self.now, self.stop, self.progress = planned, now, stop, progress
        job = roll_up.job
        survivors = remembered(store, job.connection, job.object)
        self.reader = Reader(Given.of(job), store, Moments.of(roll_up.spec, now), survivors, planned=pending)
        self.rules = Rules(
            survey=job.survey,
            metric=job.metric,
            fields=roll_up.fields,
            canonical=codecs.canonical,
            adopt=adopt,
        )
        self.counting = can_count(roll_up)
        self._moved: dict[str, None] = {}  # accounts into which others were merged

    def plan(self, *, everything: bool) -> None:
        """All accounts, or those that something has happened to since they were last worked out."""
        self._plan(self._all() if everything else self._touched(), together=everything)
        while self._moved:
            moved, self._moved = list(self._moved), {}
            self._plan([moved], together=False)

    def plan_one(self, account: str) -> None:
        self._plan([[account]], together=False)

    def _all(self) -> Iterator[list[str]]:
        last = ""
        job = self.roll_up.job
        while ids := self.store.accounts(job.name, self.roll_up.name, last, CHUNK):
            yield ids
            last = ids[-1]

    def _touched(self) -> Iterator[list[str]]:
        last = ""
        while ids := self.store.clearings(self.roll_up.name, last, CHUNK):
            yield ids
            last = ids[-1]

    def _plan(self, chunks: Iterable[list[str]], *, together: bool) -> None:
        """`together`: a chunk holds every account between its first and its last."""
        with ThreadPoolExecutor(AHEAD, thread_name_prefix="npsync-accounts") as pool:
            ahead: deque[tuple[list[str], Future[Seen]]] = deque()

            def settle_oldest() -> None:
                ids, seen = ahead.popleft()
                self._settle(ids, seen.result(), together=together)

            try:
                for ids in chunks:
                    heed(self.stop)
                    looked = pool.submit(look_up, self.roll_up, self.codecs, ids, counting=self.counting)
                    ahead.append((ids, looked))
                    if len(ahead) > AHEAD:
                        settle_oldest()
                while ahead:
                    settle_oldest()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _settle(self, ids: Sequence[str], seen: Seen, *, together: bool) -> None:
        spans = [(ids[0], ids[-1])] if together else [(id, id) for id in ids]
        sums = {account: its for first, last in spans for account, its in self.reader.sums(first, last)}
        live = {id: record for id in ids if (record := seen.accounts.get(id)) is not None and record.id == id}
        ours = ours_in(self.roll_up, self.store, live, {}, live)
        held = self._newest(ours)
        changes: dict[str, Change | None] = {}
        for id in ids:
            record = live.get(id)
            if record is None:
                self._leave(id, seen)
                changes[id] = None
                continue
            try:
                verdict = self._decided(record, sums.get(id, Sum()), seen, ours, held.get(id, 0))
            except RejectedError as error:
                self.planned.refused[id] = str(error)  # it stays remembered, and is tried again
                continue
            changes[id] = verdict.change
            self.planned.fields.note(id, verdict)
        replaced = self.store.settle(
            self.roll_up.name,
            self.run,
            lease=self.lease,
            now=self.now,
            settled=[],
            demoted={},
            changes=changes,
            connection=self.roll_up.connection,
        )
        planned = [change.before for change in changes.values() if change is not None]
        self.planned.accounts += len(ids)
        self.planned.changes += len(planned) - len(replaced)
        self.planned.overwriting += sum(map(_overwrites, planned)) - sum(map(_overwrites, replaced))
        self.progress.advance(len(ids))

    def _leave(self, id: str, seen: Seen) -> None:
        """It is gone, or it is another one now: then its people are there."""
        survivor = seen.accounts.get(id)
        if survivor is None:
            self.planned.gone += 1
            return
        job = self.roll_up.job
        self.store.move_members(job.name, id, survivor.id, lease=self.lease, roll_up=self.roll_up.name)
        self._moved[survivor.id] = None

    def _newest(self, ours: Ours) -> dict[str, int]:
        """By the latest answer that counts an undo knows whether anything is new; asked where there was one."""
        return self.store.newest_of_accounts(self.roll_up.job.name, list(ours.undone)) if ours.undone else {}

    def _decided(self, record: Record, its: Sum, seen: Seen, ours: Ours, newest: int) -> Verdict:
        job, account = self.roll_up.job, _typed(record, self.codecs)
        contacts = None if seen.contacts is None else seen.contacts.get(record.id, 0)
        told = standing(
            record.id, its, self.roll_up.spec, survey=job.survey, contacts=contacts, account=account
        )
        wanted = {
            name: self.codecs.canonical[name](value)
            for name, value in self.roll_up.fields.snapshot(told).items()
            if value is not SKIP
        }
        target = Target(
            record=record,
            ours=ours.values.get(record.id, {}),
            undone={name: _still(one, newest) for name, one in ours.undone.get(record.id, {}).items()},
        )
        differs = difference(wanted, newest, target, self.rules, self.now)
        return Verdict(
            change=change_of(target, differs.after, None, self.rules, "", urgent=False)
            if differs.after
            else None,
            states={},
            kept=tuple(differs.kept),
            undone=tuple(differs.undone),
            overwritten=tuple(differs.overwritten),
        )


def _still(undone: Undone, newest: int) -> Undone:
    """An undo holds until there is an answer that it did not know; that others age out is none."""
    known = max((number for number in undone.held if number is not None), default=-1)
    return msgspec.structs.replace(undone, held=frozenset({newest}) if newest <= known else frozenset())


def _typed(record: Record, codecs: Codecs) -> Fields:
    return {name: read(record.fields.get(name)) for name, read in codecs.typed.items()}


def _overwrites(before: Mapping[str, object]) -> bool:
    return any(value is not None for value in before.values())
