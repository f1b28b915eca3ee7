"""The credential that all threads of a connection share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.contract import Clock
from nps.errors import AccessError, NpsyncError, UnavailableError


@dataclass(frozen=True)
class Credential:
    """An access token, and how many seconds it lives (None: until it is refused)."""

    value: str = field(repr=False)
    seconds: float | None = None


_REFUSAL_STANDS = 60.0  # seconds; a process that lives for months must notice that access was granted again


_FAILURE_STANDS = 5.0  # as long as it takes the threads that waited for the same sign-in to notice


# So many tokens in a row that the vendor refused before it ever took them: another one would be refused as well.
NEVER_TAKEN = 2


class NeverTaken(AccessError):
    """One token after the other was refused before any call got through with it."""


class Token:
    """A credential all threads of a connection share; however many want a new one, one request fetches it."""

    def __init__(self, fetch: Callable[[], Credential], clock: Clock, *, early: float = 60.0) -> None:
        self._fetch = fetch
        self._clock = clock
        self._early = early
        self._lock = threading.Lock()
        self._value: str | None = None
        self._expires_at: float | None = None
        self._untaken = 0  # tokens in a row that no call got through with
        self._failed: NpsyncError | None = None
        self._failed_until = 0.0

    def get(self) -> str:
        """The current token; fetched when there is none or it is about to expire."""
        value = self._value
        if value is not None and not self._expiring():
            return value
        with self._lock:
            if self._value is None or self._expiring():
                return self._renewed()
            return self._value

    def taken(self, seen: str) -> None:
        """The vendor let a call with `seen` in."""
        if self._untaken and seen == self._value:
            self._untaken = 0

    def renew(self, seen: str) -> bool:
        """`seen` was refused. Fetch a new one unless another thread already did; True if this thread
        fetched. NeverTaken when the tokens are refused as fast as they come."""
        with self._lock:
            if self._value != seen:
                return False
            if self._untaken >= NEVER_TAKEN:
                raise NeverTaken
            self._renewed()
            return True

    def _expiring(self) -> bool:
        return self._expires_at is not None and self._clock.monotonic() >= self._expires_at - self._early

    def _renewed(self) -> str:
        asked_at = self._clock.monotonic()
        if self._failed is not None and asked_at < self._failed_until:
            raise type(self._failed)(str(self._failed))
        try:
            credential = self._fetch()
        except (AccessError, UnavailableError) as failure:
            # The threads that waited for this one would only be refused again and lock the account out, or wait in
            # vain one after the other.
            stands = _REFUSAL_STANDS if isinstance(failure, AccessError) else _FAILURE_STANDS
            self._failed, self._failed_until = failure, self._clock.monotonic() + stands
            raise
        self._value = credential.value
        self._expires_at = None if credential.seconds is None else asked_at + credential.seconds
        self._untaken += 1
        return credential.value
