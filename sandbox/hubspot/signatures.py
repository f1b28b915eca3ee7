"""The signatures HubSpot puts on its requests, in all three versions."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

# Exactly these are decoded in the URI before a v3 signature is made.
_DECODED = dict(
    zip(
        ("3A", "2F", "3F", "40", "21", "24", "27", "28", "29", "2A", "2C", "3B"),
        (":", "/", "?", "@", "!", "$", "'", "(", ")", "*", ",", ";"),
        strict=True,
    )
)
_ENCODED = re.compile(f"%({'|'.join(_DECODED)})", re.IGNORECASE)


def v1(secret: str, body: bytes) -> str:
    return hashlib.sha256(secret.encode() + body).hexdigest()


def v2(secret: str, method: str, uri: str, body: bytes) -> str:
    return hashlib.sha256((secret + method + uri).encode() + body).hexdigest()


def v3(secret: str, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """`timestamp` is X-HubSpot-Request-Timestamp: milliseconds."""
    decoded = _ENCODED.sub(lambda found: _DECODED[found[1].upper()], uri)
    source = (method + decoded).encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()
