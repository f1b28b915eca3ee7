"""Secrets that a caller gives: compared in constant time, whatever was given."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from connectors.asking import Posted

SHORTEST = 16  # characters; a shorter secret can be guessed


def is_same(given: str | None, secret: str) -> bool:
    return given is not None and hmac.compare_digest(given.strip().encode(), secret.encode())


def is_signed(given: str | None, secret: str, body: bytes) -> bool:
    """HMAC-SHA256 of the body, in hex or base64, with or without "sha256=" before it."""
    if given is None:
        return False
    digest = hmac.new(secret.encode(), body, sha256).digest()
    text = given.strip().removeprefix("sha256=")
    try:
        told = bytes.fromhex(text) if len(text) == 2 * len(digest) else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(told, digest)


def of_the_address(posted: Posted, names: Sequence[str]) -> str | None:
    """A secret in the address that was called: `?secret=…`."""
    asked = parse_qs(urlsplit(posted.url).query)
    return next((asked[name][0] for name in names if name in asked), None)
