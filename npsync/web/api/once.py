"""An action is done once for each key of its caller's, however often the request comes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import orjson
from fastapi import Header, Request
from starlette.responses import Response

from npsync.web.bearers import key_of, who
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


def once(
    request: Request,
    site: Site,
    caller: TokenRow,
    key: str | None,
    asked: Any,
    do: Callable[[], dict[str, Any]],
) -> Response:
    """Do it now and say what it came to; or say again what was said. Raises Problem."""
    if key is None:
        return _said(orjson.dumps(do()))
    now, mark, kept_by = site.clock.now(), _mark(request, asked), key_of(caller, key)
    before = site.store.begin_reply(
        who(caller), kept_by, mark, now=now, since=now - KEPT, given_up=now - LONGEST
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
        body = orjson.dumps(do())
    except BaseException:
        site.store.drop_reply(who(caller), kept_by)  # nothing was done, or it may be done again
        raise
    site.store.keep_reply(who(caller), kept_by, 200, body.decode())
    return _said(body)


def reused() -> Problem:
    return Problem(422, "this Idempotency-Key was used for another request", code="key_reused")


def _mark(request: Request, asked: Any) -> str:
    told = orjson.dumps([request.url.path, asked], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(told, digest_size=16).hexdigest()


def _said(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type="application/json")
