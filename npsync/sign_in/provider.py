"""The provider people sign in at: OpenID Connect's authorization code flow with PKCE. The only module that knows
Authlib.

Whoever comes back has to bring the state of the browser that went, and the ID token has to be signed by a key of the
provider, for us, now, with the nonce of that browser. Nothing is asked but of the issuer and the addresses it names.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from connectors.addresses import is_loopback
from connectors.contract import Clock
from nps.errors import AccessError, UnavailableError
from npsync.sign_in.spec import OidcSpec
from npsync.sign_in.tokens import digest

SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Never `none`, and nothing that is proven by a shared secret."""

REMEMBERED = 3600.0  # seconds that the provider's description and keys are kept
ASK_AGAIN = 60.0  # seconds between looks for a key nobody knows: a made-up one must not keep us asking
LEEWAY = 60  # seconds that clocks may differ
SECONDS = 10.0  # to answer
LARGEST = 1024 * 1024
LONGEST_SUBJECT = 255

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ASKED = (*_NEEDED, "userinfo_endpoint")

Found = TypeVar("Found")


class Refused(AccessError):
    """The one who came back cannot be told to be who they say they are, or the provider does not let us ask."""


@dataclass(frozen=True)
class Way:
    """One browser on its way to the provider and back: all of it is made from a secret only that browser holds."""

    secret: str = field(repr=False)

    @property
    def state(self) -> str:
        return digest(f"state:{self.secret}")

    @property
    def nonce(self) -> str:
        return digest(f"nonce:{self.secret}")

    @property
    def verifier(self) -> str:
        return digest(f"verifier:{self.secret}")


