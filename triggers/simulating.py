"""What would have been: events and turns of the past through rules and policy, on a clock that is only imagined.

The rules, the policy and the sending are the engine's own; only the store, the clock and the senders are imagined. So a
simulation and reality cannot say two things about one case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast
from zoneinfo import ZoneInfo

from connectors.contract import EventSource, Only, Sender
from nps.asking import Invitation, InvitationState
from nps.calling import next_day
from nps.events import Event
from nps.sending import Accepted, Message, SendOutcome
from store.api import Noted
from triggers.audience import call_audiences
from triggers.closing import Closed
from triggers.deciding import decide_events
from triggers.desk import AskingStore, Desk, Opens
from triggers.imagined import ImaginedStore
from triggers.people import Found, Person, Registry
from triggers.report import Round
from triggers.rule import Audience, Rule
from triggers.sending import send_due

AT_A_TIME = 200
ASKED, WAITING = "asked", "waiting"


@dataclass(frozen=True)
class Outcome:
    """What would have become of one ask: whom, when, by which way, or why not."""

    at: datetime
    trigger: str
    code: str  # asked | waiting | cancelled … or why not
    reason: str
    scope: str = ""
    record_id: str | None = None
    name: str | None = None
    via: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class Simulation:
    begin: datetime
    end: datetime
    events: int
    outcomes: tuple[Outcome, ...]
    problems: tuple[str, ...] = ()


class ImaginedClock:
    def __init__(self, store: ImaginedStore) -> None:
        self._store = store

    def now(self) -> datetime:
        return self._store.now

    def sleep(self, seconds: float) -> None:
        pass

    def monotonic(self) -> float:
        return self._store.now.timestamp()


class _Taker:
    """A sender that sends nothing, and takes everything."""

    def send(self, message: Message) -> SendOutcome:
        return Accepted()

    def find(self, message: Message) -> SendOutcome | None:
        return None

    def close(self) -> None:
        pass


class RememberedPeople:
    """A registry that reads everybody once: in a simulation they are as they are today."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._by_id: dict[str, Found] = {}
        self._by_event: dict[tuple[str, str], Found] = {}
        self._listed: dict[str, list[list[str]]] = {}

    def prepare(self, events: Sequence[Event]) -> None:
        """Find the people of all these events in as few calls as possible."""
        for start in range(0, len(events), AT_A_TIME):
            some = events[start : start + AT_A_TIME]
            for event, found in zip(some, self._registry.find(some), strict=True):
                self._by_event[event.connection, event.key] = found
                if isinstance(found, Person):
                    self._by_id[found.record_id] = found

    def prepare_turns(self, audience: Audience, begin: datetime, end: datetime) -> None:
        """Read everybody whose turn comes in this time."""
        ids = (id for page in self.listed(audience.only) for id in page)
        called = [id for id in ids if any(audience.rhythm.turns(id, begin, end))]
        for start in range(0, len(called), AT_A_TIME):
            self.read(called[start : start + AT_A_TIME])

    def find(self, events: Sequence[Event]) -> list[Found]:
        return [self._by_event[event.connection, event.key] for event in events]

    def read(self, record_ids: Iterable[str]) -> dict[str, Found]:
        asked = list(dict.fromkeys(record_ids))
        missing = [id for id in asked if id not in self._by_id]
        if missing:
            self._by_id |= self._registry.read(missing)
        return {id: self._by_id[id] for id in asked}

    def listed(self, only: Only) -> Iterator[list[str]]:
        name = repr(sorted(only.items()))
        if name not in self._listed:
            self._listed[name] = list(self._registry.listed(only))
        yield from self._listed[name]

    def name_of(self, record_id: str) -> str | None:
        found = self._by_id.get(record_id)
        return found.recipient.name if isinstance(found, Person) else None


@dataclass
class _Opens:
    """The people of the real connections, and nothing else of them."""

    real: Opens
    people: dict[str, RememberedPeople] = field(default_factory=dict)

    def event_source(self, name: str) -> EventSource | None:
        return None

    def sender(self, name: str) -> Sender:
        return _Taker()

    def registry(self, people: str) -> Registry:
        if people not in self.people:
            self.people[people] = RememberedPeople(self.real.registry(people))
        return cast(Registry, self.people[people])

    def prepare(
        self, rules: Mapping[str, Rule], events: Sequence[Event], begin: datetime, end: datetime
    ) -> None:
        """Read all people there will be, many at a time and not one by one."""
        for people in dict.fromkeys(rule.people for rule in rules.values()):
            self.registry(people)
            mine = [rule for rule in rules.values() if rule.people == people]
            asked = [event for event in events if any(rule.is_asked_by(event) for rule in mine)]
            self.people[people].prepare(asked)
            for rule in mine:
                if rule.audience is not None and not rule.paused:
                    self.people[people].prepare_turns(
                        rule.audience, begin, next_day(end, rule.audience.rhythm.zone)
                    )


