"""What must never be read by anybody: every value that came from the environment or a secrets file."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, urlsplit

from connectors.addresses import is_loopback

MASK = "***"
_SHORTEST = 5  # masking "on" or "443" everywhere would make text unreadable and hide nothing

_lock = threading.Lock()
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def register(value: str) -> None:
    """From now on `redact` masks this value, also in the forms it takes in addresses and JSON."""
    global _pattern
    if _is_this_machine(value.strip()):
        return
    forms = {form for form in _forms(value) if len(form) >= _SHORTEST}
    with _lock:
        if forms <= _known:
            return
        _known.update(forms)
        longest_first = sorted(_known, key=len, reverse=True)
        _pattern = re.compile("|".join(re.escape(form) for form in longest_first))


def redact(text: str) -> str:
    """`text` without any registered value."""
    return _pattern.sub(MASK, text) if _pattern else text


def forget() -> None:
    """For tests: no value is registered."""
    global _pattern
    with _lock:
        _known.clear()
        _pattern = None


def _is_this_machine(text: str) -> bool:
    """The address of a server here (`127.0.0.1`, `http://localhost:8642`): masking it everywhere hides nothing."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
    except ValueError:
        return False
    told = parts.hostname is not None and "@" not in parts.netloc and not parts.query and not parts.fragment
    return told and parts.path.count("/") <= 1 and is_loopback(parts.hostname or "")


def _forms(value: str) -> Iterable[str]:
    text = value.strip()
    yield text
    yield quote(text, safe="")
    yield quote_plus(text)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    if "\n" in text:  # a private key may be told line by line
        yield from (line.strip() for line in text.splitlines() if len(line.strip()) >= 16)
