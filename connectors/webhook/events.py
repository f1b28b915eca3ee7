"""Events that only their sender knows: there is nothing to read again, so a hint is the event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field

from connectors.contract import Parameters, Tools, Watch
from connectors.webhook import picking
from connectors.webhook.inbound import ERASURE, TRACK
from connectors.webhook.settings import Plain, WebhookSettings, as_list
from nps.events import Event, EventPage, Hint, Reading
from nps.responses import Cursor

Names = Annotated[tuple[str, ...], BeforeValidator(as_list), Field(min_length=1)]
Values = Annotated[tuple[Plain, ...], BeforeValidator(as_list), Field(min_length=1)]


class Track(Parameters):
    """Which of the events that a sender tells."""

    name: Names = Field(description="What happened, as the sender calls it; one name or a list.")
    properties: Mapping[str, Values] = Field(
        default_factory=dict,
        description="Properties it must have: a value, or a list of which one must hold, by path.",
    )

    def mean(self, event: Event) -> bool:
        return event.facts.get("name") in self.name and picking.holds(
            [event.facts.get("properties")], self.properties
        )


class WebhookEvents:
    """What was pushed, as events. There is nothing to ask anybody."""

    def __init__(self, settings: WebhookSettings, tools: Tools) -> None:
        self._connection = tools.connection

    def poll(self, watches: Sequence[Watch], cursor: Cursor | None) -> Iterator[EventPage]:
        yield EventPage((), cursor or Cursor(state={}))

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        return [self._reading(hint) for hint in hints]

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        return {}

    def past(self, watches: Sequence[Watch], since: datetime) -> Iterator[EventPage]:
        yield from ()

    def close(self) -> None:
        """Nothing is open."""

    def _reading(self, hint: Hint) -> Reading:
        if hint.kind == ERASURE:
            return Reading(
                hint,
                why_not="the sender asks to delete this person; whoever answers privacy requests decides",
            )
        if hint.kind != TRACK or hint.subject is None or hint.occurred_at is None:
            return Reading(hint, why_not="not an event that this connection tells")
        event = Event(
            connection=self._connection,
            kind=TRACK,
            key=hint.key,
            subject=hint.subject,
            occurred_at=hint.occurred_at,
            person=hint.person,
            facts=hint.facts,
        )
        return Reading(hint, (event,))