class Provider:
    """Thread-safe. `back` is our own address that people come back to."""

    def __init__(self, spec: OidcSpec, back: str, clock: Clock) -> None:
        self._spec, self._back, self._clock = spec, back, clock
        self._turn = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def address(self, way: Way) -> str:
        """Where the browser is sent. Raises UnavailableError, Refused."""
        with self._session(self._description()) as session:
            made, _ = session.create_authorization_url(
                self._description()["authorization_endpoint"],
                state=way.state,
                nonce=way.nonce,
                code_verifier=way.verifier,
            )
        return str(made)

    def claims(self, way: Way, code: str) -> dict[str, Any]:
        """What the provider says of whom came back with this code. Raises UnavailableError, Refused."""
        description = self._description()
        token = self._exchanged(description, way, code)
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise Refused("the provider sent no ID token; is openid among sign_in.oidc.scopes?")
        claims = self._checked(description, id_token, way, token.get("access_token"))
        return claims | self._more(description, claims, token.get("access_token"))

    @property
    def issuer(self) -> str:
        return str(self._description()["issuer"])

    # ------------------------------------------------------------ tokens

    def _exchanged(self, description: Mapping[str, Any], way: Way, code: str) -> Mapping[str, Any]:
        library = _library()

        def exchange() -> Any:
            with self._session(description) as session:
                return session.fetch_token(
                    description["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=way.verifier,
                    redirect_uri=self._back,
                    allow_redirects=False,
                )

        try:
            found = self._asking("its token endpoint", exchange)
        except library.errors as error:
            # Its description may quote what was sent; its code is a word of the standard.
            raise Refused(f"the provider refused the code: {type(error).__name__}") from None
        if not isinstance(found, Mapping):
            raise Refused("the provider's token endpoint sent no token")
        return found

    def _checked(
        self, description: Mapping[str, Any], id_token: str, way: Way, access_token: Any
    ) -> dict[str, Any]:
        library = _library()
        now = int(self._clock.now().timestamp())
        try:
            token = self._verified(description, id_token)
            made = library.claims(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": description["issuer"]},
                    "aud": {"essential": True, "value": self._spec.client_id},
                    "exp": {"essential": True},
                },
                params={
                    "nonce": way.nonce,
                    "client_id": self._spec.client_id,
                    "access_token": access_token if isinstance(access_token, str) else None,
                },
            )
            made.validate(now=now, leeway=LEEWAY)
        except library.errors as error:
            raise Refused(f"the ID token is not good: {_reason(error)}") from None
        except (ValueError, TypeError, KeyError) as error:
            raise Refused(f"the ID token cannot be read: {type(error).__name__}") from None
        if not _is_subject(made.get("sub")):
            raise Refused("the ID token does not say who it is about as the standard has it")
        return dict(made)

    def _verified(self, description: Mapping[str, Any], id_token: str) -> Any:
        """Signed by a key of the provider. One that is not known, or does not fit any more, is looked for once more:
        keys change."""
        library = _library()
        named = description.get("id_token_signing_alg_values_supported")
        allowed = [alg for alg in SIGNED_BY if not isinstance(named, list) or alg in named]
        try:
            return library.decode(id_token, self._keys(description, REMEMBERED), algorithms=allowed)
        except library.key_errors:
            return library.decode(id_token, self._keys(description, ASK_AGAIN), algorithms=allowed)

    def _keys(self, description: Mapping[str, Any], as_of: float) -> Any:
        found = self._fetched(description["jwks_uri"], "its keys", description, as_of)
        keys = found.get("keys")
        return _library().key_set(
            [each for each in keys if isinstance(each, dict)] if isinstance(keys, list) else []
        )

    def _more(
        self, description: Mapping[str, Any], claims: Mapping[str, Any], access_token: Any
    ) -> dict[str, Any]:
        """What only the userinfo endpoint tells. It never replaces what was signed, and is of the same person."""
        named = (self._spec.roles.claim, self._spec.named_by or "email")
        wanted = {name.partition(".")[0] for name in named} | {"email", "email_verified"}
        address = description.get("userinfo_endpoint")
        if wanted <= claims.keys() or not isinstance(address, str) or not isinstance(access_token, str):
            return {}
        headers = {"Authorization": f"Bearer {access_token}"}
        told = self._asking("its userinfo endpoint", lambda: self._get(address, description, headers))
        if told.get("sub") != claims["sub"]:
            raise Refused("the userinfo endpoint tells of somebody else")
        return {name: value for name, value in _of_one_address(claims, told).items() if name not in claims}

    # ------------------------------------------------------------ asking

    def _description(self) -> dict[str, Any]:
        address = self._spec.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = self._fetched(address, "its description", {}, REMEMBERED)
        if str(found.get("issuer", "")).rstrip("/") != self._spec.issuer.rstrip("/"):
            raise Refused("the provider calls itself otherwise than sign_in.oidc.issuer")
        for name in _NEEDED:
            if not isinstance(found.get(name), str):
                raise Refused(f"the provider's description has no {name}")
        for name in _ASKED:
            if isinstance(found.get(name), str) and not self._is_safe(found[name]):
                raise Refused(f"the provider's {name} is not at an https:// address")
        return found

    def _is_safe(self, address: str) -> bool:
        """Only a provider on this machine may name addresses on it, or without TLS."""
        try:
            parts = urlsplit(address)
            host = parts.hostname or ""
        except ValueError:
            return False
        here = is_loopback(urlsplit(self._spec.issuer).hostname or "")
        return bool(host) and (
            is_loopback(host) if here else parts.scheme == "https" and not is_loopback(host)
        )

    def _fetched(
        self, address: str, what: str, description: Mapping[str, Any], as_of: float
    ) -> dict[str, Any]:
        """What stands at an address, at most `as_of` seconds old."""
        with self._turn:
            at, kept = self._kept.get(address, (0.0, None))
            now = self._clock.monotonic()
            if kept is not None and now - at < as_of:
                return kept
        found = self._asking(what, lambda: self._get(address, description, {}))
        with self._turn:
            self._kept[address] = (now, found)
        return found

    def _get(
        self, address: str, description: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        with requests.Session() as session:
            _guard(session, {_origin(self._spec.issuer), *self._origins(description)})
            reply = session.get(
                address, headers={"Accept": "application/json", **headers}, allow_redirects=False
            )
        if reply.status_code != 200:
            raise requests.RequestException(f"status {reply.status_code}")
        found = reply.json()
        if not isinstance(found, dict):
            raise requests.RequestException("no JSON object")
        return found

    def _asking(self, what: str, ask: Callable[[], Found]) -> Found:
        try:
            return ask()
        except (requests.RequestException, ValueError) as error:
            # Not its message: it has the address with what stands in it.
            raise UnavailableError(
                f"sign_in.oidc: {self._spec.title} did not answer for {what}: {type(error).__name__}"
            ) from None

    def _session(self, description: Mapping[str, Any]) -> Any:
        supported = description.get("token_endpoint_auth_methods_supported")
        basic = not isinstance(supported, list) or "client_secret_basic" in supported
        session = _library().session(
            self._spec.client_id,
            self._spec.client_secret.get_secret_value(),
            token_endpoint_auth_method="client_secret_basic" if basic else "client_secret_post",
            scope=" ".join(dict.fromkeys(("openid", *self._spec.scopes))),
            redirect_uri=self._back,
            code_challenge_method="S256",
        )
        _guard(session, self._origins(description))
        return session

    def _origins(self, description: Mapping[str, Any]) -> set[str]:
        return {_origin(description[name]) for name in _ASKED if isinstance(description.get(name), str)}


def _is_subject(sub: Any) -> bool:
    """At most 255 characters of ASCII, says the standard; one that cannot be shown would hide who it was."""
    return isinstance(sub, str) and 0 < len(sub) <= LONGEST_SUBJECT and sub.isascii() and sub.isprintable()


def _of_one_address(claims: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was told, without what would make an address of one verified by the word of the other."""
    if "email" in claims:
        is_same = str(told.get("email", "")).lower() == str(claims["email"]).lower()
        left_out = () if is_same else ("email_verified",)
    else:
        left_out = ("email",) if "email_verified" in claims else ()
    return {name: value for name, value in told.items() if name not in left_out}


# ------------------------------------------------------------ the way out


class _Guarded(HTTPAdapter):
    """Asks the provider alone, waits so long, and reads so much."""

    def __init__(self, origins: set[str]) -> None:
        super().__init__()
        self._origins = origins

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        if _origin(request.url or "") not in self._origins:
            raise requests.exceptions.InvalidURL("not an address of the provider")
        reply = super().send(request, **{**options, "stream": True, "timeout": (SECONDS, SECONDS)})
        body = b""
        for chunk in reply.iter_content(16 * 1024):
            body += chunk
            if len(body) > LARGEST:
                reply.close()
                raise requests.exceptions.ContentDecodingError("too much")
        reply._content = body
        return reply


def _guard(session: requests.Session, origins: set[str]) -> None:
    guarded = _Guarded(origins)
    session.mount("https://", guarded)
    session.mount("http://", guarded)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}".lower()


# ------------------------------------------------------------ the library


@dataclass(frozen=True)
class _Library:
    session: Callable[..., Any]
    claims: Callable[..., Any]
    decode: Callable[..., Any]
    key_set: Callable[[list[dict[str, Any]]], Any]
    errors: tuple[type[Exception], ...]
    key_errors: tuple[type[Exception], ...]


@cache
def _library() -> _Library:
    """Loaded when somebody signs in, and kept from telling our users about its own future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from authlib.common.errors import AuthlibBaseError
        from authlib.integrations.requests_client import OAuth2Session
        from authlib.oidc.core import CodeIDToken
        from joserfc import errors, jwt
        from joserfc.jwk import JWKRegistry, KeySet

    def key_set(keys: list[dict[str, Any]]) -> Any:
        """Those that sign, and that the library knows; shared secrets are none."""
        known = []
        for each in keys:
            if each.get("use", "sig") == "sig" and each.get("kty") != "oct":
                try:
                    known.append(JWKRegistry.import_key(each))
                except (errors.JoseError, ValueError):
                    continue
        return KeySet(known)

    return _Library(
        session=OAuth2Session,
        claims=CodeIDToken,
        decode=jwt.decode,
        key_set=key_set,
        errors=(errors.JoseError, AuthlibBaseError),
        key_errors=(errors.InvalidKeyIdError, errors.BadSignatureError, errors.MissingKeyError),
    )


def _reason(error: Exception) -> str:
    """Which rule it breaks: the library's words name claims and never hold what a token holds."""
    claim = getattr(error, "claim", "")
    return f"{type(error).__name__}{f' ({claim})' if claim else ''}"
