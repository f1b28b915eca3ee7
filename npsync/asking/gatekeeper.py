"""Who may be asked, for those who ask from elsewhere: one person, judged by all that ledger, policy and CRM say."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from mapping.problems import did_you_mean
from nps.asking import (
    Ask,
    Channel,
    Circumstances,
    Decision,
    Past,
    PastKind,
    Send,
    Suppress,
    Suppression,
    person_keys,
)
from nps.errors import ConfigError
from nps.events import Event, PersonKey, Subject
from nps.keys import email_key, id_key, phone_key
from nps.policy import decide
from nps.values import Json
from npsync.asking.triggering import Compiled, Connected, surveys_of
from store.api import REPORTED, LedgerEntry
from triggers.desk import in_our_words
from triggers.fairness import free_at
from triggers.ledger import why_none_is_sent
from triggers.people import Found, Nobody, Person
from triggers.rules import Known, circumstances

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store

RESERVED_FOR = timedelta(days=2)
_EVER = timedelta(days=36_500)
_LOOKED_BACK = 100  # invitations of one person


@dataclass(frozen=True)
class Named:
    """One person as somebody else names them: at least one of these. `connection` says whose record it is."""

    email: str | None = None
    phone: str | None = None
    external_id: str | None = None
    connection: str | None = None
    record_id: str | None = None


@dataclass(frozen=True)
class Wish:
    """What somebody wants to ask. `tool` is who they are; `reserve` makes the yes hold until `until`."""

    tool: str
    survey: str | None = None
    reserve: bool = False
    until: datetime | None = None
    id: str | None = None  # the asker's own name of a reservation: wished again, it is the same one


@dataclass(frozen=True)
class Verdict:
    """The answer. `reservation` names it in the ledger, to be given back; the tool that reports a send by `id`
    (POST /api/v1/sends) uses it."""

    decision: Decision
    reservation: str | None = None
    id: str | None = None
    until: datetime | None = None

    @property
    def may(self) -> bool:
        return isinstance(self.decision, Send)


def may_ask(config: Config, store: Store, connections: Opened, who: Named, wish: Wish) -> Verdict:
    """Whether this person may be asked. Raises ConfigError for an unknown survey or nobody named, AccessError and
    UnavailableError where the CRM cannot be asked: nobody says yes in the dark."""
    now, compiled = connections.clock.now(), Compiled(config)
    ask = _ask(config, wish)
    if (halted := why_none_is_sent(store)) is not None:
        return Verdict(Suppress("stopped", halted))
    found = _found(config, Connected(compiled, connections), who, now)
    people = [one for one in found if isinstance(one, Person)]
    keys = tuple(dict.fromkeys([*keys_of(config, who), *(key for one in people for key in one.keys)]))
    if not keys:
        raise ConfigError("nobody is named: an e-mail address, a phone number with +, or an id")
    if (doubt := _doubt(found)) is not None:
        return Verdict(doubt)
    cap = config.contact_policy.per_account
    account = next((one.account_id for one in people if one.account_id), None)
    since = now - cap.per if cap else None
    free = free_at(store, config.contact_policy, account, now, now)
    judge = _Judge(config, compiled, people, ask, now, free)
    if wish.reserve:
        return _reserved(store, keys, account, since, judge, wish)
    past = store.past(keys, since=now - _EVER, now=now)
    asks = 0
    if account is not None and since is not None:
        asks = store.account_asks([account], since=since, now=now).get(account, 0)
    return Verdict(judge(past, store.suppressions(keys), asks, 0))


def _reserved(
    store: Store,
    keys: tuple[str, ...],
    account: str | None,
    since: datetime | None,
    judge: _Judge,
    wish: Wish,
) -> Verdict:
    ask, now = judge.ask, judge.now
    until = wish.until or now + RESERVED_FOR
    id = wish.id or secrets.token_urlsafe(12)
    held = Past(
        at=now,
        what=PastKind.RESERVED,
        survey=ask.survey,
        metric=ask.metric,
        kind=ask.kind,
        source=wish.tool,
    )
    entry = LedgerEntry(
        dedupe=reservation_of(wish.tool, id), keys=keys, past=held, account=account, until=until
    )
    decision = store.reserve_for(entry, judge, account_since=since, day_began=None, now=now)
    return Verdict(decision, entry.dedupe, id, until) if isinstance(decision, Send) else Verdict(decision)


def _doubt(found: Sequence[Found]) -> Suppress | None:
    """Two records by one name: one of them may have said no. Somebody no record names is known to the ledger alone."""
    for one in found:
        if isinstance(one, Nobody) and one.code in ("many", "conflict"):
            return Suppress(one.code, one.reason)
    return None


def reservation_of(tool: str, id: str) -> str:
    """The ledger's name of what a tool sends or reserves: the send uses the reservation of the same id."""
    return f"{REPORTED}{tool}/{id}"


class _Judge:
    """The policy's word about one person, on what the ledger says when it is asked."""

    def __init__(
        self,
        config: Config,
        compiled: Compiled,
        people: Sequence[Person],
        ask: Ask,
        now: datetime,
        free_at: datetime | None,
    ) -> None:
        """`free_at`: when the person's account has room again, where it has none."""
        self._config, self._compiled, self._people = config, compiled, people
        self.ask, self.now = ask, now
        self._free_at = free_at
        # Whom others ask is not drawn by us, and does not use up our day.
        self._policy = config.contact_policy.model_copy(update={"sample": Decimal(1), "daily_cap": None})

    def __call__(
        self, past: Sequence[Past], suppressions: Sequence[Suppression], account_asks: int, sent_today: int
    ) -> Decision:
        told = in_our_words(past, surveys_of(self._config))
        known = Known(told, tuple(suppressions), account_asks, self._free_at)
        zone = self._config.time_zone
        said = [
            decide(self.ask, seen, self._policy, self.now, zone=zone) for seen in self._circumstances(known)
        ]
        return next((one for one in said if not isinstance(one, Send)), said[0])

    def _circumstances(self, known: Known) -> list[Circumstances]:
        """One per record that names this person; where none does, what the ledger knows is all there is."""
        if not self._people:
            return [Circumstances(past=known.past, suppressions=known.suppressions, channels=tuple(Channel))]
        return [
            _any_channel(
                circumstances(one, (), known, self._policy, self._compiled.conditions, one.about({}))
            )
            for one in self._people
        ]


