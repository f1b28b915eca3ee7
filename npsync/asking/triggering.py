"""From the YAML to triggers at work: rules compiled, people and connections opened by name, turn after turn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr

from connectors.contract import Clock, EventSource, Sender, Sends
from mapping.conditions import Conditions, fields_named
from mapping.fields import names_read
from mapping.match import compile_match
from mapping.selftest import neutral
from nps.asking import Channel, Invitation
from nps.errors import ConfigError
from nps.events import SUBJECT_ID
from nps.surveys import OWN_PAGE
from npsync.pauses import paused_triggers
from npsync.schedule import installation_of, spread_of
from npsync.syncing.jobs import target_of
from triggers.closing import Closed
from triggers.desk import Answers, Desk, Surveys, Told
from triggers.people import People, Registry
from triggers.report import Round
from triggers.rounds import turn
from triggers.rule import Asking, Audience, Rule, Way
from triggers.spec import TriggerSpec, watches_of
from triggers.turns import Rhythm

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store

POLL_EVERY = timedelta(minutes=2)
POLL_SPREAD = timedelta(seconds=12)  # at most so much more, always as much: installations do not keep in step
REOPEN_AFTER = timedelta(minutes=15)  # fresh schema, fresh token

EXPIRES = timedelta(days=30)  # an invitation whose survey does not say


class Compiled:
    """The triggers and the policy of one configuration, their conditions compiled together."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.rules = {name: self._rule(name, spec) for name, spec in config.triggers.items()}
        named = (one for rule in self.rules.values() for one in _conditions_of(rule))
        self.conditions = Conditions((*config.contact_policy.never_ask, *named), config.time_zone)

    @property
    def known(self) -> Collection[str]:
        """The connections whose people are."""
        return self._config.people

    def people(self, name: str) -> People:
        """Who the customers of a connection are, with every field that some condition reads."""
        config, spec = self._config, self._config.people[name]
        about = (one for rule in self.rules.values() if rule.people == name for one in _conditions_of(rule))
        conditions = (*config.contact_policy.never_ask, *about)
        created = config.connections[name].connector.created
        since = (spec.customer_since or created or None) if config.contact_policy.new_customers_wait else None
        by_key = {rule.response: rule.record for rule in reversed(spec.match)}
        return People(
            connection=name,
            object=spec.object,
            match=compile_match(spec.match, config.phone_region),
            only={field: neutral(value) for field, value in spec.only.items()},
            region=config.phone_region,
            zone=config.time_zone,
            name=spec.name,
            email=spec.email or by_key.get("email"),
            phone=spec.phone or by_key.get("phone"),
            external_id=by_key.get("external_id"),
            opted_out=config.opted_out(name),
            bounced=config.connections[name].connector.bounced.get(spec.object),
            consent=spec.consent,
            time_zone=spec.time_zone,
            language=spec.language,
            customer_since=since,
            reason=config.contact_policy.reason_field,
            account_object=spec.account.object if spec.account else None,
            account_by=spec.account.by if spec.account else None,
            names=frozenset(fields_named(conditions, "record")),
            account_names=frozenset(fields_named(conditions, "account")),
        )

    def _rule(self, name: str, spec: TriggerSpec) -> Rule:
        kinds = self._config.connections[spec.event.connection].connector.event_kinds if spec.event else ()
        used = fields_named([spec.where] if spec.where is not None else [], "event")
        facts = tuple(sorted(self._facts(spec.survey).union(used) - {SUBJECT_ID}))
        watches = watches_of(spec, kinds, facts)
        why = {kind.name: kind.why for kind in kinds}
        people = spec.people_of(list(self._config.people))
        if people is None:
            raise ConfigError(f"trigger {name}: whose people it asks is not said; add people:")
        return Rule(
            name=name,
            people=people,
            asking=self._asking(spec.survey),
            live=spec.asks,
            paused=spec.paused,
            connection=spec.event.connection if spec.event else None,
            watch=watches[0] if watches else None,
            why=why.get(spec.event.kind, "") if spec.event else "",
            where=spec.where,
            wait=spec.wait or timedelta(0),
            cancel_on=watches[1:],
            stale_after=spec.stale_after,
            recurring=spec.audience is not None,
            audience=self._audience(name, spec),
            facts=facts,
        )

    def _audience(self, name: str, spec: TriggerSpec) -> Audience | None:
        if spec.audience is None or spec.every is None:
            return None
        policy = self._config.contact_policy
        return Audience(
            only={field: neutral(value) for field, value in spec.audience.only.items()},
            rhythm=Rhythm(
                name=name,
                days=spec.every.days,
                zone=self._config.time_zone,
                weekdays=policy.send_on,
                quiet=policy.quiet_hours,
            ),
        )

    def _asking(self, name: str) -> Asking:
        survey = self._config.surveys[name]
        return Asking(
            survey=name,
            metric=survey.metric.value,
            kind=survey.kind.value,
            ways=tuple(
                Way(
                    connection=one.use,
                    sends=sends_of(self._config, one.use),
                    when=one.when,
                    after=one.after,
                    vendor_survey=next(iter(survey.at.get(one.use, ())), None),
                )
                for one in survey.through
            ),
            said=survey.said,
            remind=survey.remind,
            expires=survey.expires or EXPIRES,
        )

    def _facts(self, survey: str) -> frozenset[str]:
        """Fields of the event that the survey's answers are matched or shown with (event.*)."""
        found: set[str] = set()
        for spec in self._config.sync.values():
            if spec.survey == survey:
                found |= {rule.response for rule in target_of(self._config, spec).match}
                found |= {name for mapping in spec.fields.values() for name in names_read(mapping)}
                if spec.where is not None:
                    found |= {f"event.{name}" for name in fields_named([spec.where], "event")}
        named = {name.removeprefix("event.") for name in found if name.startswith("event.")}
        return frozenset(named - {SUBJECT_ID})  # which every event has, whatever it is about


