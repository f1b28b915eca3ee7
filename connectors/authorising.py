"""Carrying out what `connectors.auth` says: headers that never change, and tokens that are asked for and renewed."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, assert_never

from connectors.addresses import token_address
from connectors.auth import Auth, BasicAuth, BearerAuth, HeaderAuth, NoAuth, TokenAuth
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.http import Http
from connectors.limits import Limiter
from connectors.refreshing import Granted, Refreshing
from connectors.replies import Reply, Retry, Ruling, Stop, judge, unreadable
from connectors.tokens import Credential, Token
from nps.errors import AccessError, ConfigError, UnavailableError

_EARLY = 60.0
_ADDRESS = "base_url, and the path at which tokens are asked for"
_OAUTH_CODE = re.compile(r"[a-z][a-z_]{2,39}")


class Authorisation:
    """What lets the calls of one connection in; its HTTP clients share it. Thread-safe.

    `setting` is where the YAML has it, for messages: "" where a preset makes it of keys that stand at the connection
    itself, so that nobody is told to check what only the preset says. ConfigError when it cannot be sent as it is.
    """

    def __init__(
        self,
        auth: Auth,
        base_url: str,
        policy: CallPolicy,
        *,
        allow_http: bool = False,
        timeouts: tuple[float, float] = (10.0, 60.0),
        setting: str = "auth",
    ) -> None:
        self._auth = auth
        self._base_url = base_url
        self._allow_http = allow_http
        self._timeouts = timeouts
        self._door: Http | None = None
        self._fixed = _fixed_header(auth, setting, policy.tools.connection)
        self.policy = replace(policy, token=None, advice=_advice(auth, setting))
        if isinstance(auth, TokenAuth):
            door, path = self._door_of(auth, policy, setting)
            self._door = door
            asking = _Asking(auth, door, path, policy.tools, setting)
            fetch = (
                Refreshing(auth, asking.granted, policy.tools).credential
                if auth.grant == "refresh_token"
                else lambda: asking.granted(None).credential
            )
            self.policy = replace(self.policy, token=Token(fetch, policy.tools.clock, early=_EARLY))

    def http(self, policy: CallPolicy | None = None, *, headers: Mapping[str, str] | None = None) -> Http:
        """A client below the base address whose calls are let in. `policy`: `self.policy` with another judge, say."""
        carried: dict[str, str] = {}
        if isinstance(self._auth, TokenAuth):
            carried = {"token_header": self._auth.header, "token_value": self._auth.value}
        return Http(
            self._base_url,
            policy or self.policy,
            allow_http=self._allow_http,
            headers={**(headers or {}), **self._fixed},
            timeouts=self._timeouts,
            **carried,
        )

    def close(self) -> None:
        """Closes what tokens are asked for with; the clients are their owner's."""
        if self._door is not None:
            self._door.close()

    def _door_of(self, auth: TokenAuth, policy: CallPolicy, setting: str) -> tuple[Http, str]:
        try:
            address, path = token_address(auth.token_url, self._base_url, allow_http=self._allow_http)
        except ValueError as problem:
            raise ConfigError(
                f"{policy.tools.connection}: {_named(setting, 'token_url')} {problem}"
            ) from None
        plain = replace(
            policy,
            limiter=Limiter(
                policy.tools, name="sign-in"
            ),  # asking for a token takes nothing from the API's calls
            token=None,
            learn=None,
            judge=lambda reply: _judge(reply, auth, setting, policy.tools),
        )
        # Plain http to another machine is for its own host alone: `token_address` saw to that.
        return Http(address, plain, allow_http=self._allow_http, timeouts=self._timeouts), path


# ---------------------------------------------------------------- headers that never change


