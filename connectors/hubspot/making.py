"""Creating, upserting and archiving by HubSpot's batches of 100: one outcome per thing, one bad one among good ones
alone, and nothing that is not idempotent sent again while its fate is not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import Making
from connectors.doubting import Doubts
from connectors.hubspot.account import Account
from connectors.hubspot.finding import Row, chunks, record_key
from connectors.hubspot.isolation import Isolation, Learnt, Recheck
from connectors.hubspot.replies import Refusal, payload, refusal
from connectors.hubspot.writing import UPDATE_BATCH, Answer, Input, answer, rejected
from connectors.replies import Reply
from connectors.wire import FateUnknown
from nps.changes import Cause, Made, Outcome, Rejected, Unknown, Written
from nps.errors import AccessError, Interrupted, UnavailableError
from nps.values import Json

_HUBSPOT = "HUBSPOT_DEFINED"
_SILENT = "HubSpot's answer did not mention it"

# How tasks and notes are attached, by the type of the record.
ATTACHED: Mapping[str, Mapping[str, int]] = {
    "tasks": {"contacts": 204, "companies": 192, "tickets": 230},
    "notes": {"contacts": 202, "companies": 190, "tickets": 228},
}


@dataclass(frozen=True)
class New:
    """Something to create: its properties, and the records it is attached to (type → id)."""

    properties: Mapping[str, str] = field(repr=False)
    about: Mapping[str, str] = field(default_factory=dict)


Own = Callable[[Row], frozenset[str]]
"""The keys of ours that a record answers to, by what it shows."""


class Maker:
    """Thread-safe."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._learnt: dict[str, Learnt] = {}
        self._doubts: dict[str, Doubts] = {}

    def create(self, type: str, things: Mapping[str, New], own: Own, shows: str) -> Iterator[Making]:
        """`shows` is the property that `own` looks at, for answers that leave it out."""

        def body(one: Input) -> dict[str, Json]:
            ends: list[Json] = [
                {
                    "to": {"id": id},
                    "types": [{"associationCategory": _HUBSPOT, "associationTypeId": ATTACHED[type][to]}],
                }
                for to, id in things[one.id].about.items()
            ]
            return {
                "objectWriteTraceId": one.trace,
                "properties": dict(one.properties),
                "associations": ends,
            }

        send = self._noted(self._account.wire.create, type, "create", body)
        doubts = self._doubts.setdefault(type, Doubts(self._account.tools.memory, type))
        for group in doubts.groups(things):
            properties = {key: things[key].properties for key in group}
            made = self._made(type, properties, send, _Reading(own), shows, repeatable=False)
            yield from doubts.heed(made)

    def upsert(
        self, type: str, by: str, things: Mapping[str, Mapping[str, str]], recheck: Recheck
    ) -> Iterator[Making]:
        """`things` are properties by our key, that of the unique property `by` among them."""
        keys = {properties[by]: key for key, properties in things.items()}

        def body(one: Input) -> dict[str, Json]:
            return {
                "id": one.properties[by],
                "idProperty": by,
                "objectWriteTraceId": one.trace,
                "properties": dict(one.properties),
            }

        def own(row: Row) -> frozenset[str]:
            shown = (row.get("properties") or {}).get(by)
            return frozenset((keys[shown],)) if shown in keys else frozenset()

        send = self._noted(self._account.wire.upsert, type, "upsert", body)
        return self._made(type, things, send, _Reading(own), by, recheck=recheck)

    def update(self, type: str, things: Mapping[str, Mapping[str, str]]) -> dict[str, Outcome]:
        """`things` are properties by HubSpot's id."""

        def body(one: Input) -> dict[str, Json]:
            return {"id": one.id, "objectWriteTraceId": one.trace, "properties": dict(one.properties)}

        send = self._noted(self._account.wire.update, type, "update", body)
        settled: dict[str, Outcome] = {}
        for group in chunks(_inputs(things), UPDATE_BATCH):
            isolation = Isolation(send, _nothing_more, self._lessons(type), read=answer)
            isolation.settled |= settled
            isolation.run(group)
            settled |= isolation.settled | {one.id: Unknown(one.id, _SILENT) for one in isolation.silent}
        return settled

    def archive(self, type: str, ids: Sequence[str]) -> Iterator[Outcome]:
        """Gone already is as good. HubSpot keeps what is archived for 90 days, for people to restore."""
        for chunk in chunks(list(dict.fromkeys(ids)), UPDATE_BATCH):
            waiting = [list(chunk)]
            while waiting:
                group = waiting.pop()
                told, halves = self._archived(type, group)
                yield from told
                waiting += halves

    # ------------------------------------------------------------ inside

    def _made(
        self,
        type: str,
        things: Mapping[str, Mapping[str, str]],
        send: Callable[[Sequence[Input]], Reply],
        reading: _Reading,
        shows: str,
        *,
        recheck: Recheck | None = None,
        repeatable: bool = True,
    ) -> Iterator[Making]:
        settled: dict[str, Outcome] = {}
        for group in chunks(_inputs(things), UPDATE_BATCH):
            isolation = Isolation(
                send,
                recheck or _nothing_more,
                self._lessons(type),
                read=reading,
                repeatable=repeatable,
            )
            isolation.settled |= settled
            isolation.run(group)
            self._look(type, reading, shows)
            settled |= isolation.settled | {one.id: Unknown(one.id, _SILENT) for one in isolation.silent}
            for one in group:
                if (id := reading.ids.get(one.id)) is not None:
                    yield Made(one.id, id)
                elif not isinstance(told := settled[one.id], Written):
                    yield told

    def _look(self, type: str, reading: _Reading, shows: str) -> None:
        """Whose the records are that an answer told without showing it."""
        strangers, reading.strangers = list(dict.fromkeys(reading.strangers)), []
        if not strangers:
            return
        try:
            rows, _ = self._account.read(self._account.known(type), record_key(type), strangers, [shows])
        except (UnavailableError, AccessError, Interrupted):
            return  # they stay unknown: what is known of the others must not be lost with this
        for row in rows:
            reading.ids |= {key: str(row["id"]) for key in reading.own(row)}

    def _noted(
        self,
        call: Callable[[str, Mapping[str, Json]], Reply],
        type: str,
        verb: str,
        body: Callable[[Input], dict[str, Json]],
    ) -> Callable[[Sequence[Input]], Reply]:
        def send(group: Sequence[Input]) -> Reply:
            reply = call(type, {"inputs": [body(one) for one in group]})
            if reply.status >= 300:
                self._account.noted(reply, f"{verb} {type}")
            return reply

        return send

    def _archived(self, type: str, group: list[str]) -> tuple[list[Outcome], list[list[str]]]:
        try:
            reply = self._account.wire.archive(type, {"inputs": [{"id": id} for id in group]})
            said = payload(reply)
        except FateUnknown as error:
            return [Unknown(id, str(error)) for id in group], []
        if reply.status >= 300 and len(group) > 1:
            middle = len(group) // 2
            return [], [group[:middle], group[middle:]]
        if reply.status >= 300:
            self._account.noted(reply, f"archive {type}")
            return [_left(group[0], refusal(said))], []
        reasons = [refusal(error) for error in said.get("errors") or ()]
        refused = {id: reason for reason in reasons for id in reason.ids}
        return [_left(id, refused[id]) if id in refused else Written(id) for id in group], []

    def _lessons(self, type: str) -> Learnt:
        return self._learnt.setdefault(type, Learnt())


