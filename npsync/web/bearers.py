"""Who calls the API: a bearer token, what it allows, and how often it may be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from connectors.contract import Clock
from npsync.deciding.deciders import Decider
from npsync.sign_in import tokens
from npsync.web.addresses import place_of
from npsync.web.problems import Problem
from npsync.web.site import Site
from npsync.web.throttle import Throttle
from store.api import Store, TokenRow

MUCH_SLOWER = {"Retry-After": "60"}
SLOWER = {"Retry-After": "1"}
UNKNOWN = {"WWW-Authenticate": "Bearer"}

SCHEME = HTTPBearer(
    bearerFormat="npsync_…",
    scheme_name="token",
    description="Made by `npsync tokens create NAME --scope SCOPE`; each operation names the scope it needs.",
    auto_error=False,
)

Given = Annotated[HTTPAuthorizationCredentials | None, Depends(SCHEME)]


class Callers:
    """The tokens of one application, and the pace of those who call it. Thread-safe."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        # An address that tries tokens is slowed down long before it finds one; who has one gets a pace of his own.
        self._guesses, self._calls = Throttle(burst=20, per_minute=10), Throttle(burst=120, per_minute=600)

    def admitted(self, token: str | None, place: str, any_of: tuple[str, ...]) -> TokenRow:
        """Whose token it is, if it allows one of these; without any named, every token does. Raises Problem."""
        now, at = self._clock.now(), self._clock.monotonic()
        found = None if token is None else tokens.known(self._store, token, now=now)
        if found is None:
            if not self._guesses.admits(place, at):
                raise Problem(
                    429, "too many wrong tokens from this address", code="slow_down", headers=MUCH_SLOWER
                )
            raise Problem(401, "send a token: Authorization: Bearer …", code="no_token", headers=UNKNOWN)
        if any_of and not set(any_of) & set(found.scopes):
            wanted = " or ".join(f'"{scope}"' for scope in any_of)
            raise Problem(403, f"this token does not allow {wanted}", code="scope")
        if not self._calls.admits(str(found.number), at):
            raise Problem(429, "too many calls with this token", code="slow_down", headers=SLOWER)
        return found

    def vouched(self, token: str, place: str) -> TokenRow | None:
        """Whose token it is, for an answer that is given without one, too. Of an address that sent too many wrong ones
        none is looked up, for a while."""
        at = self._clock.monotonic()
        if not self._guesses.has_left(place, at):
            return None
        found = tokens.known(self._store, token, now=self._clock.now())
        if found is None:
            self._guesses.admits(place, at)
        return found


class Needing:
    """A dependency: the caller's token, if it allows one of `any_of`. Raises Problem."""

    def __init__(self, any_of: tuple[str, ...]) -> None:
        self.any_of = any_of

    def __call__(self, request: Request, given: Given) -> TokenRow:
        callers = cast(Callers, request.app.state.callers)
        token = None if given is None else given.credentials
        caller = callers.admitted(token, place_of(request), self.any_of)
        request.state.who = who(caller)
        return caller


def needing(*any_of: str) -> Callable[..., TokenRow]:
    return Needing(any_of)


def decider(site: Site, caller: TokenRow) -> Decider:
    """Whoever asks, as decisions know them."""
    return Decider(site.config, site.store, who(caller), site.clock.now())


def who(caller: TokenRow) -> str:
    """As the audit and the log call them."""
    return f"token:{caller.name}"


def key_of(caller: TokenRow, key: str) -> str:
    """As the store knows what a caller wanted by a key of theirs: by the token's number, for its name may be another's
    once it is revoked. No key has a blank in it, so no two read alike."""
    return f"{caller.number} {key}"


def is_of(caller: TokenRow, key: str) -> bool:
    """Whether this is the `key_of` something this very token wanted."""
    return key.startswith(key_of(caller, ""))
