"""A person or the machine asked the run to end; it ends between two steps and hands back what it had not begun."""

from __future__ import annotations

from collections.abc import Callable

from nps.errors import NpsyncError


class Interrupted(NpsyncError):
    """Not a failure: what was not begun stays pending and the next run goes on there."""


def heed(stop: Callable[[], bool]) -> None:
    if stop():
        raise Interrupted("the run was asked to stop; the next run goes on where it ended")
