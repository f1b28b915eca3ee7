"""Comparing: how a sync stands, so that it can be told from how it would stand with another mapping."""

from __future__ import annotations

from typing import Protocol

import msgspec

from store.api.values import State


class Standing(msgspec.Struct, frozen=True):
    """So many newest answers of a sync are in this state for this reason. `planned`: their change is in a plan."""

    state: State
    code: str
    planned: bool
    answers: int


class Comparing(Protocol):
    """What the journal and the states say of a sync as a whole."""

    def standings(self, sync: str) -> list[Standing]:
        """How many answers are where. What lies in the work is not among them."""
        ...

    def fields_written(self, sync: str) -> list[str]:
        """Every field that the sync has ever written, by the journal."""
        ...

    def records_with(self, sync: str, field: str) -> int:
        """In how many records the sync has written this field."""
        ...
