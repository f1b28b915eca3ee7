"""What systemd is told: that serve is ready, that it takes another configuration, that it ends (`Type=notify-reload`).

A line or two over a datagram socket; where nobody asks for it (NOTIFY_SOCKET is not set) nothing is said.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"


def reloading() -> str:
    """With the moment it began, by which systemd tells this reload's end from an earlier one's."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def tell(state: str, env: Mapping[str, str] = os.environ) -> bool:
    """False where nobody listens: serve goes on all the same."""
    where = env.get("NOTIFY_SOCKET", "")
    if not where.startswith(("/", "@")):
        return False
    address = f"\0{where[1:]}" if where.startswith("@") else where
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.sendto(state.encode(), address)
    except OSError:
        return False
    return True
