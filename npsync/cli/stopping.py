"""Ending a run from outside, between two steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable


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
