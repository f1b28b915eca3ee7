"""Finding the few records a vendor refuses, when it refuses whole calls because of them (`nps.halving`): what the
search may cost in a run, and when it is not the records. Pure but for the locks.
"""

from __future__ import annotations

import threading

# What searching may cost in a run: so many calls, and one more for every record that was written. A hundred bad
# records among ten thousand cost at most nine each; a vendor that refuses nearly everything must not cost the day's.
FREE_CALLS = 2_000

_STUMBLES = 2  # calls in a row that a vendor answers with an error of its own before it is taken to be down

# So many records of one call, all refused for one reason, speak against the call and not the records …
ALIKE = 20
# … unless other calls get through: so many in a row, and none ever written, end the run.
_CALLS_ALIKE = 3


class Stumbling:
    """Whether a vendor that answers a call with an error of its own stumbles over one record of it, or is down. Only
    the first is worth a search: it ends when nothing gets through between.

    One for each search, which tries the other half before it goes on halving (`Halving.others_first`).
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self._got_through = False

    def got_through(self) -> None:
        self._in_a_row = 0
        self._got_through = True

    def goes_on(self, records: int) -> bool:
        """A call of so many records was answered with an error, as often as it was tried. Either one of them is the
        culprit (the one, if it was alone), or False: the vendor is down, as far as anybody can tell."""
        self._in_a_row += 1
        return self._in_a_row <= _STUMBLES and (records > 1 or self._got_through)

    @property
    def is_down(self) -> bool:
        return self._in_a_row > _STUMBLES


class Searching:
    """How many calls a connection may still spend on telling records apart. Thread-safe."""

    def __init__(self, calls: int = FREE_CALLS) -> None:
        self._left = calls
        self._lock = threading.Lock()

    def written(self, records: int) -> None:
        with self._lock:
            self._left += records

    def may_call(self) -> bool:
        """Count one call, if there is one left."""
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return True


class Alike:
    """Notices that it is not the records: call after call refused as a whole for one reason, and nothing written ever.
    Thread-safe.

    A few such calls may be one company's people and a rule that is about them: the rest is written all the same.
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._written = False
        self._lock = threading.Lock()

    @property
    def any_written(self) -> bool:
        return self._written

    def written(self) -> None:
        self._written = True

    def stops(self, code: str) -> bool:
        """All records of a call (ALIKE or more) were refused with this code. Is that the end?"""
        with self._lock:
            self._codes[code] = self._codes.get(code, 0) + 1
            return not self._written and self._codes[code] >= _CALLS_ALIKE
