"""Writing a batch so that one bad record never sinks the others: pure but for the `send` it is given."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.calls import FateUnknown, Reply
from connectors.hubspot.replies import Refusal, answer_of, payload, refusal
from nps.changes import Cause, Change, Deferred, Outcome, Record, Rejected, Unknown, Written
from nps.errors import AccessError, ConfigError, UnavailableError
from nps.values import Json

UPDATE_BATCH = 100

# Calls a refused batch may cost beyond its first. The rest waits for the next run, which
# has less to tell apart: the good ones are written, the bad ones known.
EXTRA_CALLS = 60


class Input(msgspec.Struct, frozen=True):
    """One record of a batch update."""

    id: str
    trace: str
    properties: Mapping[str, str]


Send = Callable[[Sequence[Input]], Reply]
Recheck = Callable[[Refusal, Sequence[Input]], Mapping[str, Rejected]]


def inputs(changes: Sequence[Change]) -> list[Input]:
    """One input per record (HubSpot refuses a batch that names one twice), each with its own trace id, so
    HubSpot answers per record."""
    wanted: dict[str, dict[str, str]] = {}
    for change in changes:
        wanted.setdefault(change.record_id, {}).update(
            {name: property_text(value) for name, value in change.after.items()}
        )
    return [Input(id, f"npsync-{number}", texts) for number, (id, texts) in enumerate(wanted.items())]


def body(group: Sequence[Input]) -> dict[str, Json]:
    return {
        "inputs": [
            {"id": one.id, "objectWriteTraceId": one.trace, "properties": dict(one.properties)}
            for one in group
        ]
    }


def property_text(value: Json) -> str:
    """A canonical value as HubSpot takes it: always text, and the empty text clears."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            raise TypeError(f"a property holds text, not {type(value).__name__}: encode it with `canonical`")


# ---------------------------------------------------------------- what an answer says


class Answer(msgspec.Struct, frozen=True):
    """A 200 or 207, read per record."""

    settled: Mapping[str, Outcome]
    silent: tuple[Input, ...]  # neither written nor refused: merged or deleted?
    refusals: tuple[Refusal, ...]


def answer(group: Sequence[Input], said: Mapping[str, Any]) -> Answer:
    """Pair every input with what HubSpot said about it; what it said nothing about stays open."""
    refusals = tuple(refusal(error) for error in said.get("errors") or () if isinstance(error, Mapping))
    by_trace = {trace: one for one in refusals for trace in one.traces}
    by_id = {id: one for one in refusals for id in one.ids}
    written = {str(row.get("id")) for row in said.get("results") or ()}
    settled: dict[str, Outcome] = {}
    silent = []
    for one in group:
        if reason := by_trace.get(one.trace) or by_id.get(one.id):
            settled[one.id] = rejected(one, reason)
        elif one.id in written:
            settled[one.id] = Written(one.id)
        else:
            silent.append(one)
    return Answer(settled, tuple(silent), refusals)


def rejected(one: Input, reason: Refusal) -> Rejected:
    return Rejected(one.id, reason.code, reason.message, reason.field, reason.cause)


def reread(silent: Sequence[Input], records: Sequence[Record]) -> dict[str, Outcome]:
    """What became of records the answer left out, judged by what they show now.

    A record merged away is not written under its survivor's id: nobody compared the survivor's values yet.
    The next run finds the survivor and plans anew.
    """
    now = {id: record for record in records for id in (record.id, *record.merged)}
    return {one.id: _reread(one, now.get(one.id)) for one in silent}


def _reread(one: Input, record: Record | None) -> Outcome:
    if record is None:
        deleted = "the record was deleted or archived after it was read"
        return Rejected(one.id, "OBJECT_NOT_FOUND", deleted, cause=Cause.GONE)
    if all(property_text(record.fields.get(name)) == text for name, text in one.properties.items()):
        return Written(one.id)
    if record.id != one.id:
        return Deferred(one.id, f"the record was merged into {record.id}; the next run plans it there")
    silence = "HubSpot's answer did not mention this record, and it is unchanged"
    return Rejected(one.id, "NOT_MENTIONED", silence, cause=Cause.TRANSIENT)


# ---------------------------------------------------------------- isolation


