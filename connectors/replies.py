"""A vendor's reply, and what is done about it: taken, tried again, tried with a new credential, or given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from connectors.contract import Clock
from nps.errors import AccessError, NpsyncError, UnavailableError

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """A vendor's answer. Header names are lower case; `what` names the call, for messages."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    what: str = ""
    _read: list[Any] = field(default_factory=list, repr=False, compare=False)  # the body, once it was parsed

    @property
    def is_json(self) -> bool:
        """Whether the body is whole: cut off anywhere, it does not parse. It is parsed once, here or in `json`."""
        if not self._read:
            with suppress(orjson.JSONDecodeError):
                self._read.append(orjson.loads(self.body))
        return bool(self._read)

    def json(self) -> Any:
        """The body as JSON; UnavailableError when it is something else, a proxy's login page for example."""
        if self.is_json:
            return self._read[0]
        # Raised outside the handler: the decoder's error would carry the body along.
        kind = self.headers.get("content-type", "no content type").split(";")[0]
        raise UnavailableError(
            f"{self.what}: status {self.status} came with {kind} where JSON was expected; "
            "is a proxy or a maintenance page answering?"
        )


@dataclass(frozen=True)
class Fine:
    """Hand the reply to the caller (also a 404 or 400 the caller knows how to read)."""


@dataclass(frozen=True)
class Retry:
    """Try again: after `after` seconds, for every thread of the connection, or by back-off when None.
    `unknown` says that the vendor may have carried the call out all the same."""

    reason: str
    after: float | None = None
    unknown: bool = False


@dataclass(frozen=True)
class Renew:
    """The credential is not accepted any more: renew it once and try again."""

    reason: str = "the credential was refused"


@dataclass(frozen=True)
class Stop:
    """Trying again cannot help: raise `error` with the reason."""

    error: Callable[[str], NpsyncError]
    reason: str


Ruling = Fine | Retry | Renew | Stop


Judge = Callable[[Reply], Ruling]


FINE = Fine()


def judge(reply: Reply, clock: Clock) -> Ruling:
    """What most vendors mean: 401 renew, 403 no access, 429/503 wait as told, 5xx try again, the rest is
    fine."""
    status = reply.status
    if status == 401:
        return Renew()
    if status == 403:
        return Stop(AccessError, "the vendor refuses access (403); see `npsync connect` for what to grant")
    if status in (408, 425):
        return Retry(f"status {status}")
    if status in (429, 503):
        return Retry(f"status {status}", after=retry_after(reply, clock))
    if status >= 500:
        return Retry(f"status {status}", unknown=True)
    return FINE


def unreadable(reply: Reply) -> Ruling | None:
    """What to do about a success that is none: a page of a proxy in between, JSON that was cut off. None: it reads."""
    kind = reply.headers.get("content-type", "")
    if "html" in kind:
        page = f"status {reply.status} came with {kind.split(';')[0]} where JSON was expected"
        return Retry(f"{page}; is a proxy or a maintenance page answering?", unknown=True)
    if "json" not in kind or reply.status == 204 or reply.is_json:
        return None
    return Retry(f"the answer (status {reply.status}) is cut off", unknown=True)


def retry_after(reply: Reply, clock: Clock) -> float | None:
    """Seconds the Retry-After header asks to wait; it may hold seconds or a date."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    with suppress(ValueError):
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max((aware - clock.now()).total_seconds(), 0.0)
    return None
