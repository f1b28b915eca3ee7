"""`follow_up:` with a message: one for an answer and a place, never repeated by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from builders_aftercare import CALL, TELL, CaringTown, followed
from builders_sync import answer

from connectors.wire import FateUnknown
from nps.errors import AccessError, RejectedError, UnavailableError
from store.api.outbox import Kind, Stage

Build = Callable[..., CaringTown]


@pytest.fixture
def town(caring_town: Build) -> CaringTown:
    return caring_town(rules=[TELL])


def unhappy(town: CaringTown, *names: str) -> None:
    for name in names or ("ann",):
        town.contact(name)
        town.tell(answer(name, 3, email=f"{name}@example.com", comment="Too slow."))


def told(town: CaringTown) -> list[str]:
    return [alert.title for alert in town.channel.alerts]


def test_an_unhappy_answer_is_told_once_with_its_facts_and_links(town: CaringTown):
    unhappy(town)
    town.tell(answer("before", 9, days=-0.5, email="ann@example.com"))
    report = town.run()
    town.tell(answer("ann", 2, email="ann@example.com"))
    town.run()
    (alert,) = town.channel.alerts
    assert alert.title == "ann@example.com scored 3"
    assert list(alert.facts) == [
        ("Score", "3 of 10"),
        ("Before", "9 on 2026-03-02"),
        ("Answered", "2026-03-02"),
    ]
    assert list(alert.links) == [("Record", "https://crm.example.com/c1")]
    assert (alert.owner_email, alert.comment) == ("kim@acme.com", "")
    assert (followed(report, Kind.ALERT), report.status) == ({"created": 1}, "succeeded")


def test_the_comment_is_shared_only_where_the_yaml_says_so(caring_town: Build):
    town = caring_town(rules=[{**TELL, "notify": {**TELL["notify"], "share_comments": True}}])
    unhappy(town)
    town.run()
    assert town.channel.alerts[0].comment == "Too slow."


def test_two_rules_tell_one_place_once_and_two_places_each(caring_town: Build):
    at_once: dict[str, Any] = {
        "where": "score <= 5",
        "notify": {"connection": "slack", "text": "at once: {score}"},
    }
    elsewhere = {**TELL, "notify": {**TELL["notify"], "to": "#support"}}
    town = caring_town(rules=[at_once, TELL, elsewhere])
    unhappy(town)
    town.run()
    assert sorted(told(town)) == ["ann@example.com scored 3", "at once: 3"]
    assert sorted(alert.to for alert in town.channel.alerts) == ["", "#support"]


def test_many_at_once_become_one_that_counts_them(caring_town: Build):
    town = caring_town(rules=[{**TELL, "notify": {**TELL["notify"], "at_most": 2}}])
    unhappy(town, "ann", "bob", "cat")
    assert followed(town.run(), Kind.ALERT) == {"created": 3}
    (alert,) = town.channel.alerts
    assert (alert.title, list(alert.facts)) == (
        "3 new detractors: relationship",
        [("Detractors", "3")],
    )
    assert "example.com" not in f"{alert.title}{alert.text}{alert.facts}{alert.comment}"
    town.run()
    assert len(town.channel.alerts) == 1


@pytest.mark.parametrize("error", [UnavailableError("slack: down"), AccessError("slack: no")])
def test_a_channel_that_is_down_fails_no_score_and_is_told_later(caring_town: Build, error: Exception):
    town = caring_town(rules=[TELL, CALL])

    def down(alert: object) -> None:
        raise error

    town.channel.before = down
    unhappy(town)
    report = town.run()
    assert (report.status, town.shown(), len(town.crm.tasks)) == ("partial", {"c1": 3}, 1)
    assert f"alerts: {error}" in report.problems
    town.channel.before = lambda alert: None
    assert town.run().status == "succeeded"
    assert told(town) == ["ann@example.com scored 3"]


def test_one_place_that_is_down_silences_no_other(caring_town: Build):
    elsewhere = {**TELL, "notify": {**TELL["notify"], "to": "#support"}}
    town = caring_town(rules=[TELL, elsewhere])

    def down(alert: Any) -> None:
        if not alert.to:
            raise UnavailableError("slack: down")

    town.channel.before = down
    unhappy(town)
    assert followed(town.run(), Kind.ALERT) == {"created": 1, "left": 1}
    assert [alert.to for alert in town.channel.alerts] == ["#support"]


def test_an_alert_nobody_knows_of_stays_unknown_and_is_not_repeated(town: CaringTown):
    def lost(alert: object) -> None:
        raise FateUnknown("slack: no answer came")

    town.channel.after = lost
    unhappy(town)
    report = town.run()
    assert (followed(report, Kind.ALERT), report.status) == ({"unknown": 1}, "partial")
    town.channel.after = lambda alert: None
    assert town.run().status == "succeeded"
    assert len(town.channel.alerts) == 1
    (entry,) = town.outbox(Kind.ALERT)
    assert entry.stage is Stage.UNKNOWN
    town.store.retry_entries([entry.id], now=town.clock.now())
    town.run()
    assert len(town.channel.alerts) == 2


def test_a_message_that_is_refused_as_it_is_keeps_the_reason(town: CaringTown):
    def refuse(alert: object) -> None:
        raise RejectedError("slack: no such channel", code="channel_not_found")

    town.channel.before = refuse
    unhappy(town)
    assert followed(town.run(), Kind.ALERT) == {"rejected": 1}
    (entry,) = town.outbox(Kind.ALERT)
    assert (entry.code, entry.reason) == ("channel_not_found", "slack: no such channel")
