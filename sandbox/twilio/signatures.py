"""X-Twilio-Signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signature(token: str, url: str, parameters: Sequence[tuple[str, str]] = ()) -> str:
    """Each distinct value of each name, both in order, behind the address, with nothing between."""
    told = "".join(name + value for name, value in sorted(set(parameters)))
    mac = hmac.new(token.encode(), (url + told).encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()