class _Reading:
    """Pairs what was created with what was sent: by what each record shows, else by the trace it came with."""

    def __init__(self, own: Own) -> None:
        self.own = own
        self.ids: dict[str, str] = {}
        self.strangers: list[str] = []

    def __call__(self, group: Sequence[Input], said: Mapping[str, Any]) -> Answer:
        traces = {one.trace: one.id for one in group}
        sent = {one.id for one in group}
        for row in said.get("results") or ():
            keys = self.own(row) & sent or {traces.get(str(row.get("objectWriteTraceId")))} - {None}
            self.ids |= {str(key): str(row["id"]) for key in keys}
            if not keys:
                self.strangers.append(str(row["id"]))
        refusals = tuple(refusal(error) for error in said.get("errors") or () if isinstance(error, Mapping))
        by_trace = {trace: one for one in refusals for trace in one.traces}
        settled: dict[str, Outcome] = {}
        silent = []
        for one in group:
            if one.id in self.ids:
                settled[one.id] = Written(one.id)
            elif reason := by_trace.get(one.trace):
                settled[one.id] = rejected(one, reason)
            else:
                silent.append(one)
        return Answer(settled, tuple(silent), refusals)


def _inputs(things: Mapping[str, Mapping[str, str]]) -> list[Input]:
    return [Input(key, f"npsync-{n}", properties) for n, (key, properties) in enumerate(things.items())]


def _nothing_more(reason: Refusal, group: Sequence[Input]) -> Mapping[str, Rejected]:
    return {}


def _left(id: str, reason: Refusal) -> Outcome:
    gone = reason.not_found or reason.cause is Cause.GONE
    return Written(id) if gone else Rejected(id, reason.code, reason.message, cause=reason.cause)
