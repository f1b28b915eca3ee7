"""All problems of a mapping at once, each with its place, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from mapping.cel_text import ExpressionProblem
from mapping.expressions import Expressions
from mapping.fields import names_read
from mapping.names import ROOTS, problem_of_name
from mapping.problems import Problem, did_you_mean
from mapping.spec import FieldMapping, FieldTest
from mapping.templates import TemplateProblem

_NOT_TEXT = ("score", "previous_score", "answers", "answered_at", "invited_at")


def problems_of_fields(fields: Mapping[str, FieldMapping], where: str | None = None) -> list[Problem]:
    """Problems of `fields:` and `where:`; paths are relative to the sync, as ("fields", "NPS__c", "expr")."""
    found = problems_of_expression(where, ("where",)) if where is not None else []
    for name, mapping in fields.items():
        found.extend(_problems_of_field(mapping, ("fields", name)))
    return found


def problems_of_expression(source: str, path: tuple[str | int, ...]) -> list[Problem]:
    """Problems of one CEL expression or condition (`where`, `when`, `never_ask`)."""
    try:
        Expressions(ZoneInfo("UTC")).compile(source)
    except ExpressionProblem as problem:
        return [Problem(path, problem.code, str(problem))]
    return []


def problems_of_tests(tests: Sequence[FieldTest], fields: Mapping[str, FieldMapping]) -> list[Problem]:
    """Names in `tests:` that do not exist: in `given` DESIGN's names, in `expect` this sync's fields."""
    found = []
    for number, test in enumerate(tests):
        for name in _given_names(test.given):
            if problem := problem_of_name(name):
                found.append(Problem(("tests", number, "given", name), "unknown_name", problem))
        for field in test.expect:
            if field not in fields:
                hint = did_you_mean(field, fields)
                message = f'this sync fills no field "{field}"{hint}'
                found.append(Problem(("tests", number, "expect", field), "unknown_field", message))
    return found


def _given_names(given: Mapping[str, object]) -> Iterator[str]:
    for name, value in given.items():
        if not (name in ROOTS and isinstance(value, Mapping)):
            yield name


def _problems_of_field(mapping: FieldMapping, path: tuple[str | int, ...]) -> Iterable[Problem]:
    try:
        names_read(mapping)
    except (ExpressionProblem, TemplateProblem) as problem:
        key = "expr" if isinstance(problem, ExpressionProblem) else "template"
        yield Problem((*path, key), problem.code, str(problem))
    if mapping.truncate is not None and _is_not_text(mapping):
        yield Problem(
            (*path, "truncate"),
            "truncate_needs_text",
            "only text can be truncated; add `as: text`, or drop `truncate`",
        )
    for key, value in (("value", mapping.value), ("default", mapping.default), ("other", mapping.other)):
        if isinstance(value, datetime) and value.tzinfo is None:
            yield Problem(
                (*path, key), "naive_datetime", "a time needs its zone: write it in quotes, ending in Z"
            )
    for word, shown in (mapping.map or {}).items():
        if isinstance(shown, datetime) and shown.tzinfo is None:
            yield Problem(
                (*path, "map", word), "naive_datetime", "a time needs its zone: quote it, ending in Z"
            )


def _is_not_text(mapping: FieldMapping) -> bool:
    if mapping.as_ is not None:
        return mapping.as_ != "text"
    return mapping.map is None and mapping.from_ in _NOT_TEXT
