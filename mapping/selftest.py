"""Runs the YAML's own `tests:` offline: what a person is given, and what each field must then show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from mapping.convert import as_datetime, in_utc
from mapping.fields import SKIP, CompiledFields, Shown
from mapping.names import PLAIN, ROOTS, problem_of_name
from mapping.problems import did_you_mean
from mapping.spec import FieldTest
from nps.errors import RejectedError
from nps.responses import SurveyResponse
from nps.score import Segment, parse_score
from nps.standing import Standing
from nps.values import Json

DEFAULT_SCORE = 9
DEFAULT_MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)
SKIPPED = "(left as it is)"
_EXAMPLE = {Segment.PROMOTER: 9, Segment.PASSIVE: 7, Segment.DETRACTOR: 3}


@dataclass(frozen=True)
class TestResult:
    """What became of one test. `differences` are sentences; empty when it passed."""

    __test__ = False  # not a test of ours, whatever its name says to a test runner

    name: str
    passed: bool
    differences: tuple[str, ...] = ()


def run_tests(
    tests: Sequence[FieldTest], compiled: CompiledFields, *, metric: str = "nps"
) -> list[TestResult]:
    """Every test, in order. What `given` leaves out has a quiet default: score 9, answered on 2026-01-01 at
    noon UTC, everything else empty. `expect` is compared as a vendor would be sent it: dates as ISO text."""
    return [_result(test.name, tuple(_differences(test, compiled, metric))) for test in tests]


def _result(name: str, differences: tuple[str, ...]) -> TestResult:
    return TestResult(name, not differences, differences)


def _differences(test: FieldTest, compiled: CompiledFields, metric: str) -> Iterator[str]:
    try:
        person = person_of(test.given, metric)
    except RejectedError as error:
        yield f"given: {error}"
        return
    try:
        if not compiled.counts(person):
            yield "`where` leaves this answer out, so no field would change"
            return
        shown = compiled.snapshot(person)
    except RejectedError as error:
        yield f"rejected: {error} ({error.code})"
        return
    for field, expected in test.expect.items():
        if field not in shown:
            yield f"{field}: this sync does not fill it{did_you_mean(field, shown)}"
        elif not _same(shown[field], expected):
            yield f"{field}: expected {_told(neutral(expected))}, shows {_told(neutral(shown[field]))}"


def person_of(given: Mapping[str, Any], metric: str = "nps") -> Standing:
    """The person a test describes. Raises RejectedError for what cannot be."""
    below: dict[str, dict[str, Any]] = {root: {} for root in ROOTS}
    plain: dict[str, Any] = {}
    for name, value in given.items():
        root, _, rest = name.partition(".")
        if name in ROOTS and isinstance(value, Mapping):
            below[name].update(value)
        elif problem := problem_of_name(name):
            raise RejectedError(problem, code="unknown_name", field=name)
        elif name in PLAIN:
            plain[name] = value
        else:
            below[root][rest] = value
    return Standing(
        response=SurveyResponse(
            source=plain.get("source", "test"),
            id="test",
            answered_at=_moment(plain.get("answered_at")) or DEFAULT_MOMENT,
            invited_at=_moment(plain.get("invited_at")),
            comment=plain.get("comment"),
            channel=plain.get("channel"),
            properties=below["properties"],
        ),
        score=_score(plain, "", metric, DEFAULT_SCORE) or 0,
        previous_score=_score(plain, "previous_", metric, None),
        survey=plain.get("survey", "test"),
        metric=metric,
        answers=plain.get("answers", 1),
        record_id=plain.get("record.id", ""),
        record={name: _typed(value) for name, value in below["record"].items()},
        account_id=plain.get("account_id"),
        account={name: _typed(value) for name, value in below["account"].items()},
        event=below["event"],
    )


def _score(given: Mapping[str, Any], prefix: str, metric: str, default: int | None) -> int | None:
    """A score that was given, or one of the segment that was."""
    raw, segment = given.get(f"{prefix}score"), given.get(f"{prefix}segment")
    score = default if raw is None else parse_score(raw, metric)
    if segment is None:
        return score
    if segment not in list(Segment):
        raise RejectedError(
            f'there is no segment "{segment}"{did_you_mean(str(segment), Segment)}', code="unknown_segment"
        )
    if raw is None:
        return _EXAMPLE[Segment(segment)]
    if score is None or metric != "nps" or Segment.of(score) != segment:
        raise RejectedError(f"a score of {score} is not a {segment}", code="wrong_segment")
    return score


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return as_datetime(value)
    except RejectedError as error:
        raise RejectedError(
            f'{error}; write it in quotes, as "2026-03-02T23:30:00Z"', code=error.code
        ) from None


def _typed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def neutral(value: Any) -> Json:
    """A value as JSON: dates as ISO text, moments in UTC, exact numbers as numbers, choices as a list."""
    if value is SKIP:
        return SKIPPED
    if isinstance(value, datetime):
        return in_utc(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, tuple | list):
        return [neutral(item) for item in value]
    return value  # type: ignore[no-any-return]


def _same(shown: Shown, expected: Any) -> bool:
    if isinstance(shown, datetime) and isinstance(expected, str):
        try:
            return as_datetime(expected) == shown
        except RejectedError:
            return False
    one, other = neutral(shown), neutral(expected)
    # True == 1 in Python; on a record they are two things.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _told(value: Json) -> str:
    return "nothing" if value is None else f'"{value}"' if isinstance(value, str) else str(value)
