"""Where `npsync serve` listens, and the web as a process of its own beside it.

A sync keeps Python's one interpreter lock and SQLite's one write lock busy for long stretches; whoever tells us of an
event waits for neither (docs/decisions/0021-hooks.md). The socket belongs to `serve`: while the web is being started
again, callers wait in its queue and nothing is refused.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nps.errors import ConfigError
from npsync.logs import notice

DEFAULT = "127.0.0.1:8642"
QUEUE = 1_024  # callers that wait while nobody takes them
SECONDS_FOR_A_PORT = 3.0  # the web of a `serve` that was killed needs a moment to notice
SECONDS_TO_END = 15.0
LONGEST_PAUSE = 30.0
LIVED_WELL = 60.0


def bind(listen: str) -> socket.socket:
    """A listening socket at HOST:PORT. Raises ConfigError with what to do."""
    host, port = _place(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + SECONDS_FOR_A_PORT
    while True:
        try:
            made.bind((host, port))
            made.listen(QUEUE)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            made.close()
            raise ConfigError(_why_not(listen, error)) from None
        made.set_inheritable(True)
        return made


def _place(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f'--listen {listen}: write HOST:PORT, like {DEFAULT}, 0.0.0.0:8642 or "[::]:8642"')
    return host, int(port)


def _why_not(listen: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"--listen {listen}: another program listens there already (another npsync serve?). End it, or choose "
            "another port; `npsync serve --no-web` runs the clock alone"
        )
    if error.errno == errno.EACCES:
        return f"--listen {listen}: this user may not listen there; ports below 1024 are the system's: take {DEFAULT}"
    return (
        f"--listen {listen}: cannot listen there ({error.strerror}); 127.0.0.1, 0.0.0.0 and [::] always work"
    )


@contextmanager
def beside(listen: str, config: Path, content: bytes, *, json: bool) -> Iterator[Web]:
    """The web, in a process of its own, while the block lasts. It is started again whenever it ends. It goes by the
    `content` of the file that `serve` has taken, whatever stands there by now."""
    with bind(listen) as made:
        host, port = made.getsockname()[:2]
        web = Web(made, config, content, json=json)
        notice("listening", host=host, port=port)
        try:
            web.start()
            yield web
        finally:
            web.stop()


class Web:
    """The child process and the thread that watches it."""

    def __init__(self, listening: socket.socket, config: Path, content: bytes, *, json: bool) -> None:
        self._listening, self._config, self._json = listening, config, json
        self._content = content
        self._again = threading.Event()
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._watcher = threading.Thread(target=self._watch, name="npsync-web", daemon=True)
        # Whoever holds the writing end is alive: the child reads an end of file when this process is gone, however.
        self._read_end, self._write_end = os.pipe()

    def start(self) -> None:
        self._watcher.start()

    def go_by(self, content: bytes) -> None:
        """Begin anew with this content of the file. Requests under way are answered; who comes meanwhile waits."""
        with self._turn:
            self._content = content
            self._again.set()
            if self._process is not None:
                self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """Requests under way are answered first."""
        self._ending.set()
        with self._turn:
            process = self._process
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
        self._watcher.join()
        os.close(self._read_end)
        os.close(self._write_end)

    def _watch(self) -> None:
        pause = 1.0
        while not self._ending.is_set():
            began = time.monotonic()
            with self._turn:
                if self._ending.is_set():
                    return
                self._again.clear()
                self._process = process = self._spawned()
            code = None if process is None else self._ended(process)
            if self._ending.is_set():
                return
            if self._again.is_set():
                continue
            pause = 1.0 if time.monotonic() - began > LIVED_WELL else min(pause * 2, LONGEST_PAUSE)
            notice("web_ended", code=code, again_in=pause)
            self._rest(pause)

    def _ended(self, process: subprocess.Popen[bytes]) -> int:
        notice("web_started", pid=process.pid)
        return process.wait()

    def _rest(self, seconds: float) -> None:
        """Unless there is another file to go by, or the end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._again.is_set() and not self._ending.wait(0.2):
            pass

    def _spawned(self) -> subprocess.Popen[bytes] | None:
        """None where the machine has no memory, process or disk left for it at this moment."""
        try:
            return self._spawn()
        except OSError as error:
            notice("web_not_started", problem=error.strerror)
            return None

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "npsync.web", str(self._config), str(self._listening.fileno())]
        command += [str(self._read_end), "json" if self._json else "text"]
        with tempfile.TemporaryFile() as content:
            content.write(self._content)
            content.seek(0)
            return subprocess.Popen(
                command,
                stdin=content,
                pass_fds=(self._listening.fileno(), self._read_end),
                process_group=0,  # Ctrl-C is for serve, which then ends this one
            )
