"""What goes on whatever happens in it: a trouble that lasts is told when it begins, changes, and is over."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable

from nps.errors import NpsyncError
from npsync.logs import notice

SLOW = 10.0  # seconds


class Trouble:
    """`began` and `over` are what the log calls its beginning and its end."""

    def __init__(self, began: str, over: str) -> None:
        self._began, self._over = began, over
        self._problem = ""

    def is_now(self, problem: str) -> None:
        """ "": there is none."""
        if problem == self._problem:
            return
        self._problem = problem
        if problem:
            notice(self._began, problem=problem)
        else:
            notice(self._over)


class Ticks:
    """One tick after the other, whatever happens in one: a store that is busy or away for a while is told once, and a
    tick that waited for it is told when it is over."""

    def __init__(self, *steps: Callable[[], None], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._steps, self._monotonic = steps, monotonic
        self._trouble = Trouble("tick_failed", "ticking_again")

    def __call__(self) -> None:
        problem, began = "", self._monotonic()
        for step in self._steps:
            try:
                step()
            except NpsyncError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - told in full, and the clock goes on
                problem = "".join(traceback.format_exception(error))
        self._trouble.is_now(problem)
        if (seconds := self._monotonic() - began) >= SLOW:
            notice("tick_slow", seconds=round(seconds))
