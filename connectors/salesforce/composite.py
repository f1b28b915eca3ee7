"""Writing through sObject Collections: up to 200 records a call, and an answer for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import Clock
from connectors.poison import ALIKE, Alike, Searching, Stumbling
from connectors.salesforce import parsing
from connectors.salesforce.codes import Meaning, meaning
from connectors.salesforce.errors import Refused, RowError, row_error
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import Api
from connectors.wire import FateUnknown
from nps.changes import Batch, Cause, Change, Deferred, Outcome, Unknown, Written, after_doubt
from nps.errors import NpsyncError
from nps.halving import Halving
from nps.values import Json

MOST_RECORDS = 200
_LOCK_WAITS = (2.0, 4.0, 8.0, 16.0, 32.0)  # seconds before locked records are tried again
_LOCK_CHUNK = 50
_STUMBLED = "UNKNOWN_EXCEPTION"  # Salesforce's own word for an error of its own

_Failed = list[tuple[Change, RowError]]


@dataclass(frozen=True)
class Learnt:
    """What refusals of this connection came to so far, for the calls that follow."""

    searching: Searching = field(default_factory=Searching)
    alike: Alike = field(default_factory=Alike)


class Door:
    """What is asked of a collection: by itself, updates by record id."""

    method = "PATCH"
    verb = "write"
    repeatable = True  # done twice, it is as if it were done once

    def __init__(self, object: str) -> None:
        self.object = object
        self._kind: dict[str, Json] = {"type": object}

    def path(self, chunk: Sequence[Change]) -> str:
        return "composite/sobjects"

    def body(self, chunk: Sequence[Change]) -> Mapping[str, Json] | None:
        return {"allOrNone": False, "records": [dict(self.record(change)) for change in chunk]}

    def record(self, change: Change) -> Mapping[str, Json]:
        return {"attributes": self._kind, "id": change.record_id, **change.after}

    def is_done(self, error: RowError) -> bool:
        """Whether a refusal says that there is nothing left to do."""
        return False

    def takes(self, change: Change, result: Mapping[str, Any]) -> bool:
        """Whether this may be the change's result: a success names the record, a refusal at most."""
        known = (change.record_id, long_id(change.record_id))
        return (
            result.get("id") in known if result.get("success") is True else result.get("id") in (None, *known)
        )


def write(api: Api, clock: Clock, batch: Batch, chunk_size: int, learnt: Learnt) -> Iterator[Outcome]:
    """One outcome per change. What was settled before an error that stops the run is told before it is
    raised."""
    return send(api, clock, batch.changes, chunk_size, learnt, Door(batch.object))


def send(
    api: Api, clock: Clock, changes: Sequence[Change], chunk_size: int, learnt: Learnt, door: Door
) -> Iterator[Outcome]:
    """The same through any door."""
    writing = _Writing(api, clock, learnt, door)
    for chunk in _chunks(changes, chunk_size):
        yield from writing.settle(chunk)


def stops(alike: Alike, error: RowError) -> bool:
    """Whether a call, or a job, whose records were all refused with this error ends the run. A permission nobody was
    written with before is the credential's; of other reasons one call alone may be some company's people."""
    if error.cause is Cause.PERMISSION:
        return not alike.any_written
    return alike.stops(error.code)


def _chunks(changes: Sequence[Change], size: int) -> Iterator[list[Change]]:
    """At most `size` changes each, no record twice in one: Salesforce would refuse such a pair."""
    waiting = list(changes)
    while waiting:
        chunk: dict[str, Change] = {}
        later: list[Change] = []
        for change in waiting:
            if len(chunk) < size and change.record_id not in chunk:
                chunk[change.record_id] = change
            else:
                later.append(change)
        yield list(chunk.values())
        waiting = later


