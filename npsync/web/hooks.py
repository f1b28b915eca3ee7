"""/hooks/{connection}: what a vendor tells us is verified, stored, and answered; everything else happens later.

A plain ASGI application: nothing of a request is for FastAPI to read, and a sender waits.
"""

from __future__ import annotations

from functools import cache, partial

from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.contract import Inbound, Posted, Refused, Taken
from nps.events import Answered, Arrival
from npsync.logs import notice
from npsync.syncing.jobs import unread_feed
from npsync.web.problems import Problem
from npsync.web.site import Site
from sync.inbox import kept

PREFIX = "/hooks/"
QUICK = 64 * 1024  # bytes that are read so fast that others need not be let through meanwhile
METHODS = ("POST", "PUT", "PATCH")


class Hooks:
    """Raises Problem and Refused; the doorway tells them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._inbound = cache(self._opened)
        self._feed = cache(partial(unread_feed, site.config))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        name = str(scope["path"]).split("/")[2]
        reader = self._inbound(name)
        if reader is None:
            raise self._nobody(name)
        if request.method == "HEAD":  # some senders ask whether anybody is there before they send
            response = Response()
        elif request.method in METHODS:
            response = await self._heard(name, reader, request)
        else:
            raise Problem(
                405, "post here", code="method_not_allowed", headers={"Allow": "HEAD, POST, PUT, PATCH"}
            )
        await response(scope, receive, send)

    async def _heard(self, name: str, reader: Inbound, request: Request) -> Response:
        taken = await self._read(name, reader, request)
        for left_out in taken.left_out:
            self._site.refusals.note(name, left_out.code, left_out.reason, left_out.count)
        if taken.arrivals:
            await self._site.intake.take(
                [self._kept(replace(each, connection=name)) for each in taken.arrivals]
            )
        return Response(taken.reply.body, taken.reply.status, media_type=taken.reply.content_type)

    async def _read(self, name: str, reader: Inbound, request: Request) -> Taken:
        posted = Posted(
            method=request.method,
            url=_called(self._site.public_url, request.scope),
            headers=dict(request.headers),  # their names are in lower case
            body=await request.body(),
            at=self._site.clock.now(),
        )
        try:
            if len(posted.body) > QUICK:
                return await run_in_threadpool(reader.receive, posted)
            return reader.receive(posted)
        except Refused as refused:
            self._site.refusals.note(name, refused.code, str(refused))
            raise

    def _kept(self, arrival: Arrival) -> Arrival:
        """Of an answer only what a mapping uses is kept, also until it is settled."""
        if not isinstance(arrival, Answered):
            return arrival
        feed = self._feed(arrival.connection)
        if feed is not None and feed.anonymous is not None and (told := feed.anonymous.pushed(arrival)):
            return told
        if arrival.response is None:
            return arrival
        response = replace(arrival.response, source=arrival.connection)
        return replace(arrival, response=None if feed is None else kept(feed, response))

    def _opened(self, name: str) -> Inbound | None:
        config = self._site.config
        connection = config.connections.get(name)
        if connection is None or connection.connector.inbound is None:
            return None
        return connection.connector.inbound(connection.settings, config.file.absolute().parent)

    def _nobody(self, name: str) -> Problem:
        """The log says why; the caller need not know which connections there are."""
        if (connection := self._site.config.connections.get(name)) is not None:
            hint = f"{connection.type} connections take nothing that is pushed"
            if connection.connector.inbound is not None:
                hint = "its settings hold no secret that would prove who pushes"
            notice(
                "hook_not_meant",
                connection=name,
                hint=f"{hint}; npsync connectors {connection.type} tells more",
            )
        return Problem(404, "there is nothing at this address", code="not_found")


def _called(public_url: str, scope: Scope) -> str:
    """The address as the sender called it. Never the Host header: anybody can write anything into it."""
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{public_url}{path}" + (f"?{query}" if query else "")
