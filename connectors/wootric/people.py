"""Who gave an answer: end users by id, remembered, and filled in bulk rather than one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from connectors.contract import Memory
from connectors.http import Http
from connectors.wootric.listing import Listing
from connectors.wootric.rows import NOBODY, Person, Row, person
from nps.errors import UnavailableError

_POSITION = "people:updated"
_CHUNK = 1000

# What a run spends on keeping known people fresh (their e-mail may change), in pages of 50.
_PAGES_TO_STAY_FRESH = 20


class People:
    """End users by id. Answers are looked up in the connection's memory; what is missing there is swept up
    from the list of recently changed end users, and only who is not among them is asked for alone."""

    def __init__(self, http: Http, pool: ThreadPoolExecutor, memory: Memory, changed: Listing) -> None:
        self._http = http
        self._pool = pool
        self._memory = memory
        self._changed = changed
        self._swept_to_the_end = False

    def begin(self) -> None:
        """A new read: the list of changed end users has grown."""
        self._swept_to_the_end = False

    def of(self, ids: Collection[int]) -> Mapping[int, Person]:
        """Everybody behind `ids`; somebody deleted is NOBODY."""
        if not self._swept_to_the_end:
            unknown = len(ids) - len(self._recalled(ids))
            # One page names fifty people, one call one: sweeping never costs more calls than asking for each.
            self._sweep(max(unknown, _PAGES_TO_STAY_FRESH))
        known = self._recalled(ids)
        missing = sorted(set(ids) - known.keys())
        if missing:
            alone = dict(zip(missing, self._pool.map(self._alone, missing), strict=True))
            self._memory.put({_key(number): _written(who) for number, who in alone.items()})
            known |= alone
        return known

    def _recalled(self, ids: Iterable[int]) -> dict[int, Person]:
        keys = {_key(number): number for number in ids}
        return {keys[key]: _read(text) for key, text in self._memory.get(list(keys)).items()}

    def _sweep(self, pages: int) -> None:
        """Read on in the list of changed end users, for so many pages at most."""
        position = int(self._memory.get([_POSITION]).get(_POSITION, 0))
        gathered: list[Row] = []
        for rows, reached in self._changed.rows_from(position):
            position = reached
            gathered += rows
            pages -= 1
            if len(gathered) >= _CHUNK or pages <= 0:
                self._remember(gathered, position)
                gathered = []
            if pages <= 0:
                return
        self._remember(gathered, position)
        self._swept_to_the_end = True

    def _remember(self, rows: list[Row], position: int) -> None:
        """People and the position they lead to, together."""
        rows = [row for row in rows if isinstance(row.get("id"), int)]
        known = self._recalled(row["id"] for row in rows)
        found = {_key(row["id"]): _written(person(row, known.get(row["id"], NOBODY))) for row in rows}
        self._memory.put({**found, _POSITION: str(position)})

    def _alone(self, number: int) -> Person:
        reply = self._http.request("GET", f"/v1/end_users/{number}", what="GET /v1/end_users/{id}")
        if reply.status == 404:
            return NOBODY
        row = reply.json() if reply.status == 200 else None
        if not isinstance(row, dict):
            raise UnavailableError(f"{reply.what}: status {reply.status} where an end user was expected")
        return person(row)


def _key(number: int) -> str:
    return f"person:{number}"


def _written(who: Person) -> str:
    return msgspec.json.encode(who).decode()


def _read(text: str) -> Person:
    return msgspec.json.decode(text, type=Person)