class _Writing:
    """One batch on its way out."""

    def __init__(self, api: Api, clock: Clock, learnt: Learnt, door: Door) -> None:
        self._api = api
        self._clock = clock
        self._object = door.object
        self._door = door
        self._learnt = learnt
        self._stumbling = Stumbling()
        self._in_doubt: dict[
            str, str
        ] = {}  # not told yet: a call that Salesforce stumbled over may have written them

    def settle(self, chunk: Sequence[Change]) -> Iterator[Outcome]:
        """Send a chunk, and again what is worth another try."""
        try:
            for outcome in self._settled(chunk):
                doubt = self._in_doubt.pop(outcome.record_id, None)
                yield outcome if doubt is None else after_doubt(outcome, doubt)
        except NpsyncError:
            yield from (Unknown(id, doubt) for id, doubt in self._in_doubt.items())
            raise

    def _settled(self, chunk: Sequence[Change]) -> Iterator[Outcome]:
        self._stumbling = Stumbling()
        failed: _Failed = []
        yield from self._sent(chunk, failed)
        if failed and (problem := self._not_the_records(failed, len(chunk))):
            raise problem
        locked: _Failed = []
        stumbled: _Failed = []
        problem = None
        for change, error in failed:
            match error.meaning:
                case Meaning.LOCKED:
                    locked.append((change, error))
                case Meaning.ORG_CODE:
                    stumbled.append((change, error))
                case Meaning.SETTINGS | Meaning.ACCESS:
                    problem = error.as_error(self._object, len(failed), change.after)
                case _:
                    yield error.outcome(change.record_id)
        if problem is not None:
            yield from (error.outcome(change.record_id) for change, error in (*locked, *stumbled))
            raise problem
        if len(chunk) == 1:
            yield from (error.outcome(change.record_id) for change, error in stumbled)
        else:
            yield from self._searched(stumbled, locked)
        yield from self._unlocked(locked)

    def _sent(self, chunk: Sequence[Change], failed: _Failed) -> Iterator[Outcome]:
        """One call. Outcomes of what is settled; what was refused is added to `failed`."""
        try:
            results = self._call(chunk)
        except FateUnknown as error:
            if error.stumbled and self._door.repeatable and self._stumbling.goes_on(len(chunk)):
                stumbled = RowError(_STUMBLED, str(error), whole_call=True)
                failed.extend((change, stumbled) for change in chunk)
                self._in_doubt |= {change.record_id: str(error) for change in chunk}
                return
            reason = str(error)
        except Refused as refused:
            if refused.status != 400 or meaning(refused.code, refused.message) is Meaning.SETTINGS:
                raise refused.as_error(self._object) from None
            # Salesforce could not read one record's value and took none of them.
            whole = RowError(refused.code, refused.message, refused.fields, whole_call=True)
            failed.extend((change, whole) for change in chunk)
            return
        else:
            told = list(_paired(self._door, chunk, results, failed))
            self._stumbling.got_through()
            if written := sum(type(one) is Written for one in told):
                self._learnt.alike.written()
                self._learnt.searching.written(written)
            yield from told
            return
        yield from (Unknown(change.record_id, reason) for change in chunk)

    def _call(self, chunk: Sequence[Change]) -> Any:
        return self._api.call(
            self._door.method,
            self._door.path(chunk),
            body=self._door.body(chunk),
            what=f"{self._door.verb} {len(chunk)} {self._object} records",
            idempotent=self._door.repeatable,
        )

    def _not_the_records(self, failed: _Failed, sent: int) -> NpsyncError | None:
        """The error that stops the run when every record was refused for the same reason."""
        change, first = failed[0]
        if first.whole_call or first.meaning is not Meaning.RECORD:
            return None
        if sent < ALIKE or len(failed) < sent or any(error.code != first.code for _, error in failed):
            return None
        return first.as_error(self._object, sent, change.after) if stops(self._learnt.alike, first) else None

    def _searched(self, stumbled: _Failed, locked: _Failed) -> Iterator[Outcome]:
        """Ever smaller chunks, until the records that fail stand alone, or the run's calls for it are spent. What
        never failed alone may be innocent: it is wanted again by the next run."""
        if not stumbled:
            return
        errors = {change.record_id: error for change, error in stumbled}
        culprits = 0
        halving = Halving([change for change, _ in stumbled], refused=True)
        self._follow(halving, stumbled)
        while group := halving.next():
            if not self._learnt.searching.may_call():
                for change in (*group, *halving.left):
                    code = errors[change.record_id].code
                    yield Deferred(
                        change.record_id,
                        f"{code}: refused together with others, not yet tried alone",
                        tried=False,
                    )
                return
            failed: _Failed = []
            yield from self._sent(group, failed)
            unexplained = [(change, error) for change, error in failed if error.meaning is Meaning.ORG_CODE]
            for change, error in failed:
                if error.meaning is Meaning.LOCKED:
                    locked.append((change, error))
                elif error.meaning is not Meaning.ORG_CODE or len(group) == 1:
                    culprits += 1
                    yield error.outcome(change.record_id)
            if self._stumbling.is_down:
                for change in halving.left:
                    yield Deferred(
                        change.record_id, f"{errors[change.record_id].code}: Salesforce seems to be down"
                    )
                return
            if unexplained:
                errors |= {change.record_id: error for change, error in unexplained}
                halving.refused([change for change, _ in unexplained])
                if unexplained[0][1].code == _STUMBLED:
                    halving.others_first()
                self._follow(halving, unexplained)
            else:
                halving.taken()
        id, last = next(reversed(errors.items()))
        if culprits == len(errors) >= ALIKE and self._learnt.alike.stops(last.code):
            sent = next(change.after for change, _ in stumbled if change.record_id == id)
            raise last.as_error(self._object, culprits, sent)

    def _follow(self, halving: Halving[Change], unexplained: _Failed) -> None:
        """What the parser says about where it stopped."""
        error = unexplained[0][1]
        if error.whole_call and len(unexplained) > 1:
            halving.suspect(
                parsing.suspects(error.message, [change for change, _ in unexplained], self._door.record)
            )

    def _unlocked(self, locked: _Failed) -> Iterator[Outcome]:
        """Locked records alone, in smaller chunks and account by account, with growing pauses."""
        for seconds in _LOCK_WAITS:
            if not locked:
                return
            self._clock.sleep(seconds)
            again = sorted(
                (change for change, _ in locked), key=lambda change: (change.account, change.record_id)
            )
            locked = []
            for start in range(0, len(again), _LOCK_CHUNK):
                failed: _Failed = []
                yield from self._sent(again[start : start + _LOCK_CHUNK], failed)
                for change, error in failed:
                    if error.meaning is Meaning.LOCKED:
                        locked.append((change, error))
                    else:
                        yield error.outcome(change.record_id)
        yield from (error.outcome(change.record_id) for change, error in locked)


def _paired(door: Door, chunk: Sequence[Change], results: Any, failed: _Failed) -> Iterator[Outcome]:
    """Results come in the order of the request; an id that is told must be the one that was asked for."""
    if not isinstance(results, list) or len(results) != len(chunk):
        for change in chunk:
            yield Unknown(change.record_id, "the answer does not hold one result per record")
        return
    pairs = list(zip(chunk, results, strict=True))
    if not all(isinstance(result, dict) and door.takes(change, result) for change, result in pairs):
        # A refusal tells no id: in an answer out of order it would be taken for its neighbour's.
        for change in chunk:
            yield Unknown(change.record_id, "the answer is not in the order of the request")
        return
    for change, result in pairs:
        if result.get("success") is True or door.is_done(error := row_error(result)):
            yield Written(change.record_id)
        else:
            failed.append((change, error))
