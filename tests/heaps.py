"""The heaps that glibc made for threads of a process, beside the one that every process has (Linux)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

_SIZE = 64 << 20  # of each, at a multiple of it: a part in use, and the rest not to be touched yet


def side_heaps(pid: int | str) -> int:
    areas = [_area(line) for line in Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines()]
    return sum(
        1
        for (start, end, nameless), (after, last, rest_nameless) in pairwise(areas)
        if nameless and rest_nameless and start % _SIZE == 0 and end == after and last - start == _SIZE
    )


def _area(line: str) -> tuple[int, int, bool]:
    place, *others = line.split()
    start, end = place.split("-")
    return int(start, 16), int(end, 16), len(others) == 4
