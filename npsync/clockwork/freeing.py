"""What a run needed and does not need any more goes back to the system.

Clients and their sessions refer to each other in circles, which Python looks for rarely here (`npsync.cli.main` says
why): they are looked for now. What is freed glibc keeps, in pieces, for each thread that asked. A serve of weeks would
show the sum of what its largest runs ever needed at a time, and people would take it for a leak.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache


@cache
def _trim() -> Callable[[int], int] | None:
    """glibc's own; None where the C library is another one."""
    try:
        found: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):  # Windows has no such thing as the program's own library
        return None
    return found


def free_memory() -> None:
    """A tenth of a second, after a run."""
    gc.collect()
    if (trim := _trim()) is not None:
        trim(0)
