"""What people ask for at a page or through the API, and who did or looked at what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from nps.values import Json


class Stand(StrEnum):
    """How far an action is."""

    WANTED = "wanted"
    DOING = "doing"
    DONE = "done"
    FAILED = "failed"


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something somebody wants done: `kind` (run, undo, …) says what, `about` to which sync or run."""

    number: int
    kind: str
    about: str
    arguments: Mapping[str, Json]
    who: str
    key: str
    stand: Stand
    wanted_at: datetime
    token: int = 0  # of the claim it was handed out with
    starts: int = 0  # before this claim, of which nobody said how they went
    began_at: datetime | None = None
    ended_at: datetime | None = None
    run: int | None = None  # the run it came to
    outcome: Mapping[str, Json] | None = None


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """Who did or looked at what."""

    number: int
    at: datetime
    who: str
    what: str
    about: str
    facts: Mapping[str, Json]


class Acting(Protocol):
    """Actions wait here for whoever does them; each is one process's until it ends, the process is gone, or its time
    is over."""

    def want_action(
        self,
        kind: str,
        about: str,
        arguments: Mapping[str, Json],
        *,
        who: str,
        key: str,
        now: datetime,
        noted: Mapping[str, Json] | None = None,
    ) -> tuple[Action, bool]:
        """Remember that it is wanted. The same key of the same `who` gives the action that is there, and False. A new
        one is in the audit from the same moment on, with these facts (`noted`)."""
        ...

    def claim_action(self, owner: str, *, now: datetime, seconds: float) -> Action | None:
        """The oldest that may be begun, now this owner's for so long; also one whose owner has gone."""
        ...

    def start_action(self, action: Action, owner: str, *, now: datetime, seconds: float) -> None:
        """It is begun now, and this owner's for so long. Counted, until somebody says how it went. Raises
        LeaseLost."""
        ...

    def renew_action(self, action: Action, owner: str, *, now: datetime, seconds: float) -> None:
        """Raises LeaseLost when it is not this owner's any more."""
        ...

    def action_began(self, action: Action, owner: str, run: int) -> None:
        """Which run it came to, as soon as there is one. Raises LeaseLost."""
        ...

    def put_off_action(self, action: Action, owner: str, *, until: datetime) -> None:
        """Wanted again, not before then, and as often started as before: somebody else is at the same sync. Raises
        LeaseLost."""
        ...

    def end_action(
        self, action: Action, owner: str, stand: Stand, *, now: datetime, outcome: Mapping[str, Json]
    ) -> None:
        """Done or failed, and what it came to (`run`, `status`, `problem` …). Raises LeaseLost."""
        ...

    def give_up_actions(self, why: str, *, now: datetime) -> int:
        """Whatever is wanted or being done has failed, for this reason. How many."""
        ...

    def action(self, number: int) -> Action | None: ...

    def actions(
        self,
        *,
        about: str | None = None,
        whose: Sequence[str] | None = None,
        unfinished: bool = False,
        during: tuple[datetime, datetime] | None = None,
        before: int | None = None,
        limit: int = 20,
    ) -> list[Action]:
        """The latest first; those with a smaller number than `before`. `during`: wanted from then on, before then."""
        ...

    def note_audit(
        self, who: str, what: str, about: str, facts: Mapping[str, Json] | None = None, *, now: datetime
    ) -> None:
        """`who`: token:NAME, user:NAME or cli:USER. No customer's words or addresses: ids alone."""
        ...

    def audited(
        self,
        *,
        who: str | None = None,
        whose: Sequence[str] | None = None,
        about: str | None = None,
        looking: bool | None = None,
        since: datetime | None = None,
        during: tuple[datetime, datetime] | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[Audited]:
        """The latest first; those with a smaller number than `before`. `looking`: only what was looked at, or only the
        rest. `during`: from then on, before then."""
        ...

    def expire_foreseen(self, *, before: datetime) -> int:
        """What plans that ended before then would have changed is forgotten: it says nothing of today, and holds what
        customers said. How many plans that were."""
        ...

    def expire_actions(self, *, before: datetime, limit: int) -> int:
        """Those that ended before then. How many went."""
        ...

    def expire_audit(self, *, before: datetime, limit: int) -> int:
        """What was done or looked at before then. How many entries went."""
        ...
