"""What a run needed and does not need any more goes back to the system.

Clients and their sessions refer to each other in circles, which Python looks for rarely here (`npsync.cli.main` says
why): they are looked for now. What is freed glibc keeps, in pieces: in one heap for each thread that asked, unless it
is told otherwise. A serve of weeks would show the sum of what its largest runs ever needed at a time, and of the holes
in between, and people would take it for a leak.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from nps.errors import NpsyncError
from npsync.logs import notice

if TYPE_CHECKING:
    from store.api import Store

_MOST_HEAPS = -8  # M_ARENA_MAX of glibc's malloc.h


@cache
def _glibc(name: str) -> Callable[..., int] | None:
    """One of glibc's own; None where the C library is another one."""
    try:
        found: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):  # Windows has no such thing as the program's own library
        return None
    return found


def share_one_heap() -> None:
    """For a process that lasts, before it begins a thread. With a heap for each, whose holes no other thread fills,
    serve grew by a megabyte a minute of which nothing was in use (docs/performance.md). What waiting for each other
    costs its threads is not seen: Python lets only one of them work at a time."""
    if (tell := _glibc("mallopt")) is not None:
        tell(_MOST_HEAPS, 1)


def keep_what_is_built() -> None:
    """For a process that lasts, once it has what it works with: what was imported and built stays to the end, and no
    look for circles goes through it again. That stopped everybody for a tenth of a second, after every run and now and
    then beside whoever opened a page."""
    gc.freeze()


def free_memory(store: Store | None = None) -> None:
    """After a run. `store`: what it keeps for the next question goes, too."""
    gc.collect()
    give_back(store)


def give_back(store: Store | None = None) -> None:
    """The same in a moment, without a look at the circles."""
    try:
        if store is not None:
            store.rest()
    except NpsyncError as error:  # nothing depends on it; what does finds out by itself
        notice("not_at_rest", problem=str(error))
    if (trim := _glibc("malloc_trim")) is not None:
        trim(0)
