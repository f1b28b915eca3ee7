"""What planning found out: counted in one process, or put together of what several counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nps.values import Json
from sync.report import FieldReport, MatchReport


@dataclass
class Planned:
    """What planning found out, beside the plan itself (which is in the store)."""

    match: MatchReport = field(default_factory=MatchReport)
    fields: FieldReport = field(default_factory=FieldReport)
    changes: int = 0
    overwriting: int = 0  # changes of values, not first fills
    future_dated: int = 0
    arrived: Counter[tuple[str, int]] = field(default_factory=Counter)
    """(source, score) of the answers that were looked at for the first time, edits apart."""
    narrowed: bool = (
        False  # to what the calls that are left pay for, the unhappy first: no fair sample of the scores
    )

    def as_part(self) -> dict[str, Json]:
        """For `absorb`, as it is put down with the part of a run it was counted in."""
        return {
            "match": self.match.as_part(),
            "noted": [
                [record, list(one.kept), list(one.undone), list(one.overwritten)]
                for record, one in self.fields.noted()
            ],
            "changes": self.changes,
            "overwriting": self.overwriting,
            "future_dated": self.future_dated,
            "arrived": [[source, score, count] for (source, score), count in self.arrived.items()],
        }

    def absorb(self, part: Mapping[str, Any]) -> None:
        """Add what was counted in one part of the run."""
        self.match.add(MatchReport.of_part(part["match"]))
        for record, kept, undone, overwritten in part["noted"]:
            self.fields.note(record, Noted(tuple(kept), tuple(undone), tuple(overwritten)))
        self.changes += part["changes"]
        self.overwriting += part["overwriting"]
        self.future_dated += part["future_dated"]
        for source, score, count in part["arrived"]:
            self.arrived[source, score] += count


class Noted(msgspec.Struct, frozen=True):
    """What another process noted of a record's fields (`sync.report.Noted`)."""

    kept: tuple[str, ...]
    undone: tuple[str, ...]
    overwritten: tuple[str, ...]
