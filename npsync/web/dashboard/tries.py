"""How often somebody may try to sign in, also over restarts.

Guessing slows down whoever guesses, and nobody else as far as that can be told: a machine that guesses at a name is
slowed at that name, a browser in which this user signed in before has tries of its own, and a token or a provider asks
nothing of the tries at passwords. Many machines that guess at one name slow it for browsers that nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from npsync.sign_in.tokens import digest
from npsync.web.throttle import Throttle
from store.api import Store


@dataclass(frozen=True)
class Pace:
    """So many at once, then one `every` so long."""

    burst: int
    every: timedelta


OF_PLACE = Pace(10, timedelta(seconds=10))
OF_NAME = Pace(30, timedelta(seconds=30))  # from everywhere together
# One place at one name: ten at once, some more by the minute, and from then on one in five.
AT_NAME = (Pace(10, timedelta(minutes=1)), Pace(20, timedelta(minutes=5)))
OF_DEVICE = Pace(10, timedelta(minutes=1))


class Tries:
    """What is counted in this process keeps a flood away from the store; what is counted in the store is not forgotten
    when the web starts again, and is shared by all processes. `place` is where they are (`npsync.web.addresses`), `at`
    is monotonic."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._places = Throttle(burst=OF_PLACE.burst, per_minute=6)
        self._devices = Throttle(burst=OF_DEVICE.burst, per_minute=6)
        self._ways = Throttle(burst=60, per_minute=60)  # of a whole office in the morning
        # All strangers together, for who has many addresses: each of their tries costs us a hash.
        self._strangers = Throttle(burst=200, per_minute=240)

    def of_token(self, place: str, *, now: datetime, at: float) -> bool:
        """One more try of a token."""
        return self._places.admits(place, at) and self._admits(f"address:{place}", OF_PLACE, now)

    def of_stranger(self, place: str, user: str, *, now: datetime, at: float) -> bool:
        """One more password. `user` is whom they say they are, whether there is such a user or not."""
        if not (self._places.admits(place, at) and self._strangers.admits("", at)):
            return False
        paces = [
            (f"address:{place}", OF_PLACE),
            *((f"{pace.burst}:{place}:{user}", pace) for pace in AT_NAME),
            (f"user:{user}", OF_NAME),
        ]
        return all(self._admits(name, pace, now) for name, pace in paces)

    def of_device(self, device: str, *, now: datetime, at: float) -> bool:
        """One more password in a browser in which this user signed in before."""
        return self._devices.admits(device, at) and self._admits(f"device:{device}", OF_DEVICE, now)

    def of_way(self, place: str, *, at: float) -> bool:
        """One more step of the way to a provider and back: there is nothing to be guessed."""
        return self._ways.admits(place, at)

    def forgive(self, place: str, user: str, device: str | None) -> None:
        """They proved who they are: what they mistyped here does not count against them. What others tried does."""
        names = [f"{pace.burst}:{place}:{user}" for pace in AT_NAME]
        for name in [*names, *([f"device:{device}"] if device is not None else [])]:
            self._store.forgive_tries(_kept(name))

    def _admits(self, name: str, pace: Pace, now: datetime) -> bool:
        return self._store.may_try(_kept(name), burst=pace.burst, every=pace.every, now=now)


def _kept(name: str) -> str:
    return digest(name.lower())
