"""What the toy vendors push, with their own signatures, taken and read again: the same events as by poll."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from contract_opening import open_events
from contract_place import Place
from event_table import EVENTS, Story
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from post_box import PostBox, Received, post_box

from connectors import registry
from connectors.contract import EventSource, Inbound, Posted, Refused, Watch
from nps.events import Event, Hint

TOKEN, KEY = "flow-token-0123456789", "workflow-key-0123456"
SECRET, SIGNING = "address-secret-012345", "signing-0123456789"
ORG = "00DHs0000000001"
STORIES: dict[str, Story] = {story.kind: story for row in EVENTS.values() for story in row.stories}


@dataclass
class Door:
    """npsync's side of /hooks/{connection}: it takes, and remembers the hints and what it refused."""

    inbound: Inbound
    box: PostBox
    clock: FakeClock
    hints: list[Hint] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def answer(self, received: Received) -> tuple[int, bytes]:
        url = f"{self.box.url}{received.path}"
        posted = Posted(received.method, url, received.headers, received.body, self.clock.now())
        try:
            taken = self.inbound.receive(posted)
        except Refused as refused:
            self.refused.append(refused.code)
            return refused.status, b""
        self.hints += [one for one in taken.arrivals if isinstance(one, Hint)]
        return taken.reply.status, taken.reply.body


@dataclass
class Town:
    """One vendor, an event source of ours, and a door that it knocks at."""

    vendor: str
    story: Story
    place: Place
    door: Door
    source: EventSource
    watch: Watch

    def knob(self, command: str, **given: Any) -> None:
        self.place.sandbox.control("POST", f"/{self.vendor}/do/{command}", given)

    def happens(self) -> str:
        id = self.story.begin(self.place)
        self.later()
        self.story.happen(self.place, id)
        return id

    def later(self) -> None:
        self.place.sandbox.control("POST", "/clock", {"advance": 60})
        self.door.clock.advance(60)

    def delivered(self, **how: Any) -> None:
        self.place.sandbox.control("POST", "/deliveries/settle", how)

    def read(self) -> list[Event]:
        readings = self.source.read([self.watch], self.door.hints)
        return [event for one in readings for event in one.events]


@pytest.fixture
def town(kind: str, hooks: dict[str, Any], place: Place) -> Iterator[Town]:
    vendor = "salesforce" if kind.startswith("case") or kind == "onboarded" else "hubspot"
    story = STORIES[kind]
    now = datetime.fromisoformat(place.sandbox.control("GET", "/")["now"])
    clock = FakeClock(now)
    connector = registry.load(vendor)
    given = EVENTS[vendor].settings(place) | {"hooks": hooks}
    assert connector.inbound is not None
    kinds = {one.name: one for one in connector.event_kinds}
    with post_box() as box:
        inbound = connector.inbound(connector.settings.model_validate(given), Path())
        assert inbound is not None
        door = Door(inbound, box, clock)
        box.usual = door.answer
        source = open_events(vendor, given, fake_tools("crm", clock=clock, memory=MemoryInMemory()))
        watch = Watch(kind, kinds[kind].parameters.model_validate(dict(story.parameters)), story.facts)
        yield Town(vendor, story, place, door, source, watch)
        source.close()
        place.sandbox.control("DELETE", "/deliveries")
    for command in ("callout", "outbound_message") if vendor == "salesforce" else ("webhooks",):
        place.sandbox.control("POST", f"/{vendor}/do/{command}", {"url": None})
    if vendor == "hubspot":
        place.sandbox.control("POST", "/hubspot/do/workflow", {"name": "hook", "property": None})


def polled(town: Town, cursor: Any) -> list[str]:
    return [event.key for page in town.source.poll([town.watch], cursor) for event in page.events]


def started(town: Town) -> Any:
    town.later()  # what another test closed in this very second would count
    *_, page = town.source.poll([town.watch], None)
    return page.cursor


FLOW = {"token": TOKEN, "org_id": ORG}
MESSAGE = {"url_secret": SECRET, "org_id": ORG}
APP = {"client_secret": "app"}


@pytest.mark.parametrize("kind", ["case_closed"])
@pytest.mark.parametrize("hooks", [FLOW, FLOW | {"hmac_secret": SIGNING}], ids=["token", "signed"])
@pytest.mark.parametrize("length", [15, 18])
def test_a_flow_tells_of_a_closed_case(town: Town, hooks: dict[str, Any], length: int) -> None:
    town.knob(
        "callout",
        url=f"{town.door.box.url}/hooks/crm",
        headers={"X-NPS-Token": TOKEN},
        hmac={"header": "X-NPS-Signature", "secret": SIGNING},
        id_length=length,
    )
    cursor = started(town)
    id = town.happens()
    town.delivered()
    assert town.door.refused == []
    [event] = town.read()
    assert event.subject.id == id
    assert polled(town, cursor) == [event.key]


