"""The sandbox's one HTTP server: a prefix for each vendor (`/salesforce`), `/control`, and pages at `/`.

The front stands before each toy: it plays latency and scripted faults, and keeps the request log. A toy (see
toy.py) only ever sees requests it should answer.
"""

from __future__ import annotations

import asyncio
import importlib
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox import control, pages
from sandbox.clock import Clock
from sandbox.deliveries import Deliveries
from sandbox.faults import Fault, Faults, Kind
from sandbox.toy import House, Listening, Toy
from sandbox.traffic import Call, Traffic
from sandbox.vendors import VENDORS
from sandbox.world import World, midnight

_PLAYED_HERE = frozenset(Kind)
_HTML_ERROR = (
    "<html><head><title>{0} error</title></head><body><h1>{0} error</h1><p>cloud-edge</p></body></html>"
)


@dataclass(frozen=True)
class Options:
    """What `python -m sandbox` can be told."""

    customers: int = 1000
    responses: int = 1500
    seed: int = 7
    ugly: float = 0.02
    faults: str = "none"
    latency: float = 0.0  # seconds before every vendor reply
    pages: bool = True
    until: datetime = field(default_factory=midnight)  # answers end here
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # vendor → limit → number
    vendors: tuple[str, ...] = VENDORS
    host: str = "127.0.0.1"


class Sandbox:
    """The whole sandbox as one ASGI application."""

    def __init__(self, options: Options) -> None:
        world = World(options.seed, options.customers, options.responses, options.ugly, options.until)
        faults = Faults(options.faults, seed=options.seed)
        clock, traffic = Clock(), Traffic(history=options.pages)
        deliveries = Deliveries(clock, faults)
        self.house = House(world, clock, faults, traffic, options.limits, deliveries, options.host)
        self.toys: dict[str, Toy] = {name: _toy(name, self.house) for name in options.vendors}
        self._prefixes: dict[str, ASGIApp] = {
            name: Front(name, toy, self.house, options.latency) for name, toy in self.toys.items()
        }
        self._prefixes["control"] = _Prefixed("/control", control.app(self.toys, self.house))
        self._pages = pages.app(self.toys, self.house) if options.pages else Starlette()

    def env(self, url: str) -> dict[str, str]:
        """Every variable of config.example.yaml, for a server that listens at `url`."""
        return {
            name: value
            for vendor, toy in self.toys.items()
            for name, value in toy.env(f"{url}/{vendor}").items()
        }

    async def start(self) -> None:
        """What listens beside HTTP."""
        for toy in self.toys.values():
            if isinstance(toy, Listening):
                await toy.start()

    async def stop(self) -> None:
        for toy in self.toys.values():
            if isinstance(toy, Listening):
                await toy.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._pages(scope, receive, send)
            return
        first = scope["path"].removeprefix("/").partition("/")[0]
        if first in VENDORS and scope["path"].startswith(f"/{first}/record/"):
            first = ""  # a page for people, not the vendor's API
        await self._prefixes.get(first, self._pages)(scope, receive, send)


class Front:
    """What every request to one vendor passes first."""

    def __init__(self, vendor: str, toy: Toy, house: House, latency: float) -> None:
        self._vendor = vendor
        self._toy = toy
        self._app = _Prefixed(f"/{vendor}", toy.app)
        self._house = house
        self._latency = latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = self._house.clock.time()
        log = scope["sandbox"] = {"kind": "other"}
        path = scope["path"][len(self._vendor) + 1 :]
        reply = _Reply(send)
        fault = self._house.faults.take(self._vendor, _PLAYED_HERE, scope["method"], path)
        if self._latency:
            await asyncio.sleep(self._latency)
        try:
            if fault is None:
                await self._app(scope, receive, reply)
            else:
                await self._play(fault, scope, receive, reply)
        finally:
            call = Call(self._vendor, log["kind"], scope["method"], path, reply.status, arrived)
            self._house.traffic.called(call)

    async def _play(self, fault: Fault, scope: Scope, receive: Receive, reply: _Reply) -> None:
        match fault.kind:
            case Kind.STATUS:
                await self._toy.refusal(fault)(scope, receive, reply)
            case Kind.HTML:
                status = 502 if fault.status == 500 else fault.status
                await HTMLResponse(_HTML_ERROR.format(status), status)(scope, receive, reply)
            case Kind.RESET:
                await reply.cut(receive)
            case Kind.LOST_REPLY:
                await self._app(scope, receive, reply.swallow)
                await reply.cut(receive)
            case Kind.SLOW:
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, reply)
            case _:
                await _gone(receive)


class _Reply:
    """The way back to the client: remembers the status, and can cut the connection."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def swallow(self, message: Message) -> None:
        """Take the toy's reply and send nothing."""

    async def cut(self, receive: Receive) -> None:
        """Reset the TCP connection, so that the client sees what a broken network shows."""
        # uvicorn gives each request a bound method of its cycle object; only that knows the socket.
        transport = cast(asyncio.Transport, self._send.__self__.transport)  # type: ignore[attr-defined]
        linger_not = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        transport.abort()
        await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Wait until the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Prefixed:
    """An application below a path prefix."""

    def __init__(self, prefix: str, app: ASGIApp) -> None:
        self._prefix = prefix
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "root_path": self._prefix}, receive, send)


def _toy(vendor: str, house: House) -> Toy:
    module = importlib.import_module(f"sandbox.{vendor}")
    return cast(Toy, module.toy(house.room(vendor)))
