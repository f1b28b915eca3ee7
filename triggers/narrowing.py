"""Whom `people` and an audience both mean: two `only` in one."""

from __future__ import annotations

from connectors.contract import Only
from nps.values import Json


def both(one: Only, other: Only) -> Only | None:
    """Records that both allow; None where a field would have to show two values at once."""
    narrowed = dict(one)
    for name, wanted in other.items():
        if name in narrowed:
            first, second = _several(narrowed[name]), _several(wanted)
            if not (common := [value for value in first if value in second]):
                return None
            wanted = common
        narrowed[name] = wanted
    return narrowed


def _several(wanted: Json) -> list[Json]:
    return list(wanted) if isinstance(wanted, list) else [wanted]