@pytest.mark.parametrize("kind", ["case_closed"])
@pytest.mark.parametrize("hooks", [MESSAGE])
@pytest.mark.parametrize(("length", "nil"), [(15, True), (18, False)])
def test_an_outbound_message_tells_of_closed_cases_and_is_acknowledged_once(
    town: Town, hooks: dict[str, Any], length: int, nil: bool
) -> None:
    address = f"{town.door.box.url}/hooks/crm?secret={SECRET}"
    town.knob("outbound_message", url=address, id_length=length, nil=nil)
    town.place.sandbox.control(
        "POST", "/deliveries/hold", {"vendor": "salesforce", "channel": "case-closed-message"}
    )
    cursor = started(town)
    ids = [town.happens() for _ in range(3)]
    town.place.sandbox.control(
        "POST",
        "/deliveries/release",
        {"vendor": "salesforce", "channel": "case-closed-message", "order": "reversed", "twice": True},
    )
    town.delivered()
    assert town.door.refused == []
    assert len({hint.key for hint in town.door.hints}) == 3 <= len(town.door.hints)
    events = {event.key: event for event in town.read()}
    assert sorted(event.subject.id for event in events.values()) == sorted(ids)
    assert sorted(polled(town, cursor)) == sorted(events)


@pytest.mark.parametrize("kind", ["case_closed"])
@pytest.mark.parametrize("hooks", [MESSAGE])
def test_another_orgs_message_is_refused_and_the_poll_still_finds_ours(
    town: Town, hooks: dict[str, Any]
) -> None:
    address = f"{town.door.box.url}/hooks/crm?secret={SECRET}"
    town.knob("outbound_message", url=address, org_id="00DHs000000000BMAQ")
    cursor = started(town)
    town.happens()
    town.delivered()
    assert set(town.door.refused) == {"other_org"}
    assert len(polled(town, cursor)) == 1


@pytest.mark.parametrize("kind", ["ticket_closed"])
@pytest.mark.parametrize("hooks", [APP])
@pytest.mark.parametrize(
    "way",
    [{"signed": ["v3"]}, {"signed": ["v1", "v3"]}, {"generic": True}, {"type_key": "eventType"}],
    ids=["v3", "v1 too", "generic", "old key"],
)
def test_an_apps_webhooks_tell_of_a_closed_ticket(
    town: Town, hooks: dict[str, Any], way: dict[str, Any]
) -> None:
    address = f"{town.door.box.url}/hooks/hub"
    town.knob("webhooks", url=address, secret="app", **way)
    cursor = started(town)
    id = town.happens()
    town.delivered()
    assert town.door.refused == []
    events = {event.key: event for event in town.read()}
    assert [event.subject.id for event in events.values()] == [id]
    town.later()
    assert polled(town, cursor) == list(events)


@pytest.mark.parametrize("kind", ["ticket_closed"])
@pytest.mark.parametrize("hooks", [APP])
@pytest.mark.parametrize(
    ("way", "code"),
    [
        ({"secret": "wrong"}, "bad_signature"),
        ({"clock_off": -400}, "stale"),
        ({"clock_off": 400}, "stale"),
        ({"signed": ["v1"]}, "version"),
        ({"signed_url": "https://elsewhere.example/hooks/hub"}, "bad_signature"),
    ],
)
def test_forged_and_replayed_webhooks_are_refused(
    town: Town, way: dict[str, Any], code: str, hooks: Any
) -> None:
    town.knob("webhooks", url=f"{town.door.box.url}/hooks/hub", **{"secret": "app", **way})
    town.happens()
    town.delivered(early=True)
    assert set(town.door.refused) == {code}
    assert town.door.hints == []


@pytest.mark.parametrize("kind", ["ticket_closed"])
@pytest.mark.parametrize(
    ("hooks", "auth"),
    [
        ({"api_key": KEY}, {"api_key": {"name": "X-NPS-Token", "value": KEY, "in": "header"}}),
        (APP, {"signature": True, "secret": "app"}),
    ],
    ids=["key", "v2"],
)
@pytest.mark.parametrize("body", [{"ticket_id": "hs_object_id"}, None], ids=["customised", "all properties"])
def test_a_workflow_tells_of_a_closed_ticket(town: Town, hooks: Any, auth: dict[str, Any], body: Any) -> None:
    webhook = {"url": f"{town.door.box.url}/hooks/hub", "body": body, **auth}
    town.knob(
        "workflow", name="hook", object="tickets", property="hs_pipeline_stage", value="4", webhook=webhook
    )
    cursor = started(town)
    id = town.happens()
    town.delivered()
    assert town.door.refused == []
    [event] = {event.key: event for event in town.read()}.values()
    assert event.subject.id == id
    town.later()
    assert polled(town, cursor) == [event.key]
