"""CEL, fenced: compiled once, checked at load, evaluated with fixed variables, never with customer values in
errors.

What is true of nulls: `<  <=  >  >=  in` and the text methods are false with a null; `==` and `!=` compare
it as a value; arithmetic with a null is null; a null condition counts as false (see `mapping.cel_text`).
"""

from __future__ import annotations

import logging
import math
import re
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from mapping.cel_text import ExpressionProblem, rewrite
from mapping.names import PERSON, Getter, Names
from nps.errors import RejectedError
from nps.score import Segment
from nps.standing import About, AccountStanding, Standing
from nps.values import Value


def _library() -> Any:
    """Imported where an expression is: its package brings a terminal toolkit, a tenth of a second and 15 MB."""
    import cel

    return cel


# The library logs what a helper raised, customer values included. Ours never raise; the door stays shut all
# the same.
_LOGGER = logging.getLogger("cel")
_LOGGER.disabled = True
_LOGGER.propagate = False

_FAILURES = (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError, AttributeError)
_WHY: dict[type[Exception], str] = {
    TypeError: "its parts have types that do not go together (text, whole number and decimal never mix: "
    "write double(score) * 1.5)",
    ZeroDivisionError: "it divides by zero",
    OverflowError: "a number grows too large",
}


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _trim(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _len(value: Any) -> int:
    """Characters of a text, items of a list; 0 for null and everything else."""
    return len(value) if isinstance(value, str | list) else 0


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _segment(score: Any) -> str | None:
    whole = isinstance(score, int | float) and not isinstance(score, bool) and score in range(11)
    return Segment.of(int(score)).value if whole else None


_Told = Standing | About | AccountStanding

FUNCTIONS = {"lower": _lower, "trim": _trim, "len": _len, "coalesce": _coalesce, "segment": _segment}


@dataclass(frozen=True)
class Expression:
    """A compiled expression and the names it reads."""

    source: str
    program: Any
    names: tuple[str, ...]


class Expressions:
    """The expressions of one mapping: compiled together, evaluated over one set of variables.

    Every thread has one CEL context, and all variables are set anew for each person: none can keep the
    previous person's value. A date counts as the start of its day in `zone`.
    """

    def __init__(self, zone: ZoneInfo, known: Names = PERSON) -> None:
        self._zone = zone
        self._known = known
        self._numbers: dict[str, int] = {}
        self._variables: list[tuple[str, str, Getter]] = []  # variable, name, how to read it
        self._thread = threading.local()

    def compile(self, source: str) -> Expression:
        """Raises ExpressionProblem: what to edit, with a suggestion."""
        rewritten = rewrite(source, self._numbers, self._known)
        cel = _library()
        try:
            program = cel.compile(rewritten.text)
        except ValueError as error:
            raise ExpressionProblem("bad_expression", f"not a valid expression: {_told(error)}") from None
        for pattern in rewritten.patterns:
            _check_pattern(pattern)
        for name, number in list(self._numbers.items())[len(self._variables) :]:
            self._variables.append((f"v{number}", name, self._known.getter(name)))
        self._thread = threading.local()  # what is loaded lacks the new variables
        return Expression(source, program, rewritten.names)

    def value(self, expression: Expression, standing: _Told) -> Value:
        """What the expression says about this person. Raises RejectedError where it says nothing sensible."""
        return _neutral(self._run(expression, standing))

    def holds(self, expression: Expression, standing: _Told) -> bool:
        """True when the condition is; null is false. Raises RejectedError for anything but true and false."""
        said = self._run(expression, standing)
        if said is None or isinstance(said, bool):
            return bool(said)
        raise _failed("a condition must be true or false")

    def _run(self, expression: Expression, standing: _Told) -> Any:
        context = self._context(standing)
        try:
            return expression.program.execute(context)
        except _FAILURES as error:
            # The library's own text can quote the customer's values.
            why = _WHY.get(type(error), "a value does not suit it")
        raise _failed(why)

    def _context(self, standing: _Told) -> Any:
        mine = self._thread
        if getattr(mine, "standing", None) is not standing:
            if not hasattr(mine, "context"):
                mine.context = _library().Context(functions=FUNCTIONS)
            mine.standing = None
            mine.context.update({v: self._given(name, get(standing)) for v, name, get in self._variables})
            mine.standing = standing
        return mine.context

    def _given(self, name: str, value: Any) -> Any:
        """A value as the library takes it rightly: it would turn a naive time into the machine's zone and a
        large whole number into a rounded one."""
        if value is None or isinstance(value, str | bool | float):
            return value
        if isinstance(value, int):
            if -(2**63) <= value < 2**63:
                return value
            raise RejectedError(
                f"{name} is too large a number for an expression", code="number_too_large", field=name
            )
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise RejectedError(f"{name} is a time without a zone", code="naive_datetime", field=name)
            return value.astimezone(UTC)
        if isinstance(value, date):
            return datetime.combine(value, time(), self._zone).astimezone(UTC)
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, tuple | list):
            return [self._given(name, item) for item in value]
        raise RejectedError(f"{name} holds an object; name one of its fields", code="not_a_value", field=name)


def _neutral(said: Any) -> Value:
    if said is None or isinstance(said, str | bool | int | datetime):
        return said
    if isinstance(said, float):
        if math.isfinite(said):
            return said
        raise _failed("the result is not a finite number")
    if isinstance(said, list) and all(isinstance(item, str) for item in said):
        return tuple(said)
    raise _failed(f"a field cannot show a result of type {type(said).__name__}")


def _failed(why: str) -> RejectedError:
    return RejectedError(f"the expression does not work for this answer: {why}", code="expression_failed")


def _check_pattern(literal: str) -> None:
    try:
        _library().evaluate(f"''.matches({literal})")
    except _FAILURES as error:
        raise ExpressionProblem("bad_pattern", f"matches({literal}): {_told(error)}") from None


def _told(error: Exception) -> str:
    """The library's reason without the text it was given (ours, rewritten), its drawing and its advice."""
    reason = " ".join(str(error).rpartition("ERROR:")[2].split())
    return re.sub(r"^<input>:[0-9:]+ ", "", reason).partition(" | ")[0][:150]
