"""Reads a CEL expression, refuses what we fence off, and writes it again so that null never breaks it.

The library compiles an expression but shows no tree, raises on every null (`null > 5`) and on every missing
step of a path, and runs macros without a limit. So we parse the (small) grammar ourselves, and hand the
library a text in which

- each path (`record.Account.Name`) is one variable, set for every person, null when it is missing;
- `<  <=  >  >=  in` and the text methods ask for null first and are false then;
- arithmetic with null is null; a null condition is false. `==` and `!=` take null as a value, as CEL does.

Nothing else changes: types, errors and precedence stay the library's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mapping.closed_words import problem_of_comparison
from mapping.names import PERSON, Names
from mapping.problems import did_you_mean

LONGEST = 1_000  # characters of an expression
DEEPEST = 25  # brackets in brackets
LONGEST_REWRITTEN = 20_000

HELPERS: dict[str, tuple[int, int]] = {  # name → fewest and most arguments
    "lower": (1, 1),
    "trim": (1, 1),
    "len": (1, 1),
    "segment": (1, 1),
    "coalesce": (1, 20),
}
CONVERSIONS = ("int", "double", "string", "timestamp", "duration")
METHODS = ("startsWith", "endsWith", "contains", "matches")
MACROS = ("all", "exists", "exists_one", "map", "filter", "has")
INSTEAD = {
    "size": "len(x) counts characters",
    "has": "write x != null",
    "lowerAscii": "write lower(x)",
    "upperAscii": "write lower(x) and compare in lower case",
}

# In a raw text (r"…") a backslash is only a backslash, even before the quote that ends it.
_QUOTED = r"""[rR](?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
_TEXT = re.compile(_QUOTED)
_TOKEN = re.compile(
    rf"""(?P<blank>\s+|//[^\n]*)
      | (?P<text>{_QUOTED})
      | (?P<number>(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?!\w))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]])""",
    re.VERBOSE,
)
_COMPARED = ("<", "<=", ">", ">=", "==", "!=", "in")
_KEYWORDS = ("true", "false", "null", "in")


class ExpressionProblem(Exception):
    """Why an expression is refused at load: a code and a sentence for the author."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Rewritten:
    """An expression the library can be given, the names it reads, and the patterns it matches with."""

    text: str
    names: tuple[str, ...]
    patterns: tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class _Piece:
    """A part of the new text. `bare` may only be evaluated when none of `nulls` is null."""

    bare: str
    nulls: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # Asking for null repeats the text, so nesting could double it at every level.
        if len(self.bare) > LONGEST_REWRITTEN:
            raise ExpressionProblem(
                "too_long", "the expression repeats itself too often when nested; split it up"
            )

    @property
    def value(self) -> str:
        """Safe to evaluate always: null when a part is."""
        if not self.nulls or self.nulls == (self.bare,):
            return self.bare
        return f"({' || '.join(f'{null} == null' for null in self.nulls)} ? null : {self.bare})"

    @property
    def condition(self) -> str:
        """Safe to evaluate always: false when a part is null."""
        return _unless_null(self.nulls, self.bare)


def rewrite(source: str, numbers: dict[str, int], known: Names = PERSON) -> Rewritten:
    """The null-tolerant form of an expression over DESIGN's names. Raises ExpressionProblem.

    `numbers` gives each name the number of its variable (`v0`, `v1` …); new names are added to it.
    """
    if len(source) > LONGEST:
        raise ExpressionProblem(
            "too_long", f"an expression has at most {LONGEST} characters, this one {len(source)}"
        )
    reader = _Reader(_tokens(source), numbers, known)
    return Rewritten(reader.whole().value, tuple(reader.names), tuple(reader.patterns))


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(source):
        found = _TOKEN.match(source, at)
        if not found:
            raise ExpressionProblem("bad_expression", _unreadable(source, at))
        if found.lastgroup != "blank":
            tokens.append(_Token(str(found.lastgroup), found[0], at))
        at = found.end()
    return [*tokens, _Token("end", "", at)]


def _unreadable(source: str, at: int) -> str:
    sign, place = source[at], f"at character {at + 1}"
    if sign == "=" and at >= 2 and source[at - 2 : at] in ("==", "!="):
        return f"{source[at - 2 : at + 1]} at character {at - 1}: write {source[at - 2 : at]} to compare"
    if sign == "=":
        return f"a single = {place}: write == to compare"
    if sign in "&|":
        return f"a single {sign} {place}: write {sign * 2}"
    if sign in "\"'":
        return f"the text that starts {place} has no closing quote"
    return f"cannot read {sign!r} {place}"


def _unless_null(nulls: Iterable[str], test: str) -> str:
    asked = [f"{null} != null" for null in nulls]
    return f"({' && '.join([*asked, test])})" if asked else test


def _union(*pieces: _Piece) -> tuple[str, ...]:
    return tuple(dict.fromkeys(null for piece in pieces for null in piece.nulls))


class _Reader:
    """Recursive descent over CEL's grammar; each method reads one level of precedence."""

    def __init__(self, tokens: list[_Token], numbers: dict[str, int], known: Names) -> None:
        self.tokens = tokens
        self.known = known
        self.numbers = numbers
        self.place = 0
        self.depth = 0
        self.names: dict[str, None] = {}  # in order of appearance
        self.patterns: list[str] = []  # literals given to matches()

    # ------------------------------------------------------------ tokens

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.tokens[self.place]
        self.place += 1
        return token

    def took(self, *texts: str) -> str | None:
        if self.next.kind in ("sign", "name") and self.next.text in texts:
            return self.take().text
        return None

    def need(self, text: str) -> None:
        if not self.took(text):
            raise self.unexpected(f"expected {text}")

    def unexpected(self, wish: str = "") -> ExpressionProblem:
        where = f'"{self.next.text}" at character {self.next.at + 1}' if self.next.text else "the end"
        return ExpressionProblem("bad_expression", f"unexpected {where}{'; ' + wish if wish else ''}")

    # ------------------------------------------------------------ from weak to strong

    def whole(self) -> _Piece:
        piece = self.choice()
        if self.next.kind != "end":
            raise self.unexpected()
        return piece

    def choice(self) -> _Piece:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionProblem("too_deep", f"an expression nests at most {DEEPEST} deep; split it up")
        piece = self.either()
        if self.took("?"):
            yes = self.either()
            self.need(":")
            no = self.choice()
            text = f"({piece.condition} ? {yes.value} : {no.value})"
            piece = _Piece(text, (text,) if yes.nulls or no.nulls else ())
        self.depth -= 1
        return piece

    def either(self) -> _Piece:
        pieces = [self.both()]
        while self.took("||"):
            pieces.append(self.both())
        return pieces[0] if len(pieces) == 1 else _Piece(f"({' || '.join(p.condition for p in pieces)})")

    def both(self) -> _Piece:
        pieces = [self.relation()]
        while self.took("&&"):
            pieces.append(self.relation())
        return pieces[0] if len(pieces) == 1 else _Piece(f"({' && '.join(p.condition for p in pieces)})")

    def relation(self) -> _Piece:
        start = self.place
        left = self.sum()
        while sign := self.took(*_COMPARED):
            middle = self.place
            right = self.sum()
            if problem := problem_of_comparison(
                self.tokens[start : middle - 1], sign, self.tokens[middle : self.place]
            ):
                raise ExpressionProblem("never_that_word", problem)
            if sign in ("==", "!="):
                left = _Piece(f"({left.value} {sign} {right.value})")
            elif sign == "in":
                left = _Piece(_unless_null(right.nulls, f"({left.value} in {right.bare})"))
            else:
                left = _Piece(_unless_null(_union(left, right), f"({left.bare} {sign} {right.bare})"))
        return left

    def sum(self) -> _Piece:
        return self.chain(self.product, "+", "-")

    def product(self) -> _Piece:
        return self.chain(self.signed, "*", "/", "%")

    def chain(self, part: Callable[[], _Piece], *signs: str) -> _Piece:
        """Parts of one precedence, written without inner brackets: the library limits those, and reads from the
        left as we do."""
        pieces = [part()]
        text = pieces[0].bare
        while sign := self.took(*signs):
            pieces.append(part())
            text += f" {sign} {pieces[-1].bare}"
        return pieces[0] if len(pieces) == 1 else _Piece(f"({text})", _union(*pieces))

    def signed(self) -> _Piece:
        if self.next.text == "!" and self.next.kind == "sign":
            turned = False
            while self.took("!"):
                turned = not turned
            condition = self.member().condition
            return _Piece(f"(!{condition})" if turned else f"(!!{condition})")
        if self.next.text == "-" and self.next.kind == "sign":
            count = 0
            while self.took("-"):
                count += 1
            piece = self.member()
            return _Piece(f"({'-' * count}{piece.bare})", piece.nulls)
        return self.member()

    # ------------------------------------------------------------ names, calls, values

    def member(self) -> _Piece:
        piece = self.path() if self.at_path() else self.primary()
        while True:
            if self.took("."):
                piece = self.method(piece)
            elif self.took("["):
                piece = self.item(piece)
            else:
                return piece

    def at_path(self) -> bool:
        token, after = self.next, self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        return token.kind == "name" and token.text not in _KEYWORDS and after.text != "("

    def path(self) -> _Piece:
        """`record.Account.Name` or `properties["plan name"]`: one variable."""
        name = self.take().text
        while True:
            first, second, third = (self.tokens[min(self.place + n, len(self.tokens) - 1)] for n in range(3))
            if first.text == "." and second.kind == "name" and third.text != "(":
                self.place += 2
                name += f".{second.text}"
            elif first.text == "[" and second.kind == "text" and third.text == "]":
                self.place += 3
                name += f".{_plain_text(second.text)}"
            else:
                break
        if name in self.known.roots and self.next.text == "[":
            raise ExpressionProblem("dynamic_index", f'write the field\'s name in quotes: {name}["Name"]')
        if problem := self.known.problem_of(name):
            raise ExpressionProblem("unknown_name", problem)
        return self.variable(name)

    def variable(self, name: str) -> _Piece:
        self.names[name] = None
        variable = f"v{self.numbers.setdefault(name, len(self.numbers))}"
        return _Piece(variable, (variable,))

    def method(self, piece: _Piece) -> _Piece:
        name = self.take()
        if name.text not in METHODS or self.next.text != "(":
            raise self.unknown_function(name, METHODS)
        arguments = self.arguments()
        if len(arguments) != 1:
            raise ExpressionProblem("bad_expression", f"{name.text}() takes one argument")
        argument = arguments[0]
        if name.text == "matches":
            self.patterns.append(_pattern(argument.bare))
        call = f"{piece.bare}.{name.text}({argument.bare})"
        return _Piece(_unless_null(_union(piece, argument), call))

    def item(self, piece: _Piece) -> _Piece:
        """`event.lines[0]`: null when the list is null or shorter."""
        index = self.take()
        if index.kind != "number" or not index.text.isdigit() or self.next.text != "]":
            raise ExpressionProblem(
                "dynamic_index",
                f"the index at character {index.at + 1} must be a whole number or a quoted name",
            )
        self.take()
        missing = [*(f"{null} == null" for null in piece.nulls), f"size({piece.bare}) <= {index.text}"]
        text = f"({' || '.join(missing)} ? null : {piece.bare}[{index.text}])"
        return _Piece(text, (text,))

    def primary(self) -> _Piece:
        token = self.take()
        if token.text == "(" and token.kind == "sign":
            piece = self.choice()
            self.need(")")
            return _Piece(f"({piece.bare})", piece.nulls) if piece.nulls != (piece.bare,) else piece
        if token.text == "[" and token.kind == "sign":
            return _Piece(f"[{', '.join(piece.value for piece in self.items(']'))}]")
        if token.kind in ("text", "number") or token.text in ("true", "false"):
            return _Piece(token.text)
        if token.text == "null":
            return _Piece("null", ("null",))
        if token.kind == "name" and self.next.text == "(":
            return self.call(token)
        self.place -= 1
        raise self.unexpected()

    def call(self, name: _Token) -> _Piece:
        if name.text in HELPERS:
            arguments = self.arguments()
            fewest, most = HELPERS[name.text]
            if not fewest <= len(arguments) <= most:
                raise ExpressionProblem("bad_expression", f"{name.text}() takes {fewest} argument(s)")
            text = f"{name.text}({', '.join(argument.value for argument in arguments)})"
            return _Piece(text, () if name.text == "len" else (text,))
        if name.text in CONVERSIONS:
            arguments = self.arguments()
            if len(arguments) != 1:
                raise ExpressionProblem("bad_expression", f"{name.text}() takes one argument")
            return _Piece(f"{name.text}({arguments[0].bare})", arguments[0].nulls)
        raise self.unknown_function(name, (*HELPERS, *CONVERSIONS))

    def arguments(self) -> list[_Piece]:
        self.need("(")
        return self.items(")")

    def items(self, end: str) -> list[_Piece]:
        pieces: list[_Piece] = []
        while not self.took(end):
            if pieces:
                self.need(",")
            pieces.append(self.choice())
        return pieces

    def unknown_function(self, name: _Token, known: Iterable[str]) -> ExpressionProblem:
        if hint := INSTEAD.get(name.text):
            return ExpressionProblem("unknown_function", f"{name.text}() is not available: {hint}")
        if name.text in MACROS:
            return ExpressionProblem(
                "macro", f"{name.text}() is not available: expressions do not loop over lists"
            )
        if name.kind != "name" or self.next.text != "(":
            return ExpressionProblem(
                "bad_expression",
                f'unexpected "{name.text}" at character {name.at + 1}: only a name of the list has fields',
            )
        hint = did_you_mean(name.text, known) or f" (known: {', '.join(known)})"
        return ExpressionProblem("unknown_function", f"there is no function {name.text}(){hint}")


def _pattern(text: str) -> str:
    """Only the author writes patterns: one that came with an answer could be anything."""
    if not _TEXT.fullmatch(text):
        raise ExpressionProblem("bad_pattern", "matches() takes a pattern in quotes")
    return text


def _plain_text(literal: str) -> str:
    quoted = literal.lstrip("rR")
    if "\\" in literal or not quoted[1:-1].strip():
        raise ExpressionProblem("dynamic_index", "an index is a whole number or a plain quoted name")
    return quoted[1:-1]
