"""What the calls that are left pay for: which way to write, how many changes, how many answers to begin with. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from connectors.contract import Allowance, Way
from nps.errors import BudgetError

# Answers looked up per call, at least. The vendors' batches hold more; several keys and retries take some of that.
LOOKED_UP_PER_CALL = 40


class Paid(NamedTuple):
    """The way to write, and how many changes (the first ones in write order) it can pay for."""

    way: Way
    changes: int


def pays_for(ways: Sequence[Way], changes: int, left: int | None, *, first: int = 0) -> Paid:
    """The cheapest way, while what is left pays for it; else the one that gets furthest. The `first` changes are a
    canary: a call of their own, and one to read them back."""

    def cost(way: Way, count: int) -> int:
        if not first or not count:
            return way.cost(count)
        return 2 + (way.cost(count - first) if count > first else 0)

    if left is None or cost(ways[0], changes) <= left:
        return Paid(ways[0], changes)
    paid = [Paid(way, _most(changes, partial(cost, way), left)) for way in ways]
    return max(paid, key=lambda one: one.changes)


def begins_with(ways: Callable[[int], Sequence[Way]], answers: int, left: int) -> int:
    """How many answers to look up so that the changes they may bring can be written as well, after a canary."""

    def cost(count: int) -> int:
        return 2 + -(-count // LOOKED_UP_PER_CALL) + ways(count)[0].cost(count) if count else 0

    return _most(answers, cost, left)


def _most(count: int, cost: Callable[[int], int], left: int) -> int:
    """The largest number up to `count` that costs at most `left`; costs never fall as numbers grow."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        if cost(middle) <= left:
            low = middle
        else:
            high = middle - 1
    return low


def cannot_pay(connection: str, allowance: Allowance, what: str) -> BudgetError:
    """The run ends partial and says how many wait, and until when. `what` is the middle of the sentence."""
    return BudgetError(f"{connection}: {left_in_words(allowance)}. {what}{_until(allowance)}")


def left_in_words(allowance: Allowance) -> str:
    """`120 of 5,000 calls are left for npsync (3,880 used by all, 1,000 kept for others)`."""
    if allowance.limit is None or allowance.used is None:
        return f"{allowance.left:,} calls are left for npsync today"
    kept = f", {allowance.kept:,} kept for others" if allowance.kept else ""
    return (
        f"{allowance.left:,} of {allowance.limit:,} calls a day are left for npsync "
        f"({allowance.used:,} used by all{kept})"
    )


def _until(allowance: Allowance) -> str:
    if allowance.resets_at is None:
        return " until calls come free again; the next run goes on"
    return f" until {allowance.resets_at:%Y-%m-%d %H:%M} UTC, when the count begins anew; the next run then goes on"
