"""Figures for pages and for the API: ready-made, whatever the store holds.

`Figures(config, store, clock)` is cheap to make. What it shows says as of when it was counted; what nobody has counted
yet it does not wait for: `value` is None, and it is there a moment later.
"""

from __future__ import annotations

from npsync.figures.asking import Figures
from npsync.figures.questions import DAYS, GROUPS, since
from npsync.figures.shown import Shown

__all__ = ["DAYS", "GROUPS", "Figures", "Shown", "since"]
