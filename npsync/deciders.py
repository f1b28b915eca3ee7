"""Who decided something, when and why, as it is kept beside the decision."""

from __future__ import annotations

import getpass
from datetime import datetime


def signed(done: str, reason: str, now: datetime, *, by: str = "") -> str:
    """ "discarded by ann on 2026-11-22: a test by the agency". `by`: who, where it is not whoever sits here."""
    said = f"{done} by {by or whoever()} on {now:%Y-%m-%d}"
    return f"{said}: {reason.strip()}" if reason.strip() else said


def whoever() -> str:
    """Who sits there, as the system calls them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user that has no name
        return "somebody"


def at_the_command_line() -> str:
    """The same, as the audit names them."""
    return f"cli:{whoever()}"
