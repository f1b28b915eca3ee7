"""Whether a request comes from its sender: over the raw bytes, in constant time, by any of several secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.contract import Posted, Refused
from connectors.webhook.settings import Auth, Basic, Hmac, SecretPath, StaticHeader

# One answer for everything that is missing or wrong: a forger learns nothing from it.
_UNSIGNED = "the request does not carry the proof of its sender that this address asks for"
_NOT_NOW = "the request's time is too far off"


MOST_SIGNATURES = 10


def prove(auth: Auth, posted: Posted) -> None:
    """Raises Refused."""
    match auth:
        case Hmac():
            _prove_hmac(auth, posted)
        case StaticHeader():
            _prove(posted.headers.get(auth.name.lower()), auth.value)
        case Basic():
            _prove(_credentials(posted), auth.password, before=f"{auth.username}:")
        case SecretPath():
            _prove(urlsplit(posted.url).path.rpartition("/")[2], auth.secret)


def _prove(given: str | bytes | None, secrets: tuple[SecretStr, ...], *, before: str = "") -> None:
    bytes_given = given.encode("latin-1", "replace") if isinstance(given, str) else given or b""
    if not _any(secrets, lambda secret: hmac.compare_digest(bytes_given, before.encode() + secret)):
        raise _refused()


def _any(secrets: tuple[SecretStr, ...], holds: Callable[[bytes], bool]) -> bool:
    return any(holds(secret.get_secret_value().encode()) for secret in secrets)


def _credentials(posted: Posted) -> bytes:
    scheme, _, encoded = posted.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return b""


# ---------------------------------------------------------------- signatures


def _prove_hmac(auth: Hmac, posted: Posted) -> None:
    given = posted.headers.get(auth.header.lower(), "").strip()
    message = _signed(auth, posted)
    wanted = [_signature(auth, auth.key_of(secret), message) for secret in auth.secret]
    signatures = given.split()[:MOST_SIGNATURES] if auth.several else [given]
    if not any(_is_one_of(auth, each, wanted) for each in signatures):
        raise _refused()
    if auth.timestamp_header is not None:
        _recent(auth, posted)


def _is_one_of(auth: Hmac, given: str, wanted: Sequence[bytes]) -> bool:
    if not given.startswith(auth.prefix):
        return False
    signature = given[len(auth.prefix) :]
    signature = signature.lower() if auth.encoding == "hex" else signature
    found = signature.encode("latin-1", "replace")
    return any(hmac.compare_digest(each, found) for each in wanted)


def _signature(auth: Hmac, secret: bytes, message: bytes) -> bytes:
    digest = hmac.new(secret, message, getattr(hashlib, auth.algorithm)).digest()
    return digest.hex().encode() if auth.encoding == "hex" else base64.b64encode(digest)


def _signed(auth: Hmac, posted: Posted) -> bytes:
    if auth.signed == "first_batch_item":
        return _first_item(posted.body)
    if auth.timestamp_header is not None:
        named = [name for name in (auth.id_header, auth.timestamp_header) if name is not None]
        stamps = [posted.headers.get(name.lower(), "").encode("latin-1", "replace") for name in named]
        return b".".join([*stamps, posted.body])
    return posted.body


def _first_item(body: bytes) -> bytes:
    """Of an array, the first element as its sender wrote it; written anew, numbers and escapes would differ."""
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        return body
    try:
        text = body.decode("utf-8")
        begins = text.index("[") + 1
        begins += len(text[begins:]) - len(text[begins:].lstrip(" \t\r\n"))
        _, ends = json.JSONDecoder().raw_decode(text, begins)
    except (ValueError, RecursionError):
        return body  # no JSON: it will not match
    return text[begins:ends].encode()


def _recent(auth: Hmac, posted: Posted) -> None:
    stamp = posted.headers.get((auth.timestamp_header or "").lower(), "").strip()
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 13:
        raise Refused(400, _NOT_NOW, code="bad_time")
    seconds = int(stamp) / (1000 if len(stamp) > 11 else 1)
    if (
        abs((posted.at - datetime.fromtimestamp(seconds, UTC)).total_seconds())
        > auth.tolerance.total_seconds()
    ):
        raise Refused(401, _NOT_NOW, code="replayed")


def _refused() -> Refused:
    return Refused(401, _UNSIGNED, code="unsigned")
