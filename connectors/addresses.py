"""Which base addresses a connection may have. Settings need this alone, and no HTTP client with it."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def checked_base_url(url: str, *, allow_http: bool = False) -> str:
    """`url` without a trailing slash; ValueError unless it is https, or plain http to this machine (or
    allowed)."""
    parts = urlsplit(url.strip())
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError("must be an address like https://api.example.com")
    if "@" in parts.netloc or parts.query or parts.fragment or "\\" in url:
        raise ValueError("must hold no credentials, query or fragment")
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname)):
        raise ValueError("must start with https:// (set allow_http: true for a plain host you trust)")
    _ = parts.port  # ValueError when it is no port
    return url.strip().rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
