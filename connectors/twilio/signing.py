"""Whether a request really comes from Twilio: X-Twilio-Signature, as the vendor's own library checks it. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}

Pairs = Sequence[tuple[str, str]]


def signature(token: str, url: str, pairs: Pairs) -> str:
    """Base64 of HMAC-SHA1 over the address and every distinct pair, sorted, without separators."""
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def is_signed(given: str, tokens: Iterable[str], url: str, pairs: Pairs) -> bool:
    """Constant in time. The sender is not consistent about default ports, so both spellings count."""
    genuine = [signature(token, spelling, pairs) for token in tokens for spelling in _spellings(url)]
    return any(hmac.compare_digest(each.encode(), given.encode("utf-8", "replace")) for each in genuine)


def holds_body(url: str, body: bytes) -> bool:
    """Whether the `bodySHA256` of the address is that of the body: how bodies other than forms are signed."""
    [told] = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[:1]
    digest = hashlib.sha256(body).hexdigest()
    return hmac.compare_digest(digest.encode(), told.lower().encode("utf-8", "replace"))


def _spellings(url: str) -> set[str]:
    """The address with its default port and without."""
    parts = urlsplit(url)
    usual = _DEFAULT_PORTS.get(parts.scheme)
    if usual is None or parts.port not in (None, usual):
        return {url}
    bare = parts.netloc.removesuffix(f":{usual}")
    return {url, *(urlunsplit(parts._replace(netloc=each)) for each in (bare, f"{bare}:{usual}"))}
