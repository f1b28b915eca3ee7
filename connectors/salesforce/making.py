"""Creating and deleting through sObject Collections, by the same rules as writing: one outcome per record, one bad
record among good ones alone, and nothing that is not idempotent repeated while its fate is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.contract import Clock, Making
from connectors.salesforce.composite import MOST_RECORDS, Door, Learnt, send
from connectors.salesforce.errors import RowError
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import Api
from nps.changes import Cause, Change, Made, Outcome, Rejected, Written
from nps.values import Json, JsonFields

_SAME_KEY = "DUPLICATE_VALUE"


class Creating(Door):
    """New records. What was sent without an answer may be there: it is not sent again, unless once is ensured."""

    method = "POST"
    verb = "create"

    def __init__(self, object: str, *, once: bool = False) -> None:
        super().__init__(object)
        self.repeatable = once
        self.ids: dict[str, str] = {}

    def record(self, change: Change) -> Mapping[str, Json]:
        return {"attributes": self._kind, **change.after}

    def takes(self, change: Change, result: Mapping[str, Any]) -> bool:
        if result.get("success") is not True:
            return True
        if (id := long_id(str(result.get("id") or ""))) is None:
            return False
        self.ids[change.record_id] = id
        return True


class Upserting(Creating):
    """New records, or new values of those with the same external id."""

    method = "PATCH"
    verb = "upsert"

    def __init__(self, object: str, key: str) -> None:
        super().__init__(object, once=True)
        self._key = key

    def path(self, chunk: Sequence[Change]) -> str:
        return f"composite/sobjects/{self.object}/{self._key}"


class Deleting(Door):
    """Gone already is as good."""

    method = "DELETE"
    verb = "delete"

    def path(self, chunk: Sequence[Change]) -> str:
        return f"composite/sobjects?ids={','.join(change.record_id for change in chunk)}&allOrNone=false"

    def body(self, chunk: Sequence[Change]) -> Mapping[str, Json] | None:
        return None

    def is_done(self, error: RowError) -> bool:
        return error.cause is Cause.GONE


class Maker:
    """Creates records of one kind, and learns from what is refused. `records` are fields by our key."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._learnt: dict[str, Learnt] = {}

    def create(
        self, object: str, records: Mapping[str, JsonFields], *, once: bool = False
    ) -> Iterator[Making]:
        """`once`: Salesforce itself refuses a second one, so that a call may be sent again."""
        return self._made(Creating(object, once=once), records)

    def upsert(self, object: str, field: str, records: Mapping[str, JsonFields]) -> Iterator[Making]:
        """Two processes that create one key at once: the later one is refused, and finds it when it asks again."""
        collided: dict[str, JsonFields] = {}
        for one in self._made(Upserting(object, field), records):
            if isinstance(one, Rejected) and one.code == _SAME_KEY:
                collided[one.record_id] = records[one.record_id]
            else:
                yield one
        if collided:
            yield from self._made(Upserting(object, field), collided)

    def delete(self, object: str, ids: Sequence[str]) -> Iterator[Outcome]:
        changes = [Change(object=object, record_id=id, before={}, after={}) for id in dict.fromkeys(ids)]
        known = [change for change in changes if long_id(change.record_id)]
        for change in changes:
            if long_id(change.record_id) is None:
                yield Rejected(
                    change.record_id, "MALFORMED_ID", "not a Salesforce record id", cause=Cause.MAPPING
                )
        yield from send(self._api, self._clock, known, MOST_RECORDS, self._lessons(object), Deleting(object))

    def _made(self, door: Creating, records: Mapping[str, JsonFields]) -> Iterator[Making]:
        changes = [
            Change(object=door.object, record_id=key, before={}, after=fields)
            for key, fields in records.items()
        ]
        lessons = self._lessons(door.object)
        for one in send(self._api, self._clock, changes, MOST_RECORDS, lessons, door):
            yield Made(one.record_id, door.ids[one.record_id]) if isinstance(one, Written) else one

    def _lessons(self, object: str) -> Learnt:
        return self._learnt.setdefault(object, Learnt())
