"""Today's property definitions: what they rule out of a refused batch, and of those that follow it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from connectors.contract import Clock
from connectors.hubspot.encoding import canonical
from connectors.hubspot.properties import Properties
from connectors.hubspot.replies import Refusal
from connectors.hubspot.writing import Input
from nps.changes import Cause, Rejected
from nps.errors import ConfigError, RejectedError

_FRESH = 300.0  # seconds: refusal after refusal does not read the definitions each time


class Ruling:
    """The definitions of one connection as its refusals made it read them again. Thread-safe.

    They may have changed since the run began: an option gone, a property deleted overnight. A property that ruled a
    value out once is checked from then on before anything is sent, which costs no call.
    """

    def __init__(self, connection: str, read: Callable[[str], Properties], clock: Clock) -> None:
        self._connection = connection
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Properties, float]] = {}
        self._strict: dict[str, dict[str, str]] = {}  # object → property → the code HubSpot refused it with

    def beforehand(self, object: str, group: Sequence[Input]) -> dict[str, Rejected]:
        """Records that would be refused for a property that ruled others out."""
        strict = self._strict.get(object)
        if not strict:
            return {}
        known, _ = self._known[object]
        return self._ruled_out(known, group, list(strict), lambda name: strict[name])

    def after(self, object: str, reason: Refusal, group: Sequence[Input]) -> dict[str, Rejected]:
        """Records of a refused group that the definitions do not allow. ConfigError when it is a property itself."""
        known = self._today(object)
        names = sorted({name for one in group for name in one.properties})
        for name in names:
            self._insist_on(known, name, reason)
        ruled_out = self._ruled_out(known, group, names, lambda name: reason.code)
        with self._lock:
            for one in ruled_out.values():
                self._strict.setdefault(object, {})[str(one.field)] = one.code
        return ruled_out

    def _today(self, object: str) -> Properties:
        with self._lock:  # threads whose batches are refused at once wait for one reading
            known, read_at = self._known.get(object, (None, 0.0))
            if known is None or self._clock.monotonic() - read_at > _FRESH:
                known = self._read(object)
                self._known[object] = known, self._clock.monotonic()
            return known

    def _insist_on(self, known: Properties, name: str, reason: Refusal) -> None:
        field = known.schema.fields.get(name)
        if field is None or not field.writable:
            what = "is not there any more" if field is None else "cannot be written"
            raise ConfigError(
                f'{self._connection}: {known.schema.name}\'s property "{name}" {what} '
                f"({reason.code}); check the YAML's `fields:`"
            )

    @staticmethod
    def _ruled_out(
        known: Properties, group: Sequence[Input], names: Iterable[str], code: Callable[[str], str]
    ) -> dict[str, Rejected]:
        allows = {name: canonical(known.schema.fields[name]) for name in names if name in known.schema.fields}
        found = {}
        for one in group:
            for name in allows.keys() & one.properties.keys():
                try:
                    allows[name](one.properties[name])
                except RejectedError as problem:
                    found[one.id] = Rejected(one.id, code(name), str(problem), name, Cause.MAPPING)
        return found
