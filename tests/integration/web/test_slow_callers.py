"""Callers who open connections and ask nothing, send a request byte by byte, or do not take their reply: each of them
has an end, and none of them keeps anybody else out. Over real sockets; time is told, not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from dashboard_desk import Desk
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from npsync.web.__main__ import MOST_CALLERS, settings
from npsync.web.patience import SECONDS, SECONDS_STALLED, Owed, Patient, Places, placed, proxies

BEGUN = b"GET /healthy HTTP/1.1\r\nHost: x\r\n"
WHOLE = BEGUN + b"\r\n"
POSTED = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
LARGE = 20 * 1024 * 1024  # more than any buffer of the system takes


@dataclass
class Caller:
    read: asyncio.StreamReader
    write: asyncio.StreamWriter

    async def asks(self, said: bytes) -> bytes:
        """The first line of the reply; nothing where we were cut off."""
        self.write.write(said)
        try:
            return (await self.read.readline()).strip()
        except ConnectionError:
            return b""

    async def is_cut_off(self) -> bool:
        try:
            return await self.read.read(1) == b""
        except ConnectionError:
            return True


@dataclass
class House:
    """What answers at `port`. `finish`: what takes long comes to its end."""

    places: Places
    port: int = 0
    finish: asyncio.Event = field(default_factory=asyncio.Event)
    callers: list[Caller] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        if scope["path"] == "/read":
            while (await receive()).get("more_body"):
                pass
        if scope["path"] == "/long":
            await self.finish.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        large = LARGE if scope["path"] == "/large" else 2
        for _ in range(0, large, 64 * 1024):
            more = scope["path"] == "/large"
            await send(
                {"type": "http.response.body", "body": b"x" * min(large, 64 * 1024), "more_body": more}
            )
        if scope["path"] == "/large":
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def caller(self, said: bytes = b"", address: str = "127.0.0.1") -> Caller:
        found = Caller(*await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0)))
        self.callers.append(found)
        if said:
            found.write.write(said)
        return found

    def waits_for(self) -> list[Owed | None]:
        at = asyncio.get_running_loop().time()
        return [one.waited_for(at)[0] for one in self.places._taken]

    async def until(self, *owed: Owed | None) -> None:
        while sorted(map(str, self.waits_for())) != sorted(map(str, owed)):
            await asyncio.sleep(0)

    def later(self, seconds: float) -> None:
        """So many seconds from now, what is looked at every second is looked at."""
        self.places.look(asyncio.get_running_loop().time() + seconds)


@asynccontextmanager
async def house(most: int = 50, share: int = 50, *, proxy: bool = True) -> AsyncIterator[House]:
    made = House(Places(most, share, lambda address: proxy))
    config = uvicorn.Config(
        made.answer, http=placed(made.places), interface="asgi3", lifespan="off", log_config=None, ws="none"
    )
    config.load()
    state, loop = ServerState(), asyncio.get_running_loop()
    connection: Any = config.http_protocol_class
    server = await loop.create_server(
        lambda: connection(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        for one in made.callers:
            one.write.transport.abort()
        server.close()


def story(told: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def soon() -> None:
        await asyncio.wait_for(told(), 30)

    asyncio.run(soon())


@pytest.mark.parametrize(
    ("said", "owed"),
    [
        (b"", Owed.REQUEST),
        (b"G", Owed.HEADERS),
        (BEGUN, Owed.HEADERS),
        (POSTED, Owed.BODY),
        (POSTED + b"12345678", Owed.BODY),
        (POSTED.replace(b"/read", b"/unread"), Owed.BODY),
    ],
    ids=str,
)
def test_what_does_not_arrive_in_time_is_waited_for_no_longer(said: bytes, owed: Owed):
    async def told() -> None:
        async with house() as it:
            slow = await it.caller(said)
            await it.until(owed)
            it.later(SECONDS[owed] - 1)
            assert it.waits_for() == [owed]
            it.later(SECONDS[owed] + 1)
            assert it.waits_for() == []
            while not await slow.is_cut_off():  # what was answered without its body comes first
                pass

    story(told)


def test_a_byte_now_and_then_gives_no_more_time():
    async def told() -> None:
        async with house() as it:
            slow = await it.caller(b"GET / HTTP/1.1\r\nX-Slow: ")
            await it.until(Owed.HEADERS)
            [one] = it.places._taken
            for n in range(1, 14):
                before = one.conn.trailing_data[0]
                slow.write.write(b"x")
                while one.conn.trailing_data[0] == before:
                    await asyncio.sleep(0)
                it.later(n)
                assert it.waits_for() == [Owed.HEADERS]
            it.later(SECONDS[Owed.HEADERS] + 1)
            assert await slow.is_cut_off()

    story(told)


def test_what_takes_us_long_is_not_cut():
    async def told() -> None:
        async with house(most=1) as it:
            patient = await it.caller(WHOLE.replace(b"/healthy", b"/long"))
            await it.until(None)
            it.later(86_400)
            await it.caller(BEGUN)  # and makes room for nobody
            await it.until(None, Owed.HEADERS)
            it.finish.set()
            assert await patient.read.readline() == b"HTTP/1.1 200 OK\r\n"

    story(told)


def test_a_connection_that_asks_again_and_again_lasts():
    """As a page does that looks for news every few seconds; each request has its time anew."""

    async def told() -> None:
        async with house() as it:
            page = await it.caller()
            for _ in range(5):
                assert await page.asks(POSTED + b"123456789") == b"HTTP/1.1 200 OK"
                await page.read.readuntil(b"0\r\n\r\n")
                it.later(SECONDS[Owed.REQUEST] - 1)
            assert len(it.asked) == 5

    story(told)


def test_a_reply_that_is_taken_slowly_is_sent_to_its_end_and_one_that_is_not_taken_is_not():
    async def told() -> None:
        async with house() as it:
            slow = await it.caller(WHOLE.replace(b"/healthy", b"/large"))
            await it.until(Owed.TAKING)
            seconds, left = 0.0, LARGE
            while left > LARGE // 2:
                left -= len(await slow.read.readexactly(4 * 1024 * 1024))
                seconds += SECONDS[Owed.TAKING] - 1
                it.later(seconds)
                assert len(it.places) == 1
            it.later(seconds + 2 * SECONDS[Owed.TAKING])
            assert len(it.places) == 0

    story(told)


# ------------------------------------------------------------ the house is full


@pytest.mark.parametrize("said", [b"", BEGUN, POSTED], ids=["silent", "headers", "body"])
def test_any_number_of_half_open_requests_keeps_nobody_out(said: bytes):
    async def told() -> None:
        async with house(most=20) as it:
            kept = await it.caller(WHOLE.replace(b"/healthy", b"/long"))
            await it.until(None)
            for _ in range(60):
                await it.caller(said)
            assert await (await it.caller()).asks(WHOLE) == b"HTTP/1.1 200 OK"
            assert len(it.places) <= 20
            it.finish.set()
            assert await kept.read.readline() == b"HTTP/1.1 200 OK\r\n"

    story(told)


def test_an_address_has_its_share_and_another_has_its_own():
    async def told() -> None:
        async with house(most=50, share=5, proxy=False) as it:
            for _ in range(30):
                await it.caller(BEGUN)
            await it.until(*[Owed.HEADERS] * 5)
            for _ in range(4):
                await it.caller(BEGUN, "127.0.0.2")
            await it.until(*[Owed.HEADERS] * 9)
            assert await (await it.caller(address="127.0.0.2")).asks(WHOLE) == b"HTTP/1.1 200 OK"
            assert await (await it.caller()).asks(WHOLE) == b"HTTP/1.1 200 OK"  # its own oldest went for it

    story(told)


def test_who_has_a_share_of_requests_under_way_gets_no_more():
    async def told() -> None:
        async with house(most=50, share=3, proxy=False) as it:
            for _ in range(3):
                await it.caller(WHOLE.replace(b"/healthy", b"/long"))
            await it.until(None, None, None)
            assert await (await it.caller()).is_cut_off()
            assert await (await it.caller(address="127.0.0.2")).asks(WHOLE) == b"HTTP/1.1 200 OK"

    story(told)


def test_a_reply_that_nobody_takes_makes_room():
    async def told() -> None:
        async with house(most=1) as it:
            await it.caller(WHOLE.replace(b"/healthy", b"/large"))
            await it.until(Owed.TAKING)
            [stalled] = it.places._taken
            stalled._since -= SECONDS_STALLED
            assert await (await it.caller()).asks(WHOLE) == b"HTTP/1.1 200 OK"

    story(told)


# ------------------------------------------------------------ as it is served


def test_the_web_is_served_so(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.7, 192.168.0.0/24")
    config = settings(Desk(tmp_path).web)
    config.load()
    assert issubclass(config.http_protocol_class, Patient)
    assert config.limit_concurrency == MOST_CALLERS

    async def told() -> None:
        connection: Any = config.http_protocol_class
        state = ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: connection(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        host, port = server.sockets[0].getsockname()
        read, write = await asyncio.open_connection(host, port)
        write.write(f"GET /health/live HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert await read.readline() == b"HTTP/1.1 200 OK\r\n"
        write.transport.abort()
        server.close()

    story(told)


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.0.0.7", True),
        ("::ffff:10.0.0.7", True),
        ("192.168.0.200", True),
        ("10.0.0.8", False),
        ("2001:db8::1", False),
        ("", True),
    ],
)
def test_a_proxy_is_who_the_environment_believes(address: str, is_one: bool):
    assert proxies("10.0.0.7, 192.168.0.0/24,unix:/run/x")(address) is is_one
    assert proxies("*")(address)
    assert proxies(None)("127.0.0.1")
