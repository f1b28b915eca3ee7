"""/hooks/{connection}: what a vendor tells us is verified, stored, and answered; everything else happens later."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, Request
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from connectors.contract import Inbound, Posted, Refused
from npsync.logs import notice
from npsync.web.problems import Problem
from npsync.web.site import Site

QUICK = 64 * 1024  # bytes that are read so fast that others need not be let through meanwhile


def router(site: Site) -> APIRouter:
    """The routes. They are no part of the API's description: each vendor has its own."""
    routes = APIRouter(include_in_schema=False)

    @cache
    def inbound(name: str) -> Inbound | None:
        connection = site.config.connections[name]
        make = connection.connector.inbound
        return None if make is None else make(connection.settings)

    def listening(name: str) -> Inbound:
        if name not in site.config.connections:
            raise Problem(404, "there is nothing at this address", code="not_found")
        if (found := inbound(name)) is None:
            kind = site.config.connections[name].type
            notice(
                "hook_not_meant",
                connection=name,
                hint=f"{kind} connections take nothing that is pushed; npsync connectors {kind} tells what they do",
            )
            raise Problem(404, "there is nothing at this address", code="not_found")
        return found

    @routes.head("/hooks/{connection}")
    @routes.head("/hooks/{connection}/{more:path}")
    async def validate(connection: str) -> Response:
        """Some senders ask whether anybody is there before they send."""
        listening(connection)
        return Response()

    @routes.api_route("/hooks/{connection}", methods=["POST", "PUT", "PATCH"])
    @routes.api_route("/hooks/{connection}/{more:path}", methods=["POST", "PUT", "PATCH"])
    async def receive(connection: str, request: Request) -> Response:
        reader = listening(connection)
        posted = Posted(
            method=request.method,
            url=_called(site.public_url, request),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
            at=site.clock.now(),
        )
        try:
            if len(posted.body) > QUICK:
                taken = await run_in_threadpool(reader.receive, posted)
            else:
                taken = reader.receive(posted)
        except Refused as refused:
            site.refusals.note(connection, refused.code, str(refused))
            raise
        for left_out in taken.left_out:
            site.refusals.note(connection, left_out.code, left_out.reason, left_out.count)
        if taken.arrivals:
            await site.intake.take([replace(each, connection=connection) for each in taken.arrivals])
        return Response(taken.reply.body, taken.reply.status, media_type=taken.reply.content_type)

    return routes


def _called(public_url: str, request: Request) -> str:
    """The address as the sender called it. Never the Host header: anybody can write anything into it."""
    path = (request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return f"{public_url}{path}" + (f"?{query}" if query else "")
