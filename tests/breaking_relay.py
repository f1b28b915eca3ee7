"""A relay in front of a server's socket that breaks a connection at the bytes it is told to look for."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class BreakingRelay:
    """Listens on this machine. Every connection has two threads, one a direction; all end with it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._lock = threading.Lock()
        self._break: tuple[bytes, bool] | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def break_at(self, words: bytes, *, after: bool) -> None:
        """The next connection that says these words breaks: `after` the server did what they say, or before it hears
        them."""
        with self._lock:
            self._break = (words, after)

    def close(self) -> None:
        self._listening.close()
        for pair in self._pairs:
            _shut(*pair)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            server.connect(self._path)
            self._pairs.append((client, server))
            silenced = threading.Event()
            threading.Thread(target=self._forward, args=(client, server, silenced), daemon=True).start()
            threading.Thread(target=_back, args=(client, server, silenced), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, silenced: threading.Event) -> None:
        while data := _received(client):
            after = self._breaks(data)
            if after is not None:
                silenced.set()  # with `after`, the way back breaks with the server's answer
            if after is False or not _sent(server, data):
                break
        _shut(client, server)

    def _breaks(self, data: bytes) -> bool | None:
        with self._lock:
            if self._break is None or self._break[0] not in data:
                return None
            _, after = self._break
            self._break = None
            return after


def _back(client: socket.socket, server: socket.socket, silenced: threading.Event) -> None:
    while data := _received(server):
        if silenced.is_set() or not _sent(client, data):
            break
    _shut(client, server)


def _sent(side: socket.socket, data: bytes) -> bool:
    try:
        side.sendall(data)
    except OSError:
        return False
    return True


def _received(side: socket.socket) -> bytes:
    try:
        return side.recv(65_536)
    except OSError:
        return b""


def _shut(*sides: socket.socket) -> None:
    for side in sides:
        with contextlib.suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)
        side.close()


@contextlib.contextmanager
def relayed(path: str) -> Iterator[BreakingRelay]:
    relay = BreakingRelay(path)
    try:
        yield relay
    finally:
        relay.close()
