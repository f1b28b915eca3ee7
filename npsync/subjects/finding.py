"""Who somebody is: from what was typed to every name, record and answer of theirs, and what may be another person's.

Nothing is taken over on a guess. An answer with another address on the same record, an id that several addresses share,
a second record that carries the address: each may be somebody else, is listed, and is taken only when it was named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.contract import Destination
from nps.asking import INVITATION, person_keys
from nps.errors import NpsyncError
from nps.forgetting import answer_name, person_name
from nps.keys import email_key, id_key, is_role_mailbox, phone_key
from nps.responses import SurveyResponse
from nps.values import Json
from npsync.asking import gatekeeper
from npsync.subjects.words import spellings
from npsync.syncing.views import views_of
from store.api.subjects import Place, Traces
from store.past import Version, Who
from sync.explaining import View
from sync.story import RecordStory
from sync.telling import Look, asked_for, tell

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

_ROUNDS = 20  # each adds a name at least; nobody has so many


@dataclass(frozen=True)
class Doubt:
    """Something that may be the same person's, or another's. `text` is what to name for it to be taken over."""

    text: str
    why: str


@dataclass(frozen=True)
class Subject:
    """One person, as far as they are known."""

    asked: str
    names: tuple[str, ...] = field(default=(), repr=False)
    answers: tuple[Version, ...] = field(default=(), repr=False)  # all versions
    records: tuple[Place, ...] = field(default=(), repr=False)
    doubts: tuple[Doubt, ...] = field(default=(), repr=False)
    problems: tuple[str, ...] = ()  # why a CRM could not be asked

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(one.number for one in self.answers)

    @property
    def traces(self) -> Traces:
        return Traces(
            names=self.names, numbers=self.numbers, records=self.records, words=tuple(sorted(self._words()))
        )

    @property
    def buried(self) -> tuple[str, ...]:
        """The names they are forgotten by."""
        answers = {answer_name(one.response.source, one.response.id) for one in self.answers}
        records = {person_name(place.connection, place.id) for place in self.records if not place.shared}
        return tuple(sorted({*self.names, *answers, *records}))

    def _words(self) -> Iterable[str]:
        """What is theirs alone. What an answer of theirs carries beside may be others' too, and stays in their rows."""
        yield from spellings(self.asked)
        for name in self.names:
            yield from spellings(_bare(name))
        for version in self.answers:
            told = version.response
            yield from spellings(told.id)
            for value, name in (
                (told.email, f"email:{email_key(told.email)}"),
                (told.phone, f"phone:{told.phone}"),
                (told.external_id, f"id:{told.external_id}"),
            ):
                if value and name in self.names:
                    yield from spellings(value)
            invitation = told.properties.get(INVITATION)
            if isinstance(invitation, str):
                yield from spellings(invitation)


def find(config: Config, store: Store, who: str, *, also: Sequence[str] = (), look: Look | None) -> Subject:
    """Everybody's rows are left alone but this one's. `also` are names that a person said are theirs, too. Without
    `look` no CRM is asked."""
    return _Search(config, store, look).of(who, also)


@dataclass
class _Gathered:
    names: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    records: dict[tuple[str, str, str], bool] = field(default_factory=dict)  # → shared
    doubts: dict[str, str] = field(default_factory=dict)
    problems: dict[str, None] = field(default_factory=dict)