@dataclass(frozen=True)
class _Kept:
    config: Config
    store: Store
    clock: Clock


def answers_of(config: Config, store: Store, clock: Clock) -> Answers:
    """Replies go where the page's answers go, by the same rules."""
    from npsync.asking.answering import AnswerDesk, Open

    desk = AnswerDesk(_Kept(config, store, clock))

    def take(invitation: Invitation, score: int, comment: str | None) -> str | None:
        found = desk.look(invitation.id)
        if not isinstance(found, Open):
            return f"its invitation takes no answer any more ({found})"
        desk.take(found, score, comment)
        return None

    return take


def surveys_of(config: Config) -> Surveys:
    """Which survey an answer belongs to, as the syncs tell it. Our own page says it by name."""

    def survey(source: str, id: str) -> Told | None:
        for name, spec in config.surveys.items():
            if spec.includes(source, id or None) or (source == OWN_PAGE and name == id):
                return Told(name, spec.metric.value, spec.kind.value)
        return None

    return survey


def _conditions_of(rule: Rule) -> Iterator[str]:
    yield from (way.when for way in rule.asking.ways if way.when is not None)
    if rule.where is not None:
        yield rule.where


def channels_of(config: Config) -> dict[str, Channel]:
    """How each connection asks, of those that can."""
    return {name: sends.channel for name, sends in _senders(config)}


def _senders(config: Config) -> Iterator[tuple[str, Sends]]:
    for name, known in config.connections.items():
        sends = known.connector.sends(known.settings)
        if sends is not None:
            yield name, sends


def sends_of(config: Config, connection: str) -> Sends:
    """How a connection asks. The configuration has checked that it does."""
    known = config.connections[connection]
    sends = known.connector.sends(known.settings)
    if sends is None:
        raise ConfigError(f"connection {connection}: {known.type} cannot ask anybody")
    return sends


class Connected:
    """`triggers.desk.Opens` over the connections of a configuration."""

    def __init__(self, compiled: Compiled, connections: Opened) -> None:
        self._compiled, self._connections = compiled, connections
        self._registries: dict[str, Registry] = {}

    def event_source(self, name: str) -> EventSource | None:
        return self._connections.event_source(name)

    def sender(self, name: str) -> Sender:
        return self._connections.sender(name)

    def registry(self, people: str) -> Registry:
        if people not in self._registries:
            if people not in self._compiled.known:
                raise ConfigError(
                    f"people: there is no {people} (any more); those who were its are not asked"
                )
            destination = self._connections.destination(people)
            self._registries[people] = Registry(self._compiled.people(people), destination)
        return self._registries[people]


