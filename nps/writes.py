"""What we wrote to one record, in order, and where that has led: what counts as ours, and what an undo holds.

An undo takes a field back to where it was before a write, as if that had not been; undoing the undo goes there again.
So a field is always in one of a few places: at the start (nothing of ours counts), or where one of our writes left it.
Steps that cancel each other out leave no trace but their hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from nps.values import Json, JsonFields

START = 0  # the place where nothing of ours counts; every other one is the number of a write


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One confirmed change of one record, as the journal has it.

    `undoes` is the one it took back, `holds` are the answers the record had by then beside the one it took back: they
    are not newer than the undo.
    """

    id: int
    run: int
    before: JsonFields
    after: JsonFields
    response: int | None
    undoes: int | None
    holds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Turn:
    """What a write did to the answer's write behind it (`origin`, mostly itself): put it there, or took it back."""

    origin: Write
    back: bool
    by: Write


@dataclass(frozen=True)
class Steps:
    """One field's way through our writes.

    `ours` is what the write at `place` left (None at the start), `left` what the last one did. `held` are the answers
    whose value an undo took back and over which nobody wrote since, and those that were known then; None among them
    stands for the clearing of a field that no answer is left for.
    """

    place: int
    ours: Json
    left: Json
    held: frozenset[int | None]
    last: Write | None
    after: Mapping[int, int]  # write → the place it led to
    turns: Mapping[int, Turn]  # write → its turn
    newest: Mapping[int, Turn]  # origin → the last turn of it

    def leads_here(self, write: int) -> bool:
        """Whether this write can be taken back: whatever followed it has cancelled out."""
        return self.after.get(write) == self.place

    def taken_back_by(self, write: int) -> Write | None:
        """The write that has undone this one, if it is undone."""
        turn = self.turns[write]
        newest = self.newest[turn.origin.id]
        return newest.by if newest.back != turn.back else None


def steps(writes: Iterable[Write], field: str) -> Steps:
    """Where one record's writes, in order, have led this field."""
    place, last = START, None
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    values: dict[int, Json] = {START: None}
    turns: dict[int, Turn] = {}
    newest: dict[int, Turn] = {}
    held: dict[int, frozenset[int | None]] = {}  # origin → the answers held since it was taken back
    released: dict[int, dict[int, frozenset[int | None]]] = {}  # origin → what it found held
    for write in writes:
        if field not in write.after:
            continue
        before[write.id], last = place, write
        undone = turns.get(write.undoes) if write.undoes is not None else None
        if undone is None:
            turn = Turn(write, False, write)
            place, released[write.id], held = write.id, held, {}
        else:
            origin = undone.origin
            turn = Turn(origin, not undone.back, write)
            if turn.back:
                held = held | released[origin.id] | {origin.id: frozenset((origin.response, *write.holds))}
            else:
                held = {
                    id: one for id, one in held.items() if id != origin.id and id not in released[origin.id]
                }
            place = before[undone.by.id] if after[undone.by.id] == place else write.id
        values.setdefault(write.id, write.after[field])
        after[write.id] = place
        turns[write.id] = newest[turn.origin.id] = turn
    left = None if last is None else last.after[field]
    answers = frozenset(answer for some in held.values() for answer in some)
    return Steps(place, values[place], left, answers, last, after, turns, newest)
