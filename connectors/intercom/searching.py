"""Searches for contacts in Intercom's terms: at most fifteen filters in a group, and groups in groups two deep.

Pure: queries, no calls. Dates are never asked for: Intercom compares whole days of the workspace's time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from connectors.contract import Lookup, Only
from connectors.intercom.attributes import Attributes, Known
from connectors.intercom.encoding import live
from nps.keys import email_key
from nps.schema import FieldType
from nps.values import Json

GROUP = 15  # filters in a group, and values we put in one list

_IN_LISTS = frozenset({FieldType.TEXT, FieldType.CHOICE})

Query = dict[str, Json]


def everybody() -> Query:
    return _any([_filter("role", "=", "user"), _filter("role", "=", "lead")])


def together(known: Known) -> int:
    """How many values one search asks for: those of texts in lists, a list for each filter."""
    return GROUP * GROUP if known.schema.type in _IN_LISTS else GROUP


def by_values(known: Known, values: Sequence[str]) -> Query | None:
    """Contacts whose field is one of these values, at most as many as go together; None where no value can be one of
    the field's."""
    asked = [value for text in values if (value := _asked(known, text)) is not None]
    if not asked:
        return None
    if known.schema.type in _IN_LISTS:
        lists = [asked[start : start + GROUP] for start in range(0, len(asked), GROUP)]
        return _any([_filter(known.name, "IN", [*some]) for some in lists])
    return _any([_filter(known.name, "=", value) for value in asked])


def narrowed(query: Query, known: Attributes, only: Only) -> Query:
    """The same among those that `only` allows, as far as a search can tell; the rest is compared afterwards."""
    wanted: list[Json] = [query]
    for name, allowed in only.items():
        field = known.field(name)
        values = only_values(allowed)
        if not field.is_searchable or not 0 < len(values) <= GROUP or any(_is_empty(one) for one in values):
            continue
        told = [one for value in values if (one := live(field)(value)) is not None]
        wanted.append(_any([_filter(name, "=", value) for value in told]))
        if len(wanted) == GROUP:
            break
    return query if len(wanted) == 1 else {"operator": "AND", "value": wanted}


def only_values(allowed: Json) -> list[Json]:
    return allowed if isinstance(allowed, list) else [allowed]


def passes(shown: Mapping[str, Json], rules: Mapping[str, frozenset[Json]]) -> bool:
    return all(_comparable(shown[name]) in allowed for name, allowed in rules.items())


def rules(known: Attributes, only: Only) -> dict[str, frozenset[Json]]:
    found = {}
    for name, allowed in only.items():
        shown = live(known.field(name))
        found[name] = frozenset(_comparable(shown(value)) for value in only_values(allowed))
    return found


def answered(lookup: Lookup, known: Known) -> Callable[[Json], list[str]]:
    """A function from what a contact holds to the looked-up values that it answers, as Intercom compares them."""
    forms: dict[str, list[str]] = {}
    for value in dict.fromkeys(lookup.values):
        forms.setdefault(_form(lookup, known, value), []).append(value)
    shown = live(known)

    def found(value: Json) -> list[str]:
        held = shown(value)
        return [] if held is None else forms.get(_form(lookup, known, held), [])

    return found


def _form(lookup: Lookup, known: Known, value: Json) -> str:
    if known.schema.type not in _IN_LISTS:
        return str(live(known)(value))
    text = str(value)
    if lookup.kind == "email" or known.name == "email":
        return email_key(text) or text if text == text.strip() else text
    return text


def _asked(known: Known, text: str) -> Json:
    if known.schema.type in _IN_LISTS:
        return text
    value = live(known)(text)
    fits: bool
    match known.schema.type:
        case FieldType.BOOLEAN:
            fits = isinstance(value, bool)
        case _:
            fits = isinstance(value, int | float) and not isinstance(value, bool)
    return value if fits else None


def _comparable(value: Json) -> Json:
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]


def _is_empty(value: Json) -> bool:
    return value is None or value == ""


def _filter(field: str, operator: str, value: Json) -> Json:
    return {"field": field, "operator": operator, "value": value}


def _any(filters: Sequence[Json]) -> Query:
    if len(filters) == 1 and isinstance(filters[0], dict):
        return filters[0]
    return {"operator": "OR", "value": [*filters]}
