"""Passwords: what is long enough, how it is kept, and whether one is right, in the same time for everybody."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nps.errors import ConfigError

SHORTEST, LONGEST = 12, 256  # characters
WAITING = 7  # behind the one that is looked at; each takes 64 MiB for a tenth of a second


class Crowded(Exception):
    """Too many wait already for their password to be looked at."""


class Passwords:
    """Thread-safe. Strangers stand in one line and browsers that are known in another; of each one is looked at at a
    time, and who comes when a line is long is told so at once: guessing takes neither all the memory, nor all the time,
    nor the threads that answer everybody else."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()  # argon2id as RFC 9106 recommends it where memory is scarce
        self._lines = {False: _Line(), True: _Line()}
        self._making = threading.Lock()

    def hashed(self, password: str) -> str:
        with self._making:
            return self._hasher.hash(_plain(password))

    def right(self, password: str, kept: str | None, *, known: bool = False) -> bool:
        """Whether it is the one that was hashed. Nobody's (None) is never right, and takes as long to say so. `known`:
        in a browser in which somebody signed in before. Raises Crowded."""
        if len(password) > LONGEST:
            return False
        with self._lines[known].turn():
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


class _Line:
    def __init__(self) -> None:
        self._room = threading.BoundedSemaphore(1 + WAITING)
        self._turn = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise Crowded
        try:
            with self._turn:
                yield
        finally:
            self._room.release()


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
