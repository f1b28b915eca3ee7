"""Ending a command between two steps when somebody asks for it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable


def stopping_on_signals() -> threading.Event:
    """Set by SIGTERM and SIGINT, from the first moment on: what is opened afterwards is closed again in order."""
    stopping = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda number, frame: stopping.set())
    return stopping


def stop_on_signal() -> Callable[[], bool]:
    """Ctrl-C, SIGTERM and a terminal that is closed end the run between two steps; a second Ctrl-C does not wait for
    more than the call under way."""
    asked = threading.Event()

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    signal.signal(signal.SIGTERM, ask)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, ask)
    return asked.is_set
