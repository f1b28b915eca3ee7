"""What followed the answers of one run, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from nps.values import Json
from store.api.outbox import Kind


@dataclass
class Tally:
    """What became of one kind of thing in a run. `left` are still wanted: the next run goes on."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)  # codes of refusals
    examples: list[str] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)  # of a plan: what it would cost, by connection

    def as_json(self) -> dict[str, Json]:
        return {name: self.counts[name] for name in COUNTED if self.counts[name]}


COUNTED = (
    "created",
    "updated",
    "removed",
    "unchanged",
    "void",
    "rejected",
    "unknown",
    "left",
    "closed",
    "gone",
)


@dataclass
class Followed:
    """What followed the answers of one run, by kind. `begins`: a plan before the first run with rules, which follows
    up nothing that was answered before it."""

    tallies: dict[Kind, Tally] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    begins: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether somebody has to look: something was refused, or nobody knows what became of it."""
        return any(one.counts["rejected"] or one.counts["unknown"] for one in self.tallies.values())

    def as_json(self) -> dict[str, Json]:
        return {kind.value: one.as_json() for kind, one in self.tallies.items() if one.as_json()}
