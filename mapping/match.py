"""Who is who: from an answer's keys to one record, none, many or a conflict (DESIGN 2, "Matching").

Pure: `keys` says what the answer has, `lookups` what to ask the CRM, `decide` what its hits mean.
A person's decision (a manual link) and an own invitation come before all of this, in the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from mapping.names import walk
from mapping.spec import MatchRule
from nps.changes import Hit, MatchKey, Record
from nps.keys import email_domain, email_key, id_key, is_free_mail, phone_key
from nps.responses import SurveyResponse
from nps.values import Json


class Matched(msgspec.Struct, frozen=True):
    """One record. `rule` is the deciding rule as in the YAML: "email = Email"."""

    record_id: str
    rule: str
    record: Record


class NoRecord(msgspec.Struct, frozen=True):
    """Nothing carries any of the keys; the answer waits."""


class Many(msgspec.Struct, frozen=True):
    """The deciding rule names several records; a person decides."""

    rule: str
    record_ids: tuple[str, ...]


class Conflict(msgspec.Struct, frozen=True):
    """A weaker rule (`rule`) names exactly one other record; a person decides.
    The deciding rule's record comes first."""

    rule: str
    record_ids: tuple[str, ...]


Decision = Matched | NoRecord | Many | Conflict
Paired = Mapping[MatchKey, Sequence[Record]]
_Read = Callable[[SurveyResponse, Mapping[str, Json]], str | None]


@dataclass(frozen=True)
class Asked:
    """Values to look up in one record field. `kind` is what the answer called them (email, phone, …)."""

    field: str
    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class CompiledMatch:
    """The match rules of one destination, strongest first."""

    rules: tuple[MatchRule, ...]
    _readers: tuple[tuple[str, str, _Read], ...]  # what the answer calls it, the record's field

    def keys(self, response: SurveyResponse, event: Mapping[str, Json] | None = None) -> tuple[MatchKey, ...]:
        """The keys this answer has, normalised, in the order of the rules. `event` is what our
        invitation was about."""
        found = []
        for name, field, read in self._readers:
            value = read(response, event or {})
            if value is not None:
                found.append(MatchKey(name, field, value))
        return tuple(found)

    def misses_its_company(self, response: SurveyResponse) -> bool:
        """A rule reads the domain, and this address has one that says nothing about a company."""
        key = email_key(response.email)
        by_domain = any(rule.response == "email_domain" for rule in self.rules)
        return by_domain and key is not None and is_free_mail(key)

    def lookups(self, keys: Iterable[MatchKey]) -> list[Asked]:
        """What to ask for the keys of any number of answers: one entry per record field and kind, each value
        once. A phone is asked for in every usual spelling, since a CRM compares text."""
        values: dict[tuple[str, str], dict[str, None]] = {
            (rule.record, rule.response): {} for rule in self.rules
        }
        for key in keys:
            asked = values[key.field, key.response]
            for spelling in _spellings(key):
                asked[spelling] = None
        return [Asked(field, kind, tuple(asked)) for (field, kind), asked in values.items() if asked]

    def pair(self, keys: Iterable[MatchKey], hits: Iterable[Hit]) -> Paired:
        """The records behind each key, each record once. A hit belongs to every key of its field one of whose
        spellings was asked for; an e-mail the CRM spells in another way is known by our own normalisation."""
        asked: dict[tuple[str, str], list[MatchKey]] = {}
        for key in dict.fromkeys(keys):
            for spelling in _spellings(key):
                asked.setdefault((key.field, spelling), []).append(key)
        paired: dict[MatchKey, tuple[Record, ...]] = {}
        for hit in hits:
            same = asked.get((hit.field, hit.value)) or asked.get((hit.field, email_key(hit.value) or ""), [])
            for key in same:
                known = paired.get(key)
                paired[key] = _each_once((*known, hit.record)) if known else (hit.record,)
        return paired

    def decide(self, keys: Sequence[MatchKey], hits: Sequence[Hit]) -> Decision:
        """Whose answer it is. `hits` may hold those of other answers too: only hits of these keys count."""
        return self.choose(keys, self.pair(keys, hits))

    def choose(self, keys: Sequence[MatchKey], paired: Paired) -> Decision:
        """`decide` for one answer of many whose hits were paired together."""
        matched: Matched | None = None
        for key in keys:
            records = paired.get(key)
            if not records:
                continue
            if matched is None:
                if len(records) > 1:
                    return Many(rule_of(key), tuple(sorted(record.id for record in records)))
                matched = Matched(records[0].id, rule_of(key), records[0])
            elif len(records) == 1 and records[0].id != matched.record_id:
                return Conflict(rule_of(key), (matched.record_id, records[0].id))
        return NoRecord() if matched is None else matched


def _each_once(records: Iterable[Record]) -> tuple[Record, ...]:
    return tuple({record.id: record for record in records}.values())


def rule_of(key: MatchKey) -> str:
    """The rule a key stands for, as in the YAML."""
    return f"{key.response} = {key.field}"


def compile_match(rules: Sequence[MatchRule], region: str | None) -> CompiledMatch:
    """`region` (phone_region) reads phone numbers without a +."""
    readers = ((rule.response, rule.record, _reader(rule.response, region)) for rule in rules)
    return CompiledMatch(tuple(rules), tuple(readers))


def _reader(name: str, region: str | None) -> _Read:
    if name == "email":
        return lambda response, _: email_key(response.email)
    if name == "email_domain":
        return lambda response, _: email_domain(response.email)
    if name == "phone":
        return lambda response, _: phone_key(response.phone, region)
    if name == "external_id":
        return lambda response, _: id_key(response.external_id)
    root, _, rest = name.partition(".")
    if root == "properties":
        return lambda response, _: id_key(walk(response.properties, rest))
    return lambda _, event: id_key(walk(event, rest))


def _spellings(key: MatchKey) -> tuple[str, ...]:
    return _phone_spellings(key.value) if key.response == "phone" else (key.value,)


@lru_cache(maxsize=20_000)
def _phone_spellings(number: str) -> tuple[str, ...]:
    from nps import phones

    return phones.spellings(number)