class _Search:
    def __init__(self, config: Config, store: Store, look: Look | None) -> None:
        self._config, self._store, self._look = config, store, look
        self._views = views_of(config)
        self._told: dict[str, tuple[RecordStory, ...]] = {}
        self._answers: dict[str, list[int]] = {}

    def of(self, who: str, also: Sequence[str]) -> Subject:
        got = _Gathered()
        given = (who, *also)
        for text in given:
            got.names.update(self._names(text))
        self._by_answer(given, got)
        for _ in range(_ROUNDS):
            before = (len(got.names), len(got.numbers), len(got.records))
            for text in dict.fromkeys((*given, *map(_bare, sorted(got.names)))):
                self._add(text, set(given), got)
            if before == (len(got.names), len(got.numbers), len(got.records)):
                break
        self._shared(got)
        for (connection, object, id), shared in got.records.items():
            if shared:  # it names the others as well
                got.names -= set(person_keys(connection=connection, object=object, record_id=id))
        versions = self._store.versions(sorted(got.numbers))
        taken = {_bare(name) for name in got.names} | set(given)
        return Subject(
            asked=who.strip(),
            names=tuple(sorted(got.names)),
            answers=tuple(versions[number] for number in sorted(versions)),
            records=tuple(
                Place(connection, object, id, self._syncs(connection, object), shared)
                for (connection, object, id), shared in sorted(got.records.items())
            ),
            doubts=tuple(Doubt(text, why) for text, why in sorted(got.doubts.items()) if text not in taken),
            problems=tuple(got.problems),
        )

    def _names(self, text: str) -> tuple[str, ...]:
        return gatekeeper.keys_of(self._config, gatekeeper.named_by(self._config, text))

    def _by_answer(self, given: Iterable[str], got: _Gathered) -> None:
        """An answer may be named itself (source:id): then whoever gave it is meant."""
        for text in given:
            source, colon, id = text.partition(":")
            told = self._store.answer(source, id) if colon and source in self._config.connections else None
            if told is not None:
                got.names.discard(f"id:{text}")
                got.names.update(self._keys(told))
                got.numbers.update(self._store.answers_by_key(Who(text=text)))

    # ------------------------------------------------------------ one name

    def _add(self, text: str, given: set[str], got: _Gathered) -> None:
        """What one name of theirs leads to."""
        self._own_answers(self._carrying(text), got, f"carries {text}, and so do answers of others")
        for record in self._records(text, got):
            self._add_record(record, text, given, got)

    def _carrying(self, text: str) -> list[int]:
        if text not in self._answers:
            self._answers[text] = self._store.answers_by_key(asked_for(text, self._config.phone_region))
        return self._answers[text]

    def _own_answers(self, numbers: Sequence[int], got: _Gathered, why: str) -> None:
        """Theirs: answers whose address is theirs, or that carry no address. Another address may be another's."""
        versions = self._store.versions(numbers)
        newest = {(one.response.source, one.response.id): one for one in versions.values() if one.newest}
        for (source, id), one in newest.items():
            address = email_key(one.response.email)
            if address is not None and f"email:{address}" not in got.names:
                got.doubts[address] = f"an answer with this address {why}"
                continue
            got.numbers.update(
                number
                for number, other in versions.items()
                if (other.response.source, other.response.id) == (source, id)
            )
            for name in self._keys(one.response):
                self._take_over(name, got)

    def _take_over(self, name: str, got: _Gathered) -> None:
        """A phone number or an id is theirs unless others use it as well."""
        if name in got.names:
            return
        addresses = {
            address
            for one in self._store.versions(self._carrying(_bare(name))).values()
            if one.newest and (address := email_key(one.response.email)) is not None
        }
        foreign = sorted(address for address in addresses if f"email:{address}" not in got.names)
        if foreign:
            got.doubts[_bare(name)] = f"answers of {len(foreign)} other address(es) carry it, too"
        elif name.startswith("email:") and is_role_mailbox(_bare(name)):
            got.doubts[_bare(name)] = "a mailbox of a function, which several people may read"
        else:
            got.names.add(name)

    # ------------------------------------------------------------ records

    def _records(self, text: str, got: _Gathered) -> tuple[RecordStory, ...]:
        if text not in self._told:
            story = tell(text, self._views, self._store, region=self._config.phone_region, look=self._look)
            got.problems.update(dict.fromkeys((*story.problems, *story.unseen)))
            self._told[text] = story.records
        return self._told[text]

    def _add_record(self, record: RecordStory, text: str, given: set[str], got: _Gathered) -> None:
        ids = {record.id, *record.absorbed}
        typed = {_bare(name) for one in given for name in self._names(one)}
        named = not ids.isdisjoint(typed)
        if not (named or self._is_theirs(record, text, got)):
            return  # a candidate: somebody has to say whose the answer is
        rivals = [
            other
            for other in self._told[text]
            if (other.connection, other.object) == (record.connection, record.object)
            and other.id != record.id
            and self._is_theirs(other, text, got)
        ]
        if rivals and not named:
            got.doubts[record.id] = (
                f"one of {len(rivals) + 1} records of {record.connection} that carry {text}"
            )
            return
        for id in sorted(ids):
            got.records.setdefault((record.connection, record.object, id), False)
            got.names.update(person_keys(connection=record.connection, object=record.object, record_id=id))
        for value in self._live(record):
            for name in self._names(value):
                self._take_over(name, got)
        on = self._store.answers_on_records(sorted(ids))
        its = {answer.number for answer in record.answers if answer.record_id in ids}
        self._own_answers(sorted(its & set(on)), got, f"is on their record {record.id}")

    def _is_theirs(self, record: RecordStory, text: str, got: _Gathered) -> bool:
        """An answer of theirs is on it, or it carries their name."""
        ids = {record.id, *record.absorbed}
        if any(one.number in got.numbers and one.record_id in ids for one in record.answers):
            return True
        if not record.looked or not record.exists:
            return False
        if not any(ids.intersection(one.candidates) for one in record.answers):
            return (
                True  # the CRM found it by this name, also where the field shows another (a second address)
            )
        return not {_bare(name) for name in self._names(text)}.isdisjoint(self._live(record))

    def _live(self, record: RecordStory) -> tuple[str, ...]:
        """What the record shows now in the fields that answers are matched by."""
        views = [
            one for one in self._views if (one.connection, one.object) == (record.connection, record.object)
        ]
        if self._look is None or not record.looked or not record.exists:
            return ()
        try:
            return _shown(self._look(record.connection), record, views, self._config.phone_region)
        except NpsyncError:
            return ()  # told by whoever looked at the record itself

    def _shared(self, got: _Gathered) -> None:
        """Records on which answers of others stay."""
        for connection, object, id in got.records:
            syncs = set(self._syncs(connection, object))
            numbers = self._store.answers_on_records([id])
            fates = self._store.fates(numbers)
            got.records[connection, object, id] = any(
                fate.settled.record_id == id and fate.sync in syncs and fate.settled.number not in got.numbers
                for fate in fates
            )

    def _syncs(self, connection: str, object: str) -> tuple[str, ...]:
        return tuple(
            view.sync for view in self._views if (view.connection, view.object) == (connection, object)
        )

    def _keys(self, response: SurveyResponse) -> tuple[str, ...]:
        return person_keys(
            email=email_key(response.email),
            phone=phone_key(response.phone, self._config.phone_region),
            external_id=id_key(response.external_id),
        )


def _shown(
    destination: Destination, record: RecordStory, views: Sequence[View], region: str | None
) -> tuple[str, ...]:
    """The names in those fields of a record by which answers are matched to it."""
    known = destination.describe(record.object).fields
    rules = {
        rule.record: rule.response for view in views for rule in view.match.rules if rule.record in known
    }
    found = [
        _normalised(rules[name], one.fields.get(name), region)
        for one in destination.get(record.object, [record.id], sorted(rules), {})
        for name in rules
    ]
    return tuple(dict.fromkeys(text for text in found if text is not None))


def _normalised(kind: str, value: Json, region: str | None) -> str | None:
    text = id_key(value)
    if kind == "email":
        return email_key(text)
    if kind == "phone":
        return phone_key(text, region)
    return text if kind == "external_id" else None


def _bare(name: str) -> str:
    return name.rpartition("/")[2] if name.startswith("record:") else name.partition(":")[2]
