"""Carrying out updates one by one, with as many under way as the settings allow, and settling conflicts of versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from connectors.declared.placeholders import filled_path
from connectors.replies import Reply
from connectors.rest_master.fields import Table
from connectors.rest_master.master import Master
from connectors.rest_master.reading import Reading
from connectors.rest_master.remembering import Remembered, Wrote, following
from connectors.rest_master.rows import Row
from connectors.rest_master.updating import (
    Conflict,
    Wanted,
    body,
    compared,
    headers,
    problem_of,
    refused,
    told,
    version_in,
    wanted,
)
from nps.changes import Cause, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import AccessError, BudgetError, ConfigError, NpsyncError, UnavailableError
from nps.values import Json

RETRIES = 3  # of an update whose version moved


class Writing:
    """Updates of one object. Thread-safe."""

    def __init__(
        self, master: Master, object: str, known: Table, reading: Reading, remembered: Remembered
    ) -> None:
        self._master = master
        self._object = object
        self._known = known
        self._reading = reading
        self._remembered = remembered
        self._shelf = master.shelf(object)
        self._values = master.values(object)
        self._versioned = master.settings.update.version != "none"

    def outcomes(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        """One for each record, as they come to be known; then what concerns all of them, if anything does."""
        waiting: dict[str, Wanted] = {}
        for one in wanted(changes).values():
            if problem := problem_of(self._known, one):
                yield problem
            else:
                waiting[one.id] = one
        if self._versioned:
            for outcome in self._with_versions(waiting):
                yield outcome
        for _ in range(RETRIES + 1):
            conflicts: dict[str, Conflict] = {}
            for outcome in self._sent(waiting, conflicts):
                yield outcome
            waiting = {id: one for id, one in waiting.items() if id in conflicts}
            if not waiting:
                return
            for outcome in self._settled(waiting, conflicts):
                yield outcome
        for id in waiting:
            yield Deferred(
                id, f"its version moved {RETRIES + 1} times while it was written; the next run tries again"
            )

    # ------------------------------------------------------------ versions

    def _with_versions(self, waiting: dict[str, Wanted]) -> Iterator[Outcome]:
        """Gives each update its version: of a look that shows what the plan saw, or it would overwrite what somebody
        changed between the two. Without such a look it is the version our last write left; a record that has neither is
        read, which may settle it. `waiting` holds the others afterwards."""
        looks = self._looks(list(waiting))
        remembered = self._remembered.of([id for id in waiting if id not in looks])
        unseen: list[str] = []
        differing: list[str] = []
        for id, one in list(waiting.items()):
            if (row := looks.get(id)) is not None:
                decided = compared(self._known, one, row)
                if isinstance(decided, Wanted) and decided.version is not None:
                    waiting[id] = decided
                else:
                    differing.append(id)
            elif id in remembered and remembered[id].version is not None:
                waiting[id] = msgspec.structs.replace(one, version=remembered[id].version)
            else:
                unseen.append(id)
        rows = self._reading.read(unseen)
        if differing:
            rows |= self._reading.read(differing, newer_than=self._shelf.now())
        for id in (*unseen, *differing):
            decided = compared(self._known, waiting[id], rows.get(id))
            if isinstance(decided, Wanted):
                waiting[id] = self._versed(decided)
            else:
                del waiting[id]
                yield decided

    def _looks(self, ids: Sequence[str]) -> dict[str, Row]:
        """The last look at each record since we wrote it: what was read, else what a search told with its version."""
        written = self._shelf.written_at(ids)
        seen = {id: one.row for id, one in self._shelf.get(ids).items() if one.at > written.get(id, 0)}
        return self._shelf.told(ids) | seen

    def _versed(self, one: Wanted) -> Wanted:
        if one.version is None:
            raise ConfigError(
                f"{self._master.tools.connection}: no version is shown where records are read "
                f"(read.by: {self._master.settings.read.by}), and update.version asks for one; check record.version"
            )
        return one

    def _settled(self, waiting: dict[str, Wanted], conflicts: Mapping[str, Conflict]) -> Iterator[Outcome]:
        """What became of updates that were refused perhaps because of their version. `waiting` holds those to be sent
        again afterwards."""
        if not self._versioned:
            for id in list(waiting):
                del waiting[id]
                status, words = conflicts[id].status, conflicts[id].words
                told = f"the master reports a conflict ({status}): {words or 'no reason given'}"
                yield Rejected(id, f"status_{status}", told, cause=Cause.TRANSIENT)
            return
        try:
            rows = self._reading.read(list(waiting), newer_than=self._shelf.now())
        except (AccessError, ConfigError, BudgetError):
            raise
        except UnavailableError as error:
            for id in list(waiting):
                del waiting[id]
                yield Deferred(id, f"the master refused its version, and {error}")
            return
        for id, one in list(waiting.items()):
            decided = self._decided(one, conflicts[id], compared(self._known, one, rows.get(id)))
            if isinstance(decided, Wanted):
                waiting[id] = decided
            else:
                del waiting[id]
                yield decided

    def _decided(self, one: Wanted, conflict: Conflict, found: Outcome | Wanted) -> Outcome | Wanted:
        if isinstance(found, Rejected | Written):
            return found
        if isinstance(found, Wanted) and self._versed(found).version == one.version:
            # The version is the one we named: it is not the version that the master objects to.
            return refused(
                one, conflict.status, conflict.words, "; its version did not move, so it is no conflict"
            )
        return found

    # ------------------------------------------------------------ calls

    def _sent(self, waiting: Mapping[str, Wanted], conflicts: dict[str, Conflict]) -> Iterator[Outcome]:
        """Every update sent once. `conflicts` holds what the version may have been wrong of."""
        wrote: dict[str, Wrote] = {}
        doubtful: list[str] = []
        outcomes: list[Outcome] = []
        fatal: NpsyncError | None = None
        try:
            for id, answer in self._master.updates(self.put, waiting):
                said, version = answer if isinstance(answer, tuple) else (answer, None)
                if isinstance(said, Conflict):
                    conflicts[id] = said
                    continue
                if isinstance(answer, Unknown):
                    doubtful.append(id)
                elif isinstance(said, Written) or (isinstance(said, Rejected) and said.in_doubt):
                    wrote[id] = Wrote(self._master.tools.clock.now(), version)
                outcomes.append(said)
        except NpsyncError as error:
            fatal = error
        self._note(wrote, doubtful)
        yield from outcomes
        if fatal is not None:
            raise fatal

    def _note(self, wrote: Mapping[str, Wrote], doubtful: Sequence[str]) -> None:
        now = self._master.tools.clock.now()
        self._shelf.wrote([*wrote, *doubtful])
        self._remembered.note({**{id: Wrote(now) for id in doubtful}, **wrote})

    def put(self, one: Wanted) -> tuple[Outcome | Conflict, Json]:
        """One update sent: what its answer says, and the version the record has now, as far as it can be told."""
        settings = self._master.settings
        values = {**self._values, "id": one.id}
        reply: Reply = self._master.http.request(
            settings.update.method,
            filled_path(settings.update.path, values),
            json=body(settings.update, one, values),
            headers=headers(settings.update, one),
            what=f"update one of {self._object}",
            idempotent=True,  # absolute values: a second time changes nothing
        )
        said = told(settings, one, reply)
        return said, version_in(settings, reply) or following(one.version)
