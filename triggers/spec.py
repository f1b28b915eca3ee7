"""What one trigger is told: the `triggers:` part of the YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from connectors.contract import EventKind, Watch
from mapping.spec import Scalar
from nps.durations import Duration, Period

_SHORTEST_ROUND = timedelta(days=1)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mode(StrEnum):
    """Whether a trigger only decides and records, or asks people."""

    SHADOW = "shadow"
    ON = "on"


class EventSpec(BaseModel):
    """A kind of event at one connection. The other keys are the kind's own: {object, field, to} of record_changed."""

    model_config = ConfigDict(extra="allow", frozen=True)

    connection: str = Field(description="The connection where it happens.")
    kind: str = Field(
        description="What happens: case_closed, ticket_closed, record_changed …; `npsync connectors NAME` lists them."
    )

    @property
    def own_keys(self) -> Mapping[str, Any]:
        """What the kind's own model reads (`EventKind.parameters`)."""
        return self.model_extra or {}


class AudienceSpec(_Part):
    """People who are asked again and again, without an event."""

    connection: str = Field(description="Whose people: a name of `people:`.")
    only: Mapping[str, Scalar | list[Scalar]] = Field(
        default={},
        description="Only records with these values, a value or a list of values per field; beside those of `people:`.",
    )


def _kinds(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Kinds = Annotated[
    tuple[str, ...],
    BeforeValidator(_kinds),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class TriggerSpec(_Part):
    """Which event, or whose turn, asks for which survey."""

    mode: Mode = Field(
        default=Mode.SHADOW,
        description="shadow: decide and record who would be asked, send nothing. on: ask them.",
    )
    paused: bool = Field(
        default=False, description="true: leave it alone; what happens meanwhile asks nobody, not even later."
    )
    event: EventSpec | None = Field(default=None, description="The event that asks; or give `audience`.")
    audience: AudienceSpec | None = Field(
        default=None, description="Whom to ask again and again, each `every`; or give `event`."
    )
    every: Period | None = Field(
        default=None,
        description="With `audience`: how often each person's turn comes, spread evenly over the time between.",
    )
    people: str | None = Field(
        default=None,
        description="Whose people an event concerns (a name of `people:`), where its own connection has none. "
        "Without it the event's connection, else the only block of `people:`.",
    )
    where: str | None = Field(
        default=None,
        description="CEL condition on event.*, record.* and account.*: others are not meant. "
        "Where it cannot be judged nobody is asked, and the reason says so.",
    )
    wait: Duration | None = Field(default=None, description="Ask so long after the event.")
    cancel_on: Kinds = Field(
        default=(),
        description="A kind of event about the same subject that takes the ask back, or a list of them: case_reopened.",
    )
    stale_after: Period | None = Field(
        default=None,
        description="Ask no more when so much time has passed since the event, for whatever reason.",
    )
    survey: str = Field(description="The survey (of `surveys:`) that is asked.")

    @model_validator(mode="after")
    def _event_or_audience(self) -> TriggerSpec:
        if (self.event is None) == (self.audience is None):
            raise ValueError(
                "say what asks: either event: {connection, kind} or audience: {connection, only}"
            )
        if self.audience is not None:
            if self.every is None:
                raise ValueError(
                    '"every" is missing: how often each person of the audience is asked, like "180 days"'
                )
            if self.every < _SHORTEST_ROUND or self.every % _SHORTEST_ROUND:
                raise ValueError("every has to be whole days for an audience, like 180 days")
            for key in ("wait", "cancel_on", "people"):
                if key in self.model_fields_set:
                    raise ValueError(f"{key} belongs to an event; an audience has none")
        elif self.every is not None:
            raise ValueError("every belongs to an audience; an event asks when it happens")
        if self.wait is not None and self.stale_after is not None and self.wait >= self.stale_after:
            raise ValueError("wait has to be shorter than stale_after, or nobody is ever asked")
        return self

    @property
    def asks(self) -> bool:
        return self.mode is Mode.ON

    def people_of(self, known: Sequence[str]) -> str | None:
        """The `people:` block whose records are asked; None where the YAML leaves it open."""
        if self.audience is not None:
            return self.audience.connection
        if self.people is not None:
            return self.people
        assert self.event is not None
        if self.event.connection in known:
            return self.event.connection
        return known[0] if len(known) == 1 else None


def watches_of(spec: TriggerSpec, kinds: Sequence[EventKind], facts: Sequence[str]) -> tuple[Watch, ...]:
    """What this trigger wants to know of its event's connection: its event, and what cancels it (with the event's own
    keys where that kind takes them). The configuration has checked that the kinds exist and take their keys."""
    if spec.event is None:
        return ()
    by_name = {kind.name: kind for kind in kinds}
    watches = []
    for name in (spec.event.kind, *spec.cancel_on):
        parameters = by_name[name].parameters
        own = spec.event.own_keys
        if name != spec.event.kind:
            own = {key: value for key, value in own.items() if key in parameters.model_fields}
        watches.append(Watch(name, parameters.model_validate(own), tuple(facts)))
    return tuple(watches)
