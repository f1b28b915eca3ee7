"""A person or the machine asked the run to end; it ends between two steps and hands back what it had not begun."""

from __future__ import annotations

from collections.abc import Callable

from nps.errors import Interrupted


def heed(stop: Callable[[], bool]) -> None:
    if stop():
        raise Interrupted
