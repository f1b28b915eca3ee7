"""The `where` of a query over profiles: properties["$email"] == "jo@example.com" and defined(properties["plan"])."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from sandbox.mixpanel.access import Refused

_PIECE = re.compile(
    r"""\s*(?:
        (?P<property>(?:properties|user)\s*\[\s*(?P<name>"(?:[^"\\]|\\.)*")\s*\])
        |(?P<text>"(?:[^"\\]|\\.)*")
        |(?P<number>-?\d+(?:\.\d+)?)
        |(?P<word>and|or|not|in|defined|true|false)\b
        |(?P<sign>==|!=|<=|>=|<|>|\(|\))
    )""",
    re.VERBOSE,
)
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: _same(left, right),
    "!=": lambda left, right: not _same(left, right),
    "<": lambda left, right: _ordered(left, right) and left < right,
    ">": lambda left, right: _ordered(left, right) and left > right,
    "<=": lambda left, right: _ordered(left, right) and left <= right,
    ">=": lambda left, right: _ordered(left, right) and left >= right,
    "in": lambda left, right: isinstance(right, str | list) and left is not None and left in right,
}
Properties = Mapping[str, Any]
Value = Callable[[Properties], Any]


def compiled(text: str) -> Value:
    """Whether a profile is meant. Refused (400) for what cannot be read."""
    reader = _Reader(_cut(text))
    test = reader.either()
    if reader.rest:
        raise Refused(400, f"cannot parse where near {reader.rest[0][1]}")
    return test


def _cut(text: str) -> list[tuple[str, str]]:
    pieces, at, text = [], 0, text.strip()
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None or found.lastgroup is None:
            raise Refused(400, f"cannot parse where at character {at + 1}")
        at = found.end()
        kind = "property" if found["property"] else found.lastgroup
        pieces.append((kind, found["name"] if kind == "property" else found[kind]))
    return pieces


class _Reader:
    def __init__(self, pieces: list[tuple[str, str]]) -> None:
        self.rest = pieces

    def either(self) -> Value:
        left = self._both()
        while self._took("or"):
            left = _or(left, self._both())
        return left

    def _both(self) -> Value:
        left = self._one()
        while self._took("and"):
            left = _and(left, self._one())
        return left

    def _one(self) -> Value:
        if self._took("not"):
            wrong = self._one()
            return lambda properties: not wrong(properties)
        left = self._value()
        for sign, compare in _COMPARED.items():
            if self._took(sign):
                return _compared(compare, left, self._value())
        return left

    def _value(self) -> Value:
        if self._took("("):
            inside = self.either()
            self._need(")")
            return inside
        if self._took("defined"):
            self._need("(")
            inside = self._value()
            self._need(")")
            return lambda properties: inside(properties) is not None
        if not self.rest or self.rest[0][0] not in ("property", "text", "number", "word"):
            raise Refused(400, "where ends too early")
        kind, text = self.rest.pop(0)
        if kind == "word" and text not in ("true", "false"):
            raise Refused(400, f"cannot parse where near {text}")
        value = orjson.loads(text)
        return (
            (lambda properties: properties.get(value)) if kind == "property" else (lambda properties: value)
        )

    def _took(self, text: str) -> bool:
        if self.rest and self.rest[0][1] == text and self.rest[0][0] in ("word", "sign"):
            self.rest.pop(0)
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._took(text):
            raise Refused(400, f"where lacks a {text}")


def _or(left: Value, right: Value) -> Value:
    return lambda properties: left(properties) or right(properties)


def _and(left: Value, right: Value) -> Value:
    return lambda properties: left(properties) and right(properties)


def _compared(compare: Callable[[Any, Any], bool], left: Value, right: Value) -> Value:
    return lambda properties: compare(left(properties), right(properties))


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(left: Any, right: Any) -> bool:
    numbers = all(isinstance(one, int | float) for one in (left, right))
    return numbers or all(isinstance(one, str) for one in (left, right))
