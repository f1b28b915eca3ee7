"""Where nothing is, or nothing just now: a browser is told in words, a program in JSON, staff in their own house."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from npsync.logs import notice
from npsync.web import problems
from npsync.web.logbook import route_of
from npsync.web.pages import Pages
from npsync.web.site import Site
from npsync.web.visits import visit_of

_FOR_MACHINES = "/api/"


def telling(
    site: Site, to_staff: Callable[[Request], Response | None]
) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """Answers what was raised while a request was answered, as `problems.tell_http` does, and strays with a page.
    `to_staff`: the page for who is signed in, None for everybody else."""
    pages = Pages(site.config)

    async def tell(request: Request, error: Exception) -> Response:
        if _strayed(request, error):
            ours = await run_in_threadpool(to_staff, request)
            return ours or pages.gone(visit_of(request, pages).language, 404)
        return await problems.tell_http(request, error)

    return tell


def telling_not_now(
    to_people: Callable[[Request], Response],
) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """While the store is away a person's browser is shown a page; what programs are told is the doorway's."""

    async def tell(request: Request, error: Exception) -> Response:
        if not _reads_pages(request):
            raise error
        notice("page_unavailable", page=route_of(request.scope), problem=str(error))
        return to_people(request)

    return tell


def _reads_pages(request: Request) -> bool:
    asks = "text/html" in request.headers.get("accept", "")
    return asks and not request.url.path.startswith(_FOR_MACHINES)


def _strayed(request: Request, error: Exception) -> bool:
    if not isinstance(error, HTTPException) or isinstance(error, problems.Problem):
        return False
    return error.status_code == 404 and request.method == "GET" and _reads_pages(request)
