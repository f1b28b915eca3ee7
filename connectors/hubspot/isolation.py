"""Getting a whole batch settled although HubSpot refuses it for one bad value: pure but for the `send` it is given."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from connectors.hubspot.replies import Refusal, answer_of, payload, refusal
from connectors.hubspot.writing import Answer, Input, answer, rejected
from connectors.poison import ALIKE, Alike, Searching, Stumbling
from connectors.replies import Reply
from connectors.wire import FateUnknown
from nps.changes import Cause, Deferred, Outcome, Rejected, Unknown, Written, after_doubt
from nps.errors import AccessError, ConfigError, Interrupted, UnavailableError
from nps.halving import Halving
from nps.masking import without

Send = Callable[[Sequence[Input]], Reply]
Read = Callable[[Sequence[Input], Mapping[str, Any]], Answer]
Recheck = Callable[[Refusal, Sequence[Input]], Mapping[str, Rejected]]

_SHORTEST_QUOTE = 2  # a single digit stands in many a message by chance


class Learnt:
    """What refusals of this run taught, for the batches that follow. Thread-safe.

    A value that HubSpot quoted and refused alone is not sent among others again, until a record is written with it.
    """

    def __init__(self) -> None:
        self.searching = Searching()
        self.alike = Alike()
        self._lock = threading.Lock()
        self._refused: set[tuple[str, str]] = set()

    def suspects(self, batch: Sequence[Input]) -> list[Input]:
        if not self._refused:
            return []
        return [one for one in batch if not self._refused.isdisjoint(one.properties.items())]

    def refused(self, one: Input, reason: Refusal) -> None:
        quoted = _quoted(one, reason)
        if quoted:
            with self._lock:
                self._refused.update(quoted)

    def written(self, one: Input) -> None:
        if self._refused:
            with self._lock:
                self._refused.difference_update(one.properties.items())


class Isolation:
    """One batch on its way out.

    `send` makes one call; `recheck` compares a refused batch with today's property definitions: it raises
    ConfigError when a property itself is the problem and names the records they rule out. `read` pairs an answer with
    what was sent. Where a call is not `repeatable`, one whose fate is unknown is not sent again in parts.
    """

    def __init__(
        self,
        send: Send,
        recheck: Recheck,
        learnt: Learnt | None = None,
        *,
        read: Read = answer,
        repeatable: bool = True,
    ) -> None:
        self._read = read
        self._repeatable = repeatable
        self._send = send
        self._recheck = recheck
        self._learnt = learnt or Learnt()
        self._schema_refusals: Counter[tuple[str, frozenset[str]]] = Counter()
        self.settled: dict[str, Outcome] = {}
        self.silent: list[Input] = []
        self._in_doubt: dict[str, str] = {}  # a call that HubSpot stumbled over may have written them

    def run(self, batch: Sequence[Input]) -> None:
        """Fill `settled` and `silent`. Raises only while nothing is settled; later the rest is deferred."""
        self._run(batch)
        for id, doubt in self._in_doubt.items():
            if id in self.settled:
                self.settled[id] = after_doubt(self.settled[id], doubt)

    def _run(self, batch: Sequence[Input]) -> None:
        halving = Halving(list(batch))
        suspects = self._learnt.suspects(batch)
        if suspects and len(suspects) < len(batch):
            halving.apart(suspects)
        stumbling = Stumbling()
        first = True
        while group := halving.next():
            if not first and not self._learnt.searching.may_call():
                self._defer(
                    [*group, *halving.left],
                    "refused together with others; telling them apart has cost this run its calls, "
                    "and the next one goes on",
                )
                return
            first = False
            try:
                self._sent(halving, group)
                stumbling.got_through()
            except FateUnknown as error:
                if error.stumbled and self._repeatable and stumbling.goes_on(len(group)):
                    self._stumbled(halving, group, error)
                    continue
                self.settled |= {one.id: Unknown(one.id, str(error)) for one in group}
                self._defer(halving.left, str(error))
                return
            except (UnavailableError, AccessError, ConfigError, Interrupted) as error:
                known = self._in_doubt or (self.settled and not isinstance(error, ConfigError))
                if not known:
                    raise
                self._defer([*group, *halving.left], str(error))
                return
        if not self._in_doubt:
            self._refuse_if_all_alike(batch)

    def _stumbled(self, halving: Halving[Input], group: list[Input], error: FateUnknown) -> None:
        self._in_doubt |= {one.id: str(error) for one in group}
        if len(group) == 1:
            id = group[0].id
            self.settled[id] = Rejected(id, "SERVER_ERROR", str(error), cause=Cause.TRANSIENT)
        halving.refused(group)
        halving.others_first()

    def _sent(self, halving: Halving[Input], group: list[Input]) -> None:
        reply = self._send(group)
        if 200 <= reply.status < 300:
            self._take(group, self._read(group, answer_of(reply)))
            halving.taken()
            return
        reason = refusal(payload(reply))
        self._watch_schema(reason, group)
        ruled_out = self._ruled_out(reason, group)
        if ruled_out:
            self.settled |= ruled_out
            self._go_on(halving, group, {one.id for one in group if one.id in ruled_out})
        elif len(group) == 1:
            self.settled[group[0].id] = rejected(group[0], reason)
            self._learnt.refused(group[0], reason)
            halving.refused(group)
        else:
            self._refused(halving, group, reason)

    def _ruled_out(self, reason: Refusal, group: Sequence[Input]) -> Mapping[str, Rejected]:
        try:
            return self._recheck(reason, group)
        except ConfigError:
            if not self.settled:
                raise
            return {}  # what is settled must not be lost; the next batch tells

    def _refused(self, halving: Halving[Input], group: list[Input], reason: Refusal) -> None:
        named = [one for one in group if one.id in reason.ids or one.trace in reason.traces]
        if named and reason.duplicates:
            halving.again(group)
            halving.apart(named)
        elif named:
            self.settled |= {one.id: rejected(one, reason) for one in named}
            self._go_on(halving, group, {one.id for one in named})
        else:
            halving.refused(group)
            halving.suspect(_mentioned(group, reason))

    def _go_on(self, halving: Halving[Input], group: Sequence[Input], settled: set[str]) -> None:
        halving.again([one for one in group if one.id not in settled])

    def _take(self, group: Sequence[Input], said: Answer) -> None:
        refused = [one for one in said.settled.values() if isinstance(one, Rejected)]
        if len(refused) == len(group) and not self.settled and all(one.schema for one in said.refusals):
            raise schema_error(said.refusals[0], group)
        self.settled |= said.settled
        self.silent += said.silent
        written = len(said.settled) - len(refused)
        if written:
            self._learnt.alike.written()
            self._learnt.searching.written(written)
            for one in group:
                self._learnt.written(one)

    def _watch_schema(self, reason: Refusal, group: Sequence[Input]) -> None:
        """The batch and both its parts refused for the same property: splitting on would only repeat it."""
        if not reason.schema:
            return
        signature = (reason.code, reason.properties)
        self._schema_refusals[signature] += 1
        if self._schema_refusals[signature] > 2 and not self._anything_written():
            raise schema_error(reason, group)

    def _anything_written(self) -> bool:
        return any(isinstance(outcome, Written) for outcome in self.settled.values())

    def _refuse_if_all_alike(self, batch: Sequence[Input]) -> None:
        """Batch after batch refused to the last record, all for one reason: it is not the records."""
        outcomes = [self.settled.get(one.id) for one in batch]
        refused = [one for one in outcomes if isinstance(one, Rejected)]
        codes = {one.code for one in refused}
        if len(refused) < len(batch) or len(refused) < ALIKE or len(codes) > 1:
            return
        if self._learnt.alike.stops(refused[0].code):
            sent = next(one.properties for one in batch if one.id == refused[0].record_id)
            said = without(refused[0].message, sent.values())
            raise ConfigError(
                f"HubSpot refuses every record for one reason ({refused[0].code}: {said}); "
                "look at one of them in HubSpot, and at the YAML's `fields:`"
            )

    def _defer(self, records: Iterable[Input], reason: str) -> None:
        self.settled |= {one.id: Deferred(one.id, reason, tried=False) for one in records}


def _mentioned(group: Sequence[Input], reason: Refusal) -> list[Input]:
    """The records that hold a value the message quotes, or else those that hold the blamed property.
    A guess: it decides who is sent apart, never who is rejected."""
    holders = [one for one in group if not reason.properties.isdisjoint(one.properties)]
    return [one for one in holders if _quoted(one, reason)] or holders


def _quoted(one: Input, reason: Refusal) -> set[tuple[str, str]]:
    """The values of the blamed properties that the message repeats."""
    found = ((name, one.properties.get(name) or "") for name in reason.properties)
    return {(name, text) for name, text in found if len(text) >= _SHORTEST_QUOTE and text in reason.message}


def schema_error(reason: Refusal, group: Sequence[Input]) -> ConfigError:
    said = without(reason.message, (value for one in group for value in one.properties.values()))
    names = ", ".join(sorted(reason.properties)) or "a property"
    return ConfigError(
        f"HubSpot does not let {names} be written ({reason.code}: {said}); "
        "check the property in HubSpot and the YAML's `fields:`"
    )
