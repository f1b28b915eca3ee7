"""What the engine asks of the store (`store.open` gives one). Each method is one transaction unless it says otherwise.

The words: an answer's *version* is one row of the inbox, numbered in order of arrival; an edit adds a version and the
older one is no longer `newest`. A sync *takes up* versions: they lie in its `work` until they have a *state*. Changes
are *planned* (spooled), *cut* into batches, a batch is *opened* (that commit is the intent journal) and *settled*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from nps.changes import Batch, Cause, Change, Outcome
from nps.responses import Cursor, Page, SurveyResponse
from nps.values import Json, JsonFields
from nps.writes import Write

if TYPE_CHECKING:
    from store.past import Fate, Journalled, Linked, Version, Who


Live = Callable[[str], Mapping[str, Json]]
"""What a record shows now, by its id; nothing for one that is gone."""


class State(StrEnum):
    """The one current state of an answer version in a sync."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    WAITING = "waiting"
    REVIEW = "review"
    HELD = "held"
    REJECTED = "rejected"
    EXCLUDED = "excluded"
    PENDING = "pending"


class Received(msgspec.Struct, frozen=True):
    """What became of one page."""

    new: int
    edited: int
    repeated: int


class Lease(msgspec.Struct, frozen=True):
    """A fenced lock: every transaction of its holder proves that `token` is still the current one."""

    name: str
    owner: str
    token: int


class Taken(msgspec.Struct, frozen=True):
    """An answer version a sync is about to settle. `newest` is false when an edit overtook it. `earlier` are the
    numbers of older versions of the same answer that already have a state in this sync. `matched` is the record
    this version was matched to when it had a state before (taken up again, or expired): that record is planned
    anew, whatever the keys name now. `again`: it had a state before."""

    number: int
    response: SurveyResponse
    newest: bool
    received_at: datetime
    earlier: tuple[int, ...] = ()
    matched: str | None = None
    again: bool = False


class Counted(msgspec.Struct, frozen=True):
    """One answer that counts for a record, as light as the newest rule needs it."""

    number: int
    record_id: str
    source: str
    id: str
    answered_at: datetime
    received_at: datetime
    score: int | float | str | None
    state: State


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one answer version, with what explains it."""

    number: int
    state: State
    record_id: str | None = None
    rule: str = ""  # the match rule that decided, as in the YAML: "email = Email"
    code: str = ""  # why: a stable word ("map_miss", "ambiguous", "other_survey")
    reason: str = ""  # why: a sentence for people, without personal data
    look_again: datetime | None = None  # waiting: when its keys are looked up again by themselves, if ever
    field: str | None = None
    candidates: tuple[str, ...] = ()  # review: the record ids between which a person decides
    cause: Cause = Cause.UNKNOWN  # rejected: what stands behind it


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run as the history shows it. `report` is the JSON object the run ended with."""

    id: int
    sync: str
    kind: str
    status: str  # running | succeeded | partial | failed | stopped
    started_at: datetime
    ended_at: datetime | None
    report: Mapping[str, Json]


class DeadLetterRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    sync: str
    run: int
    response: int | None
    record_id: str | None
    code: str
    reason: str
    field: str | None
    created_at: datetime
    status: str  # open | retried | discarded | resolved
    cause: Cause
    attempts: int  # retries so far, by a person or by itself


class Asked(msgspec.Struct, frozen=True):
    """What a person wants planned anew: answer versions, and records in which something is to be cleared."""

    answers: tuple[int, ...] = ()
    records: tuple[str, ...] = ()


class Tried(msgspec.Struct, frozen=True):
    """One change as it was sent for an answer, and what became of it."""

    run: int
    at: datetime
    outcome: str  # written | rejected | deferred | unknown
    code: str
    message: str
    after: JsonFields


class Stored(msgspec.Struct, frozen=True):
    """An answer version as the inbox holds it."""

    number: int
    person: int
    received_at: datetime
    response: SurveyResponse


class Link(msgspec.Struct, frozen=True):
    """A person's decision: this key value, or this one answer (`answer_scope`), belongs to that record."""

    scope: str
    value: str
    record_id: str


class Wrote(msgspec.Struct, frozen=True):
    """So many records of one object that a run wrote."""

    connection: str
    object: str
    records: int


class Restoring(msgspec.Struct, frozen=True):
    """A change that takes another back (`undoes`). `holds` are the answers that its record has by now: a later run
    leaves the fields alone while one of them decides. The answer of the change taken back need not be among them."""

    change: Change
    holds: tuple[int, ...] = ()


