"""What the vendors saw: every call, and every field a call wrote."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_RECENT = 1000
_LATEST = 50
_WINDOW = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    vendor: str
    kind: str  # the toy's word for it ("query", "batch_update"), else "other"
    method: str
    path: str
    status: int  # 0: the connection was cut
    at: float  # UNIX seconds, when it arrived


@dataclass(frozen=True, slots=True)
class Write:
    """One record as one call wrote it: every field of the call, changed or not."""

    at: float
    fields: Mapping[str, tuple[Any, Any]]  # name → (old, new), as the vendor shows them


class Traffic:
    """Counters since the last reset, the latest calls, and the writes per record."""

    def __init__(self, *, history: bool = True) -> None:
        self._history = history
        self.reset()

    def reset(self) -> None:
        self.recent: deque[Call] = deque(maxlen=_RECENT)
        self.calls: Counter[tuple[str, str]] = Counter()
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.busiest: Counter[str] = Counter()  # most calls in any rolling 10 s
        self._window: dict[str, deque[float]] = {}
        self.records_written: Counter[tuple[str, str]] = Counter()
        self.fields_written: Counter[tuple[str, str, str]] = Counter()
        self.fields_changed: Counter[tuple[str, str, str]] = Counter()
        self.latest: deque[tuple[str, str, str, float]] = deque(maxlen=_LATEST)  # vendor, object, id, when
        self._writes: dict[tuple[str, str], dict[str, list[Write]]] = {}
        self._limits_met: Counter[tuple[str, str]] = Counter()

    def called(self, call: Call) -> None:
        self.recent.append(call)
        self.calls[call.vendor, call.kind] += 1
        self.statuses[call.vendor, call.status] += 1
        window = self._window.setdefault(call.vendor, deque())
        window.append(call.at)
        while window[0] <= call.at - _WINDOW:
            window.popleft()
        self.busiest[call.vendor] = max(self.busiest[call.vendor], len(window))

    def limit_met(self, vendor: str, limit: str) -> None:
        """A toy refused a call because a limit of its own was reached, not because a fault told it to."""
        self._limits_met[vendor, limit] += 1

    def wrote(
        self, vendor: str, object: str, id: str, fields: Mapping[str, tuple[Any, Any]], *, at: float
    ) -> None:
        """A toy tells every record a call of the API wrote (not what control changed)."""
        self.records_written[vendor, object] += 1
        for name, (old, new) in fields.items():
            self.fields_written[vendor, object, name] += 1
            if old != new:
                self.fields_changed[vendor, object, name] += 1
        if self._history:
            self.latest.append((vendor, object, id, at))
            self._writes.setdefault((vendor, object), {}).setdefault(id, []).append(Write(at, fields))

    def history(self, vendor: str, object: str, id: str) -> list[Write]:
        """What was written to one record, oldest first."""
        return self._writes.get((vendor, object), {}).get(id, [])

    def writes(self, vendor: str, object: str) -> Iterator[tuple[str, Write]]:
        for id, writes in self._writes.get((vendor, object), {}).items():
            for write in writes:
                yield id, write

    def summary(self) -> dict[str, Any]:
        """Per vendor: calls by kind, statuses, busiest 10 s; records and fields written."""
        vendors = sorted(
            {vendor for vendor, _ in self.calls} | {vendor for vendor, _ in self.records_written}
        )
        return {vendor: self._of(vendor) for vendor in vendors}

    def _of(self, vendor: str) -> dict[str, Any]:
        by_kind = {kind: count for (of, kind), count in sorted(self.calls.items()) if of == vendor}
        statuses = {
            str(status): count for (of, status), count in sorted(self.statuses.items()) if of == vendor
        }
        objects = [object for of, object in sorted(self.records_written) if of == vendor]
        return {
            "calls": sum(by_kind.values()),
            "by_kind": by_kind,
            "statuses": statuses,
            "too_many": statuses.get("429", 0),
            "limits_met": {
                name: count for (of, name), count in sorted(self._limits_met.items()) if of == vendor
            },
            "busiest_10s": self.busiest[vendor],
            "records_written": {object: self.records_written[vendor, object] for object in objects},
            "fields_written": {
                object: self._fields(self.fields_written, vendor, object) for object in objects
            },
            "fields_changed": {
                object: self._fields(self.fields_changed, vendor, object) for object in objects
            },
        }

    @staticmethod
    def _fields(counter: Counter[tuple[str, str, str]], vendor: str, object: str) -> dict[str, int]:
        return {name: count for (v, o, name), count in sorted(counter.items()) if (v, o) == (vendor, object)}
