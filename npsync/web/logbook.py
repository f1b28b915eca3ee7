"""Every request gets a number, a log line and its place in the figures. A line has the route's template, never the
address itself: that may name a person, or be the link by which one answers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.contract import Clock
from npsync.logs import notice

ID = "x-request-id"
NOWHERE = "(none)"  # no route takes it
QUIET = (
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
)  # asked every few seconds: told when they fail
HOOKS, ASSETS = "/hooks/", "/-/"  # hundreds a second may come, and a page brings its own
_GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)


class Logbook:
    """ASGI middleware around everything else. `metrics` are this process's own; nothing of them is stored. Without
    `lines` requests are counted and not told."""

    def __init__(self, clock: Clock, *, lines: bool = True) -> None:
        self._clock, self._lines = clock, lines
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self._requests = Counter(
            "npsync_web_requests", "Requests answered by this process.", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "npsync_web_request_seconds",
            "How long answers of this process took.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def metrics(self) -> bytes:
        return bytes(generate_latest(self._registry))

    async def around(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        number = _number(Headers(scope=scope).get(ID))
        status = 500
        began = self._clock.monotonic()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])  # a line says 200, not how Python names it
                message["headers"] = [*message.get("headers", ()), (ID.encode(), number.encode())]
            await send(message)

        with _called(number):
            try:
                await app(scope, receive, noted)
            finally:
                self._note(scope, status, self._clock.monotonic() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = route_of(scope)
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if not self._lines or (status < 400 and (route in QUIET or route.startswith((ASSETS, HOOKS)))):
            return
        who = scope.get("state", {}).get("who", "")
        notice(
            "request",
            method=method,
            route=route,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            who=who,
        )


@contextmanager
def _called(number: str) -> Iterator[None]:
    """Every log line of this request says which it belongs to."""
    from structlog.contextvars import bound_contextvars

    with bound_contextvars(request=number):
        yield


def _number(given: str | None) -> str:
    """The caller's own, where it is one; it is written into the log."""
    return given if given is not None and _GIVEN.fullmatch(given) else secrets.token_hex(8)


def route_of(scope: Scope) -> str:
    """The template of the route that took it: /api/v1/runs/{number}. FastAPI's route does not know the prefix of the
    router it is in; that is plain text, and stands before it in the address."""
    if scope["path"].startswith(HOOKS):
        return f"{HOOKS}{{connection}}"
    own = getattr(scope.get("route"), "path", None)
    if not isinstance(own, str):
        return NOWHERE
    before = scope["path"].split("/")[: -(len(own.split("/")) - 1)]
    return "/".join(before) + own
