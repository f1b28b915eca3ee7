"""X-Signature."""

from __future__ import annotations

import hashlib
import hmac


def signature(secret: str, signed: bytes) -> str:
    """Of the one event that was sent; of a batch, only its first element is signed."""
    return hmac.new(secret.encode(), signed, hashlib.sha1).hexdigest()
