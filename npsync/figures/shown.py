"""A figure as it can be shown now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

Figure = TypeVar("Figure", covariant=True)


@dataclass(frozen=True)
class Shown(Generic[Figure]):
    """`value` is None while it is counted for the first time. `counting`: something changed since `as_of`, and newer
    ones are on their way."""

    value: Figure | None
    as_of: datetime | None
    counting: bool = False
