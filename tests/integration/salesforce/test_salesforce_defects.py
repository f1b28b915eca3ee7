"""Known defects of simple-salesforce 1.12.10, each fenced off. The numbers are those of the vendor notes, section 8."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
import requests
import responses
from builders_salesforce import (
    ANN,
    DATA,
    HOST,
    Opened,
    Org,
    batch,
    change,
    error,
    ok,
    org,
    page,
    row,
    settings,
    taken,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_clock import fake_tools

from connectors.contract import Lookup
from connectors.salesforce.destination import SalesforceDestination
from nps.changes import Written
from nps.errors import AccessError, ConfigError, NpsyncError, UnavailableError

EXPIRED = error(401, "INVALID_SESSION_ID", "Session expired or invalid")


def read_ann(destination: SalesforceDestination) -> list[Any]:
    return destination.get("Contact", [ANN], ["Email"], {})


def answers_ann(there: Org) -> None:
    there.describes()
    there.finds(lambda soql: page([row(ANN, Email="ann@x.com")]))


def test_defect_1_a_session_that_stays_refused_ends_after_one_renewal() -> None:
    with org() as there:
        there.answers("GET", "sobjects/Contact/describe", EXPIRED)
        with pytest.raises(AccessError, match="credentials"):
            Opened().salesforce.describe("Contact")
        assert there.tokens == 2
        assert len(there.asked) == 2


def test_defect_2_a_renewed_call_keeps_its_headers() -> None:
    with org() as there:
        answered = [EXPIRED, ok([{"id": ANN, "success": True, "errors": []}])]
        there.answers("PATCH", "composite/sobjects", *answered)
        destination = Opened(write={"allow_duplicate_save": True}).salesforce
        outcomes = list(destination.write(batch(change(ANN, NPS_Score__c=9)), lambda _: None))
        assert outcomes == [Written(ANN)]
        first, second = there.asked
        assert first.headers["Sforce-Duplicate-Rule-Header"] == "allowSave=true"
        assert second.headers["Sforce-Duplicate-Rule-Header"] == "allowSave=true"
        assert second.headers["Content-Type"] == "application/json"
        assert (first.headers["Authorization"], second.headers["Authorization"]) == (
            "Bearer token-1",
            "Bearer token-2",
        )


def test_defect_3_a_bulk_job_outlives_its_token() -> None:
    with org() as there:
        there.answers("POST", "jobs/ingest", ok({"id": "750A", "state": "Open"}))
        there.answers("PUT", "jobs/ingest/750A/batches", EXPIRED, (201, {}, ""))
        there.answers("PATCH", "jobs/ingest/750A", ok({"id": "750A", "state": "UploadComplete"}))
        there.answers("GET", "jobs/ingest/750A", EXPIRED, ok({"id": "750A", "state": "JobComplete"}))
        there.answers(
            "GET",
            "jobs/ingest/750A/successfulResults/",
            (200, {}, f"sf__Id,sf__Created,Id\n{ANN},false,{ANN}\n"),
        )
        there.answers("GET", "jobs/ingest/750A/failedResults/", (200, {}, "sf__Id,sf__Error,Id\n"))
        there.answers("GET", "jobs/ingest/750A/unprocessedrecords/", EXPIRED, (200, {}, "Id\n"))
        written = Opened().salesforce.write(batch(change(ANN, NPS_Score__c=9), api="bulk"), lambda _: None)
        assert list(written) == [Written(ANN)]
        assert there.tokens == 4


def test_defect_4_eight_threads_with_an_expired_token_fetch_one_new_one() -> None:
    together = threading.Barrier(8, timeout=20)

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        if request.headers["Authorization"] == "Bearer token-1":
            together.wait()  # all eight are under way with the old token
            return 401, {}, b'[{"message":"expired","errorCode":"INVALID_SESSION_ID"}]'
        return 200, {}, b'{"totalSize":0,"done":true,"records":[]}'

    with org() as there, ThreadPoolExecutor(8) as pool:
        there.describes()
        destination = Opened().salesforce
        destination.describe("Contact")
        there.replies("GET", "query/", answer)
        asked = [
            pool.submit(destination.find, "Contact", [Lookup("Email", "email", [f"{n}@x.com"])], [], {})
            for n in range(8)
        ]
        assert [one.result() for one in asked] == [[]] * 8
        assert there.tokens == 2


def test_defect_5_every_call_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    with org() as there, monkeypatch.context() as patched:
        send = requests.adapters.HTTPAdapter.send  # the one that answers inside this block

        def noting(self: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            seen.append(options["timeout"])
            return send(self, request, **options)

        patched.setattr(requests.adapters.HTTPAdapter, "send", noting)
        answers_ann(there)
        read_ann(Opened(timeouts={"connect": 3, "read": 7}).salesforce)
    assert seen == [(3, 7)] * 3  # token, describe, query


def test_defect_6_a_broken_connection_is_tried_again_within_bounds() -> None:
    with org() as there:
        there.describes()
        there.answers(
            "GET",
            "query/",
            requests.ConnectionError("reset"),
            error(503, "SERVER_UNAVAILABLE"),
            page([row(ANN, Email=None)]),
        )
        opened = Opened()
        assert [one.id for one in read_ann(opened.salesforce)] == [ANN]
        assert len(opened.clock.slept) == 2


def test_defect_6_it_gives_up_in_the_end() -> None:
    with org() as there:
        there.answers("GET", "sobjects/Contact/describe", requests.ConnectionError("reset"))
        with pytest.raises(UnavailableError, match="describe Contact"):
            Opened().salesforce.describe("Contact")
        assert len(there.asked) == 5


def test_defect_7_no_two_threads_share_a_session() -> None:
    sessions: set[int] = set()
    together = threading.Barrier(4, timeout=20)
    with org() as there, ThreadPoolExecutor(4) as pool:
        answers_ann(there)
        destination = Opened().salesforce

        def read() -> None:
            together.wait()
            read_ann(destination)
            sessions.add(id(destination._api._library().session))

        for one in [pool.submit(read) for _ in range(4)]:
            one.result()
    assert len(sessions) == 4


def test_defects_14_and_15_any_host_can_be_called_under_a_path() -> None:
    """The library knows https://*.salesforce.com alone; base_url sends everything elsewhere, plain http included."""
    local = "http://127.0.0.1:8090/salesforce"
    with responses.RequestsMock() as mock:
        mock.post(
            f"{local}/services/oauth2/token",
            json={"access_token": "t", "instance_url": "https://x.my.salesforce.com"},
        )
        mock.get(
            f"{local}/services/data/v64.0/sobjects/Contact/describe", json={"name": "Contact", "fields": []}
        )
        assert Opened(login_host=None, base_url=local).salesforce.describe("Contact").name == "Contact"


