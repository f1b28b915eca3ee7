"""The state of an answer as a row, read back."""

from __future__ import annotations

from typing import Any

from store.api import Settled, State
from store.rows import from_json, maybe_moment

# `planned` is how a pending answer is kept that waits for its change (`store.waiting`).
STATE = {state.value: state for state in State} | {"planned": State.PENDING}


def settled_of(row: tuple[Any, ...]) -> Settled:
    """From response, state, record_id, rule, code, reason, look_again, field, candidates."""
    return Settled(
        number=row[0],
        state=STATE[row[1]],
        record_id=row[2],
        rule=row[3],
        code=row[4],
        reason=row[5],
        look_again=maybe_moment(row[6]),
        field=row[7],
        candidates=tuple(from_json(row[8])) if row[8] else (),
    )
