"""How often somebody may try to sign in, from one address and as one user, also over restarts."""

from __future__ import annotations

from datetime import datetime, timedelta

from npsync.tokens import digest
from npsync.web.addresses import block_of
from npsync.web.throttle import Throttle
from store.api import Store

BURST = 10
PER_ADDRESS, PER_USER = timedelta(seconds=10), timedelta(minutes=1)


class Tries:
    """What is counted in this process keeps a flood away from the store; what is counted in the store is not forgotten
    when the web starts again, and is shared by all processes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # All of them together, too, for who has many addresses.
        self._each, self._everybody = Throttle(burst=BURST, per_minute=6), Throttle(burst=200, per_minute=120)

    def admits(self, address: str, user: str, *, now: datetime, at: float) -> bool:
        """One more try. `user` is whom they say they are, whether there is such a user or not; `at` is monotonic."""
        place = block_of(address)
        if not (self._each.admits(place, at) and self._everybody.admits("", at)):
            return False
        if not self._store.may_try(_name("address", place), burst=BURST, every=PER_ADDRESS, now=now):
            return False
        return not user or self._store.may_try(_name("user", user), burst=BURST, every=PER_USER, now=now)

    def forgive(self, user: str) -> None:
        """They proved who they are: what they mistyped before does not count against them."""
        self._store.forgive_tries(_name("user", user))


def _name(kind: str, of: str) -> str:
    return digest(f"{kind}:{of.lower()}")