def test_defect_15_the_expiry_of_an_assertion_is_a_number() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    auth = {"flow": "jwt_bearer", "client_id": "key", "username": "bot@acme.com", "private_key": pem}
    forms: list[str] = []

    def token(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        forms.append(str(request.body))
        return 200, {}, '{"access_token": "t", "instance_url": "https://acme.my.salesforce.com"}'

    with responses.RequestsMock() as mock:
        mock.add_callback(responses.POST, f"{HOST}/services/oauth2/token", token)
        mock.get(f"{DATA}/sobjects/Contact/describe", json={"name": "Contact", "fields": []})
        Opened(auth=auth).salesforce.describe("Contact")
    assertion = forms[0].split("assertion=")[1]
    claims = jwt.decode(
        assertion, key.public_key(), ["RS256"], options={"verify_exp": False, "verify_aud": False}
    )
    assert claims == {"iss": "key", "sub": "bot@acme.com", "aud": HOST, "exp": claims["exp"]}
    assert type(claims["exp"]) is int


def test_a_private_key_that_is_none_is_a_config_error_without_the_key() -> None:
    auth = {"flow": "jwt_bearer", "client_id": "key", "username": "u", "private_key": "not-a-key"}
    with pytest.raises(ConfigError, match="RSA private key") as refusal:
        Opened(auth=auth).salesforce.describe("Contact")
    assert "not-a-key" not in str(refusal.value)
    assert refusal.value.__context__ is None


def test_defect_16_a_page_of_html_is_a_clear_error() -> None:
    with org() as there:
        there.answers(
            "GET", "sobjects/Contact/describe", (200, {"Content-Type": "text/html"}, "<html>Sign in</html>")
        )
        with pytest.raises(UnavailableError, match="where JSON was expected"):
            Opened().salesforce.describe("Contact")


def test_defect_16_a_401_in_html_renews_the_token_all_the_same() -> None:
    with org() as there:
        there.answers(
            "GET", "sobjects/Contact/describe", (401, {}, "<html>"), ok({"name": "Contact", "fields": []})
        )
        assert Opened().salesforce.describe("Contact").name == "Contact"
        assert there.tokens == 2


def test_defect_18_a_name_with_a_typo_is_refused_before_any_call() -> None:
    with org() as there:
        there.describes()
        with pytest.raises(ConfigError, match='did you mean "NPS_Score__c"'):
            Opened().salesforce.get("Contact", [ANN], ["NPS_Scor__c"], {})
        assert len(there.asked) == 1  # describe


def test_defect_19_answers_are_not_asked_to_be_pretty() -> None:
    with org() as there:
        answers_ann(there)
        read_ann(Opened().salesforce)
        assert not [one for one in there.asked if "X-PrettyPrint" in one.headers]


def test_nothing_of_this_machine_rides_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .netrc entry for the host would replace the token, and cookies would tie calls together."""
    (tmp_path / "netrc").write_text("default login me password mine")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with org() as there:
        there.describes()
        there.answers("GET", "query/", (200, {"Set-Cookie": "BrowserId=1"}, '{"done": true, "records": []}'))
        destination = Opened().salesforce
        for _ in range(2):
            destination.find("Contact", [Lookup("Email", "email", ["ann@x.com"])], [], {})
        assert {one.headers["Authorization"] for one in there.asked} == {"Bearer token-1"}
        assert not [one for one in there.asked if "Cookie" in one.headers]


def test_defect_20_the_next_page_is_read_by_its_address() -> None:
    with org() as there:
        there.describes()
        there.finds(lambda soql: page([row(ANN, Email="a@x.com")], "/services/data/v64.0/query/0r8A-2000"))
        there.answers("GET", "query/0r8A-2000", page([row("003000000000009AAA", Email="b@x.com")]))
        found = Opened().salesforce.get("Contact", [ANN, "003000000000009AAA"], ["Email"], {})
        assert len(found) == 2


@pytest.mark.parametrize(
    "link", ["https://evil.example/services/data/", "@evil.example/services/data/x", "//evil.example/x", None]
)
def test_a_next_page_elsewhere_is_not_followed(link: str | None) -> None:
    with org() as there:
        there.describes()
        body = {"totalSize": 9, "done": False, "nextRecordsUrl": link, "records": []}
        there.finds(lambda soql: ok(body))
        with pytest.raises(UnavailableError, match="leads elsewhere"):
            read_ann(Opened().salesforce)


def test_the_token_only_travels_to_salesforce() -> None:
    with responses.RequestsMock() as mock:
        mock.post(
            f"{HOST}/services/oauth2/token",
            json={"access_token": "t", "instance_url": "https://evil.example"},
        )
        with pytest.raises(AccessError, match="not Salesforce"):
            Opened().salesforce.describe("Contact")


def test_a_cursor_that_died_between_two_pages_is_asked_again_from_the_start() -> None:
    with org() as there:
        there.describes()
        pages = [
            page([row(ANN, Email="a@x.com")], "/services/data/v64.0/query/0r8A-2000"),
            page([row(ANN, Email="a@x.com")]),
        ]
        there.finds(lambda soql: pages.pop(0))
        there.answers("GET", "query/0r8A-2000", error(400, "INVALID_QUERY_LOCATOR"))
        assert len(read_ann(Opened().salesforce)) == 1


# ---------------------------------------------------------------- what is said of people and secrets

REFUSALS: list[Callable[[], Any]] = [
    lambda: error(400, "MALFORMED_QUERY", "\nWHERE Email IN ('ann@x.com')\n ^\nERROR at Row:1:Column:99"),
    lambda: error(
        400, "INVALID_FIELD", "\nWHERE Email IN ('ann@x.com')\nNo such column 'NPS__c' on entity 'Contact'."
    ),
    lambda: error(403, "INSUFFICIENT_ACCESS", "ann@x.com is not yours"),
    lambda: error(404, "NOT_FOUND", "ann@x.com"),
    lambda: (414, {}, "ann@x.com"),
    lambda: (418, {}, "ann@x.com"),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_an_error_names_no_person_and_no_secret(refusal: Callable[[], Any]) -> None:
    with org() as there:
        there.describes()
        there.answers("GET", "query/", refusal())
        with pytest.raises(NpsyncError) as raised:
            Opened().salesforce.find("Contact", [Lookup("Email", "email", ["ann@x.com"])], [], {})
    told, error_ = "", raised.value.with_traceback(None)
    while error_ is not None:
        told += f"{error_!r} {error_} "
        error_ = error_.__cause__ or error_.__context__
    assert "ann@x.com" not in told
    assert "token-1" not in told
    assert "very-secret" not in told


def test_a_missing_field_is_named_from_the_vendors_message() -> None:
    with org() as there:
        there.describes()
        there.finds(
            lambda soql: error(400, "INVALID_FIELD", "\nNo such column 'NPS__c' on entity 'Contact'. If…")
        )
        with pytest.raises(ConfigError, match='Contact has no field "NPS__c": it is missing, or not visible'):
            read_ann(Opened().salesforce)


@pytest.mark.parametrize(
    ("answer", "error_type", "words"),
    [
        (
            (400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}),
            AccessError,
            "pre-authorise",
        ),
        (
            (400, {"error": "invalid_client_id", "error_description": "client identifier invalid"}),
            AccessError,
            "invalid_client_id",
        ),
        ((404, {}), ConfigError, "login_host"),
    ],
)
def test_a_refused_sign_in_says_what_to_do(
    answer: tuple[int, Any], error_type: type[Exception], words: str
) -> None:
    with responses.RequestsMock() as mock:
        mock.post(f"{HOST}/services/oauth2/token", status=answer[0], json=answer[1])
        with pytest.raises(error_type, match=words):
            Opened().salesforce.describe("Contact")


def test_an_access_token_that_is_refused_cannot_be_renewed() -> None:
    auth = {"flow": "access_token", "access_token": "given", "instance_url": HOST}
    with responses.RequestsMock() as mock:
        mock.get(f"{DATA}/sobjects/Contact/describe", status=401, json=[{"errorCode": "INVALID_SESSION_ID"}])
        destination = SalesforceDestination(settings(auth=auth), fake_tools("crm"))
        with pytest.raises(AccessError, match="cannot be renewed"):
            destination.describe("Contact")


def test_a_version_the_org_does_not_know_is_a_config_error() -> None:
    with org() as there:
        there.answers("GET", "sobjects/Contact/describe", error(410, "UNSUPPORTED_API_VERSION"))
        with pytest.raises(ConfigError, match="api_version"):
            Opened().salesforce.describe("Contact")


def test_every_request_is_counted_once() -> None:
    with org() as there:
        answers_ann(there)
        opened = Opened()
        read_ann(opened.salesforce)
        assert opened.calls.count == 3


def test_writing_goes_on_with_the_library_as_it_is() -> None:
    with org() as there:
        there.writes(taken)
        outcomes = list(Opened().salesforce.write(batch(change(ANN, NPS_Score__c=None)), lambda _: None))
        assert outcomes == [Written(ANN)]
        assert orjson.loads(there.asked[0].body or b"") == {
            "allOrNone": False,
            "records": [{"attributes": {"type": "Contact"}, "id": ANN, "NPS_Score__c": None}],
        }
