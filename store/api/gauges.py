"""What is measured from outside: counts that come from an index, or that are counted on from where they stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from nps.asking import InvitationState
from store.api.values import State


class Depths(msgspec.Struct, frozen=True, kw_only=True):
    """How much lies in each queue."""

    arrivals: int  # pushed to us, and not read yet
    events: int  # read, and not decided
    messages: int  # steps of invitations that wait for their time, or are due
    outbox: int  # what is to follow answers
    actions: int  # what people and machines asked for
    figures: int  # invitations and the like whose date is to be shown on a record


class Counted(msgspec.Struct, frozen=True):
    """Runs that ended, by (sync, kind, status), and the number up to which all of them were counted."""

    runs: Mapping[tuple[str, str, str], int]
    up_to: int


class Gauges(Protocol):
    """Looks only."""

    def runs_counted(self, *, after: int) -> Counted:
        """Those that ended, with a greater number than `after`, up to the first that is under way (not for
        weeks: that one died, and nobody runs its sync any more)."""
        ...

    def state_counts(self, sync: str) -> dict[State, int]:
        """How many answers are in each state; what lies in the work counts as pending. Reads all of a sync's states:
        not for every look."""
        ...

    def newest_answers(self, sources: Sequence[str]) -> dict[str, datetime]:
        """When the answer that came last from each of these was received."""
        ...

    def oldest_pending(self, syncs: Sequence[str]) -> dict[str, datetime]:
        """When the answer that waits longest to be settled was received, of those that have one."""
        ...

    def depths(self) -> Depths: ...

    def invitation_counts(self) -> dict[InvitationState, int]:
        """How many invitations got how far."""
        ...
