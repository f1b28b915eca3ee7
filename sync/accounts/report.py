"""What a roll-up tells at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nps.values import Json
from sync.breaker import Reason
from sync.report import FieldReport

KIND = "roll-up"  # of its runs


@dataclass(frozen=True)
class RolledUp:
    """One roll-up, as `--json` prints it and the history keeps it. `accounts` were worked out, `gone` of them are not
    there any more; `everything`: all accounts were, not only those that something had happened to."""

    run: int
    sync: str
    status: str  # succeeded | partial | failed | stopped
    object: str
    everything: bool
    accounts: int
    gone: int
    written: int
    calls: Mapping[str, int]
    seconds: float
    fields: FieldReport
    unfinished: bool = (
        False  # it was interrupted, or the calls of today were spent: not all accounts were worked out
    )
    resumed: int = 0
    stopped_by: tuple[Reason, ...] = ()
    accepted: tuple[Reason, ...] = ()
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        return {
            "run": self.run,
            "sync": self.sync,
            "status": self.status,
            "everything": self.everything,
            "accounts": self.accounts,
            "gone": self.gone,
            "writes": {self.object: self.written},
            "calls": dict(self.calls),
            "seconds": round(self.seconds, 3),
            **self.fields.as_json(),
            "resumed": self.resumed,
            "stopped_by": [{"check": one.check, "text": one.text} for one in self.stopped_by],
            "accepted": [{"check": one.check, "text": one.text} for one in self.accepted],
            "problems": list(self.problems),
        }
