"""Writing through sObject Collections: up to 200 records a call, and an answer for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.calls import FateUnknown
from connectors.contract import Clock
from connectors.salesforce.codes import Meaning, meaning
from connectors.salesforce.errors import Refused, RowError, row_error
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import Api
from nps.changes import Batch, Change, Deferred, Outcome, Unknown, Written
from nps.errors import NpsyncError

MOST_RECORDS = 200
_LOCK_WAITS = (2.0, 4.0, 8.0, 16.0, 32.0)  # seconds before locked records are tried again
_LOCK_CHUNK = 50
_SMALLER = (50, 10, 1)  # chunk sizes that find the record an automation or the parser stumbles over
_MOST_SEARCHING = 40  # calls to find them, per batch
_ALIKE = 20  # so many records, all refused for one reason: it is not the records

_Failed = list[tuple[Change, RowError]]


def write(api: Api, clock: Clock, batch: Batch, chunk_size: int) -> Iterator[Outcome]:
    """One outcome per change. What was settled before an error that stops the run is told before it is
    raised."""
    writing = _Writing(api, clock, batch.object)
    for chunk in _chunks(batch.changes, chunk_size):
        yield from writing.settle(chunk)


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

    def __init__(self, api: Api, clock: Clock, object: str) -> None:
        self._api = api
        self._clock = clock
        self._object = object
        self._searching = _MOST_SEARCHING

    def settle(self, chunk: Sequence[Change]) -> Iterator[Outcome]:
        """Send a chunk, and again what is worth another try."""
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
                    problem = error.as_error(self._object, len(failed))
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
            reason = str(error)
        except Refused as refused:
            if refused.status != 400 or meaning(refused.code, refused.message) is Meaning.SETTINGS:
                raise refused.as_error(self._object) from None
            # Salesforce could not read one record's value and took none of them.
            whole = RowError(refused.code, refused.message, refused.fields, whole_call=True)
            failed.extend((change, whole) for change in chunk)
            return
        else:
            yield from _paired(chunk, results, failed)
            return
        yield from (Unknown(change.record_id, reason) for change in chunk)

    def _call(self, chunk: Sequence[Change]) -> Any:
        kind = {"type": self._object}
        records = [{"attributes": kind, "id": change.record_id, **change.after} for change in chunk]
        return self._api.call(
            "PATCH",
            "composite/sobjects",
            body={"allOrNone": False, "records": records},
            what=f"write {len(chunk)} {self._object} records",
        )

    def _not_the_records(self, failed: _Failed, sent: int) -> NpsyncError | None:
        """The error that stops the run when every record was refused for the same reason."""
        first = failed[0][1]
        if first.whole_call or first.meaning is not Meaning.RECORD:
            return None
        if sent < _ALIKE or len(failed) < sent or any(error.code != first.code for _, error in failed):
            return None
        return first.as_error(self._object, sent)

    def _searched(self, stumbled: _Failed, locked: _Failed) -> Iterator[Outcome]:
        """Smaller and smaller chunks, until the records that fail stand alone or the calls for it are
        spent. What never failed alone may be innocent: it is wanted again by the next run."""
        for size in _SMALLER:
            if not stumbled:
                return
            again, stumbled = stumbled, []
            for start in range(0, len(again), size):
                part = again[start : start + size]
                if self._searching == 0:
                    stumbled.extend(part)
                    continue
                self._searching -= 1
                failed: _Failed = []
                yield from self._sent([change for change, _ in part], failed)
                for change, error in failed:
                    match error.meaning:
                        case Meaning.ORG_CODE if len(part) > 1:
                            stumbled.append((change, error))
                        case Meaning.LOCKED:
                            locked.append((change, error))
                        case _:
                            yield error.outcome(change.record_id)
        for change, error in stumbled:
            yield Deferred(
                change.record_id, f"{error.code}: refused together with others, not yet tried alone"
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


def _paired(chunk: Sequence[Change], results: Any, failed: _Failed) -> Iterator[Outcome]:
    """Results come in the order of the request; an id that is told must be the one that was asked for."""
    if not isinstance(results, list) or len(results) != len(chunk):
        for change in chunk:
            yield Unknown(change.record_id, "the answer does not hold one result per record")
        return
    for change, result in zip(chunk, results, strict=True):
        if result.get("success") is not True:
            failed.append((change, row_error(result)))
        elif result.get("id") in (change.record_id, long_id(change.record_id)):
            yield Written(change.record_id)
        else:
            yield Unknown(change.record_id, "the answer names another record in this one's place")
