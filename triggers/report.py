"""What one round of the triggers did, for people and logs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Round:
    """Counts of one round, and what went wrong with whole connections."""

    events: int = 0  # new ones
    arrivals: Counter[str] = field(default_factory=Counter)  # code of what was pushed → how many
    said: Counter[str] = field(default_factory=Counter)  # verdict → how many
    steps: Counter[str] = field(default_factory=Counter)  # what became of due messages → how many
    retrying: Counter[str] = field(default_factory=Counter)  # why messages are tried again → how many
    expired: int = 0
    begun: list[str] = field(default_factory=list)  # triggers that are followed from now on
    problems: list[str] = field(default_factory=list)

    @property
    def did_something(self) -> bool:
        return any((self.events, self.arrivals, self.said, self.steps, self.expired, self.begun))

    def as_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "arrivals": dict(self.arrivals),
            "decided": dict(self.said),
            "messages": dict(self.steps),
            "retrying": dict(self.retrying),
            "expired": self.expired,
            "begun": list(self.begun),
            "problems": list(self.problems),
        }
