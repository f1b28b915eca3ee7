"""A small town that asks: people in a CRM, cases that are closed, ways to ask that remember what they sent, one store.

`MemoryEvents` fulfils connectors.contract.EventSource, `MemorySender` Sender. Nothing here knows what the engine wants.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fake_clock import NOON, FakeClock
from memory_destination import OBJECT, MemoryCrm

from connectors.contract import Sends, Watch
from mapping.conditions import Conditions, fields_named
from mapping.match import compile_match
from mapping.spec import MatchRule
from nps.asking import Channel, Invitation, InvitationState
from nps.changes import Record
from nps.events import Event, EventPage, Hint, PersonKey, Reading, Subject
from nps.policy import ContactPolicy
from nps.responses import Cursor
from nps.schema import FieldSchema, FieldType, ObjectSchema
from nps.sending import Accepted, Message, SendOutcome
from nps.surveys import Said
from nps.values import Json, Value
from store import open_store
from triggers.closing import Closed
from triggers.desk import Desk
from triggers.people import People, Registry
from triggers.report import Round
from triggers.rounds import turn
from triggers.rule import Asking, Rule, Way

CRM = "crm"
CLOSED, REOPENED = "case_closed", "case_reopened"
PEOPLE: Mapping[str, FieldType] = {
    "email": FieldType.TEXT,
    "phone": FieldType.TEXT,
    "code": FieldType.TEXT,
    "name": FieldType.TEXT,
    "role": FieldType.TEXT,
    "zone": FieldType.TEXT,
    "opted_out": FieldType.BOOLEAN,
    "bounced": FieldType.TEXT,
    "consent": FieldType.BOOLEAN,
    "since": FieldType.DATETIME,
    "account": FieldType.TEXT,
    "last_invited": FieldType.DATE,
    "why_not": FieldType.TEXT,
}
EMAIL = Sends(Channel.EMAIL, needs="email", can_find=False)
SMS = Sends(Channel.SMS, needs="phone")


class AskedCrm(MemoryCrm):
    """The CRM with what may be known of a person who is to be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: dict[str, dict[str, Json]] = {}  # merged records, as they last were
        self.hidden: set[str] = set()  # fields the credential does not see
        self.lengths: dict[str, int] = {"why_not": 255}

    def add(self, email: str | None = None, **fields: Json) -> str:
        id = f"c{next(self._numbers)}"
        self.contacts[id] = dict.fromkeys(PEOPLE) | {"email": email, "consent": True} | fields
        return id

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        if PEOPLE.get(field) is FieldType.DATE:
            return lambda live: date.fromisoformat(live) if isinstance(live, str) else None
        return super().typed(object, field)

    def merge(self, loser: str, survivor: str, *, keeps_email: bool = True) -> None:
        self.gone[loser] = dict(self.contacts[loser])
        super().merge(loser, survivor, keeps_email=keeps_email)

    def absorbed(
        self, object: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Sequence[Record]]:
        self._call("absorbed")
        merged = {id: [one for one in self.gone if self._end(one) == id] for id in ids}
        return {
            id: [Record(object, one, {name: self.gone[one][name] for name in fields}) for one in losers]
            for id, losers in merged.items()
            if losers
        }

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        if field not in self.lengths:
            return super().canonical(object, field)

        def text(value: Value) -> Json:
            assert value is None or len(str(value)) <= self.lengths[field]
            return str(value) if value else None

        return text

    def describe(self, object: str) -> ObjectSchema:
        self._call("describe")
        return ObjectSchema(
            object,
            {
                name: FieldSchema(name, name, type, writable=True, length=self.lengths.get(name))
                for name, type in PEOPLE.items()
                if name not in self.hidden
            },
        )


