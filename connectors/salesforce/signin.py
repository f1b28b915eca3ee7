"""Signing in: our own token provider. The library's would log in once per thread, lose headers and never
give up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import assert_never
from urllib.parse import urlsplit

from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.http import Http
from connectors.limits import Limiter
from connectors.replies import FINE, Reply, Retry, Ruling, Stop, unreadable
from connectors.salesforce.errors import first_error
from connectors.salesforce.ids import long_id
from connectors.salesforce.settings import (
    VENDOR_HOSTS,
    AccessToken,
    ClientCredentials,
    JwtBearer,
    SalesforceSettings,
)
from connectors.tokens import Credential, Token
from nps.errors import AccessError, ConfigError, UnavailableError

_TOKEN_PATH = "/services/oauth2/token"
_ASSERTION_LIFE = timedelta(minutes=3)


class SignIn:
    """The token all threads share, and the address it is good for."""

    def __init__(self, settings: SalesforceSettings, tools: Tools, policy: CallPolicy) -> None:
        self._settings = settings
        self._tools = tools
        self._handed_out = False
        self._instance_url = settings.base_url or ""
        self.user = ""  # the id of whom the last token was for; "" before, and where nobody said
        self._http = Http(
            settings.login_url,
            # A limiter of its own: signing in takes nothing from the org's API calls.
            replace(policy, limiter=Limiter(tools, name="sign-in"), token=None, judge=_judge, learn=None),
            allow_http=settings.allow_http,
            timeouts=(settings.timeouts.connect, settings.timeouts.read),
        )
        self.token = Token(self._fetch, tools.clock)

    @property
    def address(self) -> str:
        """Where calls go: base_url if there is one, else what the vendor named with the token."""
        return self._instance_url

    def close(self) -> None:
        self._http.close()

    def _fetch(self) -> Credential:
        auth = self._settings.auth
        match auth:
            case AccessToken():
                return self._given(auth)
            case ClientCredentials():
                form = {
                    "grant_type": "client_credentials",
                    "client_id": auth.client_id.get_secret_value(),
                    "client_secret": auth.client_secret.get_secret_value(),
                }
            case JwtBearer():
                form = {
                    "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                    "assertion": self._assertion(auth),
                }
            case _:
                assert_never(auth)
        reply = self._http.request(
            "POST", _TOKEN_PATH, form=form, what="sign in", idempotent=True, reads=True
        )
        return self._signed_in(reply)

    def _given(self, auth: AccessToken) -> Credential:
        if self._handed_out:
            raise AccessError(
                f"{self._tools.connection}: the access_token is not accepted any more, and it cannot be "
                "renewed; put a fresh one in, or use client_credentials"
            )
        self._handed_out = True
        self._instance_url = self._settings.base_url or auth.instance_url
        return Credential(auth.access_token.get_secret_value())

    def _signed_in(self, reply: Reply) -> Credential:
        answer = reply.json()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise UnavailableError(f"{reply.what}: the answer holds no access token; is login_host right?")
        # https://host/id/ORG/USER
        self.user = long_id(str(answer.get("id") or "").rpartition("/")[2]) or ""
        if not self._settings.base_url:
            self._instance_url = self._trusted(str(answer.get("instance_url") or ""))
        return Credential(token)  # Salesforce does not say how long it lives: a 401 does

    def _trusted(self, address: str) -> str:
        """The token must only travel to Salesforce, whatever the answer names."""
        parts = urlsplit(address)
        if parts.scheme != "https" or not (parts.hostname or "").endswith(VENDOR_HOSTS):
            raise AccessError(
                f"{self._tools.connection}: the sign-in named an address that is not Salesforce's; "
                "check login_host"
            )
        return f"https://{parts.netloc}"

    def _assertion(self, auth: JwtBearer) -> str:
        import jwt  # brings in cryptography, which other flows need not pay for

        claims = {
            "iss": auth.client_id.get_secret_value(),
            "sub": auth.username,
            "aud": auth.audience
            or (f"https://{self._settings.login_host}" if self._settings.login_host else ""),
            # a number: the standard asks for it, and a text is refused by strict readers
            "exp": int((self._tools.clock.now() + _ASSERTION_LIFE).timestamp()),
        }
        try:
            return jwt.encode(claims, self._private_key(auth), algorithm="RS256")
        except (ValueError, TypeError, jwt.exceptions.PyJWTError):
            usable = False
        assert not usable  # raised outside the handler: the library's error may carry the key
        raise ConfigError(f"{self._tools.connection}: auth.private_key is not an RSA private key in PEM form")

    def _private_key(self, auth: JwtBearer) -> str:
        if auth.private_key is not None:
            return auth.private_key.get_secret_value()
        assert auth.private_key_file is not None  # the settings saw to it
        try:
            return self._tools.path(auth.private_key_file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{self._tools.connection}: auth.private_key_file {auth.private_key_file} cannot be read "
                f"({type(error).__name__})"
            ) from None


CHECK_AUTH = "check `auth` in the YAML's connection against the app's consumer key and secret"
_ADVICE = {
    "user hasn't approved this consumer": "pre-authorise the integration user in the app's policies",
    "audience is invalid": "set auth.audience to the org's My Domain address",
    "expired authorization code": "check this machine's clock",
    "app_not_found": "use the org's My Domain as login_host",
}


def _judge(reply: Reply) -> Ruling:
    if reply.status == 200:
        return unreadable(reply) or FINE
    code, message, _ = first_error(reply.body)
    if code == "rate_limit_exceeded" or reply.status == 429:
        return Retry("too many sign-ins", after=5.0)
    if reply.status >= 500:
        return Retry(f"status {reply.status}")
    if reply.status == 404 or not code:
        return Stop(
            ConfigError, f"no sign-in service answers there (status {reply.status}); check login_host"
        )
    advice = next((advice for words, advice in _ADVICE.items() if words in f"{code} {message}"), CHECK_AUTH)
    detail = f"{code}: {message}" if message else code
    return Stop(AccessError, f"Salesforce refused the sign-in ({detail[:200]}); {advice}")
