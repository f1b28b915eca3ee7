"""What people look at and decide: dead letters, whose an answer is, the past of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from nps.changes import Cause
from store.api.values import Asked, DeadLetterRow, Link, Settled, State, Stored, Tried

if TYPE_CHECKING:
    from store.past import Fate, Journalled, Linked, Version, Who


class Letters(Protocol):
    """What could not be written as it is, kept until a person or a later run settles it."""

    def dead_letters(
        self,
        *,
        sync: str | None = None,
        run: int | None = None,
        ids: Sequence[int] | None = None,
        status: str | None = None,
        cause: Cause | None = None,
        code: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[DeadLetterRow]:
        """The latest first; those with a smaller number than `before`."""
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


class Decisions(Protocol):
    """Whose an answer is, that it does not matter, that it is tried again."""

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

    def unlink(self, scope: str, value: str, again: Mapping[str, Sequence[int]]) -> bool:
        """Take such a decision back, and ask for versions to be taken up again. False when there is none."""
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


class History(Protocol):
    """The past of a person or a record."""

    def answers_by_key(self, who: Who, *, thorough: bool = True) -> list[int]:
        """Versions whose answer carries what was typed as e-mail, external id, phone or answer id (`id` or
        `source:id`), or comes from the same person. At most the newest thousand of a key. Being `thorough` takes a
        look at every answer there is; without it an address is found by the number of its person, which is missing
        only where what was typed is no address and a vendor sent just that as one."""
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
