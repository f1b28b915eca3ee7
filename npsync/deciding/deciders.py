"""Who decides, and what is kept of it: beside the decision in words, and in the audit."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from npsync.clock import SystemClock

if TYPE_CHECKING:
    from nps.values import Json
    from npsync.config import Config
    from store.api import Store

LONGEST_REASON = 500


class Decision(StrEnum):
    """What people decide. The word is the command's, the API's, the button's and the audit's."""

    LINK = "link"
    IGNORE = "ignore"
    RECHECK = "recheck"
    RELEASE = "release"
    DISCARD = "discard"
    UNDO = "undo"
    RETRY = "retry"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CANCEL = "cancel"
    ACCEPT_EMPTY_LEDGER = "accept-empty-ledger"
    REBUILD = "rebuild"
    IMPORT = "import"
    ADD = "add"
    LIFT = "lift"

    @property
    def done(self) -> str:
        """ "ignored"."""
        return _DONE[self]


_DONE: Mapping[Decision, str] = {
    Decision.LINK: "linked",
    Decision.IGNORE: "ignored",
    Decision.RECHECK: "rechecked",
    Decision.RELEASE: "released",
    Decision.DISCARD: "discarded",
    Decision.UNDO: "undid",
    Decision.RETRY: "retried",
    Decision.PAUSE: "paused",
    Decision.RESUME: "resumed",
    Decision.STOP: "stopped",
    Decision.CANCEL: "cancelled",
    Decision.ACCEPT_EMPTY_LEDGER: "accepted an empty",
    Decision.REBUILD: "rebuilt",
    Decision.IMPORT: "imported",
    Decision.ADD: "added",
    Decision.LIFT: "lifted",
}


@dataclass(frozen=True)
class Decider:
    """Somebody who decides, by the configuration of the moment. `who`: as the audit names them, user:ann."""

    config: Config
    store: Store
    who: str
    now: datetime

    @classmethod
    def at_the_command_line(cls, config: Config, store: Store) -> Decider:
        return cls(config, store, at_the_command_line(), SystemClock().now())

    def signed(self, decision: Decision, reason: str) -> str:
        """ "discarded by cli:ann on 2026-11-22: a test by the agency"."""
        said = f"{decision.done} by {self.who} on {self.now:%Y-%m-%d}"
        why = reason.strip()[:LONGEST_REASON]
        return f"{said}: {why}" if why else said

    def note(self, decision: Decision, about: str, facts: Mapping[str, Json] | None = None) -> None:
        """The audit keeps that they did it: ids alone, no reason and no word of a customer."""
        self.store.note_audit(self.who, decision.value, about, facts, now=self.now)


def about(one: str, names: Sequence[object], several: str) -> str:
    """What a decision was about, as the audit names it: the one there is, "answer mail:a1", or "answers"."""
    return f"{one} {names[0]}" if len(names) == 1 else several


def at_the_command_line() -> str:
    """Who sits there, as the audit names them."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user that has no name
        return "cli:somebody"