class MemoryEvents:
    """A system that tells what happened, in the order it is told to, with a knob for failing."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.gone: dict[str, str] = {}  # keys of events that are not so any more → why
        self.before_call: Callable[[str], None] = lambda call: None  # may raise
        self.page = 2

    def poll(self, watches: Sequence[Watch], cursor: Cursor | None) -> Iterator[EventPage]:
        self.before_call("poll")
        start: Any = len(self.told) if cursor is None else cursor.state["next"]
        yield EventPage((), Cursor({"next": start}))
        for place in range(start, len(self.told), self.page):
            self.before_call("page")
            some = tuple(self.told[place : place + self.page])
            yield EventPage(some, Cursor({"next": place + len(some)}))

    def read(self, watches: Sequence[Watch], hints: Sequence[Hint]) -> Sequence[Reading]:
        self.before_call("read")
        return [self._reading(hint) for hint in hints]

    def _reading(self, hint: Hint) -> Reading:
        found = tuple(one for one in self.told if one.subject == hint.subject)
        return Reading(hint, found, "" if found else "there is no such case (any more)")

    def still(self, watches: Sequence[Watch], events: Sequence[Event]) -> Mapping[str, str]:
        self.before_call("still")
        return {one.key: self.gone[one.key] for one in events if one.key in self.gone}

    def past(self, watches: Sequence[Watch], since: datetime) -> Iterator[EventPage]:
        yield EventPage(tuple(one for one in self.told if one.occurred_at >= since), Cursor({}))

    def close(self) -> None:
        pass


class MemorySender:
    """A way to ask that remembers all it sent. `answer` says what becomes of a message; it may raise."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.answer: Callable[[Message], SendOutcome] = lambda message: Accepted(
            f"m-{message.invitation}-{message.step}"
        )
        self.fates: dict[tuple[str, int], SendOutcome] = {}
        self._lock = threading.Lock()

    def send(self, message: Message) -> SendOutcome:
        outcome = self.answer(message)
        if isinstance(outcome, Accepted):
            with self._lock:
                self.sent.append(message)
        return outcome

    def find(self, message: Message) -> SendOutcome | None:
        return self.fates.get((message.invitation, message.step))

    def close(self) -> None:
        pass


def case(
    number: int | str,
    person: str | PersonKey | None = None,
    *,
    days: float = 0,
    kind: str = CLOSED,
    connection: str = CRM,
    **facts: Json,
) -> Event:
    """Something that happened to a case, `days` after noon of the first day."""
    at = NOON + timedelta(days=days)
    who = PersonKey("record", person) if isinstance(person, str) else person
    return Event(
        connection=connection,
        kind=kind,
        key=f"{kind}/{number}/{at.isoformat()}",
        subject=Subject("case", str(number)),
        occurred_at=at,
        person=(who,) if who else (),
        facts=facts,
    )


def hint(event: Event, key: str = "h1") -> Hint:
    return Hint(connection=event.connection, key=key, kind=event.kind, subject=event.subject)