def _any_channel(seen: Circumstances) -> Circumstances:
    """The asker has channels of their own: what a person closed is left out of the answer."""
    return msgspec.structs.replace(seen, channels=tuple(Channel))


def _ask(config: Config, wish: Wish) -> Ask:
    """Of a survey that is not ours nothing is known: then the most careful rest counts, the one between surveys of
    kind relationship."""
    if wish.survey is None:
        return Ask(trigger="", survey="", metric="", kind="relationship")
    survey = config.surveys.get(wish.survey)
    if survey is None:
        hint = did_you_mean(wish.survey, config.surveys)
        raise ConfigError(f'there is no survey "{wish.survey}" in the YAML{hint}')
    return Ask(trigger="", survey=wish.survey, metric=survey.metric.value, kind=survey.kind.value)


def keys_of(config: Config, who: Named) -> tuple[str, ...]:
    """The names by which ledger and suppressions know somebody, as far as they were named."""
    people = config.people.get(who.connection) if who.connection is not None else None
    return person_keys(
        connection=who.connection,
        object=people.object if people else None,
        record_id=_record(config, who) if people else None,
        email=email_key(who.email),
        phone=phone_key(who.phone, config.phone_region),
        external_id=id_key(who.external_id),
    )


def _record(config: Config, who: Named) -> str | None:
    """The id as the CRM itself spells it: Salesforce shows people 15 of its 18 characters."""
    known = config.connections.get(who.connection) if who.connection is not None else None
    if known is None or who.record_id is None:
        return who.record_id
    return known.connector.record_id(who.record_id) or who.record_id


def account_of(config: Config, account: str | None, connection: str | None = None) -> str | None:
    """An account's id as its CRM itself spells it: that of the person's `connection`, else the first that knows such
    ids."""
    if account is None or not account.strip():
        return None
    names = [connection] if connection is not None else list(config.people)
    spelt = (config.connections[name].connector.record_id(account) for name in names if name in config.people)
    return next((one for one in spelt if one is not None), account.strip())


def names_of(config: Config, store: Store, who: Named, connections: Opened, now: datetime) -> tuple[str, ...]:
    """Every name of this person that we know of: as they were named, those of their records as the CRMs show them now,
    and those our invitations went to."""
    found = _found(config, Connected(Compiled(config), connections), who, now)
    people = [one for one in found if isinstance(one, Person)]
    records = [(one.scope, one.record_id) for one in people]
    if who.connection is not None and who.record_id is not None:
        records.append((f"{who.connection}.{config.people[who.connection].object}", who.record_id))
    sent_to = [
        key
        for scope, id in records
        for one in store.invitations(scope=scope, record_id=id, limit=_LOOKED_BACK)
        for key in store.keys_of(one.id)
    ]
    return tuple(
        dict.fromkeys([*keys_of(config, who), *(key for one in people for key in one.keys), *sent_to])
    )


def _found(config: Config, connected: Connected, who: Named, now: datetime) -> list[Found]:
    """The records that name this person, as they are now, in every CRM of `people`; or why there is none."""
    named = (
        PersonKey("email", who.email or ""),
        PersonKey("phone", who.phone or ""),
        PersonKey("external_id", who.external_id or ""),
    )
    person = tuple(key for key in named if key.value)
    found: list[Found] = []
    for name in config.people:
        registry = connected.registry(name)
        if (record := _record(config, who)) is not None and who.connection == name:
            found += registry.read([record]).values()
        elif person:
            asked = Event(
                connection="",
                kind="",
                key="",
                subject=Subject("", ""),
                occurred_at=now,
                person=person,
            )
            found += registry.find([asked])
    return found


def named_by(config: Config, text: str) -> Named:
    """A person as somebody types it: an e-mail address, a phone number with +, a record id, or an external id."""
    if email_key(text) is not None:
        return Named(email=text)
    if phone_key(text, config.phone_region) is not None and text.strip().startswith("+"):
        return Named(phone=text)
    for name in config.people:
        if (record := config.connections[name].connector.record_id(text)) is not None:
            return Named(connection=name, record_id=record)
    return Named(external_id=text)


# ------------------------------------------------------------ for machines


def as_json(said: Verdict) -> dict[str, Json]:
    decision = said.decision
    facts: dict[str, Json] = {"may_ask": said.may}
    if isinstance(decision, Send):
        facts["channels"] = [channel.value for channel in decision.channels]
    else:
        facts |= {"code": decision.code, "reason": decision.reason}
        facts["from"] = decision.until.isoformat() if decision.until else None
    if said.reservation is not None and said.until is not None:
        facts |= {"id": said.id, "reservation": said.reservation, "until": said.until.isoformat()}
    return facts


def suppression_as_json(one: Suppression) -> dict[str, Json]:
    return {
        "key": one.key,
        "reason": one.reason.value,
        "channel": one.channel.value if one.channel else None,
        "at": one.at.isoformat(),
        "source": one.source,
        "detail": one.detail,
    }
