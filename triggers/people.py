"""Whom an event concerns: exactly one live record of `people`, read again, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import chain
from zoneinfo import ZoneInfo

from connectors.contract import Destination, Lookup, Only, RemembersMerges
from mapping.match import CompiledMatch, Conflict, Many, Matched, NoRecord
from nps.asking import person_keys
from nps.changes import MatchKey, Record
from nps.errors import NpsyncError
from nps.events import Event, PersonKey, Subject
from nps.keys import email_key, id_key, phone_key
from nps.responses import SurveyResponse
from nps.schema import FieldSchema, FieldType
from nps.sending import Recipient
from nps.standing import About
from nps.values import Fields, Json, Value
from triggers.apart import asked_apart
from triggers.fields import moment_of, says_something, text_of, yes_or_no
from triggers.narrowing import both
from triggers.showing import shortened, written

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class People:
    """One entry of `people:`. `names` and `account_names` are the fields that conditions read besides."""

    connection: str
    object: str
    match: CompiledMatch
    only: Only = field(default_factory=dict)
    region: str | None = None
    zone: ZoneInfo = _UTC
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    external_id: str | None = None
    opted_out: str | None = None
    bounced: str | None = None  # says by yes, or by a reason, that the e-mail address does not work
    consent: str | None = None
    time_zone: str | None = None
    language: str | None = None
    customer_since: str | None = None
    reason: str | None = (
        None  # shows why somebody is never asked: written, and read to see whether it still holds
    )
    account_object: str | None = None
    account_by: str | None = None
    names: frozenset[str] = frozenset()
    account_names: frozenset[str] = frozenset()

    @property
    def scope(self) -> str:
        return f"{self.connection}.{self.object}"

    @property
    def _courtesies(self) -> frozenset[str]:
        """Fields without which a person can still be asked."""
        return frozenset(
            filter(
                None,
                (
                    self.name,
                    self.time_zone,
                    self.language,
                    self.email,
                    self.phone,
                    self.bounced,
                    self.reason,
                ),
            )
        ) - frozenset(self._gates)

    @property
    def _gates(self) -> frozenset[str]:
        """Fields that may say no: one that cannot be read says no too."""
        return self.names | frozenset(filter(None, (self.opted_out, self.consent, self.customer_since)))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Fields by which ledger and suppressions know a person."""
        return tuple(dict.fromkeys(filter(None, (self.email, self.phone, self.external_id))))

    @property
    def fields(self) -> tuple[str, ...]:
        """All that is read of a person's record."""
        others = filter(None, (self.external_id, self.account_by))
        return tuple(sorted(self._gates | self._courtesies | frozenset(others)))


@dataclass(frozen=True)
class Person:
    """One person, as their record is now."""

    scope: str
    record_id: str
    recipient: Recipient
    keys: tuple[str, ...] = field(repr=False)
    record: Fields = field(default_factory=dict, repr=False)
    account_id: str | None = None
    account: Fields | None = field(default=None, repr=False)  # None: not asked for, or it could not be read
    opted_out: bool | None = None
    consent: bool | None = None
    unreadable: tuple[str, ...] = ()
    zone: str | None = None
    customer_since: datetime | None = None

    def about(self, event: Mapping[str, Json]) -> About:
        """What conditions may name."""
        return About(
            record_id=self.record_id,
            record=self.record,
            account_id=self.account_id,
            account=self.account or {},
            account_known=self.account_id is None or self.account is not None,
            event=event,
        )


@dataclass(frozen=True)
class Nobody:
    """Why an event leads to no record: a stable word and a sentence without personal data. `keys` are those the event
    has, as ledger and suppressions know them."""

    code: str
    reason: str
    keys: tuple[str, ...] = field(default=(), repr=False)


Found = Person | Nobody


