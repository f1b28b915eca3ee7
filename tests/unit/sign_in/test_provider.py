"""What a provider says is believed only if it is signed by it, for us, now, and for this browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from fake_clock import FakeClock
from joserfc.jwk import OctKey
from toy_issuer import CLIENT, ISSUER, NOW, ToyIssuer, key

from nps.errors import UnavailableError
from npsync.sign_in.claims import Admitted, judged
from npsync.sign_in.provider import Provider, Refused, Way
from npsync.sign_in.spec import OidcSpec

WAY = Way("the-secret-of-one-browser")
BACK = "https://npsync.acme.test/sign-in/oidc/back"


@pytest.fixture
def issuer() -> Iterator[ToyIssuer]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield ToyIssuer(mock, nonce=WAY.nonce)


def spec(**changed: Any) -> OidcSpec:
    return OidcSpec.model_validate(
        {
            "issuer": ISSUER,
            "client_id": CLIENT,
            "client_secret": "hush",
            "roles": {"viewer": ["revops"]},
            **changed,
        }
    )


def provider(clock: FakeClock | None = None, **changed: Any) -> Provider:
    return Provider(spec(**changed), BACK, clock or FakeClock())


def test_the_browser_is_sent_with_state_nonce_and_challenge_and_no_secret(issuer: ToyIssuer):
    address = urlsplit(provider(scopes=["email", "groups"]).address(WAY))
    told = {name: value for name, [value] in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{ISSUER}/authorize"
    assert (told["response_type"], told["client_id"], told["redirect_uri"]) == ("code", CLIENT, BACK)
    assert (told["state"], told["nonce"], told["code_challenge_method"]) == (WAY.state, WAY.nonce, "S256")
    assert told["scope"] == "openid email groups"
    assert WAY.verifier not in address.query
    assert "hush" not in address.query
    assert len({WAY.state, WAY.nonce, WAY.verifier, WAY.secret}) == 4


def test_who_comes_back_with_a_good_token_is_who_it_says(issuer: ToyIssuer):
    claims = provider().claims(WAY, "the-code")
    assert (claims["sub"], claims["groups"]) == ("248", ["revops"])
    [form] = issuer.forms
    assert (form["code"], form["code_verifier"], form["redirect_uri"]) == (
        ["the-code"],
        [WAY.verifier],
        [BACK],
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "of-another-browser"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
        {"aud": [CLIENT, "somebody-else"]},
        {"iss": "https://login.evil.test"},
        {"iss": None},
        {"exp": NOW - 120},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": NOW + 3600},
        {"iat": None},
        {"nbf": NOW + 3600},
        {"sub": None},
        {"sub": 5},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "ann\u202egro.acme"},
        {"sub": "ann\n2026-03-02 admin"},
        {"sub": "\u0430nn"},
        {"at_hash": "bm90IG9mIHRoaXMgdG9rZW4"},
        {"azp": "somebody-else"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_now_and_for_this_browser_is_refused(
    issuer: ToyIssuer, changed: dict[str, Any]
):
    issuer.changed = changed
    with pytest.raises(Refused):
        provider().claims(WAY, "code")


def test_clocks_may_differ_by_a_minute(issuer: ToyIssuer):
    issuer.changed = {"exp": NOW - 30, "iat": NOW + 30}
    assert provider().claims(WAY, "code")["sub"] == "248"


def test_an_unsigned_token_is_refused(issuer: ToyIssuer):
    issuer.header = {"alg": "none"}
    with pytest.raises(Refused):
        provider().claims(WAY, "code")


def test_a_provider_cannot_talk_us_into_a_shared_secret_or_no_signature(issuer: ToyIssuer):
    issuer.described = {"id_token_signing_alg_values_supported": ["none", "HS256"]}
    for secret in ("hush", CLIENT):
        issuer.header, issuer.signing = {"alg": "HS256"}, OctKey.import_key(secret.ljust(32, "."))
        with pytest.raises(Refused):
            provider().claims(WAY, "code")
    issuer.header = {"alg": "none"}
    with pytest.raises(Refused):
        provider().claims(WAY, "code")


def test_a_token_that_somebody_else_signed_is_refused(issuer: ToyIssuer):
    issuer.signing = key("k1")
    with pytest.raises(Refused):
        provider().claims(WAY, "code")


def test_a_token_that_was_changed_is_refused(issuer: ToyIssuer):
    honest = issuer.id_token().split(".")
    issuer.changed = {"groups": ["admins"]}
    head, body, _ = issuer.id_token().split(".")
    issuer.id_token = lambda: ".".join((head, body, honest[2]))  # type: ignore[method-assign]
    with pytest.raises(Refused):
        provider().claims(WAY, "code")


@pytest.mark.parametrize(
    "nonsense", ["", "a.b.c", "x" * 20_000, "é.é.é", "....", None, 5, {"a": 1}], ids=lambda one: str(one)[:10]
)
def test_what_is_no_token_is_refused(issuer: ToyIssuer, nonsense: Any):
    issuer.id_token = lambda: nonsense  # type: ignore[method-assign]
    with pytest.raises(Refused):
        provider().claims(WAY, "code")


def test_keys_are_kept_and_a_new_one_is_looked_for(issuer: ToyIssuer):
    clock = FakeClock()
    one = provider(clock)
    for _ in range(3):
        one.claims(WAY, "code")
    assert issuer.asked_for_keys == 1
    issuer.keys.append(key("k2"))
    issuer.signing, issuer.header = issuer.keys[1], {"alg": "ES256", "kid": "k2"}
    clock.advance(61)
    issuer.changed = {"exp": NOW + 900}
    assert one.claims(WAY, "code")["sub"] == "248"
    assert issuer.asked_for_keys == 2


def test_made_up_keys_do_not_keep_us_asking(issuer: ToyIssuer):
    issuer.signing, issuer.header = key("k9"), {"alg": "ES256", "kid": "k9"}
    one = provider()
    for _ in range(5):
        with pytest.raises(Refused):
            one.claims(WAY, "code")
    assert issuer.asked_for_keys == 1


def test_keys_of_other_kinds_are_passed_over(issuer: ToyIssuer):
    class Odd:
        def __init__(self, **facts: str) -> None:
            self.facts = facts

        def as_dict(self, **_: Any) -> dict[str, str]:
            return self.facts

    issuer.keys += [
        Odd(kty="ML-DSA", kid="k3"),
        Odd(kty="oct", k="aHVzaA", kid="k4"),
        Odd(kty="EC", kid="k5"),
    ]
    assert provider().claims(WAY, "code")["sub"] == "248"


# ------------------------------------------------------------ what else it tells


def test_groups_that_only_userinfo_tells_are_asked_for_there(issuer: ToyIssuer):
    issuer.claims = {"sub": "248"}
    issuer.userinfo = {"sub": "248", "groups": ["revops"], "aud": "other"}
    claims = provider().claims(WAY, "code")
    assert (claims["groups"], claims["aud"]) == (["revops"], CLIENT)


def test_userinfo_of_somebody_else_is_refused(issuer: ToyIssuer):
    issuer.claims = {"sub": "248"}
    issuer.userinfo = {"sub": "249", "groups": ["admins"]}
    with pytest.raises(Refused, match="somebody else"):
        provider().claims(WAY, "code")


@pytest.mark.parametrize(
    ("signed", "told"),
    [
        ({"email": "boss@acme.test"}, {"email": "evil@acme.test", "email_verified": True}),
        ({"email_verified": True}, {"email": "boss@acme.test", "email_verified": False}),
        ({"email_verified": True}, {"email": "boss@acme.test"}),
    ],
    ids=str,
)
def test_an_address_is_verified_by_who_tells_it(
    issuer: ToyIssuer, signed: dict[str, Any], told: dict[str, Any]
):
    issuer.claims = {"sub": "248", **signed}
    issuer.userinfo = {"sub": "248", "groups": ["revops"], **told}
    found = judged(spec(), provider().claims(WAY, "code"))
    assert isinstance(found, Admitted)
    assert "boss" not in found.name


def test_userinfo_verifies_the_address_that_the_id_token_names(issuer: ToyIssuer):
    issuer.claims = {"sub": "248", "email": "Ann@acme.test"}
    issuer.userinfo = {"sub": "248", "groups": ["revops"], "email": "ann@acme.test", "email_verified": True}
    found = judged(spec(), provider().claims(WAY, "code"))
    assert found.name == "ann@acme.test"


# ------------------------------------------------------------ a provider that is ill or evil


def test_a_provider_that_is_down_is_unavailable_and_says_no_secret(issuer: ToyIssuer):
    issuer.mock.replace("GET", f"{ISSUER}/.well-known/openid-configuration", status=503, body="hush")
    with pytest.raises(UnavailableError) as raised:
        provider().address(WAY)
    assert "login.acme.test did not answer" in str(raised.value)
    assert "hush" not in str(raised.value)


def test_a_code_the_provider_does_not_know_is_refused(issuer: ToyIssuer):
    issuer.mock.replace(
        "POST",
        f"{ISSUER}/token",
        status=400,
        json={"error": "invalid_grant", "error_description": "code hush is bad"},
    )
    with pytest.raises(Refused) as raised:
        provider().claims(WAY, "hush")
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://login.evil.test"},
        {"token_endpoint": None},
        {"jwks_uri": 5},
        {"token_endpoint": "http://login.acme.test/token"},
        {"jwks_uri": "https://127.0.0.1/keys"},
        {"jwks_uri": "https://localhost/keys"},
        {"userinfo_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "https://[::1"},
    ],
    ids=str,
)
def test_a_description_that_leads_elsewhere_is_refused(issuer: ToyIssuer, described: dict[str, Any]):
    issuer.described = described
    with pytest.raises(Refused):
        provider().address(WAY)


def test_redirects_are_not_followed_to_anywhere(issuer: ToyIssuer):
    elsewhere = {"Location": "http://169.254.169.254/latest/meta-data"}
    issuer.mock.replace("GET", f"{ISSUER}/keys", status=302, headers=elsewhere)
    with pytest.raises(UnavailableError):
        provider().claims(WAY, "code")
    issuer.mock.replace("POST", f"{ISSUER}/token", status=307, headers=elsewhere)
    with pytest.raises((UnavailableError, Refused)):
        provider().claims(WAY, "code")
    assert not [call for call in issuer.mock.calls if "169.254" in (call.request.url or "")]


def test_a_description_without_end_is_not_read_to_its_end(issuer: ToyIssuer):
    address = f"{ISSUER}/.well-known/openid-configuration"
    issuer.mock.replace("GET", address, body=b" " * (2 * 1024 * 1024))
    with pytest.raises(UnavailableError):
        provider().address(WAY)


def test_the_librarys_warnings_are_for_its_developers():
    made = (
        "from npsync.sign_in import provider; provider._library(); import warnings;"
        "from authlib.deprecate import deprecate; deprecate('old')"
    )
    ended = subprocess.run([sys.executable, "-c", made], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
