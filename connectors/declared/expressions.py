"""Expressions of a description: JMESPath, compiled once, with errors for the person who writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jmespath
from jmespath import exceptions
from jmespath.functions import Functions

Find = Callable[[Any], Any]

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = re.compile(rf"{_NAME}(?:\.{_NAME})*", re.ASCII)
_HERE = "@"
# A number or a hyphen where a name is expected is what most people stumble over.
_INDEX_AFTER_DOT = re.compile(r"\.(\d+)")
_LONGEST = 4000

_FUNCTIONS: Mapping[str, Any] = Functions.FUNCTION_TABLE


class BadExpression(ValueError):
    """Why a text is no expression, with the text and the place in it."""


class NotForThis(ValueError):
    """The expression cannot be worked out for this value (a function was given null, for example). No value is told."""


@cache
def compiled(text: str) -> Find:
    """What finds the value of an expression; a path that leads nowhere finds None. Raises BadExpression; the function
    raises NotForThis."""
    if text == _HERE:
        return lambda value: value
    if _DOTTED.fullmatch(text):
        return _dotted(text.split("."))
    parsed = _parsed(text)
    if (usual := _path(parsed.parsed) or _compared(parsed.parsed)) is not None:
        return usual

    def find(value: Any) -> Any:
        try:
            return parsed.search(value)
        except exceptions.JMESPathTypeError as error:
            wanted = " or ".join(str(each) for each in error.expected_types)
            told = f"{error.function_name}() takes {wanted}, and got {error.actual_type}"
        except exceptions.JMESPathError as error:
            told = type(error).__name__
        except (TypeError, ValueError, KeyError, ArithmeticError, RecursionError):
            told = "it cannot be worked out here"
        # Outside the handlers: the library's errors carry the value along.
        raise NotForThis(f'"{text}": {told}')

    return find


def found_in(text: str, value: Any) -> Any:
    """What an expression finds; None also where it does not fit this value."""
    try:
        return compiled(text)(value)
    except NotForThis:
        return None


def true_of(text: str, value: Any) -> bool:
    """Whether a condition is true of a value; it is not where it does not fit."""
    return holds(lambda whole: found_in(text, whole), value)


def first_of(texts: str | Sequence[str]) -> Find:
    """The first of several expressions that finds something; 0 and false are something, an empty text is not."""
    finds = [compiled(text) for text in ([texts] if isinstance(texts, str) else texts)]
    if len(finds) == 1:
        return finds[0]

    def find(value: Any) -> Any:
        found = None
        for each in finds:
            found = each(value)
            if found is not None and found != "":
                return found
        return found

    return find


def roots(text: str) -> frozenset[str] | None:
    """The keys of the value itself that an expression looks into; None when it looks at the whole of it."""
    found: set[str] = set()
    return frozenset(found) if _looks_into(_parsed(text).parsed, found) else None


# Of these only the first part looks at the value itself; the others look at what it found.
_STEPS = frozenset(
    {
        "subexpression",
        "pipe",
        "projection",
        "value_projection",
        "filter_projection",
        "flatten",
        "index_expression",
    }
)


def _looks_into(node: Any, found: set[str]) -> bool:
    kind, children = node["type"], node.get("children", ())
    if kind in ("current", "identity"):
        return False
    if kind == "field":
        found.add(str(node["value"]))
        return True
    if kind == "expref":  # of the parts of a list
        return True
    return all(_looks_into(child, found) for child in (children[:1] if kind in _STEPS else children))


def holds(find: Find | None, value: Any) -> bool:
    """Whether a condition is true of a value: null, false, 0 and what is empty are not."""
    return find is not None and bool(find(value))


def checked(text: str) -> str:
    """For models: the text, when it is an expression."""
    compiled(text)
    return text


def _dotted(steps: Sequence[str]) -> Find:
    """The usual case, without the library's walk: paths are looked up for every row."""
    if len(steps) == 1:
        [name] = steps
        return lambda value: value.get(name) if isinstance(value, dict) else None

    def find(value: Any) -> Any:
        for step in steps:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value

    return find


def _compared(node: Any) -> Find | None:
    """The usual condition in the same manner: a path that is, or is not, a text, true, false or null. Numbers have
    rules of their own and stay with the library."""
    if node["type"] != "comparator" or node["value"] not in ("eq", "ne"):
        return None
    left, right = node["children"]
    find = _path(left)
    if find is None or right["type"] != "literal":
        return None
    wanted, same = right["value"], node["value"] == "eq"
    if wanted is None or isinstance(wanted, bool):
        return lambda value: (find(value) is wanted) is same
    if isinstance(wanted, str):
        return lambda value: (find(value) == wanted) is same
    return None


def _path(node: Any) -> Find | None:
    """A path of nothing but names and places in lists."""
    steps: list[str | int] = []
    if not _walks(node, steps):
        return None
    names = [step for step in steps if isinstance(step, str)]
    return _dotted(names) if len(names) == len(steps) else _walked(steps)


def _walks(node: Any, steps: list[str | int]) -> bool:
    if node["type"] in ("field", "index"):
        steps.append(node["value"])
        return True
    return node["type"] in ("subexpression", "index_expression") and all(
        _walks(child, steps) for child in node["children"]
    )


def _walked(steps: Sequence[str | int]) -> Find:
    def find(value: Any) -> Any:
        for step in steps:
            if isinstance(step, str):
                value = value.get(step) if isinstance(value, dict) else None
            elif isinstance(value, list) and -len(value) <= step < len(value):
                value = value[step]
            else:
                return None
        return value

    return find


def _parsed(text: str) -> Any:
    if len(text) > _LONGEST:
        raise BadExpression(f"is longer than {_LONGEST} characters; is it an expression?")
    try:
        parsed = jmespath.compile(text)
    except exceptions.EmptyExpressionError:
        raise BadExpression("is empty; write a path like answer.score") from None
    except exceptions.ParseError as error:
        raise BadExpression(_pointed(text, error)) from None
    for name, given in _calls(parsed.parsed):
        if name not in _FUNCTIONS:
            raise BadExpression(f'"{text}" calls {name}(), which JMESPath does not have')
        wanted = _FUNCTIONS[name]["signature"]
        enough = given >= len(wanted) if wanted and wanted[-1].get("variadic") else given == len(wanted)
        if not enough:
            raise BadExpression(f'"{text}" gives {name}() {given} values; it takes {len(wanted)}')
    return parsed


def _pointed(text: str, error: exceptions.ParseError) -> str:
    at = min(int(error.lex_position), len(text))
    told = f'"{text}" is no JMESPath: it goes wrong at character {at + 1}'
    if at >= len(text):
        told = f'"{text}" is no JMESPath: it ends too early'
    elif found := _INDEX_AFTER_DOT.search(text, max(at - 1, 0)):
        told += f"; write [{found[1]}] instead of .{found[1]}"
    elif text[at] == "=":
        told += "; equal is written =="
    elif text[at] == "-":
        told += '; a name with a hyphen stands in double quotes: "my-key"'
    return told


def _calls(node: Any) -> Iterator[tuple[str, int]]:
    if isinstance(node, dict):
        if node.get("type") == "function_expression":
            yield str(node["value"]), len(node["children"])
        for each in node.get("children", ()):
            yield from _calls(each)
