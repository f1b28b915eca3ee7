"""What a plan's changes look like taken together, for the breaker: counted over values, never shown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from nps.changes import Change
from nps.score import Segment
from nps.values import Json

ReadSegment = Callable[[Json], Segment | None]


@dataclass
class FieldEvidence:
    """One field, over the changes that take a value away from it or replace it (first fills do not)."""

    emptied: int = 0
    before: Counter[str] = field(default_factory=Counter)  # of those that replace it by another value
    after: Counter[str] = field(default_factory=Counter)

    @property
    def replaced(self) -> int:
        return self.after.total()


@dataclass
class Evidence:
    """`changes` of `planned` were looked at: all of a small plan, an even sample of a large one."""

    planned: int = 0
    changes: int = 0
    fields: dict[str, FieldEvidence] = field(default_factory=dict)
    segments_before: Counter[Segment] = field(default_factory=Counter)
    segments_after: Counter[Segment] = field(default_factory=Counter)

    def in_all(self, count: int) -> int:
        """A count of what was looked at, for the whole plan."""
        return count if self.changes >= self.planned else round(count * self.planned / self.changes)


def gathered(changes: Iterable[Change], segments: Mapping[str, ReadSegment], *, planned: int) -> Evidence:
    """`segments` are the fields that tell a segment, and how; a record counts once, by the first that does."""
    evidence = Evidence(planned=planned)
    for change in changes:
        evidence.changes += 1
        for name, after in change.after.items():
            before = change.before.get(name)
            if before is None or before == after:
                continue
            one = evidence.fields.setdefault(name, FieldEvidence())
            if after is None:
                one.emptied += 1
            else:
                one.before[str(before)] += 1
                one.after[str(after)] += 1
        _count_segment(evidence, change, segments)
    return evidence


def _count_segment(evidence: Evidence, change: Change, segments: Mapping[str, ReadSegment]) -> None:
    for name, read in segments.items():
        if name in change.after:
            before, after = read(change.before.get(name)), read(change.after[name])
            if before is not None and after is not None:
                evidence.segments_before[before] += 1
                evidence.segments_after[after] += 1
                return