def desk_of(
    config: Config,
    compiled: Compiled,
    connections: Opened,
    store: Store,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Desk:
    """All that following the triggers needs, over these connections."""
    from npsync.logs import notice

    return Desk(
        store=store,
        clock=connections.clock,
        owner=connections.owner,
        rules=compiled.rules,
        opens=Connected(compiled, connections),
        policy=config.contact_policy,
        conditions=compiled.conditions,
        zone=config.time_zone,
        public_url=config.public_url,
        channels=channels_of(config),
        surveys=surveys_of(config),
        notice=notice,
        take_answer=answers_of(config, store, connections.clock),
        hearing=tuple(name for name, sends in _senders(config) if sends.hears),
        mark_of=lambda name: mark_of(config, name),
        stop=stop,
    )


def mark_of(config: Config, name: str) -> str:
    """Changes when the settings of a connection do, secrets included, and says nothing of them: sixteen bits, slowly
    made, single out no password."""
    if name not in config.connections:
        return ""
    settings = config.connections[name].settings.model_dump()
    told = json.dumps(settings, sort_keys=True, default=_in_words).encode()
    return hashlib.scrypt(told, salt=name.encode(), n=2**14, r=8, p=1, dklen=2).hex()


def _in_words(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


class Triggering:
    """The triggers of one configuration, at work in this process: a turn now and then, of one thread at a time."""

    def __init__(
        self, config: Config, store: Store, clock: Clock, *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._config, self._store, self._clock, self._stop = config, store, clock, stop
        self._compiled = Compiled(config)
        self._closed = Closed()
        self._opened: tuple[float, Desk] | None = None
        self._open = ExitStack()

    def turn(self, *, poll_all: bool = False) -> Round:
        """What is due at this moment; connections are polled on their rhythm, or all of them at once."""
        desk = heeding_pauses(self._desk(), self._store)
        return turn(
            desk,
            self._closed,
            poll_now=tuple((*desk.watched, *desk.hearing) if poll_all else self._due(desk)),
        )

    def close(self) -> None:
        self._open.close()
        self._opened = None

    def _desk(self) -> Desk:
        at = self._clock.monotonic()
        if self._opened is None or at >= self._opened[0] + REOPEN_AFTER.total_seconds():
            self.close()
            self._opened = (at, self._made())
        return self._opened[1]

    def _made(self) -> Desk:
        from npsync.opening import opened

        connections = self._open.enter_context(
            opened(self._config, self._store, self._clock, stop=self._stop)
        )
        return desk_of(self._config, self._compiled, connections, self._store, stop=self._stop)

    def _due(self, desk: Desk) -> Iterator[str]:
        """Connections whose time to be polled has come; whoever takes it, takes it for every process."""
        now = self._clock.now()
        installation = installation_of(self._store)
        for connection in (*desk.watched, *desk.hearing):
            place = poll_place(connection)
            due_at = self._store.schedule_first(place, now)
            every = POLL_EVERY + spread_of(installation, place, POLL_SPREAD, POLL_EVERY)
            far_off = due_at > now + 2 * every  # somebody has put the clock back since
            if (due_at <= now or far_off) and self._store.claim_due(place, due_at, now + every):
                yield connection


def heeding_pauses(desk: Desk, store: Store) -> Desk:
    """The same desk, its rules as they are at this moment: what somebody paused rests, beside what the YAML pauses."""
    paused = paused_triggers(store) & desk.rules.keys()
    if not paused:
        return desk
    rules = {
        name: replace(rule, paused=True) if name in paused else rule for name, rule in desk.rules.items()
    }
    return replace(desk, rules=rules)


def poll_place(connection: str) -> str:
    """Under which name the clock remembers when a connection's events are read next."""
    return f"events/{connection}"


def ask_once(
    config: Config, store: Store, clock: Clock, *, stop: Callable[[], bool] = lambda: False
) -> Round:
    """Poll every watched connection, decide and send what is due, once."""
    triggering = Triggering(config, store, clock, stop=stop)
    try:
        return triggering.turn(poll_all=True)
    finally:
        triggering.close()
