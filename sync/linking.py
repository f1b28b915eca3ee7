"""For which of an answer's keys a person's decision is remembered: for as few as decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapping.match import rule_of
from nps.changes import MatchKey


def keys_to_link(
    keys: Sequence[MatchKey], rule: str, named: Mapping[MatchKey, Sequence[str]], record_id: str
) -> tuple[MatchKey, ...]:
    """`rule` is what decided before ("" when nothing did), `named` the records each key names now.

    A key that names the chosen record anyway says it best: remembering it settles a conflict or an ambiguity and
    moves nobody else's answer. Else it is the key that led to the wrong record, and without one all of them.
    """
    fitting = tuple(key for key in keys if record_id in named.get(key, ()))
    if fitting:
        return fitting[:1]
    led = tuple(key for key in keys if rule_of(key) == rule)
    return led or tuple(keys)