def basic(username: str, password: str) -> str:
    """The value of a header with HTTP Basic."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _fixed_header(auth: Auth, setting: str, connection: str) -> dict[str, str]:
    match auth:
        case NoAuth() | TokenAuth():
            return {}
        case HeaderAuth():
            return {
                auth.header: _sendable(auth.value.get_secret_value(), _named(setting, "value"), connection)
            }
        case BearerAuth():
            token = _sendable(auth.token.get_secret_value(), _named(setting, "token"), connection)
            return {"Authorization": f"Bearer {token}"}
        case BasicAuth():
            username = auth.username.get_secret_value()
            if ":" in username:
                named = _named(setting, "username")
                raise ConfigError(f"{connection}: {named} may hold no colon: HTTP Basic ends it there")
            return {"Authorization": basic(username, auth.password.get_secret_value())}
        case _:
            assert_never(auth)


def _sendable(text: str, setting: str, connection: str) -> str:
    """What a file or a paste left around it is taken off; what no header can hold is refused without being shown."""
    text = text.strip()
    if not text:
        raise ConfigError(f"{connection}: {setting} is empty")
    if not is_header_text(text):
        raise ConfigError(
            f"{connection}: {setting} holds a line break or a character that no HTTP header can carry; "
            "was more than the key copied?"
        )
    return text


def is_header_text(text: str) -> bool:
    return all(" " <= character <= "~" for character in text)


def _named(setting: str, *names: str) -> str:
    """Settings as the YAML calls them."""
    return " and ".join(f"{setting}.{name}" if setting else name for name in names)


def _advice(auth: Auth, setting: str) -> str:
    """After a call that was refused."""
    match auth:
        case NoAuth():
            return f"check `{setting}` in the YAML's connection: none is given, and the vendor asks for it"
        case HeaderAuth():
            return (
                f"check {_named(setting, 'value')} (and {_named(setting, 'header')}) in the YAML's connection"
            )
        case BearerAuth():
            return f"check {_named(setting, 'token')} in the YAML's connection"
        case BasicAuth():
            return f"check {_named(setting, 'username', 'password')} in the YAML's connection"
        case TokenAuth() if not setting:
            return "check what the client may do: tokens are handed out, and refused"
        case TokenAuth():
            return (
                f"check {_named(setting, 'header', 'value')} in the YAML's connection, and what the client may do: "
                "tokens are handed out, and refused"
            )
        case _:
            assert_never(auth)


# ---------------------------------------------------------------- tokens that are asked for


class _Asking:
    """Asks for tokens."""

    def __init__(self, auth: TokenAuth, door: Http, path: str, tools: Tools, setting: str) -> None:
        self._auth, self._door, self._path = auth, door, path
        self._tools, self._setting = tools, setting

    def granted(self, refresh_token: str | None) -> Granted:
        auth = self._auth
        wanted = _request(auth, refresh_token)
        headers = {}
        if auth.client == "basic":
            # As nearly every client does it: without the percent-encoding of RFC 6749, which few servers undo.
            headers["Authorization"] = basic(auth.client_id or "", _shown(auth.client_secret))
        reply = self._door.request(
            "POST",
            self._path,
            json=dict(wanted) if auth.body == "json" else None,
            form=wanted if auth.body == "form" else None,
            headers=headers,
            what="ask for an access token",
            idempotent=True,
            reads=True,
        )
        return self._read(reply)

    def _read(self, reply: Reply) -> Granted:
        said = reply.json()
        token = field_of(said, self._auth.token_field)
        if not isinstance(token, str) or not token.strip():
            raise AccessError(
                f"{reply.what}: the answer holds no token in {self._auth.token_field}; "
                f"check {_named(self._setting, 'token_url', 'token_field') if self._setting else _ADDRESS}"
            )
        if not is_header_text(token.strip()):
            raise AccessError(
                f"{reply.what}: the answer's token holds characters that no HTTP header can carry"
            )
        refreshed = field_of(said, "refresh_token")
        return Granted(
            Credential(token.strip(), _lifetime(field_of(said, self._auth.expires_field))),
            refreshed if isinstance(refreshed, str) and refreshed else None,
        )


def _request(auth: TokenAuth, refresh_token: str | None) -> dict[str, str]:
    """What is sent for a token: what the grant needs, or everything there is where no grant is named."""
    every = auth.grant is None
    wanted: dict[str, str | None] = {"grant_type": auth.grant}
    if auth.client == "body":
        wanted |= {"client_id": auth.client_id, "client_secret": _given(auth.client_secret)}
    if every or auth.grant == "password":
        wanted |= {"username": auth.username, "password": _given(auth.password)}
    if every or auth.grant == "refresh_token":
        wanted |= {"refresh_token": refresh_token or _given(auth.refresh_token)}
    wanted |= {"scope": auth.scope}
    return {name: value for name, value in wanted.items() if value is not None}


def _given(secret: Any) -> str | None:
    return None if secret is None else _shown(secret)


def _shown(secret: Any) -> str:
    return "" if secret is None else str(secret.get_secret_value()).strip()


def field_of(said: Any, path: str) -> Any:
    """A field of a reply, by its name or by names with dots between them; None where there is none."""
    for name in path.split("."):
        if not isinstance(said, Mapping):
            return None
        said = said.get(name)
    return said


def _lifetime(told: Any) -> float | None:
    """Seconds, as a number or as text; None where nothing usable is told: the token then lives until it is refused."""
    seconds = 0.0
    if isinstance(told, int | float | str) and not isinstance(told, bool):
        with suppress(ValueError):
            seconds = float(told)
    if not 0 < seconds < float("inf"):
        return None
    # One that lives hardly longer than it is renewed early would be asked for with every call.
    return seconds if seconds >= 2 * _EARLY else seconds / 2 + _EARLY


# ---------------------------------------------------------------- refusals


def _judge(reply: Reply, auth: TokenAuth, setting: str, tools: Tools) -> Ruling:
    address = _named(setting, "token_url") if setting else _ADDRESS
    match reply.status:
        case status if 200 <= status < 300:
            return unreadable(reply) or judge(reply, tools.clock)
        case 400 | 401 | 403 | 422:
            code = _code(reply)
            told = f"{reply.status}, {code}" if code else str(reply.status)
            return Stop(
                AccessError, f"the vendor refuses a token ({told}); check {_to_check(auth, code, setting)}"
            )
        case 404 | 405 | 410:
            return Stop(
                ConfigError, f"no tokens are handed out there (status {reply.status}); check {address}"
            )
        case status if 300 <= status < 400:
            told = f"the address redirects (status {status}), which is not followed; check {address}"
            return Stop(ConfigError, told)
        case 415:
            advice = f"; check {_named(setting, 'body')}" if setting else ""
            return Stop(ConfigError, f"the vendor does not take a {auth.body} body{advice}")
    ruling = judge(reply, tools.clock)
    if isinstance(ruling, Retry):
        return replace(ruling, unknown=False)
    return Stop(UnavailableError, f"status {reply.status} came where a token was expected")


def _code(reply: Reply) -> str:
    """The error's code, where it looks like one of OAuth: anything longer may quote what was sent."""
    said = reply.json() if reply.is_json else None
    code = said.get("error") if isinstance(said, Mapping) else None
    return code if isinstance(code, str) and _OAUTH_CODE.fullmatch(code) else ""


def _to_check(auth: TokenAuth, code: str, setting: str) -> str:
    names = ["client_id", "client_secret", "username", "password", "refresh_token"]
    given = _named(setting, *(name for name in names if getattr(auth, name) is not None))
    match code:
        case _ if not setting:
            return given
        case "invalid_scope":
            return _named(setting, "scope")
        case "unsupported_grant_type" | "unauthorized_client":
            return f"{_named(setting, 'grant')}, and what the client is allowed"
        case "invalid_client":
            return f"{_named(setting, 'client_id')}, {_named(setting, 'client_secret', 'client')}"
    if auth.grant == "refresh_token":
        return f"{given}; a refresh token that was revoked is asked for anew at the vendor"
    return f"{given}, and {_named(setting, 'body', 'client')} if they are right"
