"""What control may switch: limits, and every place where the vendor's documents leave a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    # Limits; 0 turns one off.
    burst: int = 190  # calls per token in any 10 s
    daily: int = 625_000  # calls per account and day
    search: int = 5  # searches per account and second

    # Not settled by the vendor's documents; the defaults follow what is written or was seen.
    trace_ids: bool = True  # batch update with trace ids answers per record
    quiet_partial: bool = True  # version 2026-09 answers 200, not 207, when part of a batch failed
    null_clears: bool = False  # the documented way to clear is the empty string
    merge_keeps_winner_id: bool = False  # the beta "Primary ID preservation"
    unassociated_is_error: bool = True  # a record without associations is listed in `errors`
    numeric_association_ids: bool = True
    echoes_trace_ids: bool = False  # what was made names the trace id it was asked with
    custom_objects: bool = True  # the account's plan has them
    archived_owner_is_error: bool = True  # a task of somebody who left is refused

    search_lag: float = 0.0  # seconds until search knows of a change
    association_page: int = 500
    time_zone: str = "America/New_York"

    def changed(self, wanted: Mapping[str, Any]) -> Settings:
        """ValueError names a switch that does not exist or a value of the wrong kind."""
        known = {one.name: type(getattr(self, one.name)) for one in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"no setting {name}; there are: {', '.join(known)}")
            kind = known[name]
            fits = (
                isinstance(value, int | float) and not isinstance(value, bool)
                if kind is float
                else type(value) is kind
            )
            if not fits:
                raise ValueError(f"{name} takes a {kind.__name__}")
        return replace(self, **wanted)