def simulate(
    desk: Desk,
    events: Sequence[Event],
    *,
    begin: datetime,
    end: datetime,
    progress: Callable[[datetime], None] = lambda at: None,
) -> Simulation:
    """Follow `desk.rules` from begin to end. Reads people, writes nothing. May raise what reading people raises."""
    rules = {name: replace(rule, live=True) for name, rule in desk.rules.items()}
    store = ImaginedStore(desk.store, begin, frozenset(rules))
    opens = _Opens(desk.opens)
    imagined = replace(
        desk,
        store=cast(AskingStore, store),
        clock=ImaginedClock(store),
        opens=opens,
        rules=rules,
        policy=desk.policy.model_copy(update={"reason_field": None}),  # which would be written
        notice=lambda event, **facts: None,
    )
    meant = [event for event in events if any(_concerns(rule, event) for rule in rules.values())]
    opens.prepare(rules, meant, begin, end)
    told, closed = Round(), Closed()
    calls = any(rule.audience for rule in rules.values())
    for at in _moments(store, meant, begin, end, desk.zone if calls else None):
        progress(at)
        decide_events(imagined, told)
        call_audiences(imagined, told)
        while send_due(imagined, closed, told):
            pass
    outcomes = sorted(_outcomes(store, opens, rules), key=lambda one: one.at)
    return Simulation(begin, end, len(meant), tuple(outcomes), tuple(dict.fromkeys(told.problems)))


def _concerns(rule: Rule, event: Event) -> bool:
    return rule.is_asked_by(event) or rule.is_cancelled_by(event)


def _moments(
    store: ImaginedStore, events: Sequence[Event], begin: datetime, end: datetime, zone: ZoneInfo | None
) -> Iterator[datetime]:
    """Every moment at which there is something to do, with the events that are heard of then. `zone`: days begin
    there, for the audiences."""
    coming = deque(sorted((each for each in events if begin <= each.occurred_at <= end), key=_happened))
    day = begin if zone is not None else None
    number = 0
    while True:
        known = (coming[0].occurred_at if coming else None, store.next_due(), day)
        at = max(store.now, min((each for each in known if each is not None), default=_NEVER))
        if at > end:
            return
        store.now = at
        while coming and coming[0].occurred_at <= at:
            number += 1
            store.happen(Noted(number, at, coming.popleft()))
        if day is not None and zone is not None and day <= at:
            day = next_day(at, zone)
        yield at


_NEVER = datetime.max.replace(tzinfo=UTC)


def _happened(event: Event) -> tuple[datetime, str, str]:
    return event.occurred_at, event.connection, event.key


# ---------------------------------------------------------------- what became of it


def _outcomes(store: ImaginedStore, opens: _Opens, rules: Mapping[str, Rule]) -> Iterator[Outcome]:
    for verdict in store.verdicts:
        rule = rules[verdict.trigger]
        invitation = store.invitations[verdict.invitation] if verdict.invitation is not None else None
        told = Outcome(
            at=verdict.at,
            trigger=rule.name,
            code=verdict.code,
            reason=verdict.reason,
            scope=verdict.scope,
            record_id=verdict.record_id,
            name=opens.people[rule.people].name_of(verdict.record_id) if verdict.record_id else None,
        )
        yield told if invitation is None else _ended(told, invitation, store, rule)


def _ended(told: Outcome, invitation: Invitation, store: ImaginedStore, rule: Rule) -> Outcome:
    match invitation.state:
        case InvitationState.SENT:
            channel = next(
                (str(way.sends.channel) for way in rule.asking.ways if way.connection == invitation.via), None
            )
            at = store.ended[invitation.id]
            return replace(told, at=at, code=ASKED, reason="", via=invitation.via, channel=channel)
        case InvitationState.QUEUED:
            return replace(told, at=invitation.due_at, code=WAITING, reason=invitation.reason or told.reason)
        case _:
            at = store.ended.get(invitation.id, told.at)
            return replace(told, at=at, code=invitation.code or told.code, reason=invitation.reason)
