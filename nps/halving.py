"""Finding the few that spoil a call about many, in as few calls as possible. Pure: it says about whom to call next."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_FEW = 4  # so many suspects are tried one by one; more are halved
_TRUST = 2  # hints in a row that may be wrong before none is followed any more


class Halving(Generic[T]):
    """Which records to send next, until each that is refused was refused alone and all others are taken.

    A refused group is halved until its culprit stands alone, then what was left aside is tried as a whole. Where
    culprits stand close, what is tried shrinks to their distance, and grows again behind them. With one culprit among n
    records that is log2(n) + 2 calls; with nothing but culprits little more than one each.

    Send what `next` gives, then say what came of it: `taken`, `refused` or `again`.
    """

    def __init__(self, records: Sequence[T], *, refused: bool = False) -> None:
        """`refused`: all of them together were, already."""
        self._singles: deque[T] = deque()
        self._doubted: list[T] | None = (
            None  # whom a hint speaks for: not a culprit among them, if it is right
        )
        self._trust = _TRUST
        self._hit = False
        self._suspects: list[T] = list(records) if refused else []  # at least one of them is a culprit
        self._rest: list[T] = [] if refused else list(records)  # nobody knows
        self._group: list[T] = []
        self._probing = False
        self._others_first = False
        self._hinted = False
        self._size = max(len(records), 1)
        self._found = 0
        self._since = 0  # records taken since the last culprit
        self._streak = 0  # groups taken in a row

    def next(self) -> list[T]:
        """The records to send; none when all are settled."""
        self._probing = self._hinted = False
        if self._singles:
            self._hinted = True
            self._group = [self._singles.popleft()]
        elif self._suspects and not (self._others_first and self._rest):
            middle = max(len(self._suspects) // 2, 1)
            self._group, self._suspects = self._suspects[:middle], self._suspects[middle:]
        else:
            self._probing, self._others_first = True, False
            self._group, self._rest = self._rest[: self._size], self._rest[self._size :]
        return self._group

    @property
    def left(self) -> list[T]:
        """What was never settled, but for the group just given."""
        return [*self._singles, *(self._doubted or ()), *self._suspects, *self._rest]

    def taken(self) -> None:
        """Every record of the group has its outcome, and none of them made the vendor refuse the call."""
        if self._hinted:
            self._close_hint()
            return
        self._since += len(self._group)
        self._streak += self._probing
        if self._streak > 1:
            self._size *= 2

    def refused(self, unexplained: Sequence[T]) -> None:
        """The call failed, and for these of its records nobody knows whether it was because of them. One that was
        sent alone is explained by that."""
        self._streak = 0
        if self._hinted:
            self._hit = True
            self._close_hint()
        elif len(self._group) == 1:
            self._culprit()
            self._set_aside(self._suspects)
            self._suspects = []
        else:
            self._set_aside(self._suspects)
            self._suspects = list(unexplained)

    def again(self, records: Sequence[T]) -> None:
        """The vendor named who it was: the others of the group, as they stand."""
        self._set_aside([*records, *self._suspects])
        self._suspects = []
        self._size = max(self._size, len(records))

    def others_first(self) -> None:
        """Next, what was left aside: to see whether anything gets through at all."""
        self._others_first = True

    def apart(self, some: Collection[T]) -> None:
        """Send each of these alone."""
        self._singles.extend(one for one in self._rest if one in some)
        self._rest = [one for one in self._rest if one not in some]

    def suspect(self, few: Collection[T]) -> None:
        """A hint, after `refused`: it was probably one of these. A wrong one costs calls and nothing else."""
        others = [one for one in self._suspects if one not in few]
        if not self._trust or not others or len(others) == len(self._suspects):
            return
        named = [one for one in self._suspects if one in few]
        if len(named) <= _FEW:
            self._singles.extend(named)
            self._doubted, self._suspects, self._hit = others, [], False
        else:
            self._set_aside(others)
            self._suspects = named

    def _close_hint(self) -> None:
        """When the last of the few was tried: right, and the others are tried as a whole; or wrong, and one of them it
        is. What was found without a search says nothing about distances."""
        if self._singles or self._doubted is None:
            return
        if self._hit:
            self._trust = _TRUST
            self._set_aside(self._doubted)
            self._size = max(self._size, len(self._doubted))
        else:
            self._trust -= 1
            self._suspects = self._doubted
        self._doubted = None

    def _culprit(self) -> None:
        self._found += 1
        if self._found > 1:
            self._size = max((min(self._size, 2 * self._since) + self._since) // 2, 1)
        self._since = 0

    def _set_aside(self, records: Sequence[T]) -> None:
        self._rest = [*records, *self._rest]
