"""Knobs: what control can do to one toy alone, by name ("hide_field", "expire_tokens")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.toy import Row

Knob = Callable[[Row], Any]


def turn(knobs: Mapping[str, Knob], name: str, arguments: Row) -> Any:
    """What the knob says. ValueError when there is no such knob, or when it is not given what it needs."""
    if name not in knobs:
        raise ValueError(f"no such knob: {name}; there are: {', '.join(knobs)}")
    try:
        return knobs[name](arguments)
    except KeyError as missing:
        raise ValueError(f"{name} needs {missing}") from None
