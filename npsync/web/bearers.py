"""Who calls the API: a bearer token, what it allows, and how often it may be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from npsync import tokens
from npsync.web.problems import Problem
from npsync.web.site import Site
from npsync.web.throttle import Throttle
from store.api import TokenRow

SLOWLY = {"Retry-After": "60"}
UNKNOWN = {"WWW-Authenticate": "Bearer"}

SCHEME = HTTPBearer(
    bearerFormat="npsync_…", description="Made by `npsync tokens create NAME`.", auto_error=False
)


Given = Annotated[HTTPAuthorizationCredentials | None, Depends(SCHEME)]


def needing(site: Site, scope: str) -> Callable[..., TokenRow]:
    """A dependency: the caller's token, if it allows `scope`. Raises Problem."""
    # An address that tries tokens is slowed down long before it finds one; who has one gets a pace of his own.
    guesses, calls = Throttle(burst=20, per_minute=10), Throttle(burst=120, per_minute=600)

    def caller(request: Request, given: Given) -> TokenRow:
        address = request.client.host if request.client is not None else ""
        now, at = site.clock.now(), site.clock.monotonic()
        found = None if given is None else tokens.known(site.store, given.credentials, now=now)
        if found is None:
            if not guesses.admits(address, at):
                raise Problem(
                    429, "too many wrong tokens from this address", code="slow_down", headers=SLOWLY
                )
            raise Problem(401, "send a token: Authorization: Bearer …", code="no_token", headers=UNKNOWN)
        if scope not in found.scopes:
            raise Problem(403, f'this token does not allow "{scope}"', code="scope")
        if not calls.admits(str(found.number), at):
            raise Problem(429, "too many calls with this token", code="slow_down", headers=SLOWLY)
        return found

    return caller
