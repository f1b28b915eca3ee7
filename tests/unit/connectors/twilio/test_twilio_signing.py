"""X-Twilio-Signature: the vendor's own answers, known beforehand."""

from __future__ import annotations

import hashlib

import pytest

from connectors.twilio.signing import holds_body, is_signed, signature

A_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
A = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
B = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")]
C_BODY = b'{"property": "value", "boolean": true}'
C_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
C_URL = f"{A_URL}&bodySHA256={C_HASH}"
D_URL = "https://nps.example.com/webhooks/twilio/inbound"
ZEROS = "AC" + "0" * 32
D = [
    ("AccountSid", ZEROS),
    ("ApiVersion", "2010-04-01"),
    ("Body", "9 love it"),
    ("From", "+14155550123"),
    ("MessageSid", "SM00000000000000000000000000000001"),
    ("NumMedia", "0"),
    ("NumSegments", "1"),
    ("SmsMessageSid", "SM00000000000000000000000000000001"),
    ("SmsSid", "SM00000000000000000000000000000001"),
    ("SmsStatus", "received"),
    ("To", "+14155550100"),
]
E_URL = "https://nps.example.com/webhooks/twilio/status"
E = [
    ("AccountSid", ZEROS),
    ("ApiVersion", "2010-04-01"),
    ("From", "+14155550100"),
    ("MessageSid", "SM00000000000000000000000000000002"),
    ("MessageStatus", "delivered"),
    ("SmsSid", "SM00000000000000000000000000000002"),
    ("SmsStatus", "delivered"),
    ("To", "+14155550123"),
]
OURS = "twilio-auth-token-test"

VECTORS = [
    pytest.param("12345", A_URL, A, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", id="A"),
    pytest.param(
        "12345",
        A_URL.replace("mycompany.com", "mycompany.com:443"),
        A,
        "kvajT1Ptam85bY51eRf/AJRuM3w=",
        id="A with its port",
    ),
    pytest.param("12345", A_URL, B, "IK+Dwps556ElfBT0I3Rgjkr1wJU=", id="B"),
    pytest.param("12345", C_URL, [], "a9nBmqA0ju/hNViExpshrM61xv4=", id="C"),
    pytest.param(OURS, D_URL, D, "HIuYFJBbYidtrkgBemKgWcCecv4=", id="D"),
    pytest.param(OURS, E_URL, E, "HPzvUkLTZsVoKklRSAdhAVlULf0=", id="E"),
    pytest.param(
        OURS,
        E_URL.replace("nps.example.com", "nps.example.com:443"),
        E,
        "bFyHadVqjlhfgG7KXmSdqfObV4w=",
        id="E with its port",
    ),
]


@pytest.mark.parametrize(("token", "url", "pairs", "known"), VECTORS)
def test_the_signature_is_the_known_one_in_any_order_of_the_fields(token, url, pairs, known):
    assert signature(token, url, pairs) == known
    assert signature(token, url, pairs[::-1]) == known


@pytest.mark.parametrize(("token", "url", "pairs", "known"), VECTORS)
def test_it_is_accepted_with_and_without_the_default_port(token, url, pairs, known):
    bare = url.replace(":443", "")
    host = bare.split("/")[2]
    for spelling in (bare, bare.replace(host, f"{host}:443")):
        assert is_signed(known, [token], spelling, pairs)


@pytest.mark.parametrize(("token", "url", "pairs", "known"), VECTORS)
def test_nothing_else_is_accepted(token, url, pairs, known):
    assert not is_signed(known, ["another"], url, pairs)
    assert not is_signed(known, [], url, pairs)
    assert not is_signed(known, [token], url, [*pairs, ("Score", "10")])
    assert not is_signed(known, [token], f"{url}x", pairs)
    assert not is_signed(known, [token], url.replace(":443", "").replace(".com", ".com:8443"), pairs)
    assert not is_signed(known[:-2], [token], url, pairs)
    assert not is_signed("ünsigned", [token], url, pairs)


def test_an_old_token_is_accepted_beside_the_new_one():
    assert is_signed("RSOYDt4T1cUTdK1PDd93/VVr8B8=", ["new", "12345"], A_URL, A)


def test_empty_values_count_and_nothing_is_trimmed():
    assert signature("t", A_URL, [("Body", "")]) != signature("t", A_URL, [])
    assert signature("t", A_URL, [("Body", " x ")]) != signature("t", A_URL, [("Body", "x")])


def test_a_json_body_is_held_by_its_hash_in_the_address():
    assert hashlib.sha256(C_BODY).hexdigest() == C_HASH
    assert holds_body(C_URL, C_BODY)
    assert not holds_body(C_URL, C_BODY + b" ")
    assert not holds_body(A_URL, C_BODY)
    assert not holds_body(f"{A_URL}&bodySHA256=", b"")
