"""The vendor's client and what is kept away from us: one test per defect, over real HTTP."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_clock import Calls, FakeClock, Notices, fake_tools
from scripted_hubspot import Asked, Said, answered, opened, row, scripted_hubspot

from connectors.contract import Lookup
from connectors.hubspot import client
from connectors.hubspot.destination import HubSpot
from connectors.replies import Reply
from connectors.wire import TooLarge
from nps.changes import Batch, Change, Hit, Unknown, Written
from nps.errors import AccessError, NpsyncError, UnavailableError

ANN = row("1", email="ann@x.test", nps_score="6")


def look_up(hubspot: HubSpot, *emails: str) -> list[Hit]:
    return hubspot.find("contacts", [Lookup("email", "email", emails or ("ann@x.test",))], ["nps_score"], {})


def score(record_id: str, value: str | None = "9") -> Change:
    return Change(
        object="contacts", record_id=record_id, before={"nps_score": None}, after={"nps_score": value}
    )


def write(hubspot: HubSpot, *changes: Change) -> list[object]:
    return list(hubspot.write(Batch(1, "contacts", "batch", changes), lambda handle: None))


def test_importing_the_connector_does_not_import_the_client() -> None:
    code = "import sys, connectors.hubspot; sys.exit('hubspot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_only_the_wrapper_imports_the_client() -> None:
    root = Path(__file__).parents[3]
    importing = [
        path.relative_to(root).as_posix()
        for room in ("connectors", "npsync", "sync", "mapping", "store", "nps")
        for path in (root / room).rglob("*.py")
        if any(
            line.startswith(("import hubspot", "from hubspot"))
            for line in path.read_text("utf-8").splitlines()
        )
    ]
    assert importing == ["connectors/hubspot/client.py"]


def test_its_own_retries_are_off_and_ours_are_counted() -> None:
    calls = Calls()
    busy = Said({}, status=503, headers={"Retry-After": "2"})
    with scripted_hubspot(busy, busy, answered(ANN)) as server:
        hubspot = opened(server, fake_tools(clock=(clock := FakeClock()), count_call=calls))
        assert len(look_up(hubspot)) == 1
        assert len(server.asked) == calls.count == 4  # the definitions, then two busy ones and the answer
    assert sum(clock.slept) >= 4


def test_a_hung_server_is_given_up() -> None:
    with scripted_hubspot(Said(hang=True)) as server:
        hubspot = opened(server, timeouts={"connect": 1, "read": 0.05})
        with pytest.raises(UnavailableError, match="no answer in time") as caught:
            look_up(hubspot)
    assert "carried out" not in str(caught.value)  # a look-up has no fate


def test_a_hung_write_is_unknown_for_each_record() -> None:
    with scripted_hubspot(Said(hang=True)) as server:
        hubspot = opened(server, timeouts={"connect": 1, "read": 0.05})
        outcomes = write(hubspot, score("1"), score("2"))
    assert [type(one) for one in outcomes] == [Unknown, Unknown]


def test_a_lost_reply_of_a_write_is_sent_again_because_an_update_may_be() -> None:
    with scripted_hubspot(Said(drop=True), answered(row("1"))) as server:
        assert write(opened(server), score("1")) == [Written("1")]
        assert len(server.posts("/batch/update")) == 2


def test_api_objects_are_kept_so_that_connections_are() -> None:
    with scripted_hubspot(answered(ANN)) as server:
        hubspot = opened(server)
        for _ in range(10):
            look_up(hubspot)
        assert server.connections == 2  # one for definitions, one for records


def test_many_threads_share_the_pool_without_opening_a_connection_per_call() -> None:
    threads = 16
    started = threading.Barrier(threads)
    with scripted_hubspot(answered(ANN)) as server:
        hubspot = opened(server, limits={"per_10_seconds": 1000})

        def work(_: int) -> int:
            started.wait()
            return sum(len(look_up(hubspot)) for _ in range(10))

        with ThreadPoolExecutor(threads) as pool:
            assert sum(pool.map(work, range(threads))) == threads * 10
        assert server.connections <= threads + 1
        assert len(server.asked) == threads * 10 + 1
    assert threads <= client.CONNECTIONS


def test_its_models_are_not_used_and_unknown_members_survive() -> None:
    odd = {**ANN, "properties": {**ANN["properties"], "nps_score": 9}, "brandNew": {"a": 1}}
    with scripted_hubspot(answered(odd)) as server:
        (hit,) = look_up(opened(server))
    assert hit.record.fields == {"nps_score": "9"}


def test_a_2xx_it_does_not_know_is_still_read() -> None:
    said = Said(answered(row("1")).body, status=202)
    with scripted_hubspot(said) as server:
        assert write(opened(server), score("1")) == [Written("1")]


def test_a_truncated_answer_is_no_empty_success() -> None:
    with scripted_hubspot(Said(b'{"status":"COMPLETE","results":[{"id":"1"}')) as server:
        assert [type(one) for one in write(opened(server), score("1"))] == [Unknown]


def test_an_error_page_that_is_not_utf_8_is_a_busy_vendor() -> None:
    page = Said(b"<html>\xe9\xff nicht erreichbar</html>", status=502, headers={"Content-Type": "text/html"})
    with scripted_hubspot(page, answered(ANN)) as server:
        assert len(look_up(opened(server))) == 1


def test_a_tls_failure_says_so() -> None:
    with scripted_hubspot(answered(ANN)) as server:
        hubspot = opened(server, base_url=server.url.replace("http:", "https:"))
        with pytest.raises(UnavailableError, match="TLS"):
            look_up(hubspot)


def test_no_connection_is_a_vendor_that_is_not_there() -> None:
    with scripted_hubspot(answered(ANN)) as server:
        gone = server.url
    with (
        scripted_hubspot(answered(ANN)) as other,
        pytest.raises(UnavailableError, match="refused the connection"),
    ):
        look_up(opened(other, base_url=gone))


def test_an_exception_carries_neither_body_nor_headers() -> None:
    secret = {"message": "ann@x.test is not allowed", "category": "MISSING_SCOPES"}
    refusal = Said(secret, status=403, headers={"X-Secret": "pat-live"})
    with scripted_hubspot(refusal) as server, pytest.raises(AccessError) as refused:
        look_up(opened(server))
    chain: BaseException | None = refused.value
    while chain is not None:
        assert "ann@x.test" not in str(chain)
        assert "pat-" not in str(chain)
        chain = chain.__cause__ or chain.__context__


def test_a_refusal_is_logged_by_its_correlation_id_and_never_by_its_body() -> None:
    notices = Notices()
    said = Said(
        {"category": "VALIDATION_ERROR", "message": "ann@x.test is odd", "correlationId": "c-42"}, status=400
    )
    with scripted_hubspot(said) as server:
        write(opened(server, fake_tools("crm", notice=notices)), score("1"))
    assert any(facts.get("correlation_id") == "c-42" for _, facts in notices)
    assert "ann@x.test" not in repr(notices)


def test_a_renewed_token_reaches_the_cached_api_objects() -> None:
    given = iter(["first", "second"])

    def script(asked: Asked) -> Said:
        if asked.path == "/oauth/2026-03/token":
            return Said({"access_token": next(given), "refresh_token": "r", "expires_in": 1800})
        if asked.headers["Authorization"] != "Bearer second":
            return Said({"category": "EXPIRED_AUTHENTICATION"}, status=401)
        return answered(ANN)

    with scripted_hubspot(script) as server:
        assert len(look_up(opened(server, oauth=OAUTH))) == 1
        forms = [one.body.decode() for one in server.asked if one.path.startswith("/oauth")]
    assert len(forms) == 2
    assert "grant_type=refresh_token" in forms[0]
    assert "client_secret=shh" in forms[0]


def test_a_token_is_renewed_before_it_expires() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.startswith("/oauth"):
            return Said({"access_token": "t", "expires_in": 1800})
        return answered(ANN)

    clock = FakeClock()
    with scripted_hubspot(script) as server:
        hubspot = opened(server, fake_tools(clock=clock), oauth=OAUTH)
        look_up(hubspot)
        clock.advance(1800 - 100)
        look_up(hubspot)
        assert sum(one.path.startswith("/oauth") for one in server.asked) == 2


def test_sixteen_threads_fetch_one_token() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.startswith("/oauth"):
            return Said({"access_token": "t", "expires_in": 1800})
        return answered(ANN)

    with scripted_hubspot(script) as server:
        hubspot = opened(server, oauth=OAUTH)
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: look_up(hubspot), range(16)))
        assert sum(one.path.startswith("/oauth") for one in server.asked) == 1


def test_a_refused_refresh_token_stops_the_connection_without_naming_it() -> None:
    bad = Said({"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid"}, status=400)
    with scripted_hubspot(bad) as server, pytest.raises(AccessError, match="client_id") as refused:
        look_up(opened(server, oauth=OAUTH))
    assert "r-old" not in str(refused.value)


OAUTH = {"client_id": "app", "client_secret": "shh", "refresh_token": "r-old"}


def test_a_static_token_that_is_refused_is_not_tried_again() -> None:
    with scripted_hubspot(Said({}, status=401)) as server:
        with pytest.raises(AccessError, match="token"):
            look_up(opened(server))
        assert len(server.posts("/batch/read")) == 1


def test_a_base_url_with_a_path_is_kept_for_every_call() -> None:
    with scripted_hubspot(answered(ANN)) as server:
        hubspot = opened(server, base_url=server.url + "/hubspot/")
        look_up(hubspot)
        write(hubspot, score("1"))
        assert all(one.path.startswith("/hubspot/crm/") for one in server.asked)


@pytest.mark.parametrize("version", ["2026-03", "2026-09"])
def test_the_dated_versions_use_their_own_paths_and_the_same_policy(version: str) -> None:
    busy = Said({}, status=500)
    with scripted_hubspot(busy, answered(ANN), answered(row("1"))) as server:
        hubspot = opened(server, api_version=version)
        assert len(look_up(hubspot)) == 1
        assert write(hubspot, score("1")) == [Written("1")]
        assert [one.path for one in server.asked] == [
            f"/crm/properties/{version}/contacts",
            f"/crm/objects/{version}/contacts/batch/read",
            f"/crm/objects/{version}/contacts/batch/read",
            f"/crm/objects/{version}/contacts/batch/update",
        ]
        assert all(one.headers["Authorization"] == "Bearer pat-test" for one in server.asked)


def test_a_redirect_takes_the_token_nowhere() -> None:
    with scripted_hubspot(answered(ANN)) as elsewhere:
        away = Said(
            {}, status=302, headers={"Location": elsewhere.url + "/crm/v3/objects/contacts/batch/read"}
        )
        with scripted_hubspot(away) as server, pytest.raises(UnavailableError, match="redirected"):
            look_up(opened(server))
        assert elsewhere.asked == []


def test_the_proxy_of_the_environment_is_used_but_never_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.acme.example:3128")
    monkeypatch.setenv("http_proxy", "http://proxy.acme.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example")
    assert client.proxy_for("https://api.hubapi.com") == "http://proxy.acme.example:3128"
    assert client.proxy_for("https://internal.example/hubspot") is None
    assert client.proxy_for("http://127.0.0.1:8600/hubspot") is None


def test_an_answer_beyond_the_cap_is_not_read() -> None:
    class Response:
        status = 200
        headers: dict[str, str] = {}

        def read(self, amount: int) -> bytes:
            return b"x" * amount

        def close(self) -> None: ...

    with pytest.raises(TooLarge):
        client.raw(Response, 1000)


def test_a_mistake_of_ours_inside_a_call_stays_loud() -> None:
    def call() -> Reply:
        return None.body  # type: ignore[attr-defined,no-any-return]

    with pytest.raises(AttributeError):
        client.raw(call, 1000)


def test_an_odd_status_is_one_of_our_errors() -> None:
    for status in (418, 451, 520, 530):
        with scripted_hubspot(Said(b"<html>", status=status)) as server, pytest.raises(NpsyncError):
            look_up(opened(server))
