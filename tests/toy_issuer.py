"""A provider people sign in at, at the edge of HTTP, whose tokens may be wrong in every way."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import responses
from fake_clock import NOON
from joserfc import jwt
from joserfc.jwk import ECKey
from requests import PreparedRequest

ISSUER = "https://login.acme.test"
CLIENT = "npsync-at-acme"
NOW = int(NOON.timestamp())


def key(kid: str = "k1") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})


@dataclass
class ToyIssuer:
    """It knows `claims` of a person; `changed` is laid over every ID token, and what is None there is left out."""

    mock: responses.RequestsMock
    keys: list[Any] = field(default_factory=lambda: [key()])
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "248", "groups": ["revops"]})
    changed: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "ES256", "kid": "k1"})
    described: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: {"sub": "248"})
    access_token: str = "an-access-token"
    nonce: str = ""
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    asked_for_keys: int = 0

    def __post_init__(self) -> None:
        add = self.mock.add_callback
        add("GET", f"{ISSUER}/.well-known/openid-configuration", self._describe)
        add("GET", f"{ISSUER}/keys", self._keys)
        add("POST", f"{ISSUER}/token", self._token)
        add("GET", f"{ISSUER}/userinfo", lambda _: (200, {}, json.dumps(self.userinfo)))
        self.signing = self.keys[0]

    def id_token(self) -> str:
        claims = {
            "iss": ISSUER,
            "aud": CLIENT,
            "iat": NOW,
            "exp": NOW + 300,
            "nonce": self.nonce,
            **self.claims,
            **self.changed,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.header["alg"] == "none":
            return ".".join((_coded(self.header), _coded(claims), ""))
        return jwt.encode(self.header, claims, self.signing, algorithms=[self.header["alg"]])

    def _describe(self, _: PreparedRequest) -> tuple[int, dict[str, str], str]:
        told = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "userinfo_endpoint": f"{ISSUER}/userinfo",
            **self.described,
        }
        return 200, {}, json.dumps({name: value for name, value in told.items() if value is not None})

    def _keys(self, _: PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.asked_for_keys += 1
        return 200, {}, json.dumps({"keys": [one.as_dict(private=False) for one in self.keys]})

    def _token(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        body = request.body or ""
        self.forms.append(parse_qs(body if isinstance(body, str) else body.decode()))
        told = {"access_token": self.access_token, "token_type": "Bearer", "id_token": self.id_token()}
        return 200, {"Content-Type": "application/json"}, json.dumps(told)


def _coded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
