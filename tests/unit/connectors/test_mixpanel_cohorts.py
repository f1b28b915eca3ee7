"""Who came into a cohort: the first list asks nobody, and a sync that began again asks nobody twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from builders_mixpanel import NOW, hints, page, posted, settings
from fake_clock import MemoryInMemory, fake_tools

from connectors.contract import Posted
from connectors.mixpanel.cohorts import Cohorts
from connectors.mixpanel.inbound import MixpanelInbound
from nps.events import Event, Hint, Subject


class Sync:
    """A cohort's sync, page after page, as it arrives and is read."""

    def __init__(self, **hooks: Any) -> None:
        self.memory, self.settings = MemoryInMemory(), settings(**hooks)
        self.now = NOW

    def hints(
        self, action: str, *people: str, session: str = "s-1", number: int = 1, of: int = 1
    ) -> list[Hint]:
        members = [{"mixpanel_distinct_id": id} for id in people]
        request = posted(page(action, *members, session=session, number=number, of=of))
        at_this_time = Posted(request.method, request.url, request.headers, request.body, self.now)
        return hints(MixpanelInbound(self.settings).receive(at_this_time))

    def read(self, told: list[Hint]) -> list[Event]:
        cohorts = Cohorts(self.settings, fake_tools("product", memory=self.memory))
        readings = cohorts.read(told)
        assert all(one.events or one.why_not for one in readings)
        return [event for one in readings for event in one.events]

    def says(self, action: str, *people: str, **more: Any) -> list[str]:
        return [event.subject.id for event in self.read(self.hints(action, *people, **more))]


@pytest.mark.parametrize("first", ["members", "add_members"])
def test_the_first_list_asks_nobody_and_who_comes_later_is_told(first: str) -> None:
    sync = Sync()
    assert sync.says(first, "u-1", number=1, of=2) == []
    assert sync.says(first, "u-2", number=2, of=2) == []
    assert sync.says("add_members", "u-3", session="s-2") == ["u-3"]


def test_an_empty_cohort_that_fills_is_told() -> None:
    sync = Sync()
    assert sync.says("members") == []
    assert sync.says("add_members", "u-1", session="s-2") == ["u-1"]


@pytest.mark.parametrize("first", ["members", "add_members"])
def test_a_first_list_that_failed_half_way_and_began_again_asks_nobody(first: str) -> None:
    sync = Sync()
    assert sync.says(first, "u-1", number=1, of=2) == []
    assert sync.says(first, "u-1", session="s-2", number=1, of=2) == []
    assert sync.says(first, "u-2", session="s-2", number=2, of=2) == []
    assert sync.says("add_members", "u-3", session="s-3") == ["u-3"]


def test_a_first_list_whose_last_reply_was_lost_asks_nobody_when_it_comes_again() -> None:
    sync = Sync()
    sync.says("add_members", "u-1", "u-2")
    assert sync.says("add_members", "u-1", "u-2", session="s-2") == []


def test_a_full_list_after_days_of_failures_asks_nobody() -> None:
    sync = Sync()
    sync.says("members", "u-1")
    assert sync.says("members", "u-1", "u-2", session="s-2") == []
    assert sync.says("add_members", "u-2", session="s-3") == []


def test_a_sync_that_begins_again_is_the_same_event_on_that_day() -> None:
    sync = Sync()
    sync.says("members")
    (first,) = sync.read(sync.hints("add_members", "u-1", session="s-2"))
    sync.now += timedelta(minutes=30)
    (again,) = sync.read(sync.hints("add_members", "u-1", session="s-3"))
    assert first.key == again.key
    sync.now += timedelta(days=1)
    (later,) = sync.read(sync.hints("add_members", "u-1", session="s-4"))
    assert later.key != first.key


def test_who_left_and_came_back_is_told() -> None:
    sync = Sync()
    sync.says("members", "u-1")
    assert sync.says("remove_members", "u-1", session="s-2") == []
    assert sync.says("add_members", "u-1", session="s-3") == ["u-1"]


def test_everything_may_be_read_in_one_go_and_once_more() -> None:
    sync = Sync()
    told = [
        *sync.hints("members", "u-1"),
        *sync.hints("add_members", "u-2", session="s-2"),
        *sync.hints("remove_members", "u-1", session="s-2"),
        *sync.hints("add_members", "u-1", session="s-3"),
    ]
    first = sync.read(told)
    assert [event.subject.id for event in first] == ["u-2", "u-1"]
    assert sync.read(told) == first


def test_everybody_on_a_full_list_is_asked_where_that_is_wanted() -> None:
    sync = Sync(on_full_sync="everybody")
    assert sync.says("members", "u-1", "u-2") == ["u-1", "u-2"]
    assert sync.says("remove_members", "u-1", session="s-2") == []


def test_a_hint_of_another_make_is_no_event() -> None:
    sync = Sync()
    assert (
        sync.read([Hint(key="1"), Hint(key="2", kind="entered_cohort", subject=Subject("person", "u-1"))])
        == []
    )


def test_conditions_may_name_the_cohort() -> None:
    sync = Sync()
    sync.says("members")
    (event,) = sync.read(sync.hints("add_members", "u-1", session="s-2"))
    assert (event.facts["cohort"], event.facts["cohort_id"], event.facts["id"]) == (
        "Used export",
        "99",
        "u-1",
    )
