"""What following the triggers needs at hand: rules, people, connections by name, the store and the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from connectors.contract import Clock, EventSource, Sender, Watch
from mapping.conditions import Conditions
from nps.asking import Channel, Invitation, Past, PastKind
from nps.policy import ContactPolicy
from store.api import Asking
from store.api.running import Leases
from store.api.scheduling import Scheduling
from triggers.people import Registry
from triggers.rule import Rule


class AskingStore(Asking, Leases, Scheduling, Protocol):
    """What the triggers ask of the store."""


class Told(NamedTuple):
    """A survey of the YAML, as what was asked or answered in some tool is counted."""

    survey: str
    metric: str
    kind: str


Surveys = Callable[[str, str], Told | None]
"""The survey an answer belongs to: by its connection, and the survey's id there ("" when it has none)."""


class Opens(Protocol):
    """The connections of a configuration, by name, opened when first asked for. Whatever opening raises is raised."""

    def event_source(self, name: str) -> EventSource | None:
        """None: events of this connection cannot be read again; what is pushed is all there is."""
        ...

    def sender(self, name: str) -> Sender: ...

    def registry(self, people: str) -> Registry:
        """The people of this connection."""
        ...


UTC = ZoneInfo("UTC")

Answers = Callable[[Invitation, int, str | None], str | None]
"""Take an answer given outside the page (a reply by text message): invitation, score, comment. Returns why it is not
taken any more, or None. The same answer again changes nothing."""


@dataclass(frozen=True)
class Desk:
    """One configuration's triggers at work."""

    store: AskingStore
    clock: Clock
    owner: str
    rules: Mapping[str, Rule]
    opens: Opens
    policy: ContactPolicy
    conditions: Conditions  # all that the rules and the policy name
    zone: ZoneInfo = UTC
    public_url: str = ""
    surveys: Surveys = lambda source, survey: None
    hearing: tuple[str, ...] = ()  # connections whose senders tell what people wrote back
    channels: Mapping[str, Channel] = field(default_factory=dict)  # connection → how it asks
    notice: Callable[..., Any] = lambda event, **facts: None
    take_answer: Answers | None = None
    mark_of: Callable[[str], str] = lambda connection: ""  # changes when the connection's settings do
    stop: Callable[[], bool] = lambda: False

    def watches(self, connection: str) -> tuple[Watch, ...]:
        """All that some trigger wants to know of a connection, each kind and parameters once."""
        wanted: dict[tuple[str, str], Watch] = {}
        for rule in self.rules.values():
            if rule.connection != connection:
                continue
            for watch in rule.watches:
                key = (watch.kind, watch.parameters.model_dump_json())
                facts = (wanted[key].facts if key in wanted else ()) + watch.facts + rule.facts
                wanted[key] = Watch(watch.kind, watch.parameters, tuple(sorted(set(facts))))
        return tuple(wanted.values())

    def named(self, past: Sequence[Past]) -> tuple[Past, ...]:
        """The same, in the YAML's words."""
        return in_our_words(past, self.surveys)

    @property
    def memory(self) -> timedelta:
        """How far back the policy looks."""
        policy = self.policy
        others = (
            policy.after_decline,
            policy.known_for,
            policy.per_account.per if policy.per_account else None,
        )
        return max(policy.rest.longest, *(one for one in others if one is not None))

    @property
    def watched(self) -> tuple[str, ...]:
        """The connections some trigger watches, in the YAML's order."""
        return tuple(dict.fromkeys(rule.connection for rule in self.rules.values() if rule.connection))


def in_our_words(past: Sequence[Past], surveys: Surveys) -> tuple[Past, ...]:
    """What an answer of the inbox was about: it knows its survey as its own tool calls it."""
    return tuple(
        _named(one, surveys) if one.what is PastKind.ANSWER and not one.metric else one for one in past
    )


def _named(answer: Past, surveys: Surveys) -> Past:
    known = surveys(answer.source, answer.survey)
    if known is None:
        return answer
    return msgspec.structs.replace(answer, survey=known.survey, metric=known.metric, kind=known.kind)
