"""What goes wrong during one run, drawn from a seed: vendors stumble, refuse, lose replies and forget tokens."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.soak.toys import Sandbox

Rule = Mapping[str, Any]

# One entry is one kind of trouble: the rules it needs. Without `times` they last as long as the run.
TROUBLES: dict[str, tuple[Rule, ...]] = {
    "server errors": (
        {"vendor": "salesforce", "kind": "status", "status": 500, "share": 0.2},
        {"vendor": "hubspot", "kind": "status", "status": 503, "share": 0.2},
        {"vendor": "wootric", "kind": "status", "status": 502, "share": 0.05},
    ),
    "html pages": (
        {"vendor": "salesforce", "kind": "html", "status": 503, "share": 0.15},
        {"vendor": "hubspot", "kind": "html", "status": 502, "share": 0.15},
        {"vendor": "wootric", "kind": "html", "status": 200, "times": 1, "after": 3},
    ),
    "resets": (
        {"vendor": "salesforce", "kind": "reset", "share": 0.2},
        {"vendor": "hubspot", "kind": "reset", "share": 0.2},
        {"vendor": "wootric", "kind": "reset", "share": 0.05},
    ),
    "lost replies": (
        {"vendor": "salesforce", "kind": "lost_reply", "share": 0.3},
        {"vendor": "hubspot", "kind": "lost_reply", "share": 0.3},
        {"vendor": "wootric", "kind": "lost_reply", "share": 0.05},
    ),
    "a 429 with Retry-After": (
        {"vendor": "hubspot", "kind": "status", "status": 429, "retry_after": 1, "times": 2, "share": 0.5},
        {"vendor": "wootric", "kind": "status", "status": 429, "times": 1, "after": 2},
    ),
    "a 429 without Retry-After": (
        {
            "vendor": "hubspot",
            "kind": "status",
            "status": 429,
            "times": 2,
            "share": 0.5,
            "detail": {"policy": "SECONDLY"},
        },
    ),
    "too many at once": ({"vendor": "salesforce", "kind": "concurrent_limit", "times": 1},),
    "slow replies": (
        {"vendor": "salesforce", "kind": "slow", "seconds": 0.4, "share": 0.3},
        {"vendor": "hubspot", "kind": "slow", "seconds": 0.4, "share": 0.3},
    ),
    "old tokens": (
        {"vendor": "salesforce", "kind": "expired_token", "share": 0.3, "times": 3},
        {"vendor": "hubspot", "kind": "expired_token", "share": 0.3, "times": 3},
        {"vendor": "wootric", "kind": "expired_token", "share": 0.1, "times": 3},
    ),
    "locked records": (
        {"vendor": "salesforce", "kind": "locked_row", "share": 0.2, "times": 5},
        {"vendor": "hubspot", "kind": "status", "status": 423, "times": 1},
    ),
    "shuffled rows": ({"vendor": "salesforce", "kind": "shuffle"},),
    "poison, named": (
        {"vendor": "salesforce", "kind": "validation", "steady": True, "share": 0.1},
        {"vendor": "hubspot", "kind": "invalid_record", "steady": True, "share": 0.1},
    ),
    "poison inside a 200": (
        {"vendor": "salesforce", "kind": "validation", "steady": True, "share": 0.1},
        {"vendor": "hubspot", "kind": "invalid_record", "steady": True, "share": 0.1},
        {"vendor": "hubspot", "kind": "quiet_partial"},
    ),
    "poison, unnamed": (
        {"vendor": "salesforce", "kind": "batch_refused", "steady": True, "share": 0.1},
        {"vendor": "hubspot", "kind": "invalid_record", "steady": True, "share": 0.1},
        {"vendor": "hubspot", "kind": "all_or_nothing"},
    ),
    "missing rows": (
        {"vendor": "salesforce", "kind": "missing_row", "share": 0.2},
        {"vendor": "hubspot", "kind": "missing_row", "share": 0.2},
    ),
    "a lost page": ({"vendor": "salesforce", "kind": "lost_locator", "times": 1},),
    "a spent day": (
        {"vendor": "salesforce", "kind": "quota_spent", "times": 1, "after": 2},
        {"vendor": "hubspot", "kind": "quota_spent", "times": 1, "after": 2},
    ),
    "bulk jobs that take long": ({"vendor": "salesforce", "kind": "bulk_slow", "detail": {"polls": 4}},),
    "bulk jobs that fail": (
        {"vendor": "salesforce", "kind": "bulk_failed", "times": 1, "detail": {"processed": 2}},
    ),
    "bulk jobs that are stopped": (
        {"vendor": "salesforce", "kind": "bulk_aborted", "times": 1, "detail": {"processed": 1}},
    ),
    "a field hidden": (),
    "a field read-only": (),
    "a field renamed": (),
}
_COMMENT = {"object": "Contact", "field": "NPS_Comment__c"}


@dataclass
class Trouble:
    """What is wrong now. Everything can be put right again by `lift`."""

    sandbox: Sandbox
    rng: random.Random
    injected: Counter[str] = field(default_factory=Counter)  # troubles by name, one for each run they were in
    _repairs: list[Callable[[], object]] = field(default_factory=list)

    def come(self) -> list[str]:
        """None to four kinds of trouble for the next run; their names."""
        names = self.rng.sample(list(TROUBLES), self.rng.choice((0, 1, 1, 2, 2, 3, 3, 4)))
        drifts = [name for name in names if name.startswith("a field")]
        names = [name for name in names if name not in drifts[1:]]  # one field cannot be hidden and renamed
        for name in names:
            self.injected[name] += 1
            rules = [{"times": None, **rule} for rule in TROUBLES[name]]
            if rules:
                self.sandbox.call("POST", "/faults", rules)
            self._drift(name)
        return names

    def go(self) -> None:
        """After a run: the rules go, fields are what they were. A spent day stays spent."""
        self.sandbox.call("DELETE", "/faults")
        while self._repairs:
            self._repairs.pop()()

    def lift(self) -> None:
        """The next morning: everything works again."""
        self.go()
        self.sandbox.do("salesforce", "use_calls", used=0)
        self.sandbox.do("hubspot", "use_calls", used=0)

    def _drift(self, name: str) -> None:
        do = self.sandbox.do
        match name:
            case "a field hidden":
                do("salesforce", "hide_field", **_COMMENT)
                self._repairs.append(lambda: do("salesforce", "show_field", **_COMMENT))
            case "a field read-only":
                do("salesforce", "alter_field", **_COMMENT, updateable=False)
                self._repairs.append(lambda: do("salesforce", "alter_field", **_COMMENT, updateable=True))
            case "a field renamed":
                renamed = {"object": "Contact", "field": "NPS_Note__c", "to": "NPS_Comment__c"}
                do("salesforce", "rename_field", **_COMMENT, to="NPS_Note__c")
                self._repairs.append(lambda: do("salesforce", "rename_field", **renamed))
