"""Each answer as a record of its own: of a custom object by its unique property, or as a note by its mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from connectors.contract import Entry, Making
from connectors.hubspot.account import Account
from connectors.hubspot.attaching import Attaching
from connectors.hubspot.finding import READ_BATCH, chunks, key_of, others, record_key
from connectors.hubspot.making import ATTACHED, Maker, New
from connectors.hubspot.marked import Marked, keys_of
from connectors.hubspot.properties import Properties, object_type
from connectors.hubspot.replies import Refusal
from connectors.hubspot.ruling import Ruling
from connectors.hubspot.texts import marked
from connectors.hubspot.writing import property_text
from nps.changes import Cause, Deferred, Made, Outcome, Rejected, Written
from nps.errors import ConfigError, Interrupted, UnavailableError

NOTES = "notes"
_BODY, _WHEN = "hs_note_body", "hs_timestamp"


class History:
    def __init__(self, account: Account, maker: Maker, ruling: Ruling) -> None:
        self._account = account
        self._maker = maker
        self._ruling = ruling
        self._notes = Marked(account, NOTES, _BODY)
        self._attaching = Attaching(account)

    def keep(self, object: str, key: str, entries: Sequence[Entry]) -> Iterator[Making]:
        if not entries:
            return iter(())
        return self._noted(entries) if _is_note(object) else self._kept(object, key, entries)

    def kept(self, object: str, key: str, entries: Sequence[Entry]) -> Mapping[str, str]:
        if not _is_note(object):
            self._keyed(object, key)
        if not entries:
            return {}
        if _is_note(object):
            ends = {entry.key: next(iter(self._ends(entry).items())) for entry in entries if entry.about}
            return self._notes.found(ends)
        there = self._by_key(object, key, entries)
        return {entry.key: there[entry.key] for entry in self._attached(object, entries, there)}

    def discard(self, object: str, ids: Sequence[str]) -> Iterable[Outcome]:
        return self._maker.archive(NOTES if _is_note(object) else object, ids)

    # ------------------------------------------------------------ notes

    def _noted(self, entries: Sequence[Entry]) -> Iterator[Making]:
        for entry in entries:
            if not entry.about:
                gone = "the record it was of is gone, and with it the way to its note"
                yield Rejected(entry.key, "RECORD_GONE", gone, cause=Cause.GONE)
        entries = [entry for entry in entries if entry.about]
        there = self.kept(NOTES, "", entries)
        texts = {entry.key: self._note(entry, is_new=entry.key not in there) for entry in entries}
        told = self._maker.update(NOTES, {there[key]: texts[key] for key in texts if key in there})
        for key, id in there.items():
            yield _of(key, told[id])
        now = f"{self._account.tools.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        new = {
            entry.key: New({_WHEN: now} | texts[entry.key], self._ends(entry))
            for entry in entries
            if entry.key not in there
        }
        yield from self._maker.create(NOTES, new, keys_of(_BODY, new), _BODY)

    def _note(self, entry: Entry, *, is_new: bool) -> dict[str, str]:
        texts = {name: property_text(value) for name, value in entry.fields.items()}
        if _BODY in texts:
            return texts | {_BODY: marked(texts[_BODY], entry.key)}
        if is_new:
            raise ConfigError(
                f"{self._account.tools.connection}: a note needs a text: map something to {_BODY} in the "
                "history's fields"
            )
        return texts

    def _ends(self, entry: Entry) -> dict[str, str]:
        about = {object_type(name): id for name, id in entry.about.items()}
        ends = {to: about[to] for to in ATTACHED[NOTES] if to in about}
        if not ends:
            raise ConfigError(
                f"{self._account.tools.connection}: npsync attaches notes to {', '.join(ATTACHED[NOTES])}, not to "
                f"{', '.join(entry.about) or 'nothing'}"
            )
        return ends

    # ------------------------------------------------------------ a custom object

    def _kept(self, object: str, key: str, entries: Sequence[Entry]) -> Iterator[Making]:
        known = self._keyed(object, key)
        things = {
            entry.key: {name: property_text(value) for name, value in entry.fields.items()}
            | {key: _key_value(entry, key)}
            for entry in entries
        }
        made: dict[str, str] = {}
        recheck = self._ruling.after
        for one in self._maker.upsert(
            known.object_type, key, things, lambda reason, group: recheck(object, reason, group)
        ):
            if isinstance(one, Made):
                made[one.record_id] = one.id
            else:
                yield one
        yield from self._attach(known, [entry for entry in entries if entry.key in made], made)

    def _attach(
        self, known: Properties, entries: Sequence[Entry], made: Mapping[str, str]
    ) -> Iterator[Making]:
        """An answer that nobody finds on the customer's record is not kept yet."""
        failed: dict[str, Refusal] = {}
        try:
            for to, pairs in _pairs(entries, made).items():
                failed |= self._attaching.attach(known.object_type, to, pairs)
        except (UnavailableError, Interrupted) as error:
            yield from (Deferred(entry.key, f"kept, but not attached yet: {error}") for entry in entries)
            return
        for entry in entries:
            if (reason := failed.get(made[entry.key])) is None:
                yield Made(entry.key, made[entry.key])
            else:
                words = f"kept, but HubSpot does not attach it: {reason.message}"
                yield Rejected(entry.key, reason.code, words, reason.field, reason.cause)

    def _by_key(self, object: str, key: str, entries: Sequence[Entry]) -> dict[str, str]:
        known = self._keyed(object, key)
        read_by = key_of(known, key)
        assert read_by is not None  # a property with unique values
        wanted = {read_by.normal(_key_value(entry, key)): entry.key for entry in entries}
        found: dict[str, str] = {}
        for chunk in chunks(list(wanted), READ_BATCH):
            rows, _ = self._account.read(known, read_by, chunk, [key])
            for row in rows:
                found |= {wanted[value]: str(row["id"]) for value in read_by.claims(row) if value in wanted}
        return found

    def _attached(self, object: str, entries: Sequence[Entry], there: Mapping[str, str]) -> Sequence[Entry]:
        """Those that lead to every record they are about."""
        whole = [entry for entry in entries if entry.key in there]
        known = self._account.known(object)
        for to, pairs in _pairs(whole, there).items():
            ends: dict[str, set[str]] = {}
            for id, association in self._account.associated(known, to, list(pairs), enough=lambda _: False):
                ends.setdefault(id, set()).update(others(association))
            whole = [
                entry
                for entry in whole
                if (id := there[entry.key]) not in pairs or pairs[id] in ends.get(id, ())
            ]
        return whole

    def _keyed(self, object: str, key: str) -> Properties:
        known = self._account.known(object)
        if not key:
            raise ConfigError(
                f"{self._account.tools.connection}: {object}: name the property that holds each answer's key: a text "
                "with unique values"
            )
        self._account.check(known, [key])
        if not known.schema.fields[key].unique:
            raise ConfigError(
                f'{self._account.tools.connection}: {object}\'s "{key}" does not require unique values, so answers '
                "could not be found again by it; HubSpot sets that only when a property is created"
            )
        return known


def _is_note(object: str) -> bool:
    return object_type(object) in (NOTES, "note")


def _key_value(entry: Entry, key: str) -> str:
    return property_text(entry.fields.get(key)) or entry.key


def _pairs(entries: Sequence[Entry], ids: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Type → (id of the entry → id of the record it belongs to)."""
    pairs: dict[str, dict[str, str]] = {}
    for entry in entries:
        for name, id in entry.about.items():
            if record_key(object_type(name)).asks(id):
                pairs.setdefault(object_type(name), {})[ids[entry.key]] = id
    return pairs


def _of(key: str, told: Outcome) -> Making:
    match told:
        case Written(record_id=id):
            return Made(key, id)
        case Rejected():
            return Rejected(key, told.code, told.message, told.field, told.cause)
        case Deferred():
            return Deferred(key, told.reason, told.until, told.tried)
        case _:
            return type(told)(key, told.reason)
