"""Groups too small to be told apart: merged, so that nobody finds them by subtracting the others from the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Name = TypeVar("Name")


def merged(sizes: Mapping[Name, int], least: int) -> frozenset[Name]:
    """The groups to tell only together. All of them, where even the whole is smaller than `least`.

    One small group alone would be what is missing between the others and the whole, so the smallest of the others
    joins it, until together they are large enough. Groups of nobody tell nothing and stay as they are.
    """
    by_size = sorted((name for name, size in sizes.items() if size), key=lambda name: sizes[name])
    hidden: list[Name] = [name for name in by_size if sizes[name] < least]
    others = by_size[len(hidden) :]
    while hidden and others and sum(sizes[name] for name in hidden) < least:
        hidden.append(others.pop(0))
    return frozenset(hidden)