class Registry:
    """Reads the people of one connection."""

    def __init__(self, people: People, destination: Destination, *, merges: bool = True) -> None:
        """`merges`: whether people are known by the names of records that were merged into theirs, too."""
        self.people, self._destination, self._merges = people, destination, merges

    def read(self, record_ids: Iterable[str]) -> dict[str, Found]:
        """Each id → the person as they are now; a merged record is followed to its survivor."""
        asked = list(dict.fromkeys(record_ids))
        return dict(zip(asked, asked_apart(asked, self._read, _unreadable), strict=True))

    def _read(self, asked: Sequence[str]) -> list[Found]:
        people = self.people
        absent = self._absent(people.object, people.fields)
        fetch = [name for name in people.fields if name not in absent]
        records = self._destination.get(people.object, asked, fetch, people.only)
        known = self._persons(records, absent)
        found: dict[str, Found] = {}
        for record in records:
            for id in (record.id, *record.merged):
                found[id] = known[record.id]
        gone = Nobody(
            "unknown_person", f"{people.object} has no such record (any more), or `only` leaves it out"
        )
        return [found.get(id, gone) for id in asked]

    def listed(self, only: Only) -> Iterator[list[str]]:
        """The ids of everybody whom `people` and `only` allow, a page at a time."""
        narrowed = both(self.people.only, only)
        if narrowed is None:
            return
        for records in self._destination.records(self.people.object, (), narrowed):
            yield [record.id for record in records]

    def reading(self, name: str) -> Registry:
        """The same people, read with one more field."""
        more = replace(self.people, names=self.people.names | {name})
        return Registry(more, self._destination, merges=False)

    def show(self, name: str, moments: Mapping[str, datetime]) -> dict[str, str]:
        """Write these moments onto a date field of the records, where it shows nothing later. Record → why it was not
        written. A record that is gone has nothing to show."""
        zone = self.people.zone

        def wanted(ids: Sequence[str], known: FieldSchema, shown: Value) -> Value:
            asked = max(moments[id] for id in ids)
            value: Value = asked.astimezone(zone).date() if known.type is FieldType.DATE else asked
            return value if _is_later(value, shown) else shown

        return written(self._destination, self.people.object, name, moments, wanted)

    def say(self, name: str, texts: Mapping[str, str]) -> dict[str, str]:
        """Write these texts onto a field of the records, cut to what it holds; "" empties it. Record → why it was not
        written."""

        def wanted(ids: Sequence[str], known: FieldSchema, shown: Value) -> Value:
            return shortened(texts[ids[0]], known.length)

        return written(self._destination, self.people.object, name, texts, wanted)

    def named(self, keys: Sequence[str]) -> list[Found]:
        """Everybody who goes by one of these `person_keys`, as they are now: several people may share one. Of a name
        that cannot be looked up, why not."""
        own = f"record:{self.people.scope}/"
        ids = [key.removeprefix(own) for key in keys if key.startswith(own)]
        carrying = self._carrying(keys)
        unclear = [one for one in carrying if isinstance(one, Nobody)]
        return [
            *self.read((*ids, *(id for each in carrying if isinstance(each, list) for id in each))).values(),
            *unclear,
        ]

    def find(self, events: Sequence[Event]) -> list[Found]:
        """Whom each event concerns, in their order, in as few calls as possible."""
        return asked_apart(events, self._find, self._not_found)

    def _not_found(self, event: Event, error: NpsyncError) -> Nobody:
        return Nobody(
            "unreadable", f"whom it concerns cannot be looked up: {error}", _ledger_keys(event, self.people)
        )

    def _find(self, events: Sequence[Event]) -> list[Found]:
        named = [self._named(event) for event in events]
        keys = [
            self._match_keys(event) if ids is None else () for event, ids in zip(events, named, strict=True)
        ]
        chosen = self._chosen(keys)
        wanted = [
            ids if ids is not None else choice if isinstance(choice, tuple) else ()
            for ids, choice in zip(named, chosen, strict=True)
        ]
        read = self.read(id for ids in wanted for id in ids)
        return [
            self._one(event, [read[id] for id in ids], choice)
            for event, ids, choice in zip(events, wanted, chosen, strict=True)
        ]

    # ------------------------------------------------------------ whom an event names

    def _named(self, event: Event) -> tuple[str, ...] | None:
        """Records that the event names itself; only its own connection's ids mean anything here."""
        if event.connection != self.people.connection:
            return None
        ids = tuple(dict.fromkeys(key.value for key in event.person if key.kind == "record"))
        return ids or None

    def _match_keys(self, event: Event) -> tuple[MatchKey, ...]:
        return self.people.match.keys(_as_answer(event), event.names)

    def _chosen(self, keys: Sequence[tuple[MatchKey, ...]]) -> list[tuple[str, ...] | Nobody]:
        match, people = self.people.match, self.people
        lookups = self._lookups(keys)
        hits = self._destination.find(people.object, lookups, (), people.only) if lookups else []
        paired = match.pair((key for each in keys for key in each), hits)
        return [self._choice(match.choose(each, paired)) for each in keys]

    def _carrying(self, keys: Sequence[str]) -> list[list[str] | Nobody]:
        """The records that carry each of these names, by whatever rule."""
        kinds = {"email": "email", "phone": "phone", "id": "external_id"}
        named = [key.partition(":") for key in keys]
        events = [_named_by(kinds[kind], value) for kind, _, value in named if kind in kinds]
        return asked_apart(events, self._all_of, self._not_found)

    def _all_of(self, events: Sequence[Event]) -> list[list[str] | Nobody]:
        keys = [self._match_keys(one) for one in events]
        lookups = self._lookups(keys)
        hits = self._destination.find(self.people.object, lookups, (), self.people.only) if lookups else []
        paired = self.people.match.pair((key for each in keys for key in each), hits)
        return [[one.id for key in each for one in paired.get(key, ())] for each in keys]

    def _lookups(self, keys: Sequence[tuple[MatchKey, ...]]) -> list[Lookup]:
        asked = self.people.match.lookups(key for each in keys for key in each)
        return [Lookup(one.field, one.kind, one.values) for one in asked]

    def _choice(self, decision: Matched | NoRecord | Many | Conflict) -> tuple[str, ...] | Nobody:
        match decision:
            case Matched(record_id=id):
                return (id,)
            case Many(rule=rule, record_ids=ids):
                return Nobody("many", f"{rule} names {len(ids)} records; nobody is asked")
            case Conflict(rule=rule):
                return Nobody(
                    "conflict", f"a stronger rule names one record, {rule} another; nobody is asked"
                )
            case NoRecord():
                return Nobody("unknown_person", f"no {self.people.object} has any of the event's keys")

    def _one(self, event: Event, found: Sequence[Found], choice: tuple[str, ...] | Nobody) -> Found:
        persons = {one.record_id: one for one in found if isinstance(one, Person)}
        if len(persons) == 1:
            return next(iter(persons.values()))
        keys = _ledger_keys(event, self.people)
        if len(persons) > 1:
            return Nobody("many", f"the event names {len(persons)} records; nobody is asked", keys)
        if not event.person:
            return Nobody("no_person", "the event names nobody", keys)
        why = found[0] if found else choice
        assert isinstance(why, Nobody)
        return Nobody(why.code, why.reason, keys)

    # ------------------------------------------------------------ reading

    def _absent(self, object: str, names: Iterable[str]) -> frozenset[str]:
        """Fields the CRM lacks, or does not show us. A dotted one leads to another object and is just asked for."""
        schema = self._destination.describe(object)
        return frozenset(name for name in names if name not in schema.fields and "." not in name)

    def _persons(self, records: Sequence[Record], absent: frozenset[str]) -> dict[str, Person]:
        accounts, absent_there = self._accounts(records)
        absorbed = self._absorbed(records, absent)
        unreadable = tuple(sorted((absent & self.people._gates) | absent_there))
        return {
            record.id: self._person(record, absorbed.get(record.id, ()), accounts, unreadable)
            for record in records
        }

    def _absorbed(self, records: Sequence[Record], absent: frozenset[str]) -> Mapping[str, Sequence[Record]]:
        """What was merged into these: whoever unsubscribed as one of them did so as the survivor."""
        destination = self._destination
        if not self._merges or not records or not isinstance(destination, RemembersMerges):
            return {}
        names = [name for name in self.people.addresses if name not in absent]
        return destination.absorbed(self.people.object, [record.id for record in records], names)

    def _accounts(self, records: Sequence[Record]) -> tuple[dict[str, Fields], frozenset[str]]:
        people = self.people
        if people.account_object is None or people.account_by is None or not people.account_names:
            return {}, frozenset()
        ids = sorted({id for one in records if (id := id_key(one.fields.get(people.account_by)))})
        if not ids:
            return {}, frozenset()
        absent = self._absent(people.account_object, people.account_names)
        fetch = sorted(people.account_names - absent)
        found = self._destination.get(people.account_object, ids, fetch, {})
        return {one.id: self._typed(people.account_object, one) for one in found}, absent

    def _typed(self, object: str, record: Record) -> dict[str, Value]:
        return {name: self._destination.typed(object, name)(live) for name, live in record.fields.items()}

    def _person(
        self,
        record: Record,
        absorbed: Sequence[Record],
        accounts: Mapping[str, Fields],
        unreadable: tuple[str, ...],
    ) -> Person:
        people, fields = self.people, self._typed(self.people.object, record)
        email, phone = text_of(fields, people.email), phone_key(text_of(fields, people.phone), people.region)
        external_id = id_key(text_of(fields, people.external_id))
        others = (self._keys_of(one, self._typed(people.object, one)) for one in absorbed)
        account = id_key(record.fields.get(people.account_by)) if people.account_by else None
        opted_out, unclear = yes_or_no(fields, people.opted_out)
        agreed, vague = yes_or_no(fields, people.consent)
        return Person(
            scope=people.scope,
            record_id=record.id,
            recipient=Recipient(
                connection=people.connection,
                object=people.object,
                record_id=record.id,
                name=text_of(fields, people.name),
                email=email if email_key(email) and not says_something(fields, people.bounced) else None,
                phone=phone,
                external_id=external_id,
                language=text_of(fields, people.language),
            ),
            keys=tuple(dict.fromkeys(chain(self._keys_of(record, fields), *others))),
            record=fields,
            account_id=account,
            account=accounts.get(account) if account else None,
            opted_out=opted_out,
            consent=agreed,
            unreadable=unreadable + unclear + vague,
            zone=text_of(fields, people.time_zone),
            customer_since=moment_of(fields, people.customer_since, people.zone),
        )

    def _keys_of(self, record: Record, fields: Fields) -> Iterator[str]:
        """The names this record gives its person, and the ids of those it is known to have absorbed."""
        people = self.people
        yield from person_keys(
            connection=people.connection,
            object=people.object,
            record_id=record.id,
            email=email_key(text_of(fields, people.email)),
            phone=phone_key(text_of(fields, people.phone), people.region),
            external_id=id_key(text_of(fields, people.external_id)),
        )
        for id in record.merged:
            yield from person_keys(connection=people.connection, object=people.object, record_id=id)


