"""Passwords: what is long enough, how it is kept, and whether one is right, in the same time for everybody."""

from __future__ import annotations

import threading
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nps.errors import ConfigError

SHORTEST, LONGEST = 12, 256  # characters
AT_ONCE = 2  # each takes 64 MiB for a tenth of a second: many callers shall not take all the memory there is


class Passwords:
    """Thread-safe."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()  # argon2id as RFC 9106 recommends it where memory is scarce
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def hashed(self, password: str) -> str:
        with self._places:
            return self._hasher.hash(_plain(password))

    def right(self, password: str, kept: str | None) -> bool:
        """Whether it is the one that was hashed. Nobody's (None) is never right, and takes as long to say so."""
        if len(password) > LONGEST:
            return False
        with self._places:
            try:
                self._hasher.verify(self._nobodys if kept is None else kept, _plain(password))
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None

    def is_old(self, kept: str) -> bool:
        """Whether it was hashed by weaker rules than today's."""
        return self._hasher.check_needs_rehash(kept)

    @cached_property
    def _nobodys(self) -> str:
        return self._hasher.hash("a password that nobody has")


def checked(password: str, name: str) -> str:
    """The password, if it is one to keep. Raises ConfigError."""
    if len(password) < SHORTEST:
        raise ConfigError(f"a password has at least {SHORTEST} characters; four words are easy to remember")
    if len(password) > LONGEST:
        raise ConfigError(f"a password has at most {LONGEST} characters")
    if len(set(password)) < 5 or name.lower() in password.lower():
        raise ConfigError("this password is too easy to guess: take one without the name and of more letters")
    return password


def _plain(password: str) -> bytes:
    """The same however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
