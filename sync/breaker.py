"""Stops a run that looks like an accident, before its first write. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from nps.errors import NpsyncError
from sync.spec import BreakerSpec

# Below these a share says nothing: three of five records may well change on one afternoon.
FEWEST_CHANGES = 50
FEWEST_LOOKED_UP = 50


class BreakerOpen(NpsyncError):
    """Too much would change, or too little matched. Nothing was written."""


def check(
    spec: BreakerSpec,
    *,
    overwriting: int,
    shown: int,
    matched: int,
    looked_up: int,
    earlier_rates: Sequence[Decimal],
) -> BreakerOpen | None:
    """Why this plan must not be written, or None.

    `overwriting` changes replace a value (first fills do not count) among the `shown` records with values;
    `matched` of `looked_up` answers, all looked up for the first time, found their record; `earlier_rates` are the
    same share of earlier runs.
    """
    if overwriting >= FEWEST_CHANGES and shown:
        share = Decimal(overwriting) / Decimal(shown)
        if share > spec.changed_share:
            return BreakerOpen(
                f"{overwriting} of {shown} records that already show values would change ({share:.0%}), more than "
                f"breaker.changed_share {spec.changed_share:.0%}. Nothing was written. Look at the plan; if it is "
                f"right, run it as reviewed: npsync plan … --out FILE, then npsync run … --plan FILE"
            )
    if looked_up >= FEWEST_LOOKED_UP and earlier_rates:
        usual = sum(earlier_rates, Decimal()) / len(earlier_rates)
        rate = Decimal(matched) / Decimal(looked_up)
        if usual - rate > spec.match_rate_drop:
            return BreakerOpen(
                f"only {rate:.0%} of {looked_up} answers found their record, usually {usual:.0%} do; that is a fall "
                f"of more than breaker.match_rate_drop {spec.match_rate_drop:.0%}. Nothing was written. Has a match "
                f"field been renamed, emptied or hidden? Once it is right again: npsync run … --recheck"
            )
    return None
