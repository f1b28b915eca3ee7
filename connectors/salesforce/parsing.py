"""Where Salesforce's JSON parser stopped: which record of a refused call that was.

Such a call is refused as a whole, but the message quotes the value and tells the column:
`Cannot deserialize instance of double from VALUE_STRING value n/a … at [line:1, column:1204]`. The column is
UNVERIFIED, so this decides who is tried alone, never who is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import orjson

from nps.changes import Change
from nps.values import Json

_PLACE = re.compile(r"\[line:\s*1,\s*column:\s*(\d+)\]")
_VALUE = re.compile(r"\bvalue (.+?)(?: or request may be missing| at \[line:|$)")
_OPENING = len(b'{"allOrNone":false,"records":[')


def suspects(
    message: str, sent: Sequence[Change], record: Callable[[Change], Mapping[str, Json]]
) -> list[Change]:
    """Records the message may mean: the one at the place it tells, or those that hold the value it quotes."""
    found = _at_place(message, [len(orjson.dumps(record(change)).decode()) for change in sent])
    if found is not None:
        return [sent[found]]
    quoted = _VALUE.search(message)
    if quoted is None:
        return []
    return [change for change in sent if any(str(value) == quoted[1] for value in change.after.values())]


def _at_place(message: str, lengths: Sequence[int]) -> int | None:
    told = _PLACE.search(message)
    if told is None:
        return None
    end, column = _OPENING, int(told[1])
    for number, length in enumerate(lengths):
        end += length + 1  # and the comma
        if column <= end:
            return number
    return None
