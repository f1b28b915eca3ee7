"""Places on lists that follow the segment: taken while the record's answer meets a rule, given up when it does not.

Only members whom we put there are ever taken off: who was on the list before is somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from connectors.contract import KeepsLists
from nps.errors import RejectedError
from store.api import Store
from store.api.outbox import Kind, Outgoing, Stage
from sync.outbox.care import Place
from sync.outbox.facts import Facts, Person, Reading, gather
from sync.outbox.making import Decision, Leave, Make, Nothing, Rest, Said, calls_for, of_answer, refused

_TOGETHER = 200


@dataclass(frozen=True)
class _Move:
    """On the list, or off it (`place` None)."""

    list: str  # the vendor's id of it
    place: Place | None


class Lists:
    """Asks for each list once in a run."""

    kind = Kind.LIST
    together = _TOGETHER

    def __init__(self, reading: Reading, store: Store, floor: datetime, *, preview: bool) -> None:
        self.reading, self.store, self.floor, self.preview = reading, store, floor, preview
        self.places = reading.care.places
        self.ids: dict[str, str] = {}
        self.keeper = cast(KeepsLists, reading.job.destination)

    def decide(self, rows: Sequence[Outgoing]) -> Iterator[Decision]:
        facts = gather(self.reading, self.store, rows)
        for slot in dict.fromkeys(row.slot for row in rows):
            yield from self._decided([row for row in rows if row.slot == slot], slot, facts)

    def _decided(self, rows: Sequence[Outgoing], slot: str, facts: Facts) -> Iterator[Decision]:
        ours = self._ours(rows, slot, facts)
        joining: list[tuple[Outgoing, Place, Person]] = []
        for row in rows:
            person = facts.persons.get(row.subject)
            if person is None:
                gone = Stage.REMOVED if row.vendor_id else Stage.VOID
                yield Rest(row, gone, "record_gone", "its record is gone")
                continue
            if person.record.id != row.subject:
                # Its place went with it, and from now on the survivor's own entry looks after that.
                merged = Stage.DONE if row.vendor_id else Stage.VOID
                yield Rest(row, merged, "merged", "its record was merged into another one")
                continue
            try:
                place = self._meets(row, person, facts)
            except RejectedError as error:
                yield refused(row, error)
                continue
            if isinstance(place, Leave):
                yield place
            elif place is not None and row.subject in ours:
                yield Rest(row, Stage.DONE, vendor_id=row.vendor_id or row.subject)
            elif place is not None:
                joining.append((row, place, person))
            elif row.subject in ours:
                yield Make(
                    row, _Move(self._id(slot), None), row.subject, example=f"off {slot}: {row.subject}"
                )
            else:
                yield Nothing(row)
        yield from self._joining(joining, slot)

    def _joining(self, joining: Sequence[tuple[Outgoing, Place, Person]], slot: str) -> Iterator[Decision]:
        if not joining:
            return
        list_id, object = self._id(slot), self.reading.job.object
        there = self.keeper.on(list_id, object, [row.subject for row, _, _ in joining])
        for row, place, _ in joining:
            if row.subject in there:
                yield Rest(row, Stage.VOID, "on_it_already", "somebody else put it there, so it stays theirs")
            else:
                yield Make(row, _Move(list_id, place), row.subject, example=f"on {slot}: {row.subject}")

    def _meets(self, row: Outgoing, person: Person, facts: Facts) -> Place | Leave | None:
        """The place that the record's answer entitles it to."""
        deciding = person.deciding
        if deciding is None:
            return None
        state = facts.states.get(deciding.number)
        if isinstance(of_answer(row, state, preview=self.preview), Leave):
            return Leave(row)
        if deciding.at < self.floor and not row.vendor_id:
            return None
        standing = facts.standing(person, deciding.number)
        if standing is None:
            return Leave(row)
        for rule in self.places.get(row.slot, ()):
            if rule.place is not None and rule.condition.counts(standing):
                return rule.place
        return None

    def _ours(self, rows: Sequence[Outgoing], slot: str, facts: Facts) -> set[str]:
        """Records whom we put on the list, or a record that was merged into them since."""
        ours = {row.subject for row in rows if row.vendor_id is not None}
        merged = {
            old: row
            for row in rows
            if (person := facts.persons.get(row.subject)) is not None and person.record.id == row.subject
            for old in person.absorbed
        }
        if merged:
            before = self.store.entries_of(self.reading.job.name, Kind.LIST, slot, list(merged))
            ours |= {
                merged[old].subject
                for old, entry in before.items()
                if entry.vendor_id is not None and _later(entry, merged[old])
            }
        return ours

    def make(self, makes: Sequence[Make], said: dict[int, Said]) -> None:
        object = self.reading.job.object
        groups: dict[_Move, list[Make]] = {}
        for one in makes:
            groups.setdefault(one.what, []).append(one)
        for move, some in groups.items():
            ids = {one.record_id: one.row.id for one in some}
            if move.place is None:
                for outcome in self.keeper.drop(move.list, object, list(ids)):
                    said[ids[outcome.record_id]] = outcome
            else:
                for making in self.keeper.add(move.list, object, list(ids), move.place.status):
                    said[ids[making.record_id]] = making

    def look_up(self, rows: Sequence[Outgoing]) -> Mapping[int, str]:
        """Who is on it although somebody may have put them there meanwhile counts as ours: we were about to."""
        found: dict[int, str] = {}
        for slot in dict.fromkeys(row.slot for row in rows):
            its = [row for row in rows if row.slot == slot]
            there = self.keeper.on(self._id(slot), self.reading.job.object, [row.subject for row in its])
            found |= {row.id: row.vendor_id or row.subject for row in its if row.subject in there}
        return found

    def calls(self, makes: int) -> int:
        return calls_for(self.reading.job, makes)

    def _id(self, slot: str) -> str:
        if slot not in self.ids:
            self.ids[slot] = self.keeper.list_id(slot, self.reading.job.object)
        return self.ids[slot]


def _later(one: Outgoing, other: Outgoing) -> bool:
    """Whether it was settled after the other one: what came of it then is not counted twice."""
    if one.settled_at is None or other.settled_at is None:
        return other.settled_at is None
    return one.settled_at > other.settled_at
