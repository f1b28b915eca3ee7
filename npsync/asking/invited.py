"""Who was asked, and who was not and why: gathered for people to read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from nps.asking import Invitation, InvitationState, Past, PastKind, Step, Suppression, decided_at
from nps.errors import ConfigError
from nps.events import Event, PersonKey, Subject
from npsync.asking import gatekeeper
from npsync.clock import SystemClock
from store.api import ArrivalRow, EventRow, Verdict
from triggers.people import Person

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.config.model import Connection
    from npsync.opening import Opened
    from store.api import Store

FUNNEL = timedelta(days=30)
LEDGER = timedelta(days=2 * 365)  # what other tools sent, as far back as anybody asks about
_ASKED = (PastKind.SEND, PastKind.RESERVED)


@dataclass(frozen=True)
class About:
    """One person's or one invitation's part of the story."""

    invitations: tuple[Invitation, ...] = ()
    steps: tuple[Step, ...] = ()  # where it is about one invitation
    not_asked: tuple[Verdict, ...] = ()
    suppressions: tuple[Suppression, ...] = ()  # those in force
    elsewhere: tuple[Past, ...] = ()  # asked or promised by other tools

    @property
    def found(self) -> bool:
        return bool(self.invitations or self.not_asked or self.suppressions or self.elsewhere)


def about(config: Config, store: Store, who: str, connections: Opened | None, *, limit: int) -> About:
    """`who`: an invitation's id, a record's id, or an e-mail, phone or external id, by which the CRM is asked whose it
    is (never with `connections` None)."""
    if (one := store.invitation(who)) is not None:
        return About((one,), tuple(store.steps_of(one.id)))
    return of_records(config, store, who, _records(config, who, connections), limit=limit)


def to_hand_on(config: Config, store: Store, now: datetime, *, limit: int) -> list[tuple[Invitation, str]]:
    """Invitations whose link somebody else sends and that can still be answered, with that link; the latest first."""
    ways = {name for name, each in config.connections.items() if _is_looked_up(each)}
    sent = store.invitations(state=InvitationState.SENT, limit=_LOOKED_THROUGH)
    waiting = (one for one in sent if one.via in ways and (one.expires_at is None or one.expires_at > now))
    return [(one, f"{config.public_url}/s/{one.id}") for one in islice(waiting, limit)]


def _is_looked_up(connection: Connection) -> bool:
    sends = connection.connector.sends(connection.settings)
    return sends is not None and sends.looked_up


_LOOKED_THROUGH = 10_000


def of_records(
    config: Config, store: Store, who: str, records: Sequence[tuple[str, str]], *, limit: int = 20
) -> About:
    """What asking has to do with `who` and with these (scope, record id) of theirs."""
    told = [_of_record(store, scope, id, limit) for scope, id in records]
    invitations = tuple(one for each in told for one in each.invitations)
    keys = _keys(config, store, who, records, invitations)
    now = SystemClock().now()
    past = store.past(keys, since=now - LEDGER, now=now) if keys else []
    return About(
        invitations,
        not_asked=tuple(one for each in told for one in each.not_asked),
        suppressions=tuple(store.suppressions(keys)),
        elsewhere=tuple(one for one in past if one.what in _ASKED and one.invitation is None)[:limit],
    )


def _keys(
    config: Config,
    store: Store,
    who: str,
    records: Iterable[tuple[str, str]],
    invitations: Iterable[Invitation],
) -> tuple[str, ...]:
    """All names of this person that we know of."""
    named = gatekeeper.keys_of(config, gatekeeper.named_by(config, who))
    of_records = (f"record:{scope}/{id}" for scope, id in records)
    sent_to = (key for one in invitations for key in store.keys_of(one.id))
    return tuple(dict.fromkeys((*named, *of_records, *sent_to)))


def _of_record(store: Store, scope: str, record_id: str, limit: int) -> About:
    said = store.verdicts(scope=scope, record_id=record_id, limit=limit)
    return About(
        tuple(store.invitations(scope=scope, record_id=record_id, limit=limit)),
        not_asked=tuple(one for one in said if one.invitation is None),
    )


def _records(config: Config, who: str, connections: Opened | None) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for name, people in config.people.items():
        scope = f"{name}.{people.object}"
        id = config.connections[name].connector.record_id(who)
        if id is not None:
            found[scope, id] = None
        if connections is not None and (live := _looked_up(config, name, who, connections)) is not None:
            found[scope, live] = None
    return list(found)


def _looked_up(config: Config, name: str, who: str, connections: Opened) -> str | None:
    """The record of a person named by an e-mail, phone or external id, as the CRM says today."""
    from npsync.asking.triggering import Compiled, Connected

    registry = Connected(Compiled(config), connections).registry(name)
    kind = "email" if "@" in who else "phone" if who.startswith("+") else "external_id"
    asked = Event(
        connection="",
        kind="",
        key="",
        subject=Subject("", ""),
        occurred_at=connections.clock.now(),
        person=(PersonKey(kind, who),),
    )
    [found] = registry.find([asked])
    return found.record_id if isinstance(found, Person) else None


def named(store: Store, name: str) -> Invitation:
    """By its id or its reference. Raises ConfigError where there is none."""
    one = store.invitation_called(name) or store.invitation(name)
    if one is None:
        raise ConfigError(f"there is no invitation {name}; npsync invitations lists them")
    return one


def read_on(store: Store, reference: str) -> tuple[datetime, str] | None:
    """Where a list of invitations goes on after this one; None for no reference. Where it was forgotten meanwhile,
    those of its moment come again: none is passed over."""
    at, last = decided_at(reference), store.invitation_called(reference)
    if at is None:
        return None
    return (at, last.id) if last is not None else (at + timedelta(milliseconds=1), "")


@dataclass(frozen=True)
class Arrivals:
    """What was pushed and refused, and the events with what the triggers said about each."""

    pushed: tuple[ArrivalRow, ...]
    events: tuple[EventRow, ...]
    said: dict[int, list[Verdict]]
    invitations: dict[str, Invitation]


def arrivals(store: Store, *, connection: str | None, limit: int) -> Arrivals:
    events = tuple(store.event_rows(connection=connection, limit=limit))
    said: defaultdict[int, list[Verdict]] = defaultdict(list)
    if events:
        numbers = [one.number for one in events]
        for one in store.verdicts(events=numbers, limit=limit * 20):
            if one.event is not None:
                said[one.event].append(one)
    ids = [one.invitation for each in said.values() for one in each if one.invitation is not None]
    return Arrivals(
        tuple(store.arrival_rows(connection=connection, limit=limit)),
        events,
        dict(said),
        {one.id: one for one in store.invitations(ids=ids, limit=len(ids))} if ids else {},
    )


def not_asked(store: Store, *, trigger: str | None, limit: int) -> Sequence[Verdict]:
    """The latest verdicts that led to no invitation."""
    return [one for one in store.verdicts(trigger=trigger, limit=limit * 5) if one.invitation is None][:limit]
