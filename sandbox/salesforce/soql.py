"""The part of SOQL the toy understands, parsed by a grammar into small values.

As in the real one, AND and OR may only be mixed with parentheses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput

from sandbox.salesforce.errors import ApiError

MAX_QUERY = 100_000
MAX_LITERAL = 4_000

_GRAMMAR = r"""
start: "SELECT"i select "FROM"i NAME where? order? limit? offset?
select: "COUNT"i "(" ")" -> count
      | NAME ("," NAME)* -> columns
where: "WHERE"i _expr
_expr: _unary | all | any
all: _unary ("AND"i _unary)+
any: _unary ("OR"i _unary)+
_unary: negation | "(" _expr ")" | comparison | membership
negation: "NOT"i _unary
comparison: NAME OPERATOR _literal
          | NAME LIKE STRING
membership: NAME "IN"i list  -> inside
          | NAME "NOT"i "IN"i list -> outside
list: "(" _literal ("," _literal)* ")"
_literal: STRING | DATETIME | DATE | NUMBER | TRUE | FALSE | NULL | DAYS
order: "ORDER"i "BY"i term ("," term)*
term: NAME DIRECTION? NULLS?
limit: "LIMIT"i INTEGER
offset: "OFFSET"i INTEGER
OPERATOR: "!=" | "<>" | "<=" | ">=" | "=" | "<" | ">"
LIKE: "LIKE"i
TRUE: "TRUE"i
FALSE: "FALSE"i
NULL: "NULL"i
DIRECTION: "ASC"i | "DESC"i
NULLS: /NULLS\s+(FIRST|LAST)/i
DAYS.4: /(TODAY|YESTERDAY|TOMORROW|(LAST_N_DAYS|NEXT_N_DAYS|N_DAYS_AGO):\d+)(?![a-z0-9_.])/i
DATETIME.3: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)/
DATE.2: /\d{4}-\d\d-\d\d/
NUMBER.1: /[+-]?\d+(\.\d+)?/
INTEGER: /\d+/
STRING: /'(?:[^'\\]|\\.)*'/s
NAME: /[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*/i
%ignore /\s+/
"""


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted literal: `raw` keeps the backslashes, which LIKE reads differently."""

    raw: str

    @property
    def value(self) -> str:
        return re.sub(r"\\(.)", _unescaped, self.raw, flags=re.DOTALL) if "\\" in self.raw else self.raw


@dataclass(frozen=True, slots=True)
class Days:
    """A date literal: whole days counted from today, the last one included."""

    first: int
    last: int


Literal = Text | float | bool | date | datetime | Days | None


@dataclass(frozen=True, slots=True)
class Comparison:
    field: str
    operator: str  # = != < <= > >= like
    value: Literal


@dataclass(frozen=True, slots=True)
class Membership:
    field: str
    values: tuple[Literal, ...]
    inside: bool


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    parts: tuple[Condition, ...]


Condition = Comparison | Membership | Not | All | Any_


@dataclass(frozen=True, slots=True)
class Order:
    field: str
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    columns: tuple[str, ...] | None  # None: COUNT()
    object: str
    where: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Query:
    """Raises ApiError MALFORMED_QUERY with the place, as the vendor does."""
    if len(text) > MAX_QUERY:
        raise ApiError(
            400, "MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_QUERY} characters."
        )
    try:
        query = _parser().parse(text)
    except UnexpectedInput as problem:
        near = " ".join(problem.get_context(text, 20).split())
        raise ApiError(400, "MALFORMED_QUERY", f"unexpected token: {near}") from None
    except ValueError as problem:  # a literal that looks right and is not
        raise ApiError(400, "MALFORMED_QUERY", str(problem)) from None
    assert isinstance(query, Query)
    return query


def like(pattern: str) -> re.Pattern[str]:
    r"""What LIKE matches: % any text, _ one character, \% and \_ themselves; case does not matter."""
    parts = re.findall(r"\\.|.", pattern, flags=re.DOTALL)
    spelled = (".*" if p == "%" else "." if p == "_" else re.escape(Text(p).value) for p in parts)
    return re.compile("".join(spelled), re.IGNORECASE | re.DOTALL)


_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
    "_": "_",
    "%": "%",
}


def _unescaped(found: re.Match[str]) -> str:
    if found[1] not in _ESCAPES:
        raise ValueError(f"Illegal escape sequence: \\{found[1]}")
    return _ESCAPES[found[1]]


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    def STRING(self, token: Token) -> Text:
        literal = Text(str(token)[1:-1])
        if len(literal.value) > MAX_LITERAL:
            raise ValueError(f"string literals cannot be longer than {MAX_LITERAL} characters")
        return literal

    def NUMBER(self, token: Token) -> float:
        return float(token)

    def INTEGER(self, token: Token) -> int:
        return int(token)

    def TRUE(self, token: Token) -> bool:
        return True

    def FALSE(self, token: Token) -> bool:
        return False

    def NULL(self, token: Token) -> None:
        return None

    def DAYS(self, token: Token) -> Days:
        name, _, count = str(token).upper().partition(":")
        match name:
            case "TODAY":
                return Days(0, 0)
            case "YESTERDAY":
                return Days(-1, -1)
            case "TOMORROW":
                return Days(1, 1)
            case "LAST_N_DAYS":
                return Days(-int(count), 0)
            case "NEXT_N_DAYS":
                return Days(1, int(count))
            case _:
                return Days(-int(count), -int(count))

    def DATE(self, token: Token) -> date:
        return date.fromisoformat(token)

    def DATETIME(self, token: Token) -> datetime:
        return datetime.fromisoformat(token).astimezone(UTC)

    def NAME(self, token: Token) -> str:
        return str(token)

    def OPERATOR(self, token: Token) -> str:
        return "!=" if token == "<>" else str(token)

    def LIKE(self, token: Token) -> str:
        return "like"

    def count(self) -> None:
        return None

    def columns(self, *names: str) -> tuple[str, ...]:
        return names

    def comparison(self, field: str, operator: str, value: Literal) -> Comparison:
        return Comparison(field, operator, value)

    def list(self, *values: Literal) -> tuple[Literal, ...]:
        return values

    def inside(self, field: str, values: tuple[Literal, ...]) -> Membership:
        return Membership(field, values, inside=True)

    def outside(self, field: str, values: tuple[Literal, ...]) -> Membership:
        return Membership(field, values, inside=False)

    def negation(self, part: Condition) -> Not:
        return Not(part)

    def all(self, *parts: Condition) -> All:
        return All(parts)

    def any(self, *parts: Condition) -> Any_:
        return Any_(parts)

    def where(self, condition: Condition) -> tuple[str, Condition]:
        return "where", condition

    def term(self, field: str, *words: Token) -> Order:
        said = " ".join(words).upper()
        return Order(field, descending="DESC" in said, nulls_last="LAST" in said)

    def order(self, *terms: Order) -> tuple[str, tuple[Order, ...]]:
        return "order", terms

    def limit(self, number: int) -> tuple[str, int]:
        return "limit", number

    def offset(self, number: int) -> tuple[str, int]:
        return "offset", number

    def start(self, columns: tuple[str, ...] | None, object: str, *clauses: tuple[str, Any]) -> Query:
        return Query(columns, object, **dict(clauses))


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)
