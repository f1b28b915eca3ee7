"""Our HTTP client: where it goes, what it carries along, and how much it reads."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from fake_clock import FakeClock, fake_tools

from connectors.calls import CallPolicy
from connectors.http import Http, checked_base_url
from connectors.limits import Limiter
from connectors.tokens import Credential, Token
from nps.errors import UnavailableError

HOST = "https://api.example.com"
SECRET = "s3cr3t-token"


def http(base_url: str = HOST, *, token: str | None = None, max_bytes: int = 10_000, **options: Any) -> Http:
    tools = fake_tools("crm")
    held = None if token is None else Token(lambda: Credential(token), FakeClock())
    policy = CallPolicy(tools, Limiter(tools), token=held, max_bytes=max_bytes)
    return Http(base_url, policy, **options)


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com:8443/prefix",
        "http://127.0.0.1:8000/wootric",
        "http://localhost:8000",
        "http://[::1]:8000",
    ],
)
def test_https_and_plain_http_to_this_machine_are_fine(url: str) -> None:
    assert checked_base_url(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "http://api.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@evil.example",
        "https://user:pass@api.example.com",
        "https://api.example.com?x=1",
        "https://api.example.com#x",
        "https://api.example.com:port",
        "https:\\\\evil.example",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_hostile_and_broken_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        checked_base_url(url)


def test_plain_http_elsewhere_needs_to_be_allowed() -> None:
    assert checked_base_url("http://crm.intern", allow_http=True) == "http://crm.intern"


@responses.activate
def test_a_path_is_joined_below_the_prefix_of_the_base_address() -> None:
    responses.get("http://127.0.0.1:1/wootric/v1/x", json=[])
    assert http("http://127.0.0.1:1/wootric/").request("GET", "/v1/x").json() == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1",
        "http://api.example.com/v1",
        "https://api.example.com:444/v1",
        "//evil.example/v1",
        "https://api.example.com@evil.example/v1",
        "v1",
    ],
)
def test_a_next_link_to_another_host_is_not_followed(link: str) -> None:
    with pytest.raises(UnavailableError, match="another host"):
        http(token=SECRET).request("GET", link)


def test_the_default_port_is_the_same_host() -> None:
    assert http().same_host("https://API.example.com:443/next")


# ---------------------------------------------------------------- what it sends


@responses.activate
def test_the_token_travels_in_the_authorization_header() -> None:
    responses.get(f"{HOST}/v1", json={})
    http(token=SECRET).request("GET", "/v1")
    assert responses.calls[0].request.headers["Authorization"] == f"Bearer {SECRET}"


@responses.activate
def test_a_netrc_entry_does_not_replace_our_authorization(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.com login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(f"{HOST}/v1", json={})
    http(token=SECRET).request("GET", "/v1")
    assert responses.calls[0].request.headers["Authorization"] == f"Bearer {SECRET}"


@responses.activate
def test_json_and_forms_and_parameters_are_encoded() -> None:
    responses.post(f"{HOST}/v1", json={})
    client = http()
    client.request("POST", "/v1", json={"name": "Zoë"}, params={"created[gte]": 5})
    client.request("POST", "/v1", form={"grant": "a&b"})
    first, second = (call.request for call in responses.calls)
    assert first.body == '{"name":"Zoë"}'.encode()
    assert first.headers["Content-Type"] == "application/json"
    assert first.url == f"{HOST}/v1?created%5Bgte%5D=5"
    assert second.body == "grant=a%26b"


@pytest.mark.parametrize(("base_url", "trusted"), [("http://127.0.0.1:1", False), (HOST, True)])
@responses.activate
def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(base_url: str, trusted: bool) -> None:
    responses.get(f"{base_url}/v1", json={})
    client = http(base_url)
    client.request("GET", "/v1")
    assert client._session().trust_env is trusted


# ---------------------------------------------------------------- redirects


@responses.activate
def test_a_get_follows_a_redirect_on_the_same_host_with_its_token() -> None:
    responses.get(f"{HOST}/old", status=302, headers={"Location": "/new"})
    responses.get(f"{HOST}/new", json=[1])
    assert http(token=SECRET).request("GET", "/old").json() == [1]
    assert responses.calls[1].request.headers["Authorization"] == f"Bearer {SECRET}"


@responses.activate
def test_what_authorises_us_stays_behind_when_a_redirect_leaves_the_host() -> None:
    responses.get(f"{HOST}/file", status=302, headers={"Location": "https://files.example/1"})
    responses.get("https://files.example/1", json=[1])
    http(token=SECRET, headers={"X-Api-Key": SECRET}).request("GET", "/file", params={"key": SECRET})
    there = responses.calls[1].request
    assert SECRET not in str(there.headers) + str(there.url)


@responses.activate
def test_a_redirect_to_plain_http_is_not_followed() -> None:
    responses.get(f"{HOST}/file", status=302, headers={"Location": "http://files.example/1"})
    with pytest.raises(UnavailableError, match="not https"):
        http().request("GET", "/file")


@responses.activate
def test_a_post_is_never_redirected() -> None:
    responses.post(f"{HOST}/v1", status=307, headers={"Location": "/other"})
    assert http().request("POST", "/v1", json={}).status == 307


@responses.activate
def test_a_circle_of_redirects_ends() -> None:
    responses.get(f"{HOST}/a", status=302, headers={"Location": "/a"})
    with pytest.raises(UnavailableError, match="too many"):
        http().request("GET", "/a")


# ---------------------------------------------------------------- what it reads


@responses.activate
def test_reading_stops_at_the_cap() -> None:
    responses.get(f"{HOST}/v1", body=b"x" * 20_000)
    with pytest.raises(UnavailableError, match="larger than allowed"):
        http(max_bytes=10_000).request("GET", "/v1")


@responses.activate
def test_each_thread_has_its_own_session_and_close_closes_them_all() -> None:
    responses.get(f"{HOST}/v1", json={})
    client = http()
    sessions: list[requests.Session] = []

    def work() -> None:
        client.request("GET", "/v1")
        sessions.append(client._session())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(session) for session in sessions}) == 3
    client.close()
    assert client._sessions == []


# ---------------------------------------------------------------- lines


@responses.activate
@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n"])
def test_lines_come_one_by_one_whole_and_without_empty_ones(end: bytes) -> None:
    long = b"x" * 100_000  # longer than what is read at once, and all of it than what may be in memory
    responses.get(f"{HOST}/export", body=b"one\n\n" + long + b"\ntwo" + end)
    assert list(http().lines("/export", what="export")) == [b"one", long, b"two"]


@responses.activate
def test_a_refused_export_has_no_lines() -> None:
    responses.get(f"{HOST}/export", body=b'{"error": "gone"}', status=404)
    with pytest.raises(UnavailableError, match="status 404 came where its content was expected"):
        list(http().lines("/export", what="export"))


@responses.activate
def test_lines_are_asked_for_again_when_the_vendor_is_busy() -> None:
    responses.get(f"{HOST}/export", status=503)
    responses.get(f"{HOST}/export", body=b"one\n")
    assert list(http().lines("/export", what="export")) == [b"one"]


@responses.activate
def test_what_came_before_an_answer_broke_off_is_whole_and_the_rest_is_told() -> None:
    responses.get(f"{HOST}/export", body=b"one\n" + b"x" * 80_000, headers={"Content-Length": "90000"})
    lines = http().lines("/export", what="export")
    assert next(lines) == b"one"
    with pytest.raises(UnavailableError, match="broke off") as broken:
        list(lines)
    assert broken.value.__context__ is None
