"""Which values a check constraint leaves to a column, where it is a plain list of them.

A constraint in any other words is left to the database, which refuses what it must.
"""

from __future__ import annotations

import re

_TEXT = r"'(?:[^']|'')*'"
_CAST = r"(?:::[a-z ]+(?:\(\d+\))?(?:\[\])?)?"
_ITEM = rf"{_TEXT}{_CAST}"
_COLUMN = rf'\(?(?P<{{}}>"(?:[^"]|"")+"|`[^`]+`|\w+)\)?{_CAST}'
_LIST = re.compile(
    rf"^{_COLUMN.format('column')}\s+in\s*\(\s*(?P<items>{_ITEM}(?:\s*,\s*{_ITEM})*)\s*\)$"
    rf"|^{_COLUMN.format('any')}\s*=\s*any\s*\(\s*\(?array\[(?P<array>{_ITEM}(?:\s*,\s*{_ITEM})*)\]\)?{_CAST}\s*\)$"
    rf"|^{_COLUMN.format('one')}\s*=\s*(?P<only>{_ITEM})$",
    re.IGNORECASE,
)
_OR_NULL = re.compile(
    r"^(?P<column>\"(?:[^\"]|\"\")+\"|`[^`]+`|\w+)\s+is\s+null\s+or\s+(?P<rest>.+)$",
    re.IGNORECASE | re.DOTALL,
)


def listed(constraint: str) -> tuple[str, tuple[str, ...]] | None:
    """The column and its options; None when the constraint says anything else."""
    text = _bare(constraint)
    if nullable := _OR_NULL.match(text):
        found = listed(nullable["rest"])
        return found if found is not None and found[0] == _name(nullable["column"]) else None
    matched = _LIST.match(text)
    if matched is None:
        return None
    items = matched["items"] or matched["array"] or matched["only"]
    options = tuple(one[1:-1].replace("''", "'") for one in re.findall(_TEXT, items))
    return _name(matched["column"] or matched["any"] or matched["one"]), options


def _bare(text: str) -> str:
    """Without the brackets around all of it."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")") and _closes_last(text):
        text = text[1:-1].strip()
    return text


def _closes_last(text: str) -> bool:
    """Whether the first bracket is closed by the last."""
    depth = 0
    for at, sign in enumerate(re.sub(_TEXT, lambda found: "x" * len(found.group()), text)):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return at == len(text) - 1
    return False


def _name(quoted: str) -> str:
    if quoted[0] in '"`':
        return quoted[1:-1].replace('""', '"')
    return quoted
