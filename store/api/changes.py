"""Changes: planned, cut into batches, opened, settled, and taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from nps.changes import Batch, Change, Outcome
from nps.values import JsonFields
from nps.writes import Write
from store.api.members import Membership
from store.api.outbox import Wanted
from store.api.sharing import Closing
from store.api.values import Lease, Live, Restoring, Settled, State, Unwritten, Wrote


class Planning(Protocol):
    """States and wanted changes, chunk by chunk, and the plan cut into batches."""

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
        wanted: Sequence[Wanted] = (),
        whose: Membership | None = None,
        closing: Closing | None = None,
    ) -> list[JsonFields]:
        """One chunk of the plan, in one transaction: the work's versions get their state (and leave the work),
        `demoted` (version → state, code) moves answers settled earlier, and each record's planned change replaces
        what this run planned for it before (None: nothing is wanted). Rejected states become dead letters. A change
        that no answer causes (and that undoes nothing) is a clearing: it is remembered until it is confirmed, refused,
        or not wanted any more. `wanted` is what these answers may have created beside the records (`store.api.outbox`).
        `whose`: whose account the chunk's records are, where somebody asks for that. `closing`: the shard of the run
        that is done with it; ShardLost when another hand has it, and nothing was stored.
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


class Journal(Protocol):
    """Intents committed before anything is sent, and exactly one outcome per change afterwards."""

    def open_batches(self, run: int, count: int, *, lease: Lease) -> list[Batch]:
        """Commit the intent (before, after) of the next `count` batches, durably (fsync), and hand them out."""
        ...

    def remember(self, batch: int, handle: str) -> None:
        """The bulk job of a batch; durable when this returns. May be called from any thread."""
        ...

    def settle_batches(
        self,
        run: int,
        settled: Mapping[int, Sequence[Outcome]],
        *,
        lease: Lease,
        now: datetime,
        closing: Closing | None = None,
    ) -> None:
        """Outcomes of whole batches: the journal, the answers' states (written, rejected with dead letter, pending)
        and the batch, in one transaction. Changes of Unknown and Deferred leave their answer pending. A change that
        `undoes` another has its outcome in the journal and nowhere else. `closing`: the shard of the run that is done
        with them."""
        ...

    def unsettled(self, sync: str) -> list[tuple[Batch, str | None]]:
        """Open batches of earlier runs, with their handle: what a restart has to settle first."""
        ...

    def abandon(self, sync: str, *, lease: Lease) -> int:
        """Drop what earlier runs planned and never opened (their answers are pending). Returns how many changes."""
        ...


class Undoing(Protocol):
    """What a run wrote, what became of it since, and who took it back."""

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
