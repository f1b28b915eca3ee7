"""What the toys send out: calls to somebody's webhook, tried again as the vendor would, told and replayed by control.

A toy opens a `Channel` for each hook somebody registered and puts items into it. The channel packs what waits into
posts. A post is made anew for every attempt, because vendors sign the time of sending and show values as they are then.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any
from urllib.parse import urlsplit

import urllib3

from sandbox.clock import Clock
from sandbox.faults import Faults

# The receiver did its work and the vendor did not hear of it; or the vendor sends everything a second time.
FAULT_KINDS = frozenset({"lost_ack", "duplicate_delivery"})
MINUTE, HOUR = 60.0, 3600.0
_REMEMBERED, _ITEMS_REMEMBERED = 500, 5_000  # of what is done: memory stays flat, however much is sent


@dataclass(frozen=True)
class Post:
    """One request as it goes out."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    method: str = "POST"


@dataclass(frozen=True)
class Heard:
    """What the receiver said; status 0 when nothing came back."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def every_failure(heard: Heard) -> bool:
    return True


@dataclass(frozen=True)
class Manner:
    """How a vendor delivers: when it believes it was heard, what it tries again, and how long after each failure."""

    gaps: tuple[float, ...] = ()
    timeout: float = 10.0
    taken: Callable[[Heard], bool] = lambda heard: heard.ok
    tries_again: Callable[[Heard], bool] = every_failure
    pause: Callable[[Heard], float | None] = lambda heard: None  # where the receiver may say how long


class State(StrEnum):
    WAITING = "waiting"
    FLYING = "flying"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Attempt:
    at: float
    post: Post
    heard: Heard


@dataclass
class Delivery:
    """One post on its way. `make` is given how many attempts were made before."""

    id: int
    channel: Channel
    items: Sequence[Any]
    due: float
    attempts: list[Attempt] = field(default_factory=list)
    state: State = State.WAITING

    def told(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "vendor": self.channel.vendor,
            "channel": self.channel.name,
            "state": self.state,
            "items": len(self.items),
            "due": self.due if self.state is State.WAITING else None,
            "attempts": [
                {"at": one.at, "status": one.heard.status, "problem": one.heard.problem}
                for one in self.attempts
            ],
        }

    def shown(self) -> dict[str, Any]:
        """With the last request and reply, as they were on the wire."""
        told = self.told()
        if self.attempts:
            post, heard = self.attempts[-1].post, self.attempts[-1].heard
            told["request"] = {
                "method": post.method,
                "url": post.url,
                "headers": dict(post.headers),
                "body": post.body.decode(errors="replace"),
            }
            told["reply"] = {"status": heard.status, "body": heard.body.decode(errors="replace")}
        return told


Make = Callable[[Sequence[Any], int], Post]
Hear = Callable[[Sequence[Any], Heard], None]  # what the vendor does with an answer that pleased it


class Channel:
    """One registered hook: what waits for it, and how it leaves. `most` items go into one post."""

    def __init__(
        self,
        deliveries: Deliveries,
        vendor: str,
        name: str,
        make: Make,
        manner: Manner,
        *,
        most: int = 1,
        heard: Hear | None = None,
    ) -> None:
        self.heard = heard
        self.vendor = vendor
        self.name = name
        self.make = make
        self.manner = manner
        self.held = False
        self._deliveries = deliveries
        self._most = most
        self._waiting: list[Any] = []
        self._leaving = False

    def put(self, item: Any) -> None:
        """What one request of control or of the API causes leaves together."""
        self._waiting.append(item)
        if not self._leaving and not self.held:
            self._leaving = True
            asyncio.get_running_loop().call_soon(self._leave)

    def _leave(self) -> None:
        self._leaving = False
        for items in () if self.held else self.pack():
            self._deliveries.send(self, items)

    def pack(self, order: str = "kept", *, twice: bool = False, seed: int = 0) -> list[Sequence[Any]]:
        """Everything that waits, in lots of at most `most` items."""
        items, self._waiting = self._waiting, []
        if twice:
            items = [*items, *items]
        match order:
            case "kept":
                pass
            case "reversed":
                items.reverse()
            case "shuffled":
                random.Random(seed).shuffle(items)
            case _:
                raise ValueError(f"no order {order}; there are: kept, reversed, shuffled")
        return [items[start : start + self._most] for start in range(0, len(items), self._most)]


class Deliveries:
    """Every channel of the sandbox, and what became of what they sent."""

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._numbers = itertools.count(1)
        self._channels: dict[tuple[str, str], Channel] = {}
        self._open: dict[int, Delivery] = {}
        self._done: deque[Delivery] = deque()
        self._kept = 0  # items of what is done
        self._flying: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._routes: dict[str, str] = {}  # a public address → where it is on this machine
        self._pool = urllib3.PoolManager(maxsize=16, retries=False)
        clock.watchers.append(self._look)

    # ------------------------------------------------------------ channels

    def channel(
        self,
        vendor: str,
        name: str,
        url: str,
        make: Make,
        manner: Manner,
        *,
        most: int = 1,
        heard: Hear | None = None,
        insist: bool = True,
    ) -> Channel:
        """A new channel, or the one of this name with other settings. ValueError: not an address a toy may call;
        without `insist` (the address came over the vendor's API) the call just fails."""
        if insist:
            on_this_machine(self._routed(url))
        made = Channel(self, vendor, name, make, manner, most=most, heard=heard)
        self._channels[vendor, name] = made
        return made

    def route(self, public: str, local: str) -> dict[str, str]:
        """What the internet would do: calls of addresses that begin with `public` go to `local`."""
        on_this_machine(local)
        self._routes[public.rstrip("/") + "/"] = local.rstrip("/") + "/"
        return dict(self._routes)

    def _routed(self, url: str) -> str:
        for public, local in self._routes.items():
            if url.startswith(public):
                return local + url.removeprefix(public)
        return url

    def close(self, vendor: str, name: str) -> None:
        self._channels.pop((vendor, name), None)

    def hold(self, vendor: str | None = None, name: str | None = None) -> list[str]:
        """Nothing leaves these channels until `release`."""
        for channel in (found := self._named(vendor, name)):
            channel.held = True
        return [channel.name for channel in found]

    async def release(
        self, vendor: str | None, name: str | None, order: str, *, twice: bool, seed: int
    ) -> list[Delivery]:
        """What was held leaves in this order, one post after the other."""
        released = []
        for channel in self._named(vendor, name):
            channel.held = False
            for items in channel.pack(order, twice=twice, seed=seed):
                delivery = self._new(channel, items, due=inf)  # not for `_look`: that starts all at once
                await self._attempt(delivery)
                released.append(delivery)
        return released

    def _named(self, vendor: str | None, name: str | None) -> list[Channel]:
        return [
            channel
            for (of, called), channel in self._channels.items()
            if vendor in (None, of) and name in (None, called)
        ]

    # ------------------------------------------------------------ sending

    def send(self, channel: Channel, items: Sequence[Any]) -> Delivery:
        delivery = self._new(channel, items, due=self._clock.time())
        if self._faults.take(channel.vendor, ("duplicate_delivery",), "POST", channel.name):
            self._new(channel, items, due=delivery.due)
        asyncio.get_running_loop().call_soon(self._look)
        return delivery

    def again(self, delivery: Delivery) -> Delivery:
        """The same items once more, whatever became of them: what an at-least-once vendor may do any time."""
        return self.send(delivery.channel, delivery.items)

    def _new(self, channel: Channel, items: Sequence[Any], *, due: float) -> Delivery:
        delivery = Delivery(next(self._numbers), channel, items, due)
        self._open[delivery.id] = delivery
        return delivery

    async def settle(self, *, early: bool = False) -> None:
        """Until nothing is due and nothing under way; `early` also tries what would wait for its next attempt."""
        await asyncio.sleep(0)  # what was put just now is packed in the next turn of the loop
        if early:
            for delivery in self._open.values():
                delivery.due = min(delivery.due, self._clock.time())
        self._look()
        while self._flying:
            await asyncio.wait(self._flying)
            await asyncio.sleep(0)
            self._look()

    def all(self) -> Iterator[Delivery]:
        """Oldest first."""
        yield from sorted([*self._done, *self._open.values()], key=lambda one: one.id)

    def forget(self) -> None:
        self._done.clear()
        self._kept = 0
        self._open = {id: one for id, one in self._open.items() if one.state is State.FLYING}

    def _look(self) -> None:
        """Start what is due, and come back when the next is."""
        now = self._clock.time()
        waiting = [one for one in self._open.values() if one.state is State.WAITING]
        for delivery in sorted((one for one in waiting if one.due <= now), key=lambda one: one.due):
            task = asyncio.get_running_loop().create_task(self._attempt(delivery))
            self._flying.add(task)
            task.add_done_callback(self._flying.discard)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        later = [one.due for one in waiting if now < one.due < inf]
        if later:
            self._alarm = asyncio.get_running_loop().call_later(min(later) - now, self._look)

    async def _attempt(self, delivery: Delivery) -> None:
        if delivery.state is not State.WAITING:
            return
        delivery.state = State.FLYING
        channel = delivery.channel
        at = self._clock.time()
        try:
            post = channel.make(delivery.items, len(delivery.attempts))
        except LookupError as gone:  # the record it was about was removed meanwhile
            nothing = Post("", b"", {})
            delivery.attempts.append(Attempt(at, nothing, Heard(0, problem=str(gone))))
            self._end(delivery, State.GIVEN_UP)
            return
        heard = await asyncio.to_thread(self._call, post, channel.manner.timeout)
        if heard.status and self._faults.take(channel.vendor, ("lost_ack",), "POST", channel.name):
            heard = Heard(0, problem="the reply got lost on its way back")
        delivery.attempts.append(Attempt(at, post, heard))
        self._judge(delivery, heard)

    def _judge(self, delivery: Delivery, heard: Heard) -> None:
        manner, made = delivery.channel.manner, len(delivery.attempts)
        if manner.taken(heard):
            self._end(delivery, State.DELIVERED)
            if delivery.channel.heard is not None:
                delivery.channel.heard(delivery.items, heard)
        elif made > len(manner.gaps) or not manner.tries_again(heard):
            self._end(delivery, State.GIVEN_UP)
        else:
            asked = manner.pause(heard)
            delivery.state = State.WAITING
            delivery.due = self._clock.time() + (manner.gaps[made - 1] if asked is None else asked)
            self._look()

    def _end(self, delivery: Delivery, state: State) -> None:
        delivery.state = state
        if self._open.pop(delivery.id, None) is not None:
            self._done.append(delivery)
            self._kept += len(delivery.items)
            while len(self._done) > _REMEMBERED or (self._kept > _ITEMS_REMEMBERED and len(self._done) > 1):
                self._kept -= len(self._done.popleft().items)

    def _call(self, post: Post, timeout: float) -> Heard:
        url = self._routed(post.url)
        try:
            on_this_machine(url)
            reply = self._pool.request(
                post.method,
                url,
                body=post.body or None,
                headers=dict(post.headers),
                timeout=timeout,
                redirect=False,
            )
        except ValueError as problem:
            return Heard(0, problem=str(problem))
        except urllib3.exceptions.HTTPError as problem:
            return Heard(0, problem=type(problem).__name__)
        return Heard(reply.status, reply.data[:100_000], dict(reply.headers))


def on_this_machine(url: str) -> None:
    """The sandbox calls nobody else: made-up customers are no reason to knock at a stranger's door."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not _is_near(host):
        raise ValueError(f"the sandbox only calls http addresses of this machine or its network, not {url}")


def _is_near(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and (host == "localhost" or host.endswith(".localhost") or "." not in host)
    return address.is_loopback or address.is_private
