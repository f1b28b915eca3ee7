"""`fields:` and `where:` compiled into plain functions: what a record should show of one person.

Order per field: pick, `default` if empty, `map`, `as`, `truncate`, `when_empty`. `overwrite` comes
later, beside the live value (`mapping.overwrite`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from mapping.cel_text import ExpressionProblem
from mapping.convert import as_text, conversion, is_empty, plain, wrong_type
from mapping.expressions import Expression, Expressions
from mapping.names import PERSON, Names, field_of, root_of
from mapping.overwrite import Policy
from mapping.segments import ReadSegment, same_for_all, segment_readers
from mapping.spec import FieldMapping
from mapping.templates import TemplateProblem, compile_template, names_of, parse_template
from nps.errors import ConfigError, RejectedError
from nps.standing import AccountStanding, Standing
from nps.values import Value


class Skip(Enum):
    """The field stays as it is: nothing to show, and `when_empty: skip`."""

    SKIP = "skip"


SKIP: Final = Skip.SKIP

Shown = Value | Literal[Skip.SKIP]
Step = Callable[[Any], Any]
Show = Callable[[Standing | AccountStanding], Shown]


@dataclass(frozen=True)
class Overwrite:
    """When a live value of this field may be replaced; `newer_than` is a field of the record."""

    policy: Policy
    newer_than: str | None


@dataclass(frozen=True)
class CompiledFields:
    """One mapping, ready to run on any thread.

    `record_names` and `account_names` are the CRM fields it reads (to fetch), `property_names` what it reads
    of the answer's own properties, `uses` the roots of all names (comment, score, record …). `segments` reads a
    segment back from what a field shows; `same_for_all` are fields that may show one value for everybody.
    """

    shows: Mapping[str, Show]
    overwrites: Mapping[str, Overwrite]
    record_names: frozenset[str]
    account_names: frozenset[str]
    property_names: frozenset[str]
    uses: frozenset[str]
    zone: ZoneInfo
    where: Callable[[Standing], bool] | None
    segments: Mapping[str, ReadSegment] = field(default_factory=dict)
    same_for_all: frozenset[str] = frozenset()

    def counts(self, standing: Standing) -> bool:
        """Whether this answer counts for the sync (`where`); a comparison with null is false.
        Raises RejectedError when the condition does not work for it."""
        if self.where is None:
            return True
        try:
            return self.where(standing)
        except RejectedError as error:
            raise RejectedError(f"where: {error}", code=error.code, field="where") from None

    def snapshot(self, standing: Standing | AccountStanding) -> dict[str, Shown]:
        """What each field should show, None for empty, SKIP to leave alone. Raises RejectedError (code,
        message, field) when one field cannot be said: the record gets all fields of an answer or none."""
        shown: dict[str, Shown] = {}
        name = ""
        try:
            for name, show in self.shows.items():
                shown[name] = show(standing)
        except RejectedError as error:
            raise RejectedError(f"{name}: {error}", code=error.code, field=name) from None
        return shown


def compile_fields(
    fields: Mapping[str, FieldMapping], *, where: str | None = None, zone: ZoneInfo
) -> CompiledFields:
    """Raises ConfigError at the first problem; `mapping.lint` lists them all, with their place."""
    known = known_names(fields)
    expressions = Expressions(zone, known)
    try:
        condition = expressions.compile(where) if where is not None else None
        sources = {name: _source(mapping, expressions, zone) for name, mapping in fields.items()}
    except (ExpressionProblem, TemplateProblem) as problem:
        raise ConfigError(f"fields: {problem}") from None
    names = {name for _, names in sources.values() for name in names} | set(
        condition.names if condition else ()
    )
    dates = {mapping.newer_than for mapping in fields.values() if mapping.newer_than}
    return CompiledFields(
        shows={name: _show(mapping, sources[name][0], zone) for name, mapping in fields.items()},
        overwrites={
            name: Overwrite(mapping.overwrite, mapping.newer_than) for name, mapping in fields.items()
        },
        record_names=_below("record", names) | dates,
        account_names=_below("account", names),
        property_names=_below("properties", names),
        uses=frozenset(root_of(name) for name in names),
        zone=zone,
        where=_holds(expressions, condition) if condition else None,
        segments=segment_readers(fields),
        same_for_all=same_for_all(fields),
    )


def known_names(fields: Mapping[str, FieldMapping]) -> Names:
    """What these fields may name: all of one mapping are about a person, or all about an account."""
    return next((mapping.known for mapping in fields.values()), PERSON)


def names_read(mapping: FieldMapping) -> tuple[str, ...]:
    """All names a field reads; raises ExpressionProblem or TemplateProblem."""
    if mapping.expr is not None:
        return Expressions(ZoneInfo("UTC"), mapping.known).compile(mapping.expr).names
    if mapping.template is not None:
        return names_of(parse_template(mapping.template, known=mapping.known))
    return (mapping.from_,) if mapping.from_ is not None else ()


def _below(root: str, names: set[str]) -> frozenset[str]:
    return frozenset(field for name in names if (field := field_of(name, root)))


def _holds(expressions: Expressions, condition: Expression) -> Callable[[Standing], bool]:
    return lambda standing: expressions.holds(condition, standing)


def _source(mapping: FieldMapping, expressions: Expressions, zone: ZoneInfo) -> tuple[Step, tuple[str, ...]]:
    """How a field picks its value, and the names it reads for it."""
    if mapping.from_ is not None:
        return mapping.known.getter(mapping.from_), (mapping.from_,)
    if mapping.template is not None:
        parts = parse_template(mapping.template, known=mapping.known)
        return compile_template(mapping.template, zone, mapping.known), names_of(parts)
    if mapping.expr is not None:
        expression = expressions.compile(mapping.expr)
        return (lambda standing: expressions.value(expression, standing)), expression.names
    constant = mapping.value
    return (lambda standing: constant), ()


def _show(mapping: FieldMapping, pick: Step, zone: ZoneInfo) -> Show:
    """One closure for a field. Empty values skip the steps between `default` and `when_empty`."""
    default = mapping.default
    # `map` and `as: multi` take the items of a list one by one, whatever they are.
    by_item = mapping.map is not None or mapping.as_ == "multi"
    steps = _steps(mapping, zone)
    when_empty = SKIP if mapping.when_empty == "skip" else None
    if not steps and default is None:
        return _show_plainly(pick, when_empty)

    def show(standing: Standing | AccountStanding) -> Shown:
        value = pick(standing)
        if is_empty(value):
            if is_empty(default):
                return when_empty
            value = default
        if not by_item:
            value = plain(value)
        for step in steps:
            value = step(value)
            if is_empty(value):
                return when_empty
        return value  # type: ignore[no-any-return]

    return show


def _show_plainly(pick: Step, when_empty: Shown) -> Show:
    def show(standing: Standing | AccountStanding) -> Shown:
        value = pick(standing)
        if type(value) is int:  # nearly every score; nothing to check
            return value
        return when_empty if is_empty(value) else plain(value)

    return show


def _steps(mapping: FieldMapping, zone: ZoneInfo) -> list[Step]:
    steps: list[Step] = []
    if mapping.map is not None:
        steps.append(_mapped(mapping, zone))
    if mapping.as_ is not None:
        steps.append(conversion(mapping.as_, zone))
    if mapping.truncate is not None:
        steps.append(_cut(mapping.truncate))
    return steps


def _mapped(mapping: FieldMapping, zone: ZoneInfo) -> Step:
    """The YAML's word for a value; of a multi-select, for each choice."""
    words = {key: plain(word) for key, word in (mapping.map or {}).items()}
    has_other, other = mapping.says("other"), plain(mapping.other)

    def word(value: Any) -> Value:
        key = value if type(value) is str else as_text(value, zone)
        if key in words:
            return words[key]
        if has_other:
            return other
        listed = ", ".join(words) or "nothing"
        raise RejectedError(f"`map` has no entry for this value (listed: {listed})", code="map_miss")

    def mapped(value: Any) -> Value:
        if not isinstance(value, tuple | list):
            return word(value)
        return tuple(str(shown) for item in value if not is_empty(shown := word(item)))

    return mapped


def _cut(length: int) -> Step:
    def cut(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong_type("text, so it cannot be truncated; add `as: text`", value)
        return value[:length]

    return cut
