"""A trigger of the YAML, ready to be followed: its event, its conditions, its survey and the ways to ask it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.contract import Only, Sends, Watch
from nps.asking import Step
from nps.events import Event
from nps.surveys import Said
from triggers.turns import Rhythm


@dataclass(frozen=True)
class Way:
    """One entry of a survey's `through`: the connection that asks, whom, and after how long without an answer."""

    connection: str
    sends: Sends
    when: str | None = None  # a condition on the record
    after: timedelta | None = None
    vendor_survey: str | None = None  # this survey's id in the connection's own tool


@dataclass(frozen=True)
class Asking:
    """A survey as it is asked."""

    survey: str
    metric: str
    kind: str
    said: Callable[[str | None], Said]  # its words in a language
    ways: tuple[Way, ...]
    remind: tuple[timedelta, ...] = ()
    expires: timedelta = timedelta(days=30)

    def place_of(self, step: Step) -> int | None:
        """Where the way of a step stands by now: it is followed by its connection's name, so reordering `through` moves
        no message to another channel. None: that way has left the YAML."""
        there = [place for place in range(len(self.ways)) if place == step.way]
        if step.via is None:  # from before steps remembered it
            return next(iter(there), None)
        named = (
            place for place in (*there, *range(len(self.ways))) if self.ways[place].connection == step.via
        )
        return next(named, None)


@dataclass(frozen=True)
class Audience:
    """Who is asked again and again, and in which rhythm. `only` narrows the records that `people` allows."""

    only: Only
    rhythm: Rhythm


@dataclass(frozen=True)
class Rule:
    """One trigger. `live` is `mode: on`; else it decides and records, and sends nothing. A recurring audience has no
    event (`watch` is None)."""

    name: str
    people: str  # the connection of `people` whose records are asked
    asking: Asking
    live: bool = False
    paused: bool = False
    connection: str | None = None  # where its event happens
    watch: Watch | None = None
    why: str = ""  # what the person asked reads: "your support case was closed"
    where: str | None = None  # a condition on event and record
    wait: timedelta = timedelta(0)
    cancel_on: tuple[Watch, ...] = ()
    stale_after: timedelta | None = None
    recurring: bool = False
    audience: Audience | None = None
    since: datetime | None = None  # what happened before is none of its business; None: everything is
    facts: tuple[str, ...] = ()  # fields of its event that its conditions and the mappings of answers read

    def is_asked_by(self, event: Event) -> bool:
        """Whether this is the trigger's event."""
        return self.connection == event.connection and self.watch is not None and _is(self.watch, event)

    def is_cancelled_by(self, event: Event) -> bool:
        """Whether an event takes back what an earlier one about the same subject asked for."""
        return self.connection == event.connection and any(_is(watch, event) for watch in self.cancel_on)

    @property
    def watches(self) -> tuple[Watch, ...]:
        return (*((self.watch,) if self.watch else ()), *self.cancel_on)


def _is(watch: Watch, event: Event) -> bool:
    return watch.kind == event.kind and watch.parameters.mean(event)
