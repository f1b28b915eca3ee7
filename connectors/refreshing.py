"""Access tokens by a refresh token that the vendor may replace each time: one process renews, the others take over what
it got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from connectors.auth import TokenAuth
from connectors.contract import Memory, Tools
from connectors.sealing import Seal
from connectors.tokens import Credential
from nps.errors import ConfigError, UnavailableError

_KEY = "refresh_token"
_LEASE, _LEASE_SECONDS = "refreshing", 300.0  # longer than one call may take
_TRIES, _PAUSE = 400, 0.5


@dataclass(frozen=True)
class Granted:
    """What a token endpoint said. `refresh_token`: a new one that replaces the one sent, if it gave one."""

    credential: Credential
    refresh_token: str | None = field(default=None, repr=False)


class _Kept(msgspec.Struct, frozen=True):
    """What the last renewal gave, whichever process made it."""

    refresh_token: str
    access_token: str
    expires_at: datetime | None


class Refreshing:
    """Used by one `Token`, which calls it from one thread at a time."""

    def __init__(self, auth: TokenAuth, ask: Callable[[str], Granted], tools: Tools) -> None:
        assert auth.refresh_token is not None  # the model demands it with this grant
        self._first = auth.refresh_token.get_secret_value().strip()
        secret = auth.client_secret.get_secret_value() if auth.client_secret else ""
        # A new token in the YAML makes another seal: what was remembered of the old one is forgotten with it.
        self._seal = Seal(self._first, secret)
        self._ask = ask
        self._tools = tools
        self._used: str | None = (
            None  # the access token this process had last: it is refused, or about to expire
        )

    def credential(self) -> Credential:
        memory = self._durable()
        for _ in range(_TRIES):
            with memory.lease(_LEASE, _LEASE_SECONDS) as held:
                if held:
                    credential = self._renewed(memory)
                    self._used = credential.value
                    return credential
            self._tools.clock.sleep(_PAUSE)
        raise UnavailableError(
            f"{self._tools.connection}: another process has been renewing the access token for minutes; "
            "run again later"
        )

    def _renewed(self, memory: Memory) -> Credential:
        kept = self._remembered(memory)
        if kept is not None and kept.access_token != self._used and (credential := self._still_good(kept)):
            return credential
        refresh_token = kept.refresh_token if kept is not None else self._first
        granted = self._ask(refresh_token)
        credential = granted.credential
        lives = None if credential.seconds is None else timedelta(seconds=credential.seconds)
        expires_at = None if lives is None else self._tools.clock.now() + lives
        # Before anybody uses it: the vendor may have made the old one worthless.
        self._remember(memory, _Kept(granted.refresh_token or refresh_token, credential.value, expires_at))
        return credential

    def _still_good(self, kept: _Kept) -> Credential | None:
        if kept.expires_at is None:
            return Credential(kept.access_token)
        seconds = (kept.expires_at - self._tools.clock.now()).total_seconds()
        return Credential(kept.access_token, seconds) if seconds > 60.0 else None

    def _remembered(self, memory: Memory) -> _Kept | None:
        sealed = memory.get([_KEY]).get(_KEY)
        text = None if sealed is None else self._seal.opened(sealed)
        return None if text is None else msgspec.json.decode(text, type=_Kept)

    def _remember(self, memory: Memory, kept: _Kept) -> None:
        memory.put({_KEY: self._seal.locked(msgspec.json.encode(kept).decode())})

    def _durable(self) -> Memory:
        memory = self._tools.credentials
        if memory is None:
            raise ConfigError(
                f"{self._tools.connection}: there is no store yet to remember a new refresh token in; "
                "`npsync db upgrade` makes it"
            )
        return memory
