"""Mixpanel as the sandbox plays it: an old project's own zone, late and repeated rows, a cohort page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from contract_opening import open_events
from contract_place import Place, unique
from event_table import EVENTS
from fake_clock import FakeClock, MemoryInMemory, fake_tools
from post_box import post_box

from connectors.contract import EventSource, Posted, Refused, Watch
from connectors.mixpanel.inbound import MixpanelInbound
from connectors.mixpanel.kinds import EnteredCohort, FeatureUsed
from connectors.mixpanel.settings import MixpanelSettings
from nps.events import Event, Hint
from nps.responses import Cursor

HOOKS = {"username": "npsync", "password": "a-password-of-the-sync"}


@pytest.fixture
def mixpanel(place: Place) -> Iterator[Place]:
    yield place
    knob(place, "set", time_zone="UTC")
    knob(place, "cohort", url=None)
    place.sandbox.control("DELETE", "/faults")


def knob(place: Place, name: str, **told: Any) -> None:
    place.sandbox.control("POST", f"/mixpanel/do/{name}", told)


def now(place: Place) -> datetime:
    return datetime.fromisoformat(place.sandbox.control("GET", "/")["now"])


def source(place: Place, **settings: Any) -> EventSource:
    tools = fake_tools("product", clock=FakeClock(now(place)))
    return open_events("mixpanel", EVENTS["mixpanel"].settings(place) | settings, tools)


def polled(opened: EventSource, cursor: Cursor | None = None) -> tuple[list[Event], Cursor]:
    pages = list(opened.poll([Watch("feature_used", FeatureUsed(name=("Report",)))], cursor))
    return [event for page in pages for event in page.events], pages[-1].cursor


def test_an_old_project_tells_the_right_moment_of_a_late_and_repeated_event(mixpanel: Place) -> None:
    knob(mixpanel, "set", time_zone="America/New_York")
    zone = {"project_time_zone": "America/New_York"}
    _, cursor = polled(source(mixpanel, **zone))
    mixpanel.sandbox.control("POST", "/clock", {"advance": 60})
    who, late = unique("late-"), 26 * 3_600
    knob(mixpanel, "track", event="Report", distinct_id=who, late=late)
    mixpanel.sandbox.control("POST", "/clock", {"advance": 60})
    mixpanel.sandbox.fault("mixpanel", "repeated_rows")
    (event,), _ = polled(source(mixpanel, **zone), cursor)
    assert event.subject.id == who
    assert abs(now(mixpanel) - timedelta(seconds=late + 60) - event.occurred_at) < timedelta(minutes=1)


def test_a_cohort_is_taken_page_by_page_and_only_who_comes_later_is_told(mixpanel: Place) -> None:
    given = MixpanelSettings.model_validate({"project_id": "1", "hooks": HOOKS})
    watch = Watch("entered_cohort", EnteredCohort(cohort=("Used export",)))
    memory = MemoryInMemory()
    told: list[str] = []

    def take(post: Any) -> tuple[int, bytes]:
        posted = Posted("POST", "", post.headers, post.body, now(mixpanel))
        try:
            taken = MixpanelInbound(given).receive(posted)
        except Refused as refused:
            return refused.status, b"{}"
        hints = [one for one in taken.arrivals if isinstance(one, Hint)]
        opened = open_events("mixpanel", given.model_dump(), fake_tools("product", memory=memory))
        told.extend(event.subject.id for one in opened.read([watch], hints) for event in one.events)
        return taken.reply.status, taken.reply.body

    with post_box() as box:
        box.usual = take
        people = [{"mixpanel_distinct_id": unique("u-")} for _ in range(5)]
        knob(mixpanel, "cohort", url=box.url, user="npsync", password=HOOKS["password"], page=2)
        knob(mixpanel, "sync", members=people)
        mixpanel.sandbox.control("POST", "/deliveries/settle", {})
        late = unique("u-")
        knob(
            mixpanel, "sync", add=[{"mixpanel_distinct_id": late}], remove=[people[0]["mixpanel_distinct_id"]]
        )
        mixpanel.sandbox.control("POST", "/deliveries/settle", {})
        actions = [(post.json()["action"]) for post in box.take()]
    assert actions == ["members", "members", "members", "add_members", "remove_members"]
    assert told == [late]
