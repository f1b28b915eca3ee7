"""What is decided about an entry right before the call, and what a kind of thing has to know about making it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from nps.changes import Deferred, Made, Rejected, Unknown, Written
from nps.errors import RejectedError
from store.api import Settled, State
from store.api.outbox import Kind, Outgoing, Stage
from sync.job import Place

Said = Made | Written | Rejected | Deferred | Unknown
"""What became of one call. Written: what was there of ours is not any more."""


@dataclass(frozen=True)
class Make:
    """To be sent now. `what` is the maker's own value for it, `example` a line for people."""

    row: Outgoing
    what: Any = field(repr=False)
    record_id: str
    digest: int | None = None
    example: str = field(default="", repr=False)


@dataclass(frozen=True)
class Rest:
    """Settled without a call: as it should be already, not wanted any more, or not possible. `vendor_id`: what is there
    counts as ours from now on."""

    row: Outgoing
    stage: Stage
    code: str = ""
    reason: str = ""
    vendor_id: str | None = None

    @property
    def there(self) -> str | None:
        """The vendor's id of what is there of ours."""
        return None if self.stage is Stage.REMOVED else self.vendor_id or self.row.vendor_id


@dataclass(frozen=True)
class Leave:
    """Not decided yet: what it depends on is not settled."""

    row: Outgoing


@dataclass(frozen=True)
class Nothing:
    """No rule wants it, and nothing of ours is there."""

    row: Outgoing


Decision = Make | Rest | Leave | Nothing


_MOST_IN_A_CALL = 200


class Maker(Protocol):
    """One kind of thing that is created because of an answer."""

    @property
    def kind(self) -> Kind: ...

    @property
    def together(self) -> int:
        """How many entries are decided and sent at a time."""
        ...

    def decide(self, rows: Sequence[Outgoing]) -> Iterator[Decision]:
        """Exactly one decision for each. Raises what the destination raises."""
        ...

    def make(self, makes: Sequence[Make], said: dict[int, Said]) -> None:
        """Send them; `said` is filled as outcomes come in, by entry. Raises what the destination raises: of what is not
        in `said` by then nobody knows, unless the error says that nothing was taken."""
        ...

    def look_up(self, rows: Sequence[Outgoing]) -> Mapping[int, str] | None:
        """Of entries whose call nobody knows the fate of: the vendor's ids of those that are there. None: it cannot
        be looked up."""
        ...

    def calls(self, makes: int) -> int:
        """About how many calls it costs to make so many."""
        ...


def calls_for(job: Place, makes: int) -> int:
    """Things are created in calls as large as those that update records, up to what one call of either vendor takes."""
    if not makes:
        return 0
    return -(-makes // min(job.destination.ways(job.object, makes)[0].batch, _MOST_IN_A_CALL))


def refused(row: Outgoing, error: RejectedError) -> Rest:
    return Rest(row, Stage.REJECTED, error.code, str(error))


def digest_of(*values: Any) -> int:
    """A signed 64-bit fingerprint of what is sent."""
    encoded = msgspec.json.encode(values, order="deterministic")
    return int.from_bytes(blake2b(encoded, digest_size=8).digest(), "big", signed=True)


def of_answer(row: Outgoing, state: Settled | None, *, preview: bool) -> Decision | None:
    """What the answer's state says about following it up; None when it is due. Only an answer that decides its record
    is: never one that is held, waiting, in review, superseded or refused."""
    if state is None:
        return Leave(row)
    if state.state in (State.WRITTEN, State.UNCHANGED):
        return None
    if state.state is State.PENDING:
        return None if preview and state.code == "planned" else Leave(row)
    code, reason = _WHY_NOT[state.state]
    return Rest(row, Stage.VOID, code, reason)


_WHY_NOT = {
    State.SUPERSEDED: ("superseded", "a newer answer counts"),
    State.HELD: ("held", "the answer is held"),
    State.WAITING: ("no_record", "no record has any of its keys (any more)"),
    State.REVIEW: ("review", "whose answer it is has to be decided first"),
    State.REJECTED: ("rejected", "its change was refused; a retry that succeeds follows up"),
    State.EXCLUDED: ("excluded", "the answer does not count"),
}
