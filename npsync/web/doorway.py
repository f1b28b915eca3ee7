"""What every request passes first: how much it may send, in what time, and what every reply says about safety."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.contract import Refused
from nps.errors import UnavailableError
from npsync.logs import notice
from npsync.web.problems import TRY_AGAIN, Problem, problem, refused, told

KILO, MEGA = 1024, 1024 * 1024
LARGEST = {"/hooks/": 5 * MEGA, "/api/": 1 * MEGA}  # a batch of Segment's; a page of imported sends
LARGEST_ELSEWHERE = 64 * KILO  # a form
MOST_AT_ONCE = 64 * MEGA  # of bodies that are being read
SECONDS_TO_SEND = 15.0
LARGEST_HEADERS = 32 * KILO  # names and values of all of them

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
SAFE_BEHIND_TLS = {"Strict-Transport-Security": "max-age=31536000"}


class Doorway:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, public_url: str) -> None:
        self._app = app
        safe = {**SAFE, **(SAFE_BEHIND_TLS if public_url.startswith("https://") else {})}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in safe.items()]
        self._being_read = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send, self._headers)
        body = _Body(self, receive, scope)
        try:
            _check_headers(scope)
            body.announce(Headers(scope=scope).get("content-length"))
            await self._app(scope, body.receive, reply.send)
        except Exception as error:  # noqa: BLE001 (told, never swallowed)
            if reply.begun:
                notice("web_crashed", place=_place(scope["path"]), problem=_where(error))
                raise RuntimeError("a reply was cut short; see web_crashed") from None
            await _told(error, scope["path"])(scope, receive, reply.send)
        finally:
            self._being_read -= body.read

    def admit(self, more: int) -> None:
        if self._being_read + more > MOST_AT_ONCE:
            raise Problem(503, "too much at once; send it again later", code="busy", headers=TRY_AGAIN)
        self._being_read += more


class _Body:
    """A request's body on its way in, counted."""

    def __init__(self, doorway: Doorway, receive: Receive, scope: Scope) -> None:
        self._doorway, self._receive = doorway, receive
        path = str(scope["path"])
        self._largest = next(
            (size for prefix, size in LARGEST.items() if path.startswith(prefix)), LARGEST_ELSEWHERE
        )
        self._deadline = asyncio.get_running_loop().time() + SECONDS_TO_SEND
        self._whole = False
        self.read = 0

    def announce(self, length: str | None) -> None:
        """Refuse what says that it is too large, before any of it is read."""
        if length is None:
            return
        if not length.isascii() or not length.isdigit():
            raise Problem(400, "Content-Length is no number", code="bad_length")
        if len(length) > 15 or int(length) > self._largest:
            raise self._too_large()

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()  # only whether the caller hung up
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                408, "the request did not arrive in time", code="too_slow", headers={"Connection": "close"}
            ) from None
        if message["type"] == "http.request":
            more = len(message.get("body", b""))
            if self.read + more > self._largest:
                raise self._too_large()
            self._doorway.admit(more)
            self.read += more
            self._whole = not message.get("more_body", False)
        return message

    def _too_large(self) -> Problem:
        return Problem(
            413,
            f"the body is larger than {self._largest // KILO} KiB",
            code="too_large",
            headers={"Connection": "close"},
        )


class _Reply:
    """A reply on its way out, with the headers it lacks."""

    def __init__(self, send: Send, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._send, self._headers = send, headers
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            given = message["headers"] = list(message.get("headers", ()))
            named = {name.lower() for name, _ in given}
            given.extend(header for header in self._headers if header[0] not in named)
        await self._send(message)


def _check_headers(scope: Scope) -> None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        said = f"the headers are larger than {LARGEST_HEADERS // KILO} KiB"
        raise Problem(431, said, code="headers_too_large", headers={"Connection": "close"})


def _told(error: Exception, path: str) -> ASGIApp:
    if isinstance(error, Problem):
        return told(error)
    if isinstance(error, Refused):
        return refused(error)
    if isinstance(error, UnavailableError):
        notice("web_unavailable", place=_place(path), problem=str(error))
        return problem(503, "not now; send it again later", code="unavailable", headers=TRY_AGAIN)
    notice("web_crashed", place=_place(path), problem=_where(error))
    if path.startswith("/hooks/"):  # 4xx and some 5xx would make a sender give up, or pause for good
        return problem(503, "not now; send it again later", code="trouble", headers=TRY_AGAIN)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; it is in the log", code="trouble"
    )


def _place(path: str) -> str:
    """The part of a path that is no secret: a survey's link is one."""
    steps = path.split("/")
    return "/".join(steps[:3]) if path.startswith(("/hooks/", "/api/")) else f"/{steps[1]}"


def _where(error: BaseException) -> str:
    """Type and lines of code. Not the message: it may quote what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
    return "\n".join([type(error).__name__, *lines])
