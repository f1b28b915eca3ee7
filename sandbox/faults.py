"""What goes wrong, on purpose: profiles for a whole run, and rules control adds for the next requests.

A rule names a vendor, a kind and which requests it meets. The front (server.py) plays the kinds in `Kind`;
every other kind belongs to a toy, which asks for it with `VendorFaults.take("locked_row", …)`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Faults every vendor can have; the front plays them."""

    STATUS = "status"  # refuse with `status` in the vendor's own words; `retry_after` if given
    HTML = "html"  # refuse with `status` (502) and an HTML page
    RESET = "reset"  # the connection dies before the toy saw the request
    LOST_REPLY = "lost_reply"  # the toy did everything, then the connection dies
    SLOW = "slow"  # the reply comes after `seconds`
    HANG = "hang"  # no reply until the client gives up


@dataclass
class Fault:
    """One rule. `times` None means for ever; the first `after` that match pass; `share` are met."""

    vendor: str
    kind: str
    method: str | None = None
    path: str | None = None  # a part of the path (or of the text a toy offers)
    times: int | None = 1
    after: int = 0
    share: float = 1.0
    status: int = 500
    retry_after: float | None = None
    seconds: float = 1.0
    detail: dict[str, Any] = field(default_factory=dict)  # whatever a toy's own kind needs
    id: int = 0
    played: int = 0

    def meets(self, method: str, path: str) -> bool:
        return (self.method is None or self.method == method) and (self.path is None or self.path in path)


class Faults:
    """All rules of one sandbox."""

    def __init__(self, profile: str = "none", *, seed: int = 7) -> None:
        if profile not in PROFILES:
            raise ValueError(f'no fault profile "{profile}"; there are: {", ".join(PROFILES)}')
        self._ids = itertools.count(1)
        self._random = random.Random(f"{seed}-faults")
        self.rules: list[Fault] = []
        for rule in PROFILES[profile]:
            for vendor in ("salesforce", "hubspot", "wootric"):
                if rule.get("vendor", vendor) == vendor:
                    self.add({**rule, "vendor": vendor, "times": None})

    def add(self, rule: Mapping[str, Any]) -> Fault:
        """Raises TypeError for a key that no rule has."""
        fault = Fault(**{**rule, "id": next(self._ids)})
        self.rules.append(fault)
        return fault

    def clear(self, vendor: str | None = None) -> None:
        self.rules = [rule for rule in self.rules if vendor is not None and rule.vendor != vendor]

    def take(self, vendor: str, kinds: Iterable[str], method: str = "", path: str = "") -> Fault | None:
        """The first rule that meets this request, used up by one; None almost always."""
        if not self.rules:
            return None
        for rule in self.rules:
            if rule.vendor != vendor or rule.kind not in kinds or not rule.meets(method, path):
                continue
            if rule.after > 0:
                rule.after -= 1
                continue
            if rule.times == 0 or (rule.share < 1 and self._random.random() >= rule.share):
                continue
            rule.played += 1
            if rule.times is not None:
                rule.times -= 1
            return rule
        return None

    def of(self, vendor: str) -> VendorFaults:
        return VendorFaults(self, vendor)

    def shuffle(self, rows: list[Any]) -> None:
        """In place, and the same for the same seed and history."""
        self._random.shuffle(rows)


@dataclass(frozen=True)
class VendorFaults:
    """The rules one toy may ask about."""

    faults: Faults
    vendor: str

    def __bool__(self) -> bool:
        """Whether there is any rule at all."""
        return bool(self.faults.rules)

    def take(self, kind: str, method: str = "", text: str = "") -> Fault | None:
        """A toy's own kind: `if faults.take("locked_row", text=record_id): …`."""
        return self.faults.take(self.vendor, (kind,), method, text)

    def shuffle(self, rows: list[Any]) -> None:
        self.faults.shuffle(rows)


PROFILES: dict[str, tuple[dict[str, Any], ...]] = {
    "none": (),
    "flaky": (
        {"kind": "status", "status": 500, "share": 0.01},
        {"kind": "status", "status": 503, "share": 0.01},
        {"kind": "html", "status": 502, "share": 0.01},
        {"kind": "reset", "share": 0.01},
        {"kind": "lost_reply", "share": 0.01},
        {"kind": "status", "status": 429, "retry_after": 1, "share": 0.01, "vendor": "hubspot"},
        {"kind": "expired_token", "share": 0.002},
        {"kind": "locked_row", "share": 0.002, "vendor": "salesforce"},
        {"kind": "shuffle", "share": 0.5},
    ),
    "storm": (
        {"kind": "status", "status": 503, "share": 0.1},
        {"kind": "html", "status": 502, "share": 0.05},
        {"kind": "reset", "share": 0.05},
        {"kind": "lost_reply", "share": 0.05},
        {"kind": "expired_token", "share": 0.01},
    ),
    "lost-replies": ({"kind": "lost_reply", "share": 0.1},),
    "slow": ({"kind": "slow", "seconds": 2.0, "share": 0.05},),
    "shuffled": ({"kind": "shuffle"},),
}
