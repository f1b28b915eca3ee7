"""What a master's replies mean, as far as masters agree."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.contract import Clock
from connectors.replies import FINE, Fine, Reply, Retry, Ruling, Stop, retry_after, unreadable
from connectors.replies import judge as usual_judge
from nps.errors import AccessError
from nps.masking import without

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_LONGEST_WORDS = 300


class Easing:
    """How long to leave a master alone that says "too many requests" and not for how long: twice as long each time in
    a row. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = _FIRST_PAUSE

    def pause(self) -> float:
        with self._lock:
            pause = self._next
            self._next = min(pause * 2, _LONGEST_PAUSE)
            return pause

    def answered(self) -> None:
        if self._next != _FIRST_PAUSE:
            with self._lock:
                self._next = _FIRST_PAUSE


def judge(reply: Reply, easing: Easing, clock: Clock) -> Ruling:
    if reply.status == 429:
        told = retry_after(reply, clock)
        return Retry("status 429", after=easing.pause() if told is None else told)
    if reply.status < 500:
        easing.answered()
    if reply.status == 403:
        words = words_of(reply)
        return Stop(
            AccessError,
            f"the master refuses access (403{f', {words}' if words else ''}); see `npsync connect` for what to grant",
        )
    if 200 <= reply.status < 300:
        return unreadable(reply) or FINE
    # No more patience helps against a verb that is not implemented.
    return FINE if reply.status == 501 else usual_judge(reply, clock)


def judge_leniently(reply: Reply, easing: Easing, clock: Clock) -> Ruling:
    """For tests of a permission: a 403 is an answer."""
    return Fine() if reply.status == 403 else judge(reply, easing, clock)


def words_of(reply: Reply, values: Iterable[object] = ()) -> str:
    """What the master says went wrong, shortened, without the `values` it may quote. No shape of it is documented: the
    usual ones are tried."""
    said = reply.json() if reply.body and reply.is_json else None
    words = " ".join(_words(said).split())[:_LONGEST_WORDS]
    return without(words, values)


def _words(said: Any) -> str:
    match said:
        case str():
            return said
        case list():
            return "; ".join(text for one in said[:3] if (text := _words(one)))
        case Mapping():
            for key in ("message", "error_description", "detail", "title", "error", "errors"):
                if said.get(key) and (text := _words(said[key])):
                    return text
    return ""
