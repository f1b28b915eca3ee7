"""From what a person typed to the stories of the records concerned: asks the store, and each CRM once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from msgspec.structs import replace

from connectors.contract import Destination, Lookup, why_write_only
from nps.changes import Record
from nps.errors import ConfigError, NpsyncError
from nps.forgetting import person_name
from nps.keys import email_key, id_key, person_number, phone_key
from nps.responses import SurveyResponse
from store.api import Store
from store.past import Fate, Who
from sync.explaining import Known, Seen, Target, View, explain, tell_answers
from sync.invited import Invited
from sync.merges import remembered
from sync.story import AnswerStory, RecordStory, Story

Look = Callable[[str], Destination]
"""The destination behind a connection's name, ready to be read."""


def tell(
    who: str,
    views: Sequence[View],
    store: Store,
    *,
    region: str | None,
    look: Look | None,
    thorough: bool = True,
) -> Story:
    """Everything known about `who`; not `thorough`: what is found at once. Without `look` no CRM is asked; one that
    cannot be asked is told in `problems`, one that lets nobody look in `unseen`."""
    asked = asked_for(who, region)
    found = store.answers_by_key(asked, thorough=thorough)
    fates = store.fates(found)
    wanted = _wanted(asked, views, store, fates, found)
    problems: list[str] = []
    unseen: list[str] = []
    seen = _seen(asked, views, store, wanted, look, problems, unseen)
    known = _known(store, found, seen)
    records = [explain(one, views, known) for one in seen]
    records = [one for one in records if one.exists or one.writes or one.answers]
    records = list(_with_forgotten(records, store, problems))
    told = {(answer.sync, answer.number) for one in records for answer in one.answers}
    loose = _loose(views, known, found, told)
    return Story(
        asked=asked.text,
        records=tuple(sorted(records, key=lambda one: (not one.touched, one.connection, one.object, one.id))),
        loose=tuple(loose),
        looked_in=_looked_in(views, look),
        offline=look is None,
        problems=tuple(problems),
        unseen=tuple(unseen),
    )


def asked_for(who: str, region: str | None) -> Who:
    text = who.strip()
    email, phone = email_key(text), phone_key(text, region)
    pretended = [
        email and _pretended(email=text),
        phone and _pretended(phone=text),
        id_key(text) and _pretended(external_id=text),
    ]
    persons = [person_number(one, region) for one in pretended if isinstance(one, SurveyResponse)]
    return Who(text=text, email=email, phones=_spellings(phone, text), persons=persons)


def _pretended(
    email: str | None = None, phone: str | None = None, external_id: str | None = None
) -> SurveyResponse:
    """An answer of whoever was asked for, as far as its keys go."""
    at = datetime.min.replace(tzinfo=UTC)
    return SurveyResponse(source="", id="", answered_at=at, email=email, phone=phone, external_id=external_id)


def _spellings(phone: str | None, text: str) -> list[str]:
    if phone is None:
        return []
    from nps import phones

    return list(dict.fromkeys((text, *phones.spellings(phone))))


def _with_forgotten(
    records: Sequence[RecordStory], store: Store, problems: list[str]
) -> Iterator[RecordStory]:
    """Of a record that nothing is known of: whether that is because its person was forgotten."""
    names = {person_name(one.connection, one.id) for one in records if not one.touched}
    try:
        forgotten = store.forgotten_on(sorted(names)) if names else {}
    except ConfigError as error:
        problems.append(f"whether somebody was forgotten cannot be told: {error}")
        forgotten = {}
    for one in records:
        at = forgotten.get(person_name(one.connection, one.id))
        yield one if at is None else replace(one, forgotten_at=at)


# ------------------------------------------------------------ which records


@dataclass
class _Wanted:
    """Ids to tell about, per target: those the store knows, and one that only the CRM can know."""

    known: set[str] = field(default_factory=set)
    guessed: str | None = None


def _wanted(
    asked: Who, views: Sequence[View], store: Store, fates: Iterable[Fate], found: Sequence[int]
) -> dict[Target, _Wanted]:
    wanted: dict[Target, _Wanted] = defaultdict(_Wanted)
    by_sync = {view.sync: view for view in views}
    for fate in fates:
        if (view := by_sync.get(fate.sync)) is not None:
            wanted[view.target].known.update(fate.settled.candidates)
            if fate.settled.record_id is not None:
                wanted[view.target].known.add(fate.settled.record_id)
    for view in views:
        its = wanted[view.target]
        its.known.update(
            link.record_id
            for link in store.links_of(_key_values(asked, view), ())
            if link.scope in view.target.scopes
        )
        id = view.record_id(asked.text)
        if id is not None and _is_known(store, view, id):
            its.known.add(id)
        elif id is not None and not found:
            its.guessed = id
    return wanted


def _is_known(store: Store, view: View, id: str) -> bool:
    if any(
        one.connection == view.connection and one.change.object == view.object
        for one in store.journal_of([id])
    ):
        return True
    return any(
        one.sync == view.sync and (one.settled.record_id == id or id in one.settled.candidates)
        for one in store.fates(store.answers_on_records([id]))
    )


def _key_values(asked: Who, view: View) -> list[str]:
    keys = view.match.keys(_pretended(email=asked.text, phone=asked.text, external_id=asked.text))
    return list({key.value for key in keys})


# ------------------------------------------------------------ looking at them