def _unreadable(record_id: str, error: NpsyncError) -> Found:
    return Nobody("unreadable", f"the record cannot be read: {error}")


def _is_later(wanted: Value, shown: Value) -> bool:
    """Later than what the field shows; whatever is no date there is not in the way."""
    if isinstance(shown, datetime) and isinstance(wanted, datetime):
        return wanted > shown
    if isinstance(shown, date) and isinstance(wanted, date) and type(shown) is type(wanted):
        return wanted > shown
    return True


def _ledger_keys(event: Event, people: People) -> tuple[str, ...]:
    given = _as_answer(event)
    records = [key.value for key in event.person if key.kind == "record"]
    own = event.connection == people.connection and len(records) == 1
    return person_keys(
        connection=people.connection,
        object=people.object,
        record_id=records[0] if own else None,
        email=email_key(given.email),
        phone=phone_key(given.phone, people.region),
        external_id=id_key(given.external_id),
    )


def _named_by(kind: str, value: str) -> Event:
    """Nothing but a name, as what leads to a person."""
    return Event(
        connection="",
        kind="",
        key="",
        subject=Subject("", ""),
        occurred_at=datetime.min.replace(tzinfo=UTC),
        person=(PersonKey(kind, value),),
    )


def _as_answer(event: Event) -> SurveyResponse:
    """The event's keys where the match rules look for an answer's."""
    return SurveyResponse(
        source=event.connection,
        id=event.key,
        answered_at=event.occurred_at,
        email=_key(event.person, "email"),
        phone=_key(event.person, "phone"),
        external_id=_key(event.person, "external_id"),
        properties=event.facts,
    )


def _key(keys: Sequence[PersonKey], kind: str) -> str | None:
    return next((key.value for key in keys if key.kind == kind), None)
