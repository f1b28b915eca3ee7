"""Names that hold one of a few words: compared with anything else, a condition says the same for everybody for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from mapping.problems import did_you_mean
from nps.score import Segment

CLOSED: Mapping[str, tuple[str, ...]] = {
    name: tuple(segment.value for segment in Segment) for name in ("segment", "previous_segment")
}
_CALLS = ("segment",)  # segment(score) says the same words
_UNCHANGED_BY = ("lower", "trim")  # our words are lower case, without blanks


class Token(Protocol):
    """A word, a sign or a value of an expression, as `mapping.cel_text` reads it."""

    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...


def problem_of_comparison(left: Sequence[Token], sign: str, right: Sequence[Token]) -> str | None:
    """What is wrong with `left sign right`, as a sentence; None where a word can be the other, or nothing is known."""
    if sign in ("==", "!="):
        name = _closed(left) or _closed(right)
        given = _texts(right if _closed(left) else left)
    elif sign == "in":
        name, given = _closed(left), _listed(right)
    else:
        return None
    if name is None:
        return None
    words = CLOSED[name.partition("(")[0]]
    for value in given:
        if value not in words:
            known = f"{', '.join(words[:-1])} or {words[-1]}"
            return f'{name} is {known}, never "{value}"{did_you_mean(value.strip().lower(), words)}'
    return None


def _closed(tokens: Sequence[Token]) -> str | None:
    """The name, or `segment()`, if these tokens are that and nothing more."""
    tokens = _bare(tokens)
    if len(tokens) == 1 and tokens[0].kind == "name" and tokens[0].text in CLOSED:
        return tokens[0].text
    if len(tokens) > 3 and tokens[0].kind == "name" and _closing(tokens, 1) == len(tokens) - 1:
        if tokens[0].text in _CALLS:
            return f"{tokens[0].text}()"
        if tokens[0].text in _UNCHANGED_BY:
            return _closed(tokens[2:-1])
    return None


def _texts(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The text these tokens are, where they are one."""
    tokens = _bare(tokens)
    text = _text(tokens[0]) if len(tokens) == 1 else None
    return () if text is None else (text,)


def _listed(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The texts of `["a", "b"]`; what else is in the list is not judged."""
    tokens = _bare(tokens)
    if len(tokens) < 2 or tokens[0].text != "[" or _closing(tokens, 0) != len(tokens) - 1:
        return ()
    return tuple(text for item in _items(tokens[1:-1]) for text in _texts(item))


def _items(tokens: Sequence[Token]) -> Iterable[Sequence[Token]]:
    """What stands between the commas of a list."""
    start = depth = 0
    for at, token in enumerate(tokens):
        depth += _step(token)
        if depth == 0 and token.kind == "sign" and token.text == ",":
            yield tokens[start:at]
            start = at + 1
    yield tokens[start:]


def _bare(tokens: Sequence[Token]) -> Sequence[Token]:
    """Without the brackets around all of it."""
    while len(tokens) > 2 and tokens[0].text == "(" and _closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Sequence[Token], at: int) -> int | None:
    """Where the bracket that opens at `at` is closed; None where none opens."""
    depth = 0
    for place in range(at, len(tokens)):
        depth += _step(tokens[place])
        if depth == 0:
            return place if place > at else None
    return None


def _step(token: Token) -> int:
    """How much deeper in brackets what follows is."""
    if token.kind != "sign":
        return 0
    return (token.text in ("(", "[")) - (token.text in (")", "]"))


def _text(token: Token) -> str | None:
    """What a quoted text says; None for what is no text, or is written with escapes."""
    if token.kind != "text" or "\\" in token.text:
        return None
    return token.text.lstrip("rR")[1:-1]
