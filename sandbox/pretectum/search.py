"""Full text search: words, "phrases", wildcards, AND, OR, NOT, and field:value. A hit holds the words somewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.pretectum.words import bad_request

_WORD = re.compile(r"[^\W_]+")
_PIECE = re.compile(
    r"""\s*(?:
        (?:(?P<field>"(?:[^"\\]|\\.)+"|(?:[^\s":\\]|\\.)+):)?
        (?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>(?:[^\s"\\]|\\.)+))
        (?=\s|$)
    )""",
    re.VERBOSE,
)
_OPERATORS = ("AND", "OR", "NOT")
Values = Mapping[str, Any]
Holds = Callable[[Values], bool]


def words(value: Any) -> list[str]:
    """As the index cuts a text: "Ann.O'Brien+crm@acme.example" is six words."""
    return _WORD.findall(str(value).lower())


def compiled(query: str) -> tuple[Holds, frozenset[str]]:
    """Whether an object is a hit, and the words every hit must hold. A Refusal (400) for what cannot be read."""
    pieces = _cut(query)
    if not pieces:
        raise bad_request("query is required")
    holds = _Reader(pieces).whole()
    plain = all(kind == "term" for kind, _ in pieces)
    needed = [word for _, term in pieces if plain and "*" not in term[1] for word in words(term[1])]
    return holds, frozenset(needed)


def _cut(query: str) -> list[tuple[str, tuple[str | None, str]]]:
    pieces: list[tuple[str, tuple[str | None, str]]] = []
    at, query = 0, query.strip()
    while at < len(query):
        found = _PIECE.match(query, at)
        if found is None:
            raise bad_request(f"cannot parse the query at character {at + 1}")
        at = found.end()
        field, phrase, word = found["field"], found["phrase"], found["word"]
        if field is None and word in _OPERATORS:
            pieces.append((word, (None, "")))
            continue
        if word is not None and re.search(r"(?<!\\):", word):
            raise bad_request("a colon belongs between a field and its value")
        named = _plain(field.strip('"')) if field else None
        pieces.append(("term", (named, _plain(phrase if phrase is not None else word))))
    return pieces


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


class _Reader:
    """NOT binds closest, then AND (also where nothing stands between two words), then OR."""

    def __init__(self, pieces: list[tuple[str, tuple[str | None, str]]]) -> None:
        self._pieces = pieces
        self._at = 0

    def whole(self) -> Holds:
        either = [self._both()]
        while self._next() == "OR":
            self._at += 1
            either.append(self._both())
        return either[0] if len(either) == 1 else lambda values: any(test(values) for test in either)

    def _both(self) -> Holds:
        all_of = [self._one()]
        while self._next() not in (None, "OR"):
            if self._next() == "AND":
                self._at += 1
            all_of.append(self._one())
        return all_of[0] if len(all_of) == 1 else lambda values: all(test(values) for test in all_of)

    def _one(self) -> Holds:
        kind = self._next()
        if kind is None or kind in ("AND", "OR"):
            raise bad_request("an operator stands without something to search for")
        self._at += 1
        if kind == "NOT":
            wrong = self._one()
            return lambda values: not wrong(values)
        name, text = self._pieces[self._at - 1][1]
        return _term(name, text)

    def _next(self) -> str | None:
        return self._pieces[self._at][0] if self._at < len(self._pieces) else None


def _term(name: str | None, text: str) -> Holds:
    if "*" in text:
        pattern = re.compile(".*".join(map(re.escape, text.lower().split("*"))), re.DOTALL)
        return lambda values: any(
            pattern.fullmatch(one) for value in _values(values, name) for one in _whole(value)
        )
    wanted = words(text)
    if not wanted:
        return lambda values: False
    return lambda values: any(_follow(wanted, words(value)) for value in _values(values, name))


def _values(values: Values, name: str | None) -> list[Any]:
    if name is None:
        return list(values.values())
    return [value for one, value in values.items() if one.lower() == name.lower()]


def _whole(value: Any) -> list[str]:
    text = str(value).lower()
    return [text, *text.split()]


def _follow(wanted: list[str], held: list[str]) -> bool:
    """One after the other, whatever stands around them."""
    length = len(wanted)
    return any(held[at : at + length] == wanted for at in range(len(held) - length + 1))
