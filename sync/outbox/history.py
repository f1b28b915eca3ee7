"""Each answer as a record of its own: created once, brought up to date with every version of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from connectors.contract import Entry, KeepsHistory
from mapping.fields import SKIP
from nps.changes import Made, Written
from nps.errors import RejectedError, UnavailableError
from nps.values import Json, Value
from store.api import Settled, State, Store
from store.api.outbox import Kind, Outgoing, Stage
from sync.outbox.care import KeptAs
from sync.outbox.facts import Facts, Person, Reading, gather
from sync.outbox.making import Decision, Leave, Make, Rest, Said, calls_for, digest_of, refused
from sync.outbox.wanting import is_kept

_TOGETHER = 200


@dataclass
class History:
    reading: Reading
    store: Store
    kept_as: KeptAs
    canonical: Mapping[str, Callable[[Value], Json]]
    preview: bool = False

    kind = Kind.HISTORY
    together = _TOGETHER

    @classmethod
    def of(cls, reading: Reading, store: Store, kept_as: KeptAs, *, preview: bool) -> History:
        """Raises what describing its object raises."""
        destination = reading.job.destination
        names = [*kept_as.fields.shows, *kept_as.withdrawn, *([kept_as.key] if kept_as.key else [])]
        canonical = {name: destination.canonical(kept_as.object, name) for name in names}
        return cls(reading, store, kept_as, canonical, preview)

    def decide(self, rows: Sequence[Outgoing]) -> Iterator[Decision]:
        facts = gather(self.reading, self.store, rows)
        for row in rows:
            try:
                yield self._decided(row, facts)
            except RejectedError as error:
                yield refused(row, error)

    def _decided(self, row: Outgoing, facts: Facts) -> Decision:
        state = facts.state(row)
        if state is None or row.response is None:
            return Leave(row)
        if not is_kept(state.state, state.code):
            return self._not_kept(row, state, facts)
        person = facts.person(row)
        if person is None:
            return self._as_it_is(row, "record_gone", "its record is gone")
        standing = facts.standing(person, row.response)
        if standing is None:
            return self._as_it_is(row, "no_score", "its score cannot be read")
        shown = self.kept_as.fields.snapshot(standing)
        fields = {name: self.canonical[name](value) for name, value in shown.items() if value is not SKIP}
        return self._brought(row, fields, person, f"{row.subject}: {standing.score}")

    def _not_kept(self, row: Outgoing, state: Settled, facts: Facts) -> Decision:
        withdrawn = state.state is State.EXCLUDED and state.code in ("withdrawn", "excluded_at_source")
        if not (withdrawn and row.vendor_id is not None and self.kept_as.withdrawn):
            return self._as_it_is(row, state.code or state.state.value, state.reason)
        fields = {name: self.canonical[name](value) for name, value in self.kept_as.withdrawn.items()}
        return self._brought(row, fields, facts.persons.get(row.record_id or ""), f"{row.subject}: withdrawn")

    def _as_it_is(self, row: Outgoing, code: str, reason: str) -> Rest:
        """What was kept stays as it was last; what was not is not created."""
        return Rest(row, Stage.VOID if row.vendor_id is None else Stage.DONE, code, reason)

    def _brought(
        self, row: Outgoing, fields: dict[str, Json], person: Person | None, example: str
    ) -> Decision:
        if self.kept_as.key:
            fields[self.kept_as.key] = self.canonical[self.kept_as.key](row.key)
        about = {} if person is None else self._about(person)
        digest = digest_of(self.kept_as.object, fields, about)
        if row.vendor_id is not None and row.digest == digest:
            return Rest(row, Stage.DONE)
        record_id = (row.record_id or "") if person is None else person.record.id
        return Make(row, Entry(row.key, fields, about), record_id, digest, example)

    def _about(self, person: Person) -> dict[str, str]:
        job = self.reading.job
        about = {job.object: person.record.id}
        if person.account_id is not None and job.account_object is not None:
            about[job.account_object] = person.account_id
        return about

    def make(self, makes: Sequence[Make], said: dict[int, Said]) -> None:
        ids = {one.row.key: one.row.id for one in makes}
        for outcome in self._keeper.keep(self.kept_as.object, self.kept_as.key, [one.what for one in makes]):
            said[ids[outcome.record_id]] = outcome
        self._discard_left_behind(makes, said)

    def _discard_left_behind(self, makes: Sequence[Make], said: Mapping[int, Said]) -> None:
        """What has no key is only found at its record. An answer that belongs to another one by now was kept there
        anew, and what it left behind says of the first what somebody else said."""
        left: list[str] = []
        for one in makes:
            told, before = said.get(one.row.id), one.row.vendor_id
            if isinstance(told, Made) and before is not None and told.id != before:
                left.append(before)
        for outcome in self._keeper.discard(self.kept_as.object, left) if left else ():
            if not isinstance(outcome, Written):
                raise UnavailableError(
                    f"{self.kept_as.object} {outcome.record_id} is at a record it does not belong to any more, and "
                    "could not be deleted; delete it by hand"
                )

    def look_up(self, rows: Sequence[Outgoing]) -> Mapping[int, str]:
        job = self.reading.job
        persons = gather(self.reading, self.store, rows).persons
        entries = []
        for row in rows:
            person = persons.get(row.record_id or "")
            about = {job.object: person.record.id if person else row.record_id or ""}
            entries.append(Entry(row.key, {self.kept_as.key: row.key} if self.kept_as.key else {}, about))
        kept = self._keeper.kept(self.kept_as.object, self.kept_as.key, entries)
        return {row.id: kept[row.key] for row in rows if row.key in kept}

    def calls(self, makes: int) -> int:
        return calls_for(self.reading.job, makes)

    @property
    def _keeper(self) -> KeepsHistory:
        return cast(KeepsHistory, self.reading.job.destination)