class Isolation:
    """Gets every record of a batch settled although HubSpot refuses a whole batch for one bad value.

    `send` makes one call; `recheck` compares a refused batch with today's property definitions: it raises
    ConfigError when a property itself is the problem and names the records they rule out.
    """

    def __init__(self, send: Send, recheck: Recheck, *, extra_calls: int = EXTRA_CALLS) -> None:
        self._send = send
        self._recheck = recheck
        self._calls_left = extra_calls + 1
        self._rechecked = False
        self._schema_refusals: Counter[tuple[str, frozenset[str]]] = Counter()
        self.settled: dict[str, Outcome] = {}
        self.silent: list[Input] = []

    def run(self, batch: Sequence[Input]) -> None:
        """Fill `settled` and `silent`. Raises only while nothing is settled; later the rest is deferred."""
        waiting = deque([list(batch)])
        while waiting:
            group = waiting.popleft()
            if not group:
                continue
            if self._calls_left == 0:
                self._defer(
                    [group, *waiting], "HubSpot refused the batch; not all records could be told apart yet"
                )
                return
            self._calls_left -= 1
            try:
                waiting += self._sent(group)
            except FateUnknown as error:
                self.settled |= {one.id: Unknown(one.id, str(error)) for one in group}
                self._defer(waiting, str(error))
                return
            except (UnavailableError, AccessError) as error:
                if not self.settled:
                    raise
                self._defer([group, *waiting], str(error))
                return

    def _sent(self, group: list[Input]) -> list[list[Input]]:
        """The groups still to send."""
        reply = self._send(group)
        if 200 <= reply.status < 300:
            self._take(group, answer(group, answer_of(reply)))
            return []
        reason = refusal(payload(reply))
        self._watch_schema(reason)
        if len(group) == 1 and (self._rechecked or self.settled):
            self.settled[group[0].id] = rejected(group[0], reason)
            return []
        if not self._rechecked:
            self._rechecked = True
            ruled_out = self._recheck(reason, group)
            if ruled_out:
                self.settled |= ruled_out
                return [[one for one in group if one.id not in ruled_out]]
        return self._split(group, reason)

    def _take(self, group: Sequence[Input], said: Answer) -> None:
        refused = [one for one in said.settled.values() if isinstance(one, Rejected)]
        if len(refused) == len(group) and not self.settled and all(one.schema for one in said.refusals):
            raise _schema_error(said.refusals[0])
        self.settled |= said.settled
        self.silent += said.silent

    def _watch_schema(self, reason: Refusal) -> None:
        """The batch and both its parts refused for the same property: splitting on would only repeat it."""
        if not reason.schema:
            return
        signature = (reason.code, reason.properties)
        self._schema_refusals[signature] += 1
        if self._schema_refusals[signature] > 2 and not self._anything_written():
            raise _schema_error(reason)

    def _anything_written(self) -> bool:
        return any(isinstance(outcome, Written) for outcome in self.settled.values())

    def _split(self, group: list[Input], reason: Refusal) -> list[list[Input]]:
        if len(group) == 1:
            self.settled[group[0].id] = rejected(group[0], reason)
            return []
        named = [one for one in group if one.id in reason.ids or one.trace in reason.traces]
        if 0 < len(named) < len(group):
            rest = [one for one in group if one not in named]
            if reason.duplicates:
                return [*([one] for one in named), rest]
            self.settled |= {one.id: rejected(one, reason) for one in named}
            return [rest]
        return _parted(group, _mentioned(group, reason)) or _halves(group)

    def _defer(self, groups: Iterable[Sequence[Input]], reason: str) -> None:
        self.settled |= {one.id: Deferred(one.id, reason) for group in groups for one in group}


def _mentioned(group: Sequence[Input], reason: Refusal) -> list[Input]:
    """The records that hold a value the message quotes, or else those that hold the blamed property.
    A guess: it decides who is sent apart, never who is rejected."""
    holders = [one for one in group if not reason.properties.isdisjoint(one.properties)]
    quoted = [
        one for one in holders if any(_quotes(reason, one.properties.get(name)) for name in reason.properties)
    ]
    return quoted or holders


def _quotes(reason: Refusal, text: str | None) -> bool:
    return text is not None and len(text) > 1 and text in reason.message


def _parted(group: Sequence[Input], suspects: Sequence[Input]) -> list[list[Input]] | None:
    if not 0 < len(suspects) < len(group):
        return None
    ids = {one.id for one in suspects}
    return [list(suspects), [one for one in group if one.id not in ids]]


def _halves(group: Sequence[Input]) -> list[list[Input]]:
    middle = len(group) // 2
    return [list(group[:middle]), list(group[middle:])]


def _schema_error(reason: Refusal) -> ConfigError:
    names = ", ".join(sorted(reason.properties)) or "a property"
    return ConfigError(
        f"HubSpot does not let {names} be written ({reason.code}: {reason.message}); "
        "check the property in HubSpot and the YAML's `fields:`"
    )
