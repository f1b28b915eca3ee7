"""What goes wrong, on purpose: profiles for a whole run (profiles.py), and rules control adds for the next requests.

A rule names a vendor, a kind and which requests it meets. The front (server.py) plays the kinds in `Kind`;
every other kind belongs to a toy, which asks for it with `VendorFaults.take("locked_row", …)`.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sandbox.profiles import rules_of


class Kind(StrEnum):
    """Faults every vendor can have; the front plays them."""

    STATUS = "status"  # refuse with `status` in the vendor's own words; `retry_after` if given
    HTML = "html"  # an HTML page with `status` (502 unless told; 200 is what a proxy's sign-in page has)
    RESET = "reset"  # the connection dies before the toy saw the request
    LOST_REPLY = "lost_reply"  # the toy did everything, then the connection dies
    SLOW = "slow"  # the reply comes after `seconds`
    HANG = "hang"  # no reply until the client gives up


@dataclass
class Fault:
    """One rule. `times` None means for ever; the first `after` that match pass; `share` are met: drawn anew for
    each request, or `steady`, so that it is always the same records (poison)."""

    vendor: str
    kind: str
    method: str | None = None
    path: str | None = None  # a part of the path (or of the text a toy offers)
    times: int | None = 1
    after: int = 0
    share: float = 1.0
    steady: bool = False
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

    def __init__(self, profiles: str = "none", *, seed: int = 7) -> None:
        """`profiles` are names of profiles.py with commas between. ValueError: there is no such profile."""
        self._ids = itertools.count(1)
        self._seed = seed
        self._random = random.Random(f"{seed}-faults")
        self.rules: list[Fault] = []
        self.played: Counter[tuple[str, str]] = Counter()  # vendor and kind, also of rules that are gone
        for rule in rules_of(profiles):
            self.add(rule)

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
            if rule.times == 0 or (rule.share < 1 and self._draw(rule, path) >= rule.share):
                continue
            rule.played += 1
            self.played[vendor, rule.kind] += 1
            if rule.times is not None:
                rule.times -= 1
            return rule
        return None

    def _draw(self, rule: Fault, text: str) -> float:
        """0 to 1; of a steady rule the same for a text whenever it comes, whatever was drawn before."""
        if rule.steady:
            digest = hashlib.blake2b(f"{self._seed} {rule.kind} {text}".encode(), digest_size=4).digest()
            return int.from_bytes(digest) / 2**32
        return self._random.random()

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
