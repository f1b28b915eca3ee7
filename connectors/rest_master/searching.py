"""Finding records by a value: what may be asked of a search, and which answers are the ones that were meant.

Pure: how values become terms, and which of them a record answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from connectors.declared.placeholders import filled_now
from connectors.rest_master.fields import Known
from connectors.rest_master.rows import Row
from connectors.rest_master.settings import Find
from nps.keys import email_key, phone_key
from nps.schema import FieldType
from nps.values import Json

_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
_NOT_IN_A_PHONE = re.compile(r"[^\d+]")


class Asked:
    """The values of one lookup. Searches are full of near misses, so what comes back is compared again: e-mails and
    phone numbers by their keys, numbers as numbers, everything else as it is written."""

    def __init__(self, known: Known, kind: str, values: Sequence[str]) -> None:
        self.known = known
        self._kind = kind
        self._named: dict[str, list[str]] = {}
        for value in dict.fromkeys(values):
            if (form := self._comparable(value)) is not None:
                self._named.setdefault(form, []).append(value)

    @property
    def values(self) -> list[str]:
        """One of each that are compared alike."""
        return [same[0] for same in self._named.values()]

    def answered_by(self, row: Row) -> Sequence[str]:
        """The values that name this record."""
        form = self._comparable(row.fields.get(self.known.name))
        return () if form is None else self._named.get(form, ())

    def _comparable(self, value: object) -> str | None:
        if value is None or isinstance(value, bool | list | dict):
            return None
        text = str(value).strip()
        if not text:
            return None
        match self._kind:
            case "email":
                return email_key(text) or text.lower()
            case "phone":
                return phone_key(text, None) or _NOT_IN_A_PHONE.sub("", text) or None
        if self.known.schema.type in _NUMBERS:
            try:
                return str(Decimal(text).normalize())
            except ArithmeticError:
                return text
        return text


# ---------------------------------------------------------------- the language of a search


def is_safe(find: Find, value: str) -> bool:
    """Whether a value can stand in a search without changing what it asks."""
    if any(character in find.refuse or ord(character) < 32 or ord(character) == 127 for character in value):
        return False
    words = {word.upper() for word in find.words}
    return not words or words.isdisjoint(word.upper() for word in re.split(r"[\s()]+", value))


def term(find: Find, field: str, value: str, values: Mapping[str, str]) -> str:
    """One value in the language of the search."""
    escaped = "".join(f"\\{one}" if one in find.escape else one for one in value)
    return filled_now(find.term, {**values, "field": find.fields.get(field, field), "value": escaped})


def searches(
    find: Find, field: str, asked: Iterable[str], values: Mapping[str, str]
) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The values of each search, and what its placeholders stand for."""
    group: list[str] = []
    terms: list[str] = []
    for value in asked:
        one = term(find, field, value, values)
        size = sum(map(len, terms)) + len(find.join or "") * len(terms)
        if group and (find.join is None or len(group) >= find.together or size + len(one) > find.longest):
            yield group, _filled(find, field, group, terms, values)
            group, terms = [], []
        group.append(value)
        terms.append(one)
    if group:
        yield group, _filled(find, field, group, terms, values)


def _filled(
    find: Find, field: str, group: Sequence[str], terms: Sequence[str], values: Mapping[str, str]
) -> dict[str, str]:
    return {
        **values,
        "field": find.fields.get(field, field),
        "value": group[0] if len(group) == 1 else "",
        "terms": (find.join or "").join(terms),
    }


# ---------------------------------------------------------------- only


def passes(rules: Mapping[str, frozenset[str]], live: Mapping[str, object]) -> bool:
    """Whether `only` allows a record, by the live values in one form."""
    return all(comparable(live.get(name)) in allowed for name, allowed in rules.items())


def comparable(value: object) -> str:
    """A canonical value, to be compared with another."""
    if isinstance(value, list):
        return ";".join(str(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def only_values(allowed: Json) -> list[Json]:
    return allowed if isinstance(allowed, list) else [allowed]
