"""What is told of a row that a database refuses: in our words, with the names of columns and constraints.

What databases say themselves quotes the row's values ("Duplicate entry 'ann@…'"), and a trigger says whatever it likes.
"""

from __future__ import annotations

import re
from typing import Any

TRIGGER = "a trigger refuses it"
ROW = "the database refuses the row"
_TAKEN = "another row has the value already"
_EMPTY = "a column must not be empty"
_TOO_LONG = "the value is too long for its column"
_OUT_OF_RANGE = "the value is out of its column's range"
_UNFIT = "the value does not fit the type of its column"
_FOREIGN = "a foreign key refuses it"
_CHECK = "a check constraint refuses it"

_OF_POSTGRES = {
    "22001": _TOO_LONG,
    "22003": _OUT_OF_RANGE,
    "23502": _EMPTY,
    "23503": _FOREIGN,
    "23505": _TAKEN,
    "23514": _CHECK,
    "23P01": "it excludes another row",
    "44000": "the view does not show such a row",
}
_CLASSES = {"22": _UNFIT, "23": "a constraint refuses it", "P0": TRIGGER, "09": TRIGGER, "27": TRIGGER}
_OF_MYSQL = {
    1048: _EMPTY,
    1062: _TAKEN,
    1264: _OUT_OF_RANGE,
    1364: "a column has no default value",
    1366: _UNFIT,
    1406: _TOO_LONG,
    1451: _FOREIGN,
    1452: _FOREIGN,
    1644: TRIGGER,
    3819: _CHECK,
    4025: _CHECK,
}
# Each is looked for where no value can stand: at the very end, or in a text that holds names alone.
_NAME = r"'([^']*)'"
_KEY = re.compile(rf"for key {_NAME}\s*$")
_COLUMNS = {
    **dict.fromkeys((1264, 1366, 1406), re.compile(rf"for column (?:{_NAME}|\S*`([^`\s]*)`) at row \d+\s*$")),
    1048: re.compile(rf"^Column {_NAME}"),
    1364: re.compile(rf"^Field {_NAME}"),
}
_CONSTRAINTS = {
    **dict.fromkeys((1451, 1452, 4025), re.compile(r"CONSTRAINT `([^`]*)`")),
    1062: _KEY,
    3819: re.compile(rf"constraint {_NAME}"),
}
_QUOTED = re.compile(r"\b(near|value:?|entry) '.*'", re.DOTALL | re.IGNORECASE)


def of_postgres(state: str, diag: Any) -> str:
    """`diag` is what the driver took apart: it names the constraint and the column, where there is one."""
    if was_raised(diag):
        return TRIGGER
    sentence = _OF_POSTGRES.get(state) or _CLASSES.get(state[:2], ROW)
    names = (getattr(diag, part, None) for part in ("constraint_name", "column_name"))
    return _with_names(sentence, *names)


def was_raised(diag: Any) -> bool:
    """Whether a trigger or function said it (RAISE), whatever code it gave."""
    return getattr(diag, "source_function", None) == "exec_stmt_raise"


def of_mysql(number: object, text: str) -> tuple[str, str | None]:
    """A sentence, and the column where one is named."""
    if not isinstance(number, int):
        return ROW, None
    column = _found(_COLUMNS.get(number), text)
    return _with_names(_OF_MYSQL.get(number, ROW), _found(_CONSTRAINTS.get(number), text), column), column


def without_quotes(text: str) -> str:
    """What MySQL says of a statement, without the values it quotes."""
    return _QUOTED.sub(r"\1 …", text)


def _found(pattern: re.Pattern[str] | None, text: str) -> str | None:
    found = None if pattern is None else pattern.search(text)
    return None if found is None else next((name for name in found.groups() if name), None)


def _with_names(sentence: str, *names: str | None) -> str:
    told = ", ".join(name for name in names if name)
    return f"{sentence} ({told})" if told else sentence
