"""/hooks/{connection}: verified, stored, answered; and clear about what is not taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from asgi_caller import Caller
from builders_config import config_of, yaml
from fake_clock import NOON, FakeClock

from connectors.contract import Connector, LeftOut, Posted, Refused, Reply, Settings, Taken
from nps.errors import UnavailableError
from nps.events import Answered, Arrival, Hint
from nps.responses import SurveyResponse
from npsync.config import load
from npsync.config.model import Config, Connection
from npsync.web.app import app
from store.api import Store

FIVE_MEGABYTES = 5 * 1024 * 1024


@dataclass
class Remembered:
    """The store, as far as hooks need one."""

    arrivals: list[Arrival] = field(default_factory=list)
    trouble: Exception | None = None
    refused: list[tuple[str, str, str, int]] = field(default_factory=list)

    def receive(self, arrivals: Sequence[Arrival], *, now: datetime) -> int:
        if self.trouble is not None:
            raise self.trouble
        self.arrivals += arrivals
        return len(arrivals)

    def refuse(self, connection: str, code: str, reason: str, *, now: datetime, times: int = 1) -> None:
        self.refused.append((connection, code, reason, times))


class Plain:
    """Takes one hint a request; refuses what does not know the word."""

    def __init__(self) -> None:
        self.seen: list[Posted] = []

    def receive(self, posted: Posted) -> Taken:
        self.seen.append(posted)
        if posted.headers.get("x-word") == "breaks":
            raise KeyError(posted.body.decode())
        if posted.headers.get("x-word") != "please":
            raise Refused(401, "the word is missing or wrong", code="bad_signature")
        if not posted.body:
            return Taken(reply=Reply(202, b"<ok/>", "text/xml"))
        left_out = (LeftOut("too_old", "the event is too old", 2),) if posted.body.endswith(b"old") else ()
        return Taken((Hint(key=posted.body.decode()),), left_out=left_out)


@pytest.fixture
def reader() -> Plain:
    return Plain()


@pytest.fixture
def memory() -> Remembered:
    return Remembered()


@pytest.fixture
def config(tmp_path: Path, reader: Plain) -> Config:
    (tmp_path / "npsync.yaml").write_text("time_zone: UTC\n", encoding="utf-8")
    plain = Connector(
        "plain", "Plain", Settings, grants=lambda s, n: (), inbound=lambda settings, folder: reader
    )
    deaf = replace(plain, name="deaf", inbound=None)
    connections = {
        name: Connection(name, name, Settings(), made) for name, made in (("plain", plain), ("deaf", deaf))
    }
    return replace(load(tmp_path / "npsync.yaml"), connections=connections)


@pytest.fixture
def call(config: Config, memory: Remembered) -> Caller:
    return Caller(app(config, cast(Store, memory), FakeClock()))


def test_what_is_verified_is_stored_before_the_reply(call: Caller, memory: Remembered):
    assert call.post("/hooks/plain", b"a", x_word="please").status == 200
    assert memory.arrivals == [Hint(connection="plain", key="a")]


def test_the_reader_says_what_its_sender_wants_to_hear(call: Caller, memory: Remembered):
    replied = call.post("/hooks/plain", x_word="please")
    assert (replied.status, replied.body) == (202, b"<ok/>")
    assert replied.headers["content-type"].startswith("text/xml")
    assert memory.arrivals == []


def test_raw_bytes_reach_the_reader_as_they_were_sent(call: Caller, reader: Plain):
    body = b' {"a" : 1e-7 ,\xc3\xa9\r\n} '
    call.call("POST", "/hooks/plain?x=%2F+y", [body[:3], body[3:9], body[9:]], {"X-Word": "please"})
    assert reader.seen[0].body == body
    assert reader.seen[0].at == NOON
    assert reader.seen[0].headers["x-word"] == "please"


def test_the_host_header_decides_nothing(config: Config, memory: Remembered, reader: Plain):
    made = app(public(config, "https://in.acme.com/np"), cast(Store, memory), FakeClock())
    Caller(made).post("/hooks/plain?b=2&a=%20", b"x", x_word="please", host="evil.example")
    assert reader.seen[0].url == "https://in.acme.com/np/hooks/plain?b=2&a=%20"


def test_a_proxy_may_leave_the_public_path_in_place(config: Config, memory: Remembered, reader: Plain):
    made = app(public(config, "https://in.acme.com/np"), cast(Store, memory), FakeClock())
    assert Caller(made).post("/np/hooks/plain", b"x", x_word="please").status == 200
    assert reader.seen[0].url == "https://in.acme.com/np/hooks/plain"


def test_a_refusal_is_clear_to_the_caller_and_quotes_nothing(call: Caller, memory: Remembered, told: Told):
    replied = call.post("/hooks/plain", b'{"email": "ann@example.com"}')
    assert replied.status == 401
    assert replied.headers["content-type"] == "application/problem+json"
    assert replied.json["code"] == "bad_signature"
    assert replied.json["detail"] == "the word is missing or wrong"
    assert memory.arrivals == []


def test_refusals_are_counted_where_people_find_them(call: Caller, memory: Remembered, told: Told):
    for _ in range(3):
        call.post("/hooks/plain", b'{"email": "ann@example.com"}')
    call.post("/hooks/plain", b"a,b,old", x_word="please")
    call.app.site.refusals.flush()
    assert memory.refused == [
        ("plain", "bad_signature", "the word is missing or wrong", 3),
        ("plain", "too_old", "the event is too old", 2),
    ]
    assert ("hook_refused", {"connection": "plain", "code": "bad_signature", "times": 3}) in told
    assert [arrival.key for arrival in memory.arrivals] == ["a,b,old"]


def test_an_unknown_connection_is_not_found(call: Caller):
    assert call.post("/hooks/nobody", b"x").status == 404


def test_a_connection_that_takes_nothing_is_not_found_and_the_log_says_why(call: Caller, told: Told):
    replied = call.post("/hooks/deaf", b"x")
    assert replied.status == 404
    assert "deaf" not in replied.body.decode()
    assert told[0][0] == "hook_not_meant"
    assert "npsync connectors deaf" in told[0][1]["hint"]


def test_a_sender_may_ask_whether_anybody_is_there(call: Caller):
    assert call.call("HEAD", "/hooks/plain").status == 200
    assert call.call("HEAD", "/hooks/deaf").status == 404
    assert call.get("/hooks/plain").status == 405


@pytest.mark.parametrize("trouble", [UnavailableError("the disk is full"), RuntimeError("ann@example.com")])
def test_trouble_of_ours_is_never_the_senders_fault(
    call: Caller, memory: Remembered, trouble: Exception, told: Told
):
    memory.trouble = trouble
    replied = call.post("/hooks/plain", b"a", x_word="please")
    assert replied.status == 503
    assert int(replied.headers["retry-after"]) > 0
    assert "ann@example.com" not in str(told) + replied.body.decode()


def test_a_defect_in_a_reader_is_ours_too(call: Caller, told: Told):
    replied = call.post("/hooks/plain", b"ann@example.com", x_word="breaks")
    assert replied.status == 503
    assert told[0][0] == "web_crashed"
    assert "ann@example.com" not in str(told)


def test_a_body_that_says_it_is_too_large_is_refused_unread(call: Caller, reader: Plain):
    replied = call.call("POST", "/hooks/plain", [b"x"] * 3, {"content-length": str(FIVE_MEGABYTES + 1)})
    assert replied.status == 413
    assert call.unread == 3
    assert reader.seen == []


def test_a_body_that_does_not_say_how_large_it_is_is_cut_off(call: Caller, reader: Plain):
    replied = call.call("POST", "/hooks/plain", [b"x" * 1024 * 1024] * 10, {"x-word": "please"})
    assert replied.status == 413
    assert replied.json["code"] == "too_large"
    assert call.unread == 4
    assert reader.seen == []


def test_a_body_as_large_as_allowed_is_taken(call: Caller, reader: Plain):
    assert call.post("/hooks/plain", b"x" * FIVE_MEGABYTES, x_word="please").status == 200
    assert len(reader.seen[0].body) == FIVE_MEGABYTES


def test_a_body_that_never_ends_is_given_up(
    config: Config, memory: Remembered, monkeypatch: pytest.MonkeyPatch
):
    """Whoever sends a byte now and then must not keep a place for ever."""
    monkeypatch.setattr("npsync.web.doorway.SECONDS_TO_SEND", 0.01)
    replied: list[dict[str, Any]] = []

    async def silence() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        replied.append(message)

    scope = {"type": "http", "method": "POST", "path": "/hooks/plain", "headers": [], "query_string": b""}
    asyncio.run(app(config, cast(Store, memory), FakeClock())(scope, silence, send))  # type: ignore[arg-type]
    assert replied[0]["status"] == 408
    assert memory.arrivals == []


def test_many_large_bodies_at_once_do_not_fill_the_memory(
    config: Config, memory: Remembered, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("npsync.web.doorway.MOST_AT_ONCE", 1_000)
    call = Caller(app(config, cast(Store, memory), FakeClock()))
    replied = call.post("/hooks/plain", b"x" * 1_001, x_word="please")
    assert (replied.status, replied.json["code"]) == (503, "busy")
    assert [call.post("/hooks/plain", b"x" * 600, x_word="please").status for _ in range(3)] == [200] * 3


def test_every_reply_tells_browsers_to_be_careful(config: Config, memory: Remembered):
    secure = Caller(app(public(config, "https://in.acme.com"), cast(Store, memory), FakeClock()))
    for replied in (secure.post("/hooks/plain", b"x"), secure.get("/nothing")):
        assert replied.headers["x-content-type-options"] == "nosniff"
        assert replied.headers["referrer-policy"] == "no-referrer"
        assert replied.headers["cache-control"] == "no-store"
        assert "max-age" in replied.headers["strict-transport-security"]
        assert "server" not in replied.headers


Told = list[tuple[str, Mapping[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Every log line of the web."""
    lines: Told = []
    for module in ("npsync.web.hooks", "npsync.web.doorway", "npsync.web.refusals"):
        monkeypatch.setattr(f"{module}.notice", lambda event, /, **facts: lines.append((event, facts)))
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    return lines


def public(config: Config, url: str) -> Config:
    return replace(config, public_url=url)


def test_of_an_answer_only_what_a_mapping_uses_is_kept_even_until_it_is_settled(tmp_path: Path, memory):
    config = config_of(yaml("NPS__c: score\nPlan__c: properties.plan\n"), tmp_path)
    response = SurveyResponse(
        source="mail",
        id="1",
        answered_at=NOON,
        score=9,
        comment="so so",
        properties={"plan": "x", "ip": "::1"},
    )
    told = Answered(key="1", at=NOON, id="1", response=response)
    known = config.connections["mail"]
    tells = SimpleNamespace(receive=lambda posted: Taken((told,)))
    mail = replace(known, connector=replace(known.connector, inbound=lambda settings, folder: tells))
    unused = replace(mail, name="unused")
    config = replace(config, connections={**config.connections, "mail": mail, "unused": unused})
    call = Caller(app(config, cast(Store, memory), FakeClock()))
    assert [call.post("/hooks/mail").status, call.post("/hooks/unused").status] == [200, 200]
    kept, not_taken = [one.response for one in memory.arrivals]
    assert (kept.score, kept.comment, kept.properties) == (9, None, {"plan": "x"})
    assert not_taken is None
