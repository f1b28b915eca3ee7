"""A sender of events: signed as Segment signs, at a steady rate whatever the other side does.

An event's latency counts from the moment it was to be sent, so that a stall shows in every event that waited for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

SECRET = "intake-shared-secret"
PATIENCE = 20.0
MOST_IDLE = 10.0


@dataclass
class Sent:
    """What became of what was sent: ids that were answered with 2xx, how long each took, and what else was said."""

    acknowledged: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def percentile(self, share: float) -> float:
        """In milliseconds, of everything that was answered with 2xx."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")


def event(id: str) -> bytes:
    said = {"type": "track", "event": "Feature Used", "messageId": id, "userId": f"u-{id}"}
    context = {"traits": {"email": f"{id}@example.com"}, "groupId": "acct-42"}
    at = datetime.now(UTC).isoformat()
    return orjson.dumps(
        {**said, "properties": {"feature": "bulk_export"}, "context": context, "timestamp": at}
    )


def signature(body: bytes) -> str:
    return hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()


def request(host: str, path: str, body: bytes) -> bytes:
    signed = f"Content-Type: application/json\r\nX-Signature: {signature(body)}\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{signed}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Sender:
    """Sends to `http://HOST:PORT/path` over connections that are kept."""

    def __init__(self, host: str, port: int, path: str, *, named: str = "e") -> None:
        self._host, self._port, self._path, self._named = host, port, path, named
        self._free: list[tuple[float, asyncio.StreamReader, asyncio.StreamWriter]] = []  # since when
        self._stop = asyncio.Event()
        self.sent = Sent()

    def stop(self) -> None:
        self._stop.set()

    async def send(self, rate: float, seconds: float) -> Sent:
        """`rate` events a second for so long, or until stopped; then those under way are waited for."""
        loop = asyncio.get_running_loop()
        began, under_way = loop.time(), set[asyncio.Task[None]]()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (early := due - loop.time()) > 0:
                await asyncio.sleep(early)
            if self._stop.is_set():
                break
            task = asyncio.create_task(self._one(f"{self._named}{number}", due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        for _, _, writer in self._free:
            writer.close()
        return self.sent

    async def _one(self, id: str, due: float) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self._posted(id)
        except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.sent.refused[type(error).__name__] += 1
            return
        if 200 <= status < 300:
            self.sent.acknowledged.append(id)
            self.sent.seconds.append(asyncio.get_running_loop().time() - due)
        else:
            self.sent.refused[str(status)] += 1

    async def _posted(self, id: str) -> int:
        reader, writer = await self._connected()
        try:
            writer.write(request(self._host, self._path, event(id)))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head.lower():
            writer.close()
        else:
            self._free.append((asyncio.get_running_loop().time(), reader, writer))
        return int(head.split(b" ", 2)[1])

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The free one that was used last. What was idle for long may just be closed on its other side."""
        while self._free:
            since, reader, writer = self._free.pop()
            if asyncio.get_running_loop().time() - since < MOST_IDLE:
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)
