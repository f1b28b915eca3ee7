"""Who holds a lease: a process, in words a person recognises and from which its own machine can tell that it is gone.

    shop-1:4711:9f1c02aa:b6f8898f5d06.4026531836.1234890

host, process number, a number of its own; and on Linux the machine's boot, the process namespace (a container has one
to itself) and when the process began, in ticks since the boot. A process number is used again; with the moment it began
it is not.
"""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_ENDED = frozenset("ZX")  # a zombie: dead, and its parent has not asked yet
_STATE, _THREADS, _BEGAN = 0, 17, 19  # columns of /proc/PID/stat behind the name, which may hold anything


class _Begun(NamedTuple):
    """A process as /proc shows it."""

    state: str
    threads: int
    began: str


def this_process() -> str:
    """A new owner. Two of one process are two owners."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    home, begun = _home(), _begun(os.getpid())
    return owner if home is None or begun is None else f"{owner}:{home}.{begun.began}"


def is_gone(owner: str) -> bool:
    """Whether the owner's process has surely ended. False wherever that cannot be known: on another machine, in another
    container, on a system without /proc."""
    parts = owner.rsplit(":", 3)
    if len(parts) != 4 or not parts[1].isdigit():
        return False
    host, number, _unique, life = parts
    home, _, began = life.rpartition(".")
    if host != socket.gethostname() or not home or home != _home():
        return False
    pid = int(number)
    try:
        os.kill(pid, 0)  # /proc may hide other people's processes; this does not
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # there is one, of another user
    begun = _begun(pid)
    if begun is None:
        return False
    return begun.began != began or (begun.state in _ENDED and begun.threads <= 1)


def _home() -> str | None:
    """What a process number means something in: this boot of this machine, and the namespace within it."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.stat(_PROC / "self/ns/pid").st_ino
    except OSError:
        return None
    return f"{boot.replace('-', '')[:12]}.{namespace}"


def _begun(pid: int) -> _Begun | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    columns = text.rpartition(")")[2].split()
    return _Begun(columns[_STATE], int(columns[_THREADS]), columns[_BEGAN])