class Unwritten(msgspec.Struct, frozen=True):
    """A change that did not become a write: its outcome (rejected, deferred, unknown), the code and words for it."""

    change: Change
    outcome: str
    code: str
    message: str


class Due(msgspec.Struct, frozen=True):
    """When a sync is due next, and what the clock last did about it."""

    sync: str
    due_at: datetime
    paused: bool = False


class Store(Protocol):
    # ------------------------------------------------------------ opening

    def migrate(self) -> None:
        """Bring the schema to this version (alembic), under a lock; a no-op when it is."""
        ...

    def overlay(self) -> AbstractContextManager[Store]:
        """A private copy to plan in: whatever is done to it is gone afterwards, and the original is untouched and
        unlocked. SQLite: a 0600 temporary copy. PostgreSQL: temporary tables on one connection that shadow ours."""
        ...

    def dump(self) -> Iterator[str]:
        """Every table and row as text, in a stable order: two equal dumps are two equal stores. Counted calls are left
        out, and what vendors said of theirs: looking costs calls too, and changes nothing."""
        ...

    def backup(self, path: Path) -> None:
        """A consistent copy while it is in use (SQLite). Raises ConfigError where the database has a better tool."""
        ...

    def revision(self) -> str | None:
        """The schema's revision."""
        ...

    def is_ready(self) -> bool:
        """Whether the store is there, with this version's schema. Makes and changes nothing."""
        ...

    def close(self) -> None: ...

    # ------------------------------------------------------------ inbox

    def cursor(self, connection: str) -> Cursor | None: ...

    def append(
        self, connection: str, page: Page, persons: Sequence[int], *, received_at: datetime
    ) -> Received:
        """Store a page and its cursor in ONE transaction. `persons[i]` is a signed 64-bit number of the person behind
        `page.responses[i]`: answers of one person are taken up together. Identical re-reads are counted, not
        stored; a changed content or newer `updated_at` is a new version, and the old one stays."""
        ...

    def responses(self, numbers: Sequence[int]) -> dict[int, SurveyResponse]: ...

    # ------------------------------------------------------------ taking up

    def take_up(
        self,
        sync: str,
        sources: Sequence[str],
        *,
        lease: Lease,
        now: datetime,
        recheck: bool = False,
        everything: bool = False,
        expired_before: datetime | None = None,
    ) -> int:
        """Move into the sync's work: versions of `sources` that arrived since its watermark, its pending ones, its
        waiting ones that are due (with `recheck` all of them, and those in review), those refused for a passing
        reason whose time has come, those asked for (`ask_again`), those that decide a record and were answered before
        `expired_before`; with `everything` all newest versions but those a person discarded or ignored. Moves the
        watermark in the same transaction.
        Returns how many versions the work now holds (what an interrupted run left is among them)."""
        ...

    def work(
        self, sync: str, after: tuple[int, int] | None, limit: int, *, persons: Sequence[int] | None = None
    ) -> tuple[list[Taken], tuple[int, int] | None]:
        """The next about `limit` versions ordered by (person, number), never splitting a person, and where to go on
        (None at the end). `persons` narrows it to those."""
        ...

    def lying(self, sync: str, record_ids: Sequence[str]) -> list[Taken]:
        """What lies in the work and was matched to one of these records before (`earlier` is not told)."""
        ...

    def persons(self, sync: str, who: str) -> list[int]:
        """The persons of the work whose answers carry `who` as e-mail (any case), external id, phone or answer id,
        or were matched to the record `who`."""
        ...

    def scored(self, sync: str, *, at_most: int, limit: int) -> list[int]:
        """Persons of the work whose latest answer in it is a plain number up to `at_most`: so many of them."""
        ...

    def counted(self, sync: str, record_ids: Sequence[str]) -> list[Counted]:
        """Answers matched to these records that count: newest versions in a state of written, unchanged, superseded
        or pending; not those that lie in the work. A newer version that the sync has not taken up is no version yet."""
        ...

    def states(self, sync: str, numbers: Sequence[int]) -> dict[int, Settled]: ...

    def matched_before(self, sync: str, numbers: Sequence[int]) -> dict[int, set[str]]:
        """For each of these versions the records that other answers of the same person are matched to."""
        ...

    def left_open(self, sync: str, run: int, state: State, *, limit: int = 100) -> list[Settled]:
        """Answers that `run` left in an open state (waiting, review, held, rejected, pending) and that are in it
        still, in order of arrival."""
        ...

    def confirmed(
        self,
        connection: str,
        object: str,
        record_ids: Sequence[str],
        live: Live | None = None,
    ) -> dict[str, dict[str, Json]]:
        """For each record the last value we know we wrote, per field. A later write whose outcome stayed unknown counts
        where `live(record)` shows its value: it did happen, and what it left is no colleague's."""
        ...

    # ------------------------------------------------------------ planning

    def settle(
        self,
        sync: str,
        run: int,
        *,
        lease: Lease,
        now: datetime,
        settled: Sequence[Settled],
        demoted: Mapping[int, tuple[State, str]],
        changes: Mapping[str, Change | None],
        connection: str,
    ) -> list[JsonFields]:
        """One chunk of the plan, in one transaction: the work's versions get their state (and leave the work),
        `demoted` (version → state, code) moves answers settled earlier, and each record's planned change replaces
        what this run planned for it before (None: nothing is wanted). Rejected states become dead letters. A change
        that no answer causes (and that undoes nothing) is a clearing: it is remembered until it is confirmed, refused,
        or not wanted any more.
        Returns the `before` of every change that was replaced."""
        ...

    def clearings(self, sync: str, after: str, limit: int) -> list[str]:
        """Records beyond `after` (in their order) in which something is still to be cleared: no answer says so, and
        a run that ends early must not forget it."""
        ...

    def planned(self, run: int) -> Iterator[Change]:
        """The plan in write order: rank, account, record id. Streams."""
        ...

    def sampled(self, run: int, most: int) -> Iterator[Change]:
        """Up to `most` changes of the plan, spread evenly over it: all of a small one."""
        ...

    def unplan(self, run: int, record_ids: Sequence[str], *, lease: Lease) -> None:
        """Take these records' changes out of the plan; their answers stay pending."""
        ...

    def cut(
        self,
        run: int,
        *,
        lease: Lease,
        api: str,
        size: int,
        first: int | None = None,
        first_api: str | None = None,
        most: int | None = None,
    ) -> int:
        """Cut the plan into batches of `size` in write order (the first one of `first` changes, by an api of its own:
        the canary), or only its first `most` changes; the others stay planned until they are abandoned.
        Returns the number of batches."""
        ...

    # ------------------------------------------------------------ writing

    def open_batches(self, run: int, count: int, *, lease: Lease) -> list[Batch]:
        """Commit the intent (before, after) of the next `count` batches, durably (fsync), and hand them out."""
        ...

    def remember(self, batch: int, handle: str) -> None:
        """The bulk job of a batch; durable when this returns. May be called from any thread."""
        ...

    def settle_batches(
        self, run: int, settled: Mapping[int, Sequence[Outcome]], *, lease: Lease, now: datetime
    ) -> None:
        """Outcomes of whole batches: the journal, the answers' states (written, rejected with dead letter, pending)
        and the batch, in one transaction. Changes of Unknown and Deferred leave their answer pending. A change that
        `undoes` another has its outcome in the journal and nowhere else."""
        ...

    def unsettled(self, sync: str) -> list[tuple[Batch, str | None]]:
        """Open batches of earlier runs, with their handle: what a restart has to settle first."""
        ...

    def abandon(self, sync: str, *, lease: Lease) -> int:
        """Drop what earlier runs planned and never opened (their answers are pending). Returns how many changes."""
        ...

    # ------------------------------------------------------------ undoing

    def wrote(self, run: int) -> list[Wrote]:
        """Where a run wrote, or may have written."""
        ...

    def written_by(
        self, run: int, *, records: Sequence[str] | None = None, maybe: bool = False
    ) -> Iterator[Change]:
        """The confirmed changes of a run, also of these records alone, in the order they were planned; with `maybe`
        also those of which nobody knows. Streams."""
        ...

    def writes(
        self, connection: str, object: str, record_ids: Sequence[str], live: Live
    ) -> dict[str, list[Write]]:
        """Everything that we wrote to these records, in order, undos among it. What nobody knows the fate of counts as
        far as the record shows it."""
        ...

    def undone(
        self, connection: str, object: str, record_ids: Sequence[str], live: Live
    ) -> dict[str, list[Write]]:
        """The same for those of the records in which an undo has written. Costs nothing while there was none."""
        ...

    def plan_restoring(
        self, run: int, restoring: Sequence[Restoring], *, lease: Lease, connection: str
    ) -> None:
        """Spool changes that take others back. They concern no answer's state."""
        ...

    def undone_by(self, run: int) -> list[int]:
        """The runs that took back something this run wrote."""
        ...

    def unwritten(self, run: int, *, limit: int = 100) -> list[Unwritten]:
        """Changes of a run that were sent and did not become a write."""
        ...

    # ------------------------------------------------------------ runs and conservation

    def begin_run(self, sync: str, kind: str, *, now: datetime, facts: Mapping[str, Json]) -> int: ...

    def end_run(self, run: int, status: str, *, now: datetime, report: Mapping[str, Json]) -> None: ...

    def runs(self, *, sync: str | None = None, kind: str | None = None, limit: int = 20) -> list[RunRow]:
        """The latest first. `kind`: run, undo, redo, verify."""
        ...

    def run(self, number: int) -> RunRow | None: ...

    def run_changes(self, run: int) -> Iterator[tuple[Change, str]]:
        """The changes of a run and their outcome (planned, open, written, rejected, deferred, unknown)."""
        ...

    def run_states(self, sync: str, run: int) -> dict[State, int]:
        """States of the versions this run took up; what still lies in the work counts as pending."""
        ...

    def balance(self, sync: str, sources: Sequence[str]) -> tuple[int, int]:
        """(versions of the sources up to the watermark, versions with a state or in the work): equal, or something
        is lost."""
        ...

    def deciding(self, sync: str) -> int:
        """How many answers decide a record of this sync right now (written or unchanged)."""
        ...

    def count_calls(self, connection: str, day: str, count: int) -> int:
        """Add calls made on a day; returns the day's total."""
        ...

    def calls_since(self, day: str) -> dict[tuple[str, str], int]:
        """The calls counted per (connection, day), from this day on."""
        ...

    # ------------------------------------------------------------ dead letters

    def dead_letters(
        self,
        *,
        sync: str | None = None,
        run: int | None = None,
        ids: Sequence[int] | None = None,
        status: str | None = None,
        cause: Cause | None = None,
        code: str | None = None,
        limit: int = 100,
    ) -> list[DeadLetterRow]:
        """The latest first."""
        ...

    def letters_beside(self, letter: int) -> list[DeadLetterRow]:
        """All letters of the same answer (any version of it) or of the same record, this one included, as they
        came."""
        ...

    def later_letters(self, ids: Sequence[int]) -> dict[int, DeadLetterRow]:
        """Those of these letters that were refused again → the open letter of the same answer or record."""
        ...

    def tried(self, sync: str, number: int | None, record_id: str | None) -> list[Tried]:
        """What the journal knows about this answer (None: about clearing) on this record, as it came."""
        ...

    def retry_letters(self, ids: Sequence[int]) -> dict[str, Asked]:
        """Ask for the newest version of the answer behind each open one of these letters to be taken up again, and for
        its record to be cleared where it has no answer; by sync. Letters stay open until the run that does it."""
        ...

    def discard_letters(self, ids: Sequence[int], reason: str) -> list[int]:
        """The answers of these open letters are left out for good (excluded, "discarded"). Returns the letters for
        which that was done; an answer that a run has taken up keeps its letter."""
        ...

    # ------------------------------------------------------------ decisions of people

    def links(self, scope: str, values: Sequence[str]) -> dict[str, str]:
        """Manual links of a person's decision: normalised key value → record id. `scope` is connection.object."""
        ...

    def link(self, scope: str, value: str, record_id: str, *, now: datetime) -> None: ...

    def decide(self, links: Sequence[Link], again: Mapping[str, Sequence[int]], *, now: datetime) -> None:
        """Remember these links, and ask for versions (sync → numbers) to be taken up again."""
        ...

    def follow_links(self, scope: str, merged: Mapping[str, str]) -> None:
        """Records were merged (old id → survivor): links to them lead to the survivor from now on."""
        ...

    def ask_again(self, sync: str, numbers: Sequence[int]) -> None:
        """The sync's next run takes these versions up again, whatever their state. Needs no lease."""
        ...

    def ignore(self, sync: str, number: int, reason: str) -> bool:
        """An undecided answer is left out for good (excluded, "ignored"). False when it is not undecided (any more)."""
        ...

    def undecided(
        self, sync: str, states: Sequence[State], *, limit: int = 100
    ) -> list[tuple[Stored, Settled]]:
        """Answers in one of these open states, the newest first."""
        ...

    def answers_named(self, id: str, source: str | None = None) -> list[Stored]:
        """The newest version of every answer with this id, of one source or of all."""
        ...

    def newest_versions(self, numbers: Sequence[int]) -> dict[int, int]:
        """The newest version of the answer behind each of these."""
        ...

    def persons_of(self, numbers: Sequence[int]) -> list[int]:
        """The numbers of the people who gave these."""
        ...

    def beside(
        self, sync: str, numbers: Sequence[int], record_ids: Sequence[str], values: Sequence[str]
    ) -> list[tuple[Stored, Settled]]:
        """Newest versions with a state that may be the same person's as these: of the same person, matched to one of
        these records, or with one of `values` as e-mail, external id or phone. The newest first."""
        ...

    # ------------------------------------------------------------ the past of a person or a record (store.history)

    def answers_by_key(self, who: Who) -> list[int]:
        """Versions whose answer carries what was typed as e-mail, external id, phone or answer id (`id` or
        `source:id`), or comes from the same person. At most the newest thousand of a key."""
        ...

    def answers_of_persons(self, persons: Sequence[int]) -> list[int]:
        """Versions of these persons that any sync has taken up."""
        ...

    def answers_on_records(self, record_ids: Sequence[str]) -> list[int]:
        """Versions that any sync matched to one of these records, or keeps in review with it among the candidates."""
        ...

    def versions(self, numbers: Sequence[int]) -> dict[int, Version]:
        """These and every other version of the same answers."""
        ...

    def fates(self, numbers: Sequence[int]) -> list[Fate]:
        """What became of these versions in every sync that took them up."""
        ...

    def journal_of(self, record_ids: Sequence[str]) -> list[Journalled]:
        """Every change ever planned for these records and not dropped, in the order of the journal. Of all
        connections: ids of two CRMs may look alike."""
        ...

    def records_written(self, sync: str, after: str, limit: int) -> list[str]:
        """Records beyond `after` (in their order) that this sync has written, whatever became of them."""
        ...

    def letters_about(self, numbers: Sequence[int], record_ids: Sequence[str]) -> list[DeadLetterRow]:
        """The dead letters of these versions or records, whatever became of them, oldest first."""
        ...

    def links_of(self, values: Sequence[str], record_ids: Sequence[str]) -> list[Linked]:
        """A person's decisions about these key values or records, oldest first."""
        ...

    # ------------------------------------------------------------ leases, memory, schedule

    def acquire(self, name: str, owner: str, *, now: datetime, seconds: float) -> Lease | None:
        """The lease, with a token greater than any before, or None while somebody else holds it. `owner` comes from
        `store.owners`: what a process held that is known to have ended, is free at once."""
        ...

    def is_free(self, name: str, *, now: datetime) -> bool:
        """Whether `acquire` would get it just now."""
        ...

    def prove(self, lease: Lease) -> None:
        """Raises LeaseLost when it is not ours any more."""
        ...

    def renew(self, lease: Lease, *, now: datetime, seconds: float) -> None:
        """Raises LeaseLost when it is not ours any more."""
        ...

    def release(self, lease: Lease) -> None: ...

    def recall(self, connection: str, keys: Sequence[str]) -> dict[str, str]: ...

    def recall_below(self, connection: str, prefix: str) -> dict[str, str]:
        """Everything remembered under keys that begin with `prefix`."""
        ...

    def memorize(self, connection: str, items: Mapping[str, str]) -> None: ...

    def forget(self, connection: str, keys: Sequence[str]) -> None: ...

    def due(self, syncs: Sequence[str]) -> dict[str, Due]: ...

    def schedule(self, sync: str, due_at: datetime) -> None:
        """When the sync is due next."""
        ...

    def schedule_first(self, sync: str, due_at: datetime) -> None:
        """The same for a sync that has no due time yet; one it has stays."""
        ...

    def claim_due(self, sync: str, due_at: datetime, next_due: datetime) -> bool:
        """Take this due time: moves it to `next_due` if it still is `due_at`. True for exactly one of many callers."""
        ...

    def note_tick(self, sync: str, due_at: datetime, outcome: str, *, now: datetime) -> None:
        """What the clock did about one due time: started, caught_up, skipped_overlap."""
        ...