class Desktop:
    """Everything around one store. `turn` is one round by a process of its own."""

    def __init__(self, url: str, *, start: datetime = NOON) -> None:
        self.url = url
        self.store = open_store(url)
        self.clock = FakeClock(start)
        self.crm = AskedCrm()
        self.events = MemoryEvents()
        self.senders: dict[str, MemorySender] = {"mailer": MemorySender(), "texter": MemorySender()}
        self.rules: dict[str, Rule] = {}
        self.policy = ContactPolicy()
        self.zone = ZoneInfo("UTC")
        self.owners = 0
        self.closed = Closed()
        self.answers: list[tuple[str, int, str | None]] = []
        self.sends = {"mailer": EMAIL, "texter": SMS}
        self.rule()

    def open(self) -> Desktop:
        """The first time: the schema, and a ledger that somebody said may be empty."""
        self.store.migrate()
        self.store.switch("ledger", {"accepted": "in a test"})
        return self

    def close(self) -> None:
        self.store.close()

    # ------------------------------------------------------------ what the YAML says

    def way(self, connection: str = "mailer", when: str | None = None, after: timedelta | None = None) -> Way:
        return Way(connection, self.sends[connection], when, after)

    def rule(self, name: str = "after-support", **given: Any) -> Rule:
        """A trigger, live and without conditions unless told. It replaces one of the same name."""
        asking = {
            "survey": given.pop("survey", "support-csat"),
            "metric": given.pop("metric", "csat"),
            "kind": given.pop("kind", "transactional"),
            "said": lambda language: Said(language="en", ask="How satisfied are you?"),
            "ways": given.pop("ways", (self.way(),)),
            "remind": given.pop("remind", ()),
            "expires": given.pop("expires", timedelta(days=14)),
        }
        cancel = given.pop("cancel_on", (REOPENED,))
        made = Rule(
            name=name,
            asking=Asking(**asking),
            watch=Watch(given.pop("event", CLOSED)),
            cancel_on=tuple(Watch(kind) for kind in cancel),
            **{
                "live": True,
                "people": CRM,
                "connection": CRM,
                "why": "your support case was closed",
                **given,
            },
        )
        self.rules[name] = made
        return made

    def policy_is(self, **given: Any) -> None:
        self.policy = ContactPolicy.model_validate(given)

    # ------------------------------------------------------------ what happens

    def happen(self, *events: Event) -> None:
        self.events.told += events

    def desk(self, owner: str | None = None, **changed: Any) -> Desk:
        self.owners += 1
        given: dict[str, Any] = {
            "store": self.store,
            "clock": self.clock,
            "owner": owner or f"process-{self.owners}",
            "rules": self.rules,
            "opens": self,
            "policy": self.policy,
            "conditions": Conditions((*self.policy.never_ask, *self._conditions()), self.zone),
            "zone": self.zone,
            "public_url": "https://ask.acme.example",
            "channels": {name: sends.channel for name, sends in self.sends.items()},
            "take_answer": lambda invitation, score, comment: self.answers.append(
                (invitation.id, score, comment)
            ),
        }
        return Desk(**(given | changed))

    def turn(self, *, poll: bool = True, owner: str | None = None, **changed: Any) -> Round:
        return turn(self.desk(owner, **changed), self.closed, poll_now=(CRM,) if poll else ())

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by).total_seconds())

    # ------------------------------------------------------------ the desk's connections

    def event_source(self, name: str) -> MemoryEvents | None:
        return self.events if name == CRM else None

    def sender(self, name: str) -> MemorySender:
        return self.senders[name]

    def registry(self, people: str) -> Registry:
        names = frozenset(fields_named((*self.policy.never_ask, *self._conditions()), "record"))
        return Registry(
            People(
                connection=people,
                object=OBJECT,
                match=compile_match(
                    [
                        MatchRule(response="external_id", record="code"),
                        MatchRule(response="email", record="email"),
                    ],
                    None,
                ),
                region="US",
                zone=self.zone,
                name="name",
                email="email",
                phone="phone",
                external_id="code",
                opted_out="opted_out",
                bounced="bounced",
                consent="consent",
                time_zone="zone",
                customer_since="since",
                reason=self.policy.reason_field,
                account_by="account",
                names=names,
            ),
            self.crm,
        )

    def _conditions(self) -> list[str]:
        named = ((rule.where, *(way.when for way in rule.asking.ways)) for rule in self.rules.values())
        return [one for each in named for one in each if one is not None]

    # ------------------------------------------------------------ what can be seen afterwards

    def sent(self, way: str = "mailer") -> list[str]:
        """Whom this way asked, in order: record ids."""
        return [message.to.record_id for message in self.senders[way].sent]

    def invitations(self, state: InvitationState | None = None) -> list[Invitation]:
        return self.store.invitations(state=state, limit=1000)

    def shown(self) -> list[tuple[str, str | None, str, datetime]]:
        """Every invitation, but what is random of it: trigger, event, state, due."""
        return sorted((one.trigger, one.event_key, str(one.state), one.due_at) for one in self.invitations())

    def verdicts(self) -> Counter[str]:
        return Counter(one.code for one in self.store.verdicts(limit=1000))


def asked(desk: Desktop, number: int = 1, **fields: object) -> str:
    """Somebody whose case was closed just now."""
    who = desk.crm.add(f"p{number}@example.com", **fields)  # type: ignore[arg-type]
    since_noon = (desk.clock.now() - NOON) / timedelta(days=1)
    desk.happen(case(number, who, days=since_noon))
    return who


def by_two_ways(desk: Desktop, **given: object) -> None:
    desk.rule(
        ways=(desk.way("mailer"), desk.way("texter", after=timedelta(days=7))),
        **given,
    )
