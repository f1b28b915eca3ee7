"""A long list as pages: each says where the next one begins, in a word that nobody has to understand."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import orjson
from fastapi import Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from npsync.web.problems import Problem, faults
from npsync.web.site import Site

Shown = TypeVar("Shown")
Found = TypeVar("Found")


class Page(BaseModel, Generic[Shown]):
    """One page of a list."""

    items: list[Shown] = Field(description="In the order the operation says.")
    next: str | None = Field(
        description="The address of the next page, below the host you asked; null on the last one.",
        examples=["/api/v1/runs?limit=50&cursor=WyJydW5zIiw0MV0"],
    )


def reply(
    request: Request, facts: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """As JSON. Who sends back the ETag of the answer before (If-None-Match) hears 304 when it is still the same."""
    body = orjson.dumps(facts)
    told = dict(headers or {})
    if request.method == "GET" and status == 200:
        told["ETag"] = tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        if tag in [
            each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")
        ]:
            return Response(status_code=304, headers=told)
    return Response(body, status, headers=told, media_type="application/json")


def page(
    request: Request,
    site: Site,
    found: Sequence[Found],
    limit: int,
    show: Callable[[Sequence[Found]], Sequence[Any]],
    place: Callable[[Found], Sequence[int | str]],
) -> Response:
    """`found` holds one more than `limit` where there is a next page; `place` is where one of them stands."""
    shown = found[:limit]
    following = after(request, site, place(shown[-1])) if len(found) > limit else None
    return reply(request, {"items": show(shown), "next": following})


def after(request: Request, site: Site, place: Sequence[int | str]) -> str:
    """The address of the page that begins after this place."""
    asked = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
    query = urlencode([*asked, ("cursor", _encoded(request, place))])
    return f"{site.root}{request.url.path}?{query}"


def _encoded(request: Request, place: Sequence[int | str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([_of(request), *place])).rstrip(b"=").decode()


def place_of(request: Request, cursor: str | None, *types: type) -> list[Any] | None:
    """The place that a cursor of this list names. Raises Problem for what is none."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        whose, *place = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
    except (ValueError, binascii.Error, TypeError):
        raise strange() from None
    fits = len(place) == len(types) and all(type(one) is kind for one, kind in zip(place, types, strict=True))
    if whose != _of(request) or not fits:
        raise strange()
    return list(place)


def before(request: Request, cursor: str | None) -> int | None:
    """The number that a cursor names."""
    place = place_of(request, cursor, int)
    if place is None:
        return None
    if not 0 < place[0] < 2**63:
        raise strange()
    return int(place[0])


def _of(request: Request) -> str:
    return request.url.path.rpartition("/api/v1/")[2]


def strange() -> Problem:
    return faults({"cursor": "is none of this list: take it from `next`, as it is"})
