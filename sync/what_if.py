"""What would differ had today's mapping always been live: the plan of all answers anew, told field by field.

What a record shows is told apart by whose it is: what npsync wrote there last, by its journal, is what the mapping
before said; anything else somebody set, or nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, TypeVar

from nps.changes import Change
from nps.values import Json
from store.api import State, Store
from store.api.comparing import Standing
from sync.job import Job

Key = TypeVar("Key")

EXAMPLES = 3
_PAIRS = 200  # different old → new of one field that are counted; beyond it only that there are more
_TOGETHER = 1_000
_LONGEST = 60  # of a value that is counted


class Example(NamedTuple):
    record_id: str
    old: Json
    new: Json


@dataclass
class FieldDifference:
    """One field: in how many records it would show something else, and what it shows there now."""

    records: int = 0
    ours: int = 0  # shows what the mapping before wrote
    empty: int = 0
    theirs: int = 0  # shows what somebody else set
    emptied: int = 0  # of all: would show nothing
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    def add(self, record_id: str, old: Json, new: Json, *, ours: bool) -> None:
        self.records += 1
        self.emptied += new is None
        if old is None:
            self.empty += 1
        elif ours:
            self.ours += 1
        else:
            self.theirs += 1
        pair = (_short(old), _short(new))
        if pair in self.pairs or len(self.pairs) < _PAIRS:
            self.pairs[pair] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(Example(record_id, old, new))

    def as_json(self) -> dict[str, Json]:
        return {
            "records": self.records,
            "written_by_the_mapping_before": self.ours,
            "empty": self.empty,
            "set_by_somebody": self.theirs,
            "would_be_emptied": self.emptied,
            "examples": [{"id": one.record_id, "old": one.old, "new": one.new} for one in self.examples],
        }


class Moved(NamedTuple):
    """Answers in one state, before and had the mapping always been live."""

    before: int
    after: int


_NOTHING_MOVED = Moved(0, 0)


@dataclass
class WhatIf:
    """`records` would differ, `unaffected` not; `left_behind`: fields that no mapping writes any more, and in how many
    records npsync has written them."""

    records: int = 0
    unaffected: int = 0
    fields: dict[str, FieldDifference] = field(default_factory=dict)
    deciding: Moved = _NOTHING_MOVED
    excluded: dict[str, Moved] = field(default_factory=dict)  # by reason
    others: dict[State, Moved] = field(default_factory=dict)
    new_answers: int = 0  # that no run has taken up yet: part of the plan, whatever the mapping
    left_behind: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        return {
            "records": self.records,
            "unaffected": self.unaffected,
            "fields": {name: one.as_json() for name, one in self.fields.items()},
            "deciding": dict(self.deciding._asdict()),
            "excluded": {code: dict(one._asdict()) for code, one in self.excluded.items()},
            "states": {state.value: dict(one._asdict()) for state, one in self.others.items()},
            "new_answers": self.new_answers,
            "left_behind": dict(self.left_behind),
        }


def what_if(job: Job, changes: Iterable[Change], overlay: Store, before: Sequence[Standing]) -> WhatIf:
    """Of the plan that was made in `overlay`; `before` is how the sync stood there before it."""
    found = WhatIf()
    for some in _chunks(changes):
        ours = overlay.confirmed(job.connection, job.object, [one.record_id for one in some])
        for change in some:
            found.records += 1
            wrote = ours.get(change.record_id, {})
            for name, new in change.after.items():
                old = change.before.get(name)
                its = found.fields.setdefault(name, FieldDifference())
                its.add(change.record_id, old, new, ours=name in wrote and wrote[name] == old)
    after = overlay.standings(job.name)
    found.deciding = Moved(_deciding(before), _deciding(after))
    found.unaffected = sum(one.answers for one in after if one.state in _SHOWS)
    found.excluded = _moved(_codes(before), _codes(after))
    found.others = _moved(_states(before), _states(after))
    found.new_answers = sum(one.answers for one in after) - sum(one.answers for one in before)
    found.left_behind = {
        name: overlay.records_with(job.name, name)
        for name in overlay.fields_written(job.name)
        if name not in job.fields.shows
    }
    return found


_SHOWS = (State.WRITTEN, State.UNCHANGED)
_TOLD = (State.WAITING, State.REVIEW, State.HELD, State.REJECTED)


def _deciding(standings: Iterable[Standing]) -> int:
    """A record has one answer that decides it: those that show, and those whose change is planned."""
    return sum(one.answers for one in standings if one.state in _SHOWS or one.planned)


def _codes(standings: Iterable[Standing]) -> Mapping[str, int]:
    return {one.code: one.answers for one in standings if one.state is State.EXCLUDED}


def _states(standings: Iterable[Standing]) -> Mapping[State, int]:
    counts: Counter[State] = Counter()
    for one in standings:
        if one.state in _TOLD:
            counts[one.state] += one.answers
    return counts


def _moved(before: Mapping[Key, int], after: Mapping[Key, int]) -> dict[Key, Moved]:
    moved = {key: Moved(before.get(key, 0), after.get(key, 0)) for key in (*before, *after)}
    return {key: one for key, one in moved.items() if one.before != one.after}


def _chunks(changes: Iterable[Change]) -> Iterator[list[Change]]:
    left = iter(changes)
    while some := list(islice(left, _TOGETHER)):
        yield some


def _short(value: Json) -> str:
    return "" if value is None else str(value)[:_LONGEST]
