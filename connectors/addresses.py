"""Which base addresses a connection may have. Settings need this alone, and no HTTP client with it."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

from nps.faults import Fault, Faults

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


class Addressed(Protocol):
    """Settings with the address of an API."""

    @property
    def base_url(self) -> str | None: ...

    @property
    def allow_http(self) -> bool: ...


S = TypeVar("S", bound=Addressed)


def safe_address(settings: S) -> S:
    """A validator for settings: `_safe_address = model_validator(mode="after")(safe_address)`. It tells at `base_url`
    what `checked_base_url` has against it; None is for the vendor's own address."""
    try:
        if settings.base_url is not None:
            checked_base_url(settings.base_url, allow_http=settings.allow_http)
    except ValueError as problem:
        raise Faults([Fault(("base_url",), str(problem))]) from None
    return settings


def token_address(token_url: str, base_url: str, *, allow_http: bool = False) -> tuple[str, str]:
    """Where a token is asked for, as a base address and the path below it. `token_url` is a path below `base_url`, or a
    whole address; ValueError for one of another host that is not https, whatever `base_url` may be: it is handed the
    client's secret."""
    if token_url.startswith("/") and not token_url.startswith("//"):
        return checked_base_url(base_url, allow_http=allow_http), token_url
    parts = urlsplit(token_url.strip())
    root = f"{parts.scheme}://{parts.netloc}"
    ours = urljoin(base_url.strip(), "/").rstrip("/").lower() == root.lower()
    if parts.scheme == "http" and not (allow_http and ours) and not is_loopback(parts.hostname or ""):
        raise ValueError("must start with https://: the client's secret is sent there")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return checked_base_url(root, allow_http=allow_http and ours), path


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
