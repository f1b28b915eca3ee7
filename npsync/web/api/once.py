"""What is done at once: by a token that allows it, and once for each key of its caller's, however often the request
comes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Request
from starlette.responses import Response

from npsync.deciding.deciders import Decider
from npsync.deciding.writing import Again, want_written
from npsync.web.api.asked import Here
from npsync.web.bearers import decider, key_of, needing
from npsync.web.problems import Problem
from npsync.web.site import Site
from store.api import TokenRow

KEPT = timedelta(days=1)
LONGEST = timedelta(minutes=1)  # that answering takes; then whoever was at it has gone

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A word of your own for this action. Sent again within a day with the same body, nothing is done "
        "twice and the answer is the same; with another body it is refused. Without one every request is an action.",
        examples=["nightly-2026-03-02"],
    ),
]


@dataclass(frozen=True)
class Acting:
    """A request that does something, and who asks for it."""

    request: Request
    site: Site
    caller: TokenRow
    key: str | None

    @property
    def decider(self) -> Decider:
        return decider(self.site, self.caller)

    def once(self, asked: Any, do: Callable[[Decider], dict[str, Any]]) -> Response:
        """Do it now and say what it came to; or say again what was said. Raises Problem."""
        decider = self.decider
        if self.key is None:
            return _said(orjson.dumps(do(decider)))
        store, now, mark = self.site.store, decider.now, _mark(self.request, asked)
        kept_by = key_of(self.caller, self.key)
        before = store.begin_reply(
            decider.who, kept_by, mark, now=now, since=now - KEPT, given_up=now - LONGEST
        )
        if before is not None:
            if before.asked != mark:
                raise reused()
            if before.status is None:
                raise Problem(
                    409,
                    "a request with this key is being answered just now",
                    code="busy",
                    headers={"Retry-After": "5"},
                )
            return _said(before.body.encode(), {"Idempotency-Replayed": "true"})
        try:
            body = orjson.dumps(do(decider))
        except BaseException:
            store.drop_reply(decider.who, kept_by)  # nothing was done, or it may be done again
            raise
        store.keep_reply(decider.who, kept_by, 200, body.decode())
        return _said(body)

    def written(self, again: Again) -> list[int]:
        """The actions that write what was decided, sync by sync. Whoever calls this is done once for its caller's key;
        a key of theirs made of that one could be another request's."""
        key = key_of(self.caller, secrets.token_urlsafe(16))
        return [one.number for one in want_written(self.decider, again, key=key)]


def acting(
    request: Request, site: Here, caller: Annotated[TokenRow, Depends(needing("apply"))], key: Key = None
) -> Acting:
    return Acting(request, site, caller, key)


Acts = Annotated[Acting, Depends(acting)]


def reused() -> Problem:
    return Problem(422, "this Idempotency-Key was used for another request", code="key_reused")


def _mark(request: Request, asked: Any) -> str:
    told = orjson.dumps([request.url.path, asked], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(told, digest_size=16).hexdigest()


def _said(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type="application/json")
