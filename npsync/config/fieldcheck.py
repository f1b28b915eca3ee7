"""What `mapping` says about a sync's fields, condition and tests, and what they use that is not there.

Every field is looked at by itself, so that one broken field does not hide what is wrong with the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mapping.cel_text import ExpressionProblem
from mapping.fields import names_read
from mapping.lint import problems_of_fields, problems_of_tests
from mapping.spec import FieldMapping, FieldTest
from mapping.templates import TemplateProblem
from npsync.config.crosscheck import Known
from npsync.config.problems import Path
from npsync.config.wording import Found

_SEGMENTS = ("segment", "previous_segment")


def fieldcheck(known: Known) -> Iterator[Found]:
    for name, given in known.section("sync").items():
        if not isinstance(given, dict):
            continue
        fields = valid_fields(given.get("fields"))
        where = given.get("where")
        tests = _tests(given.get("tests"))
        problems = problems_of_fields(fields, where if isinstance(where, str) else None)
        if tests is not None:
            problems += problems_of_tests(tests, _named(given.get("fields"), fields))
        for problem in problems:
            yield Found(("sync", name, *problem.path), problem.code, problem.message)
        for field, mapping in fields.items():
            yield from unavailable(known, given, mapping, ("sync", name, "fields", field))


def valid_fields(given: Any) -> dict[str, FieldMapping]:
    """The fields that are valid by themselves; what is wrong with the others has been told."""
    found: dict[str, FieldMapping] = {}
    for name, raw in given.items() if isinstance(given, dict) else ():
        try:
            found[str(name)] = FieldMapping.model_validate(raw)
        except ValidationError:
            continue
    return found


def _named(given: Any, valid: dict[str, FieldMapping]) -> dict[str, FieldMapping]:
    """All names of `fields`, so that a test of a broken field is not called unknown as well."""
    placeholder = FieldMapping(value=None)
    return {str(name): valid.get(str(name), placeholder) for name in given} if isinstance(given, dict) else {}


def _tests(given: Any) -> Sequence[FieldTest] | None:
    try:
        return [FieldTest.model_validate(raw) for raw in given] if isinstance(given, list) else None
    except ValidationError:
        return None


def unavailable(
    known: Known, sync: Mapping[str, Any], named: FieldMapping | Sequence[str], path: Path
) -> Iterator[Found]:
    """Names that are known, and always empty in this sync."""
    try:
        names = names_read(named) if isinstance(named, FieldMapping) else named
    except (ExpressionProblem, TemplateProblem):
        return
    survey = known.section("surveys").get(str(sync.get("survey")))
    metric = survey.get("metric", "nps") if isinstance(survey, dict) else "nps"
    if metric in ("csat", "ces") and (used := next((each for each in names if each in _SEGMENTS), None)):
        message = f'a {metric} score has no segment, so "{used}" is always empty; use score'
        yield Found(path, "no_segment", message)
    used = next((each for each in names if each == "account_id" or each.startswith("account.")), None)
    if used and not _has_account(known, sync.get("to")):
        message = (
            f'"{used}" needs to know the account: add account: {{object, by}} to people.{sync.get("to")}'
        )
        yield Found(path, "no_account", message)


def _has_account(known: Known, to: Any) -> bool:
    """True also where nobody can tell, because `to` itself is the problem."""
    if isinstance(to, dict):
        return False
    people = known.section("people").get(str(to))
    return not isinstance(people, dict) or "account" in people
