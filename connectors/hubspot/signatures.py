"""Whether a request is HubSpot's: its three ways to sign, each as its documentation says."""

from __future__ import annotations

import base64
import hmac
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from connectors.asking import Posted

OLDEST = timedelta(minutes=5)
_AHEAD = timedelta(minutes=1)  # what two clocks may differ by

# What version 3 decodes in an address before it signs, and nothing else.
_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_ENCODED = re.compile("|".join(_DECODED), re.IGNORECASE)
_MILLISECONDS = re.compile(r"\d{1,16}", re.ASCII)


def v1(secret: str, body: bytes) -> str:
    return sha256(secret.encode() + body).hexdigest()


def v2(secret: str, method: str, url: str, body: bytes) -> str:
    return sha256(secret.encode() + method.encode() + url.encode() + body).hexdigest()


def v3(secret: str, method: str, url: str, body: bytes, timestamp: str) -> str:
    source = method.encode() + decoded(url).encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), source, sha256).digest()).decode()


def decoded(url: str) -> str:
    """The address as version 3 signs it."""
    return _ENCODED.sub(lambda found: _DECODED[found[0].upper()], url)


def is_same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.strip().encode(), wanted.encode())


def is_timely(timestamp: str, now: datetime) -> bool:
    """Whether a version 3 timestamp (milliseconds) is of the last five minutes. One of the future is forged, or kept
    back for later."""
    if not _MILLISECONDS.fullmatch(timestamp):
        return False
    try:
        at = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return False
    return now - OLDEST <= at <= now + _AHEAD


def by_v3(posted: Posted, secret: str, given: str) -> str:
    """ "" when it is genuine, else what is wrong, as a stable word."""
    timestamp = posted.headers.get("x-hubspot-request-timestamp", "")
    if not is_timely(timestamp, posted.at):
        return "stale"
    wanted = v3(secret, posted.method, posted.url, posted.body, timestamp)
    return "" if is_same(given, wanted) else "bad_signature"
