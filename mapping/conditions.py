"""Conditions about a person who may be asked: `where` of triggers, `when` of channels, `never_ask` of the policy.

The same fenced CEL as everywhere (`mapping.expressions`), over fewer names: there is no answer yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from mapping.cel_text import ExpressionProblem
from mapping.expressions import Expression, Expressions
from mapping.names import field_of, root_of
from mapping.problems import Problem
from nps.errors import RejectedError
from nps.standing import About

ABOUT_PEOPLE = ("record", "account")
ABOUT_EVENTS = ("event", *ABOUT_PEOPLE)
_PLAIN = ("record.id", "account_id")  # known before there is an answer


class CannotTell(Exception):
    """A condition that says neither yes nor no about this person; the text says why, without personal data."""


class Conditions:
    """Conditions, compiled once; for any number of threads. Each stands for itself: what one of them cannot use is no
    matter to the others."""

    def __init__(self, sources: Iterable[str], zone: ZoneInfo) -> None:
        """Raises ExpressionProblem (a configuration that was loaded has none)."""
        self._compiled: dict[str, tuple[Expressions, Expression]] = {}
        for source in dict.fromkeys(sources):
            expressions = Expressions(zone)
            self._compiled[source] = expressions, expressions.compile(source)

    def names(self, root: str) -> tuple[str, ...]:
        """The fields of `record`, `account` or `event` they use, in order of appearance."""
        used = (name for _, each in self._compiled.values() for name in each.names)
        return tuple(dict.fromkeys(field for name in used if (field := field_of(name, root)) is not None))

    def holds(self, source: str, about: About) -> bool:
        """Whether the condition is true; a null is false. Raises CannotTell."""
        expressions, condition = self._compiled[source]
        if not about.account_known and any(root_of(name) == "account" for name in condition.names):
            raise CannotTell("the account could not be read")
        try:
            return expressions.holds(condition, about)
        except RejectedError as error:
            raise CannotTell(str(error).removeprefix(_FOR_ANSWERS)) from None

    def first_that_forbids(self, sources: Iterable[str], about: About) -> str | None:
        """The first of these conditions that holds, or that cannot be judged (which is said with it): for
        `never_ask`, which errs on not asking."""
        for source in sources:
            try:
                if self.holds(source, about):
                    return source
            except CannotTell as why:
                return f"{source} cannot be judged: {why}"
        return None


_FOR_ANSWERS = "the expression does not work for this answer: "


def problems_of_condition(
    source: str, path: tuple[str | int, ...], roots: Sequence[str] = ABOUT_EVENTS
) -> list[Problem]:
    """What is wrong with a condition over these roots; an answer's names (score, segment …) are none of them."""
    try:
        names = Expressions(ZoneInfo("UTC")).compile(source).names
    except ExpressionProblem as problem:
        return [Problem(path, problem.code, str(problem))]
    known = ", ".join(f"{root}.*" for root in roots)
    return [
        Problem(path, "unknown_name", f'"{name}" is not known before anybody has answered; use {known}')
        for name in names
        if name not in _PLAIN and root_of(name) not in roots
    ]


def fields_named(sources: Iterable[str], root: str) -> tuple[str, ...]:
    """The fields of `record`, `account` or `event` that good conditions use."""
    return Conditions(sources, ZoneInfo("UTC")).names(root)
