"""Tokens: client credentials, JWT bearer, refresh with rotation; and who a token speaks for."""

from __future__ import annotations

import base64
import binascii
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import jwt
from starlette.requests import Request
from starlette.responses import Response

from sandbox.salesforce.errors import ApiError, json_reply
from sandbox.salesforce.org import ORG_ID
from sandbox.toy import Room, name_call

CLIENT_ID, CLIENT_SECRET = "3MVG9sandboxNpsync.Integration", "sf-secret-5B1F0C2E77"
READER_ID, READER_SECRET = "3MVG9sandboxNpsync.Reader", "sf-reader-secret-9D41AA"
# "Customize Application", for as long as somebody provisions; the integration never has it.
ADMIN_ID, ADMIN_SECRET = "3MVG9sandboxNpsync.Provisioning", "sf-provisioning-secret-C3B7E0"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_HOURS = 2 * 3600


@dataclass
class Client:
    """An app somebody set up. `keys` are the public keys (PEM) it may sign with, by user name."""

    id: str
    secret: str
    may_write: bool
    user: str  # whom it runs as
    may_customize: bool = False
    keys: dict[str, str] = field(default_factory=dict)


@dataclass
class Token:
    client: Client
    expires: float
    calls_left: int | None


class Denied(Exception):
    """The token endpoint's refusal."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


class Gate:
    def __init__(self, room: Room, user: str, administrator: str) -> None:
        self._room = room
        self._numbers = itertools.count(1)
        self.clients = {
            CLIENT_ID: Client(CLIENT_ID, CLIENT_SECRET, may_write=True, user=user),
            READER_ID: Client(READER_ID, READER_SECRET, may_write=False, user=user),
            ADMIN_ID: Client(ADMIN_ID, ADMIN_SECRET, may_write=True, user=administrator, may_customize=True),
        }
        self.tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, Client] = {}
        self.rotate = True
        self.audiences = {"https://login.salesforce.com", "https://test.salesforce.com"}

    # ------------------------------------------------------------ asking for a token

    async def token(self, request: Request) -> Response:
        name_call(request.scope, "token")
        form = {name: str(value) for name, value in (await request.form()).items()}
        base = str(request.base_url).rstrip("/")
        try:
            client = self._granted(form, request.headers.get("authorization", ""), base)
        except Denied as denied:
            return json_reply({"error": denied.error, "error_description": str(denied)}, 400)
        reply = {
            "access_token": self.issue(client),
            "signature": "c2FuZGJveA==",
            "scope": "api",
            "instance_url": base,
            "id": f"{base}/id/{ORG_ID}/{client.user}",
            "token_type": "Bearer",
            "issued_at": str(int(self._room.clock.time() * 1000)),
        }
        if form.get("grant_type") == "refresh_token" and self.rotate:
            del self.refresh_tokens[form["refresh_token"]]
            reply["refresh_token"] = self.new_refresh_token(client)
        return json_reply(reply)

    async def introspect(self, request: Request) -> Response:
        name_call(request.scope, "introspect")
        form = await request.form()
        token = self.tokens.get(str(form.get("token", "")))
        if token is None or token.expires <= self._room.clock.time():
            return json_reply({"active": False})
        return json_reply({"active": True, "exp": int(token.expires), "client_id": token.client.id})

    def issue(self, client: Client) -> str:
        token = f"{ORG_ID[:15]}!AQ{next(self._numbers):06d}.sandbox.{client.id[-6:]}"
        expires = self._room.clock.time() + self._room.limits.get("token_seconds", _HOURS)
        self.tokens[token] = Token(client, expires, self._room.limits.get("token_calls"))
        return token

    def new_refresh_token(self, client: Client) -> str:
        token = f"5Aep861sandbox{next(self._numbers):06d}"
        self.refresh_tokens[token] = client
        return token

    def _granted(self, form: Mapping[str, str], basic: str, base: str) -> Client:
        match form.get("grant_type"):
            case "client_credentials":
                return self._with_secret(form, basic)
            case "refresh_token":
                client = self.refresh_tokens.get(form.get("refresh_token", ""))
                if client is None or form.get("client_id") != client.id:
                    raise Denied("invalid_grant", "expired access/refresh token")
                return client
            case grant if grant == _JWT_GRANT:
                return self._with_assertion(form.get("assertion", ""), base)
        raise Denied("unsupported_grant_type", "grant type not supported")

    def _with_secret(self, form: Mapping[str, str], basic: str) -> Client:
        id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if basic.lower().startswith("basic "):
            try:
                spelled = base64.b64decode(basic[6:], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise Denied("invalid_request", "malformed authorization header") from None
            id, _, secret = (unquote(part) for part in spelled.partition(":"))
        client = self.clients.get(id)
        if client is None:
            raise Denied("invalid_client_id", "client identifier invalid")
        if client.secret != secret:
            raise Denied("invalid_client", "invalid client credentials")
        return client

    def _with_assertion(self, assertion: str, base: str) -> Client:
        try:
            claims = jwt.decode(assertion, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise Denied("invalid_grant", "invalid assertion") from None
        client = self.clients.get(claims.get("iss", ""))
        if client is None:
            raise Denied("invalid_client_id", "client identifier invalid")
        key = client.keys.get(claims.get("sub", ""))
        if key is None:
            raise Denied("invalid_grant", "user hasn't approved this consumer")
        if claims.get("aud") not in self.audiences | {base}:
            raise Denied("invalid_grant", "audience is invalid")
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= self._room.clock.time():
            raise Denied("invalid_grant", "expired authorization code")
        try:
            # The toy's clock may be ahead of the library's, so time was checked above.
            jwt.decode(
                assertion,
                key,
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
            )
        except jwt.PyJWTError:
            raise Denied("invalid_grant", "invalid assertion") from None
        return client

    # ------------------------------------------------------------ showing one

    def enter(self, request: Request) -> Client:
        """Whose token the request carries. Raises ApiError 401."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "oauth"):
            raise _expired()
        return self.admit(text, request.method, request.url.path)

    def admit(self, text: str, method: str, path: str) -> Client:
        token = self.tokens.get(text)
        if token is None:
            raise _expired()
        if self._room.faults.take("expired_token", method, path):
            self.tokens.pop(text)
            raise _expired()
        if token.expires <= self._room.clock.time() or token.calls_left == 0:
            raise _expired()
        if token.calls_left is not None:
            token.calls_left -= 1
        return token.client


def _expired() -> ApiError:
    return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