def _seen(
    asked: Who,
    views: Sequence[View],
    store: Store,
    wanted: Mapping[Target, _Wanted],
    look: Look | None,
    problems: list[str],
    unseen: list[str],
) -> list[Seen]:
    seen: list[Seen] = []
    for target, its in wanted.items():
        its_views = [view for view in views if view.target == target]
        survivors = remembered(store, target.connection, target.object)
        if look is not None:
            try:
                destination = look(target.connection)
                if not (why := why_write_only(destination)):
                    seen += _looked_at(asked, its_views, its, destination, survivors, store)
                    continue
                unseen.append(f"{target.connection} cannot be looked at: {why}")
            except NpsyncError as error:
                problems.append(f"{target.connection} could not be looked at: {error}")
        ids = {survivors.get(id, id) for id in its.known}
        seen += [Seen(target, id, absorbed=_absorbed(id, survivors)) for id in sorted(ids)]
    return seen


def _looked_at(
    asked: Who,
    views: Sequence[View],
    wanted: _Wanted,
    destination: Destination,
    survivors: Mapping[str, str],
    store: Store,
) -> list[Seen]:
    """One look: the records the store knows and those that carry what was typed."""
    target = views[0].target
    ids = {survivors.get(id, id) for id in wanted.known}
    if wanted.guessed is not None:
        ids.add(survivors.get(wanted.guessed, wanted.guessed))
    fields = _readable(destination, views, _ever_written(store, target, wanted.known))
    records = {record.id: record for record in _find(asked, views, destination, fields)}
    # A record that only the CRM knows by this key may have been written by a mapping of the past.
    more = _readable(destination, views, _ever_written(store, target, records.keys() - ids))
    if not set(more) <= set(fields):
        fields, records = list(dict.fromkeys((*fields, *more))), {}
        ids |= {record.id for record in _find(asked, views, destination, fields)}
    merged = dict(survivors)
    if missing := sorted(ids - records.keys()):
        for record in destination.get(target.object, missing, fields, {}):
            records[record.id] = record
    for record in records.values():
        merged.update((old, record.id) for old in record.merged)
    gone = {merged.get(id, id) for id in wanted.known} - records.keys()
    return [
        Seen(target, id, looked=True, live=records.get(id), absorbed=_absorbed(id, merged))
        for id in sorted((*records, *gone))
    ]


def _absorbed(id: str, survivors: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(old for old, new in survivors.items() if new == id and old != id))


def _readable(destination: Destination, views: Sequence[View], written: Iterable[str]) -> list[str]:
    """The fields to read: those mapped today and those ever written. One that the CRM does not have any more is told
    as gone, not asked for."""
    there = destination.describe(views[0].object).fields
    names = (name for view in views for name in (*view.fields.shows, *view.header))
    return [name for name in dict.fromkeys((*names, *written)) if name in there]


def _ever_written(store: Store, target: Target, ids: Collection[str]) -> list[str]:
    """The names of the fields that were ever wanted written to these records."""
    journal = store.journal_of(sorted(ids)) if ids else []
    its = [
        one.change
        for one in journal
        if one.connection == target.connection and one.change.object == target.object
    ]
    return list(dict.fromkeys(name for change in its for name in change.after))


def _find(asked: Who, views: Sequence[View], destination: Destination, fields: Sequence[str]) -> list[Record]:
    if ":" in asked.text:  # an answer's id: no record carries it
        return []
    records: dict[str, Record] = {}
    for view in views:
        keys = view.match.keys(_pretended(email=asked.text, phone=asked.text, external_id=asked.text))
        lookups = [Lookup(one.field, one.kind, one.values) for one in view.match.lookups(keys)]
        if lookups:
            for hit in destination.find(view.object, lookups, fields, view.only):
                records[hit.record.id] = hit.record
    return list(records.values())


# ------------------------------------------------------------ what the store knows about them


def _known(store: Store, found: Sequence[int], seen: Sequence[Seen]) -> Known:
    ids = sorted({id for one in seen for id in one.ids})
    journal = store.journal_of(ids)
    numbers = {*found, *store.answers_on_records(ids)}
    numbers |= {one.change.response for one in journal if one.change.response is not None}
    persons = {one.person for one in store.versions(sorted(numbers)).values()}
    numbers |= set(store.answers_of_persons(sorted(persons)))
    versions = store.versions(sorted(numbers))
    every = sorted(versions)
    invited = Invited(store)
    invited.learn(one.response for one in versions.values())
    return Known(
        versions=versions,
        fates=store.fates(every),
        journal=journal,
        letters=store.letters_about(every, ids),
        links=store.links_of((), ids),
        followed=store.entries_about(every, ids),
        events={number: event for number, one in versions.items() if (event := invited.event(one.response))},
    )


def _loose(
    views: Sequence[View], known: Known, numbers: Iterable[int], told: Container[tuple[str, int]]
) -> list[AnswerStory]:
    """Answers that were asked for and are on no record told here, sync by sync."""
    versions = [known.versions[number] for number in sorted(numbers) if number in known.versions]
    stories: list[AnswerStory] = []
    for view in views:
        fates = {one.settled.number: one for one in known.fates if one.sync == view.sync}
        its = [
            one
            for one in versions
            if one.response.source in view.ranks and (view.sync, one.number) not in told
        ]
        stories += tell_answers(view, its, fates, known.letters, known.events)
    return sorted(stories, key=lambda one: (one.answered_at, one.number, one.sync))


def _looked_in(views: Sequence[View], look: Look | None) -> tuple[str, ...]:
    """Where a WHO was looked for, in words."""
    places = [
        "the answers stored here (e-mail, external id, phone, answer id)",
        "the journal of what was written",
    ]
    if look is not None:
        for view in views:
            fields = ", ".join(rule.record for rule in view.match.rules)
            places.append(f"{view.connection} {view.object} (id, {fields})")
    return tuple(dict.fromkeys(places))
