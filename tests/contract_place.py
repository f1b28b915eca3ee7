"""Where the promises of the connectors are tried, and what goes wrong there on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from sandbox_process import RunningSandbox

Given = dict[str, Any]

NOBODY_LISTENS = "http://127.0.0.1:9"
EVIL = "http://evil.example"
WRONG_SECRET = "wr0ng-s3cret-8f2c"

_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """Where a test's vendor is, and a folder of its own."""

    sandbox: RunningSandbox
    folder: Path


def sandbox_now(place: Place) -> datetime:
    return datetime.fromisoformat(place.sandbox.control("GET", "/")["now"])


def unique(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"
