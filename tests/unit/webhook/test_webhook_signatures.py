"""Who a request comes from: Segment's own vectors, and every other way to prove it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from connectors.contract import Posted, Refused, Taken
from connectors.webhook.inbound import WebhookInbound
from connectors.webhook.settings import WebhookSettings

NOW = datetime(2026, 11, 2, 10, 20, tzinfo=UTC)
KEY = "segment-shared-secret-test"
FIRST = b'{"type":"track","event":"Feature Used","userId":"u-1001","timestamp":"2026-11-02T10:15:30.000Z"}'
SECOND = (
    b'{"version":1,"type":"track","messageId":"022bb90c-bbac-11e4-8dfc-aa07a5b093db","userId":"97980cfea0067",'
    b'"event":"Feature Used","properties":{"feature":"bulk_export","count":3},"context":{"traits":{"email":'
    b'"jo@example.com"},"groupId":"acct-42"},"timestamp":"2026-11-02T10:15:30.000Z"}'
)
UGLY = (
    '[{"type":"track","event":"Feature Used","userId":"u-1001","timestamp":"2026-11-02T10:15:30.000Z",'
    '"properties":{"x":1e-7,"n":"café"}},{"type":"track","event":"B"}]'
).encode()


def segment(**keys: Any) -> dict[str, Any]:
    return {"preset": "segment", "auth": {"secret": KEY}, **keys}


def receive(settings: Mapping[str, Any], body: bytes, url: str = "", **headers: str) -> Taken:
    inbound = WebhookInbound(WebhookSettings.model_validate(settings))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return inbound.receive(Posted("POST", url or "https://a.example/hooks/product", named, body, NOW))


def refused(settings: Mapping[str, Any], body: bytes, url: str = "", **headers: str) -> tuple[int, str]:
    with pytest.raises(Refused) as told:
        receive(settings, body, url, **headers)
    return told.value.status, told.value.code


@pytest.mark.parametrize(
    ("body", "length", "signature", "events"),
    [
        (FIRST, 96, "ee27438e62c909eab05d2f8161475702ca4f6618", 1),
        (SECOND, 283, "fbbd89e272487ebc098e2e4ec0194b78aacaad9e", 1),
        (b"[" + FIRST + b"," + SECOND + b"]", None, "ee27438e62c909eab05d2f8161475702ca4f6618", 2),
        (UGLY, 163, "2a92ff5f1869368ebe7408df14392e3851d3b313", 1),
    ],
    ids=["one", "a whole one", "a batch", "a batch that Python would write otherwise"],
)
def test_segments_known_answers(body: bytes, length: int | None, signature: str, events: int):
    assert length is None or len(body) == length
    assert len(receive(segment(), body, x_signature=signature).arrivals) == events


def test_a_signature_of_the_whole_batch_is_none():
    batch = b"[" + FIRST + b"," + SECOND + b"]"
    whole = hmac.new(KEY.encode(), batch, "sha1").hexdigest()
    assert whole == "0ba5ddb62c260c1fa889a21927c25bfe92c5d319"
    assert refused(segment(), batch, x_signature=whole) == (401, "unsigned")


def test_a_batch_with_spaces_is_signed_by_its_first_element_as_written():
    spaced = b" [\n\t" + FIRST + b" ,\r\n" + SECOND + b"]"
    signature = "ee27438e62c909eab05d2f8161475702ca4f6618"
    assert len(receive(segment(), spaced, x_signature=signature).arrivals) == 2


def test_one_changed_byte_is_noticed():
    signature = "ee27438e62c909eab05d2f8161475702ca4f6618"
    assert refused(segment(), FIRST.replace(b"u-1001", b"u-1002"), x_signature=signature) == (401, "unsigned")
    assert refused(segment(), FIRST + b"\n", x_signature=signature) == (401, "unsigned")


@pytest.mark.parametrize(
    "given", ["", "ee27", "ée" * 20, "0" * 40, "sha1=ee27438e62c909eab05d2f8161475702ca4f6618"]
)
def test_what_is_no_signature_is_refused(given: str):
    assert refused(segment(), FIRST, x_signature=given) == (401, "unsigned")


def test_without_a_signature_nothing_is_read():
    assert refused(segment(), FIRST) == (401, "unsigned")
    assert refused(segment(), b"{not json") == (401, "unsigned")


def test_while_a_secret_is_changed_both_hold():
    settings = segment(auth={"secret": [KEY, "the-next-secret"]})
    for secret in (KEY, "the-next-secret"):
        signature = hmac.new(secret.encode(), FIRST, "sha1").hexdigest()
        assert receive(settings, FIRST, x_signature=signature).arrivals


def custom(auth: Any, **keys: Any) -> dict[str, Any]:
    fields = {"event": "what", "id": "id", "external_id": "who"}
    return {"auth": auth, "fields": fields, **keys}


BODY = b'{"what":"invoice paid","who":"u-1","id":"9"}'


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_in_any_dress(algorithm: str, encoding: str):
    auth = {"kind": "hmac", "secret": "a-shared-secret", "header": "X-Sig", "prefix": f"{algorithm}="}
    digest = hmac.new(b"a-shared-secret", BODY, getattr(hashlib, algorithm)).digest()
    written = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    settings = custom({**auth, "algorithm": algorithm, "encoding": encoding})
    assert receive(settings, BODY, x_sig=f"{algorithm}={written}").arrivals
    assert refused(settings, BODY, x_sig=written) == (401, "unsigned")


def timed(at: datetime, body: bytes = BODY) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signature = hmac.new(b"a-shared-secret", stamp.encode() + b"." + body, "sha256").hexdigest()
    return {"x_time": stamp, "x_signature": signature}


TIMED = {
    "kind": "hmac",
    "secret": "a-shared-secret",
    "signed": "timestamp_dot_body",
    "timestamp_header": "X-Time",
}


def test_a_signed_time_ends_replays():
    settings = custom(TIMED)
    for minutes in (-5, 0, 5):
        assert receive(settings, BODY, **timed(NOW + timedelta(minutes=minutes))).arrivals
    for minutes in (-6, 6):
        assert refused(settings, BODY, **timed(NOW + timedelta(minutes=minutes))) == (401, "replayed")


def test_a_time_that_was_not_signed_does_not_count():
    old = timed(NOW - timedelta(hours=1))
    assert refused(custom(TIMED), BODY, **{**old, "x_time": timed(NOW)["x_time"]}) == (401, "unsigned")


def test_a_static_header_is_compared_whole():
    auth = {"kind": "header", "value": "Bearer söme-token-1"}
    sent = "Bearer söme-token-1".encode().decode("latin-1")  # as HTTP hands bytes on
    assert receive(custom(auth), BODY, authorization=sent).arrivals
    assert refused(custom(auth), BODY, authorization=sent[:-1]) == (401, "unsigned")
    assert refused(custom(auth), BODY) == (401, "unsigned")


def test_user_name_and_password():
    auth = {"kind": "basic", "username": "npsync", "password": ["first-password", "other:password"]}
    for password in ("first-password", "other:password"):
        given = base64.b64encode(f"npsync:{password}".encode()).decode()
        assert receive(custom(auth), BODY, authorization=f"Basic {given}").arrivals
    for wrong in ("Basic !!", "Basic", "Bearer x", f"Basic {base64.b64encode(b'npsync:no').decode()}"):
        assert refused(custom(auth), BODY, authorization=wrong) == (401, "unsigned")


def test_a_secret_address():
    auth = {"kind": "path", "secret": "5a7b1c9d3e5f7a9b1c3d5e7f"}
    base = "https://a.example/hooks/product"
    assert receive(custom(auth), BODY, url=f"{base}/5a7b1c9d3e5f7a9b1c3d5e7f?x=1").arrivals
    for url in (base, f"{base}/", f"{base}/5a7b1c9d3e5f7a9b1c3d5e7", f"{base}?5a7b1c9d3e5f7a9b1c3d5e7f"):
        assert refused(custom(auth), BODY, url=url) == (401, "unsigned")


def test_of_several_proofs_all_must_hold():
    """What Segment's signature of a batch leaves open, a header closes."""
    header = {"kind": "header", "name": "X-Key", "value": "a-static-key"}
    signed = {"kind": "hmac", "secret": "a-shared-secret"}
    signature = hmac.new(b"a-shared-secret", BODY, "sha256").hexdigest()
    settings = custom([signed, header])
    assert receive(settings, BODY, x_signature=signature, x_key="a-static-key").arrivals
    assert refused(settings, BODY, x_signature=signature) == (401, "unsigned")
    assert refused(settings, BODY, x_key="a-static-key") == (401, "unsigned")


def test_a_refusal_quotes_neither_secret_nor_body():
    with pytest.raises(Refused) as told:
        receive(segment(), SECOND, x_signature="1" * 40)
    assert KEY not in str(told.value)
    assert "jo@example.com" not in str(told.value)
    assert orjson.loads(SECOND)["userId"] not in str(told.value)
