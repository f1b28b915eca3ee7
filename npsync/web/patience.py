"""How long a caller may keep us waiting, and how many connections one may hold.

Connections are few. Whoever opens many and asks nothing, sends a request byte by byte, or does not take its reply would
hold them all: so each of these has an end, an address has its share, and when all are taken whoever has kept us waiting
for longest makes room for who comes. A request that is being answered is never cut, however long it takes.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from npsync.logs import notice
from npsync.web.addresses import block_of


class Owed(StrEnum):
    """What we wait for."""

    REQUEST = "request"  # not a byte of it is there
    HEADERS = "headers"
    BODY = "body"
    TAKING = "taking"  # of our reply


SECONDS = {
    Owed.REQUEST: 30.0,
    Owed.HEADERS: 15.0,
    Owed.BODY: 20.0,  # who reads one says so in words before (`doorway`)
    Owed.TAKING: 300.0,  # without taking a byte: a long file over a bad line goes on
}
SECONDS_STALLED = 10.0  # then a reply that nobody takes makes room, too
SECONDS_BETWEEN = 1.0  # looks at all of them


class Places:
    """The connections of one server: `most` of them, and `share` of one address. `stands_for_many`: a proxy, whose
    callers are not told apart here."""

    def __init__(
        self, most: int, share: int, stands_for_many: Callable[[str], bool] = lambda address: False
    ) -> None:
        self._most, self._share, self._stands_for_many = most, share, stands_for_many
        self._taken: dict[Patient, str] = {}  # with the place it comes from
        self._of: Counter[str] = Counter()  # place → how many
        self._looking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._taken)

    def come(self, one: Patient, address: str, at: float) -> None:
        """A new connection; another one may have to go for it, or it itself."""
        place = "" if self._stands_for_many(address) else block_of(address)
        if place and self._of[place] >= self._share:
            its = [each for each, its_place in self._taken.items() if its_place == place]
            if not self._make_room(its, at):
                one.let_go()
                return
        if len(self._taken) >= self._most:
            self._make_room(
                self._taken, at
            )  # where all are being answered, the server says that it is too much
        self._taken[one] = place
        self._of[place] += 1
        if self._looking is None:
            self._look_later(one.loop)

    def go(self, one: Patient) -> None:
        if (place := self._taken.pop(one, None)) is not None:
            self._of[place] -= 1
            if not self._of[place]:
                del self._of[place]

    def look(self, at: float) -> None:
        """Let go whoever kept us waiting for too long."""
        gone: Counter[str] = Counter()
        for one in list(self._taken):
            owed, since = one.waited_for(at)
            if owed is not None and at - since >= SECONDS[owed]:
                one.let_go()
                gone[owed.value] += 1
        if gone:
            notice("callers_too_slow", **gone)

    def _make_room(self, among: Collection[Patient], at: float) -> bool:
        """Whether some of these kept us waiting. A tenth of all goes at once: a flood shall not have us look at each of
        them for each that comes."""
        waited = []
        for one in among:
            owed, since = one.waited_for(at)
            if owed is not None and (owed is not Owed.TAKING or at - since >= SECONDS_STALLED):
                waited.append((since, one))
        waited.sort(key=lambda each: each[0])
        for _, one in waited[: max(1, len(among) // 10)]:
            one.let_go()
        return bool(waited)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        def look() -> None:
            self._looking = None
            self.look(loop.time())
            if self._taken:
                self._look_later(loop)

        self._looking = loop.call_later(SECONDS_BETWEEN, look)


class Patient(H11Protocol):
    """One connection, as uvicorn serves it, which knows what it waits for."""

    def __init__(self, places: Places, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._places = places
        self._looked: tuple[Owed | None, RequestResponseCycle | None] = (None, None)
        self._since = 0.0
        self._unsent = 0
        self._took = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        at = self.loop.time()
        self.waited_for(at)
        self._places.come(self, self.client[0] if self.client else "", at)

    def connection_lost(self, exc: Exception | None) -> None:
        self._places.go(self)
        super().connection_lost(exc)

    def resume_writing(self) -> None:
        self._took = True  # however much was put in its place since
        super().resume_writing()

    def let_go(self) -> None:
        """At once: nothing that was asked for is under way."""
        self._places.go(self)
        self.transport.abort()

    def waited_for(self, at: float) -> tuple[Owed | None, float]:
        """What we have been waiting for, and since when; None while it is for us to answer."""
        unsent = self.transport.get_write_buffer_size()
        looked = (Owed.TAKING if unsent else self._owed(), self.cycle)
        if looked != self._looked or (unsent and (self._took or unsent < self._unsent)):
            self._since = at
        self._looked, self._unsent, self._took = looked, unsent, False
        return looked[0], self._since

    def _owed(self) -> Owed | None:
        their = self.conn.their_state
        if their is h11.IDLE:
            return Owed.HEADERS if self.conn.trailing_data[0] else Owed.REQUEST
        # While it is we who do not read on, nobody is waited for.
        return Owed.BODY if their is h11.SEND_BODY and not self.flow.read_paused else None


def placed(places: Places) -> type[asyncio.Protocol]:
    """What uvicorn makes its connections of."""

    class Placed(Patient):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(places, *given, **named)

    return Placed


def proxies(believed: str | Iterable[str] | None) -> Callable[[str], bool]:
    """Whether an address is a proxy's, by what FORWARDED_ALLOW_IPS names; this machine's own always is."""
    named = believed.split(",") if isinstance(believed, str) else list(believed or ())
    words = {each.strip() for each in named}
    networks = []
    for word in words:
        try:
            networks.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            continue  # a name or a path of a socket, which no address is

    def is_one(address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return True  # of a socket without addresses
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return "*" in words or found.is_loopback or any(found in network for network in networks)

    return is_one
