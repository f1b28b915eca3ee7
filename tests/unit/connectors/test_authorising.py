"""How calls are let in: headers of any name and value, tokens that are asked for, renewed and remembered."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from played_vendor import PlayedVendor, playing
from pydantic import TypeAdapter, ValidationError

from connectors.addresses import token_address
from connectors.auth import Auth
from connectors.authorising import Authorisation
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.http import Http
from connectors.limits import Limiter
from nps.errors import AccessError, ConfigError, NpsyncError, UnavailableError

API = "https://api.example.com"
SECRET = "cl1ent-s3cret"
CLIENT = {"kind": "oauth2", "token_url": "/oauth2/token", "client_id": "c-1", "client_secret": SECRET}
REFRESHING = CLIENT | {"grant": "refresh_token", "refresh_token": "r-0"}

_AUTH: TypeAdapter[Auth] = TypeAdapter(Auth)


def opened(auth: dict[str, Any], tools: Tools | None = None, base_url: str = API) -> Http:
    tools = tools or fake_tools("crm")
    policy = CallPolicy(tools, Limiter(tools), attempts=2)
    return Authorisation(_AUTH.validate_python(auth), base_url, policy).http()


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://") as vendor:
        vendor.says = [(200, [])]
        yield vendor


def header(vendor: PlayedVendor, name: str = "authorization") -> str | None:
    return vendor.sent("GET")[-1].headers.get(name)


def refused(vendor: PlayedVendor, auth: dict[str, Any], tools: Tools | None = None) -> str:
    """The whole text of the error, with everything that hangs on to it."""
    with pytest.raises((AccessError, ConfigError)) as caught:
        opened(auth, tools).request("GET", "/x")
    return "".join(traceback.format_exception(caught.value))


# ---------------------------------------------------------------- headers that never change


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ({"kind": "none"}, "authorization", None),
        ({"kind": "header", "value": "Token k-1"}, "authorization", "Token k-1"),
        ({"kind": "header", "value": "api_key=k-1\n"}, "authorization", "api_key=k-1"),
        ({"kind": "header", "header": "X-apikey", "value": "k-1"}, "x-apikey", "k-1"),
        ({"kind": "bearer", "token": "k-1"}, "authorization", "Bearer k-1"),
    ],
)
def test_any_header_takes_any_value(
    vendor: PlayedVendor, auth: dict[str, Any], name: str, value: str | None
) -> None:
    opened(auth).request("GET", "/x")
    assert header(vendor, name) == value


@pytest.mark.parametrize(
    ("auth", "pair"),
    [
        ({"username": "key-1"}, b"key-1:"),
        ({"username": "zoë@acme.example/token", "password": "p:w"}, "zoë@acme.example/token:p:w".encode()),
    ],
)
def test_basic_takes_a_key_without_a_password_and_letters_of_any_language(
    vendor: PlayedVendor, auth: dict[str, Any], pair: bytes
) -> None:
    opened({"kind": "basic"} | auth).request("GET", "/x")
    assert header(vendor) == f"Basic {base64.b64encode(pair).decode()}"


@pytest.mark.parametrize(
    ("auth", "setting"),
    [
        ({"kind": "header", "value": "s3cret\r\nX-Admin: 1"}, "auth.value"),
        ({"kind": "header", "value": "s3cret→"}, "auth.value"),
        ({"kind": "bearer", "token": " "}, "auth.token"),
        ({"kind": "basic", "username": "s3cret:x"}, "auth.username"),
    ],
)
def test_what_no_header_can_carry_is_a_matter_of_configuration_and_not_shown(
    vendor: PlayedVendor, auth: dict[str, Any], setting: str
) -> None:
    text = refused(vendor, auth)
    assert setting in text
    assert "s3cret" not in text


@pytest.mark.parametrize(
    ("auth", "setting"),
    [
        ({"kind": "none"}, "`auth`"),
        ({"kind": "header", "value": SECRET}, "auth.value"),
        ({"kind": "bearer", "token": SECRET}, "auth.token"),
        ({"kind": "basic", "username": SECRET}, "auth.username"),
    ],
)
def test_a_refusal_names_the_setting_and_shows_no_secret(
    vendor: PlayedVendor, auth: dict[str, Any], setting: str
) -> None:
    vendor.says = [(401, {"error": f"no such key: {SECRET}"})]
    text = refused(vendor, auth)
    assert setting in text
    assert "crm" in text
    assert SECRET not in text
    assert base64.b64encode(f"{SECRET}:".encode()).decode() not in text


# ---------------------------------------------------------------- tokens that are asked for


def tokens(*names: str, **more: Any) -> list[Any]:
    return [(200, {"access_token": name, "expires_in": 3600} | more) for name in names]


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, {"grant_type": "client_credentials", "client_id": "c-1", "client_secret": SECRET}),
        ({"grant": None}, {"client_id": "c-1", "client_secret": SECRET}),
        (
            {"grant": "password", "username": "ann", "password": "pw", "scope": "read write"},
            {"grant_type": "password", "client_id": "c-1", "client_secret": SECRET, "username": "ann"}
            | {"password": "pw", "scope": "read write"},
        ),
        ({"client": "basic"}, {"grant_type": "client_credentials"}),
    ],
)
@pytest.mark.parametrize("body", ["form", "json"])
def test_a_token_is_asked_for_as_the_grant_says(
    vendor: PlayedVendor, settings: dict[str, Any], asked: dict[str, str], body: str
) -> None:
    vendor.at = {"/oauth2/token": tokens("t-1")}
    opened(CLIENT | settings | {"body": body}).request("GET", "/x")
    [sent] = vendor.sent("POST")
    assert (sent.json if body == "json" else sent.form) == asked
    basic = f"Basic {base64.b64encode(f'c-1:{SECRET}'.encode()).decode()}"
    assert sent.headers.get("authorization") == (basic if settings.get("client") == "basic" else None)


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({}, "authorization", "Bearer t-1"),
        ({"value": "{token}"}, "authorization", "t-1"),
        ({"header": "X-Session", "value": "id={token}"}, "x-session", "id=t-1"),
    ],
)
def test_the_token_travels_in_the_header_and_the_words_of_the_vendor(
    vendor: PlayedVendor, settings: dict[str, Any], name: str, value: str
) -> None:
    vendor.at = {"/oauth2/token": tokens("t-1")}
    opened(CLIENT | settings).request("GET", "/x")
    assert header(vendor, name) == value


def test_the_token_and_its_life_may_stand_anywhere_in_the_reply(vendor: PlayedVendor) -> None:
    reply = {"data": {"token": "t-1", "ttl": "600"}}
    vendor.at = {"/oauth2/token": [(200, reply), *tokens("t-2")]}
    clock = FakeClock()
    http = opened(
        CLIENT | {"token_field": "data.token", "expires_field": "data.ttl"}, fake_tools("crm", clock=clock)
    )
    http.request("GET", "/x")
    assert header(vendor) == "Bearer t-1"
    clock.advance(541)
    vendor.at["/oauth2/token"] = [(200, {"data": {"token": "t-2"}})]
    http.request("GET", "/x")
    assert header(vendor) == "Bearer t-2"


def test_a_token_is_renewed_a_minute_before_it_expires(vendor: PlayedVendor) -> None:
    vendor.at = {"/oauth2/token": tokens("t-1", "t-2")}
    clock = FakeClock()
    http = opened(CLIENT, fake_tools("crm", clock=clock))
    seen = []
    for wait in (0, 3539, 2):
        clock.advance(wait)
        http.request("GET", "/x")
        seen.append(header(vendor))
    assert seen == ["Bearer t-1", "Bearer t-1", "Bearer t-2"]


@pytest.mark.parametrize("seconds", [30, 60, 90])
def test_a_token_that_lives_a_minute_is_not_asked_for_with_every_call(
    vendor: PlayedVendor, seconds: int
) -> None:
    vendor.at = {"/oauth2/token": tokens("t-1", "t-2", expires_in=seconds)}
    clock = FakeClock()
    http = opened(CLIENT, fake_tools("crm", clock=clock))
    for _ in range(3):
        http.request("GET", "/x")
    assert len(vendor.sent("POST")) == 1
    clock.advance(seconds)
    http.request("GET", "/x")
    assert header(vendor) == "Bearer t-2"


@pytest.mark.parametrize("told", [None, 0, -5, "soon", True, "inf"])
def test_a_token_without_a_usable_life_lives_until_it_is_refused(vendor: PlayedVendor, told: Any) -> None:
    vendor.at = {
        "/oauth2/token": tokens("t-1", "t-2", expires_in=told),
        "/x": [(200, []), (401, {}), (200, [])],
    }
    clock = FakeClock()
    http = opened(CLIENT, fake_tools("crm", clock=clock))
    http.request("GET", "/x")
    clock.advance(1_000_000)
    assert http.request("GET", "/x").status == 200
    assert header(vendor) == "Bearer t-2"


def test_a_token_that_expires_in_the_middle_of_a_run_is_renewed_and_the_call_repeated(
    vendor: PlayedVendor,
) -> None:
    vendor.at = {"/oauth2/token": tokens("t-1", "t-2"), "/x": [(401, {}), (200, ["fine"])]}
    assert opened(CLIENT).request("GET", "/x").json() == ["fine"]
    assert [one.headers["authorization"] for one in vendor.sent("GET")] == ["Bearer t-1", "Bearer t-2"]


def test_tokens_that_are_handed_out_and_never_taken_end_in_a_few_calls(vendor: PlayedVendor) -> None:
    vendor.at = {"/oauth2/token": tokens("t-1", "t-2", "t-3", "t-4"), "/x": [(401, {})]}
    text = refused(vendor, CLIENT)
    assert "auth.header and auth.value" in text
    assert len(vendor.asked) <= 6


@pytest.mark.parametrize(
    ("reply", "auth", "setting"),
    [
        ((401, {"error": "invalid_client"}), CLIENT, "auth.client_secret"),
        ((400, {"error": "invalid_scope"}), CLIENT, "auth.scope"),
        ((400, {"error": "unsupported_grant_type"}), CLIENT, "auth.grant"),
        ((403, {"message": f"bad secret {SECRET}"}), CLIENT, "auth.client_id"),
        ((400, {"error": f"bad secret {SECRET}"}), CLIENT, "auth.client_id"),
        ((400, {"error": "invalid_grant"}), REFRESHING, "auth.refresh_token"),
        ((404, "<html>"), CLIENT, "auth.token_url"),
        ((302, "", {"Location": "https://evil.example/"}), CLIENT, "auth.token_url"),
        ((415, ""), CLIENT, "auth.body"),
        ((200, {"message": "welcome"}), CLIENT, "auth.token_field"),
        ((200, {"access_token": f"{SECRET}\r\nX: 1"}), CLIENT, "no HTTP header"),
    ],
)
def test_a_token_that_is_refused_names_the_setting_and_shows_no_secret(
    vendor: PlayedVendor, reply: Any, auth: dict[str, Any], setting: str
) -> None:
    vendor.at = {"/oauth2/token": [reply]}
    text = refused(vendor, auth)
    assert setting in text
    assert SECRET not in text
    assert "r-0" not in text
    assert all(one.path == "/oauth2/token" for one in vendor.asked)


def test_a_busy_token_endpoint_is_waited_for(vendor: PlayedVendor) -> None:
    clock = FakeClock()
    vendor.at = {"/oauth2/token": [(503, "", {"Retry-After": "7"}), *tokens("t-1")]}
    opened(CLIENT, fake_tools("crm", clock=clock)).request("GET", "/x")
    assert header(vendor) == "Bearer t-1"
    assert 7 <= sum(clock.slept) < 8


# ---------------------------------------------------------------- where tokens are asked for


@pytest.mark.parametrize(
    ("token_url", "base_url", "address"),
    [
        ("/oauth/token", "https://api.example.com/v1", ("https://api.example.com/v1", "/oauth/token")),
        ("https://login.example.com/t?v=2", API, ("https://login.example.com", "/t?v=2")),
        ("https://login.example.com", "http://127.0.0.1:9/x", ("https://login.example.com", "/")),
        ("http://127.0.0.1:8000/t", API, ("http://127.0.0.1:8000", "/t")),
    ],
)
def test_a_token_url_is_a_path_or_a_whole_address(
    token_url: str, base_url: str, address: tuple[str, str]
) -> None:
    assert token_address(token_url, base_url) == address


@pytest.mark.parametrize(
    "token_url",
    [
        "http://login.example.com/t",
        "//evil.example/t",
        "https://u:p@login.example.com/t",
        "ftp://login.example.com/t",
        "oauth/token",
        "",
    ],
)
@pytest.mark.parametrize("base_url", [API, "http://crm.intern"])
def test_the_client_secret_goes_nowhere_without_tls(token_url: str, base_url: str) -> None:
    with pytest.raises(ValueError):
        token_address(token_url, base_url, allow_http=True)


def test_a_plain_host_that_is_trusted_may_hand_out_its_own_tokens() -> None:
    address = token_address("http://CRM.intern/t", "http://crm.intern/api", allow_http=True)
    assert address == ("http://CRM.intern", "/t")


def test_a_token_of_another_host_is_asked_for_there_and_used_here(vendor: PlayedVendor) -> None:
    vendor.at = {"/t": tokens("t-1")}
    opened(CLIENT | {"token_url": "https://login.example.com/t"}).request("GET", "/x")
    assert header(vendor) == "Bearer t-1"


# ---------------------------------------------------------------- refresh tokens that rotate


def refresher(vendor: PlayedVendor, memory: MemoryInMemory, clock: FakeClock | None = None) -> Http:
    return opened(REFRESHING, fake_tools("crm", memory=memory, clock=clock))


def sent_refresh_tokens(vendor: PlayedVendor) -> list[str]:
    return [one.form["refresh_token"] for one in vendor.sent("POST")]


def test_a_refresh_token_that_is_replaced_is_used_from_then_on_in_the_next_process_too(
    vendor: PlayedVendor,
) -> None:
    memory, clock = MemoryInMemory(), FakeClock()
    vendor.at = {"/oauth2/token": [tokens("t-1", refresh_token="r-1")[0], tokens("t-2")[0], tokens("t-3")[0]]}
    refresher(vendor, memory, clock).request("GET", "/x")
    for _ in range(2):
        clock.advance(4000)
        refresher(vendor, memory, clock).request("GET", "/x")
    assert sent_refresh_tokens(vendor) == ["r-0", "r-1", "r-1"]


def test_the_new_refresh_token_is_remembered_before_the_access_token_is_used(vendor: PlayedVendor) -> None:
    class FullDisk(MemoryInMemory):
        def put(self, items: Any) -> None:
            raise OSError("no space left")

    vendor.at = {"/oauth2/token": tokens("t-1", refresh_token="r-1")}
    with pytest.raises(OSError, match="no space"):
        refresher(vendor, FullDisk()).request("GET", "/x")
    assert vendor.sent("GET") == []


def test_another_process_takes_over_what_the_first_one_got(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    vendor.at = {"/oauth2/token": tokens("t-1", "t-2", refresh_token="r-1")}
    for _ in range(2):
        refresher(vendor, memory).request("GET", "/x")
        assert header(vendor) == "Bearer t-1"
    assert sent_refresh_tokens(vendor) == ["r-0"]


def test_a_token_that_the_other_process_made_worthless_is_not_taken_over_twice(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    one, two = refresher(vendor, memory), refresher(vendor, memory)
    vendor.at = {
        "/oauth2/token": [
            tokens("t-1", refresh_token="r-1")[0],
            tokens("t-2", refresh_token="r-2")[0],
            tokens("t-3", refresh_token="r-3")[0],
        ]
    }
    one.request("GET", "/x")
    two.request("GET", "/x")
    vendor.at["/x"] = [(401, {}), (200, [])]
    two.request("GET", "/x")  # t-1 is refused: this one renews
    vendor.at["/x"] = [(401, {}), (200, [])]
    one.request("GET", "/x")  # and that one takes over what it got
    assert header(vendor) == "Bearer t-2"
    assert sent_refresh_tokens(vendor) == ["r-0", "r-1"]


def test_a_process_waits_while_another_renews(vendor: PlayedVendor) -> None:
    memory, clock = MemoryInMemory(), FakeClock()

    class Busy(MemoryInMemory):
        def lease(self, name: str, seconds: float) -> Any:
            if len(clock.slept) < 3:
                memory._leases.add(name)
            else:
                memory._leases.discard(name)
            return memory.lease(name, seconds)

    vendor.at = {"/oauth2/token": tokens("t-1")}
    refresher(vendor, Busy(), clock).request("GET", "/x")
    assert clock.slept == [0.5, 0.5, 0.5]


def test_a_process_that_never_lets_go_is_told(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    with memory.lease("refreshing", 60), pytest.raises(UnavailableError, match="another process"):
        refresher(vendor, memory).request("GET", "/x")
    assert vendor.asked == []


def test_the_memory_by_itself_gives_no_token_away(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    vendor.at = {"/oauth2/token": tokens("acc3ss", refresh_token="refr3sh")}
    refresher(vendor, memory).request("GET", "/x")
    assert memory.items
    assert not any(token in str(memory.items) for token in ("acc3ss", "refr3sh"))


def test_a_new_token_in_the_yaml_replaces_what_was_remembered_of_the_old_one(vendor: PlayedVendor) -> None:
    memory = MemoryInMemory()
    vendor.at = {"/oauth2/token": tokens("t-1", "t-2", refresh_token="r-1")}
    refresher(vendor, memory).request("GET", "/x")
    opened(REFRESHING | {"refresh_token": "r-new"}, fake_tools(memory=memory)).request("GET", "/x")
    assert sent_refresh_tokens(vendor) == ["r-0", "r-new"]


def test_without_a_store_no_refresh_token_is_spent(vendor: PlayedVendor) -> None:
    text = refused(vendor, REFRESHING, replace(fake_tools("crm"), credentials=None))
    assert "npsync db upgrade" in text
    assert vendor.asked == []


# ---------------------------------------------------------------- as YAML says it


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"kind": "oauth2"}, "client_id and client_secret"),
        ({"kind": "oauth2", "grant": "password"}, "username and password"),
        ({"kind": "oauth2", "grant": "refresh_token"}, "refresh_token"),
        ({"kind": "oauth2", "grant": None}, "client_id"),
        (CLIENT | {"value": "Bearer"}, "{token}"),
        (CLIENT | {"header": "X Key"}, "header"),
        ({"kind": "header", "value": "x", "header": "X:\nY"}, "header"),
    ],
)
def test_what_is_missing_is_said_when_the_yaml_is_read(auth: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _AUTH.validate_python(auth)
    assert words in str(caught.value)


def test_every_error_of_the_door_is_one_of_ours(vendor: PlayedVendor) -> None:
    for said in ((500, ""), (200, "<html>", {"Content-Type": "text/html"}), (200, "{"), (418, "")):
        vendor.at = {"/oauth2/token": [said]}
        with pytest.raises(NpsyncError, match="crm"):
            opened(CLIENT).request("GET", "/x")
