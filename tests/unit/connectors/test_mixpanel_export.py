"""Features used, read from the raw export: whole days, late and repeated rows, an hour's budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from fake_clock import FakeClock, MemoryInMemory, Notices, fake_tools
from hypothesis import given
from hypothesis import strategies as st
from played_vendor import PlayedVendor, playing
from pydantic import ValidationError

from connectors.contract import Watch
from connectors.mixpanel import export
from connectors.mixpanel.events import MixpanelEvents
from connectors.mixpanel.kinds import EnteredCohort, FeatureUsed
from connectors.mixpanel.settings import MixpanelSettings
from nps.errors import AccessError, BudgetError, ConfigError, NpsyncError, UnavailableError
from nps.events import Event, PersonKey
from nps.responses import Cursor

BASE = "https://data.mixpanel.com"
ACCOUNT = {"username": "npsync.1a2b3c.mp-service-account", "secret": "s3cret"}
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing(BASE) as vendor:
        yield vendor


def settings(**more: Any) -> MixpanelSettings:
    given = {"project_id": "2195193", "service_account": ACCOUNT, "every": "0 minutes"}
    return MixpanelSettings.model_validate(given | more)


def row(
    at: datetime, name: str = "Export", id: str = "u-1", processed: datetime | None = None, **more: Any
) -> dict[str, Any]:
    """As Mixpanel writes it with time_in_ms."""
    return {
        "event": name,
        "properties": {
            "time": int(at.timestamp() * 1000),
            "distinct_id": id,
            "$insert_id": f"i-{at:%d%H%M%S}-{id}",
            "mp_processing_time_ms": int((processed or at).timestamp() * 1000),
            **more,
        },
    }


def lines(*rows: Any) -> tuple[int, bytes]:
    return 200, b"\n".join(orjson.dumps(one) for one in rows)


class Desk:
    """A connection over time: each poll goes on from the last one's cursor."""

    def __init__(self, vendor: PlayedVendor, **more: Any) -> None:
        self.vendor, self.settings = vendor, settings(**more)
        self.clock, self.memory, self.notices = FakeClock(NOON), MemoryInMemory(), Notices()
        self.cursor: Cursor | None = None

    def source(self) -> MixpanelEvents:
        tools = fake_tools("product", clock=self.clock, memory=self.memory, notice=self.notices)
        return MixpanelEvents(self.settings, tools)

    def polls(self, *told: Any, watches: Sequence[Watch] | None = None) -> list[Event]:
        if told:
            self.vendor.says[:] = [lines(*told)]
        pages = list(self.source().poll(watches or [used()], self.cursor))
        self.cursor = pages[-1].cursor
        return [event for page in pages for event in page.events]

    def later(self, **how: float) -> datetime:
        self.clock.advance(timedelta(**how).total_seconds())
        return self.clock.now()


def used(*names: str, facts: tuple[str, ...] = ()) -> Watch:
    return Watch("feature_used", FeatureUsed(name=names or ("Export",)), facts)


@pytest.fixture
def desk(vendor: PlayedVendor) -> Desk:
    vendor.says[:] = [lines()]
    made = Desk(vendor)
    assert made.polls() == []
    made.later(hours=1)
    return made


# ---------------------------------------------------------------- one query


def test_one_query_asks_for_all_names_and_the_last_days(vendor: PlayedVendor, desk: Desk) -> None:
    assert vendor.asked == []  # the first poll begins at now
    desk.polls(watches=[used("Export"), used("Import", "Export")])
    (asked,) = vendor.asked
    assert asked.path == "/api/2.0/export"
    assert asked.params == {
        "project_id": "2195193",
        "from_date": "2026-03-08",
        "to_date": "2026-03-10",
        "event": '["Export","Import"]',
        "time_in_ms": "true",
        "limit": "100000",
    }
    assert asked.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(("residency", "host"), [("eu", "data-eu"), ("in", "data-in")])
def test_each_residency_has_a_host_of_its_own(residency: str, host: str) -> None:
    assert settings(residency=residency).address == f"https://{host}.mixpanel.com"


def test_the_export_is_left_alone_until_it_is_time(vendor: PlayedVendor) -> None:
    desk = Desk(vendor, every="15 minutes")
    desk.polls()
    desk.later(minutes=14)
    assert desk.polls(row(NOON)) == []
    assert vendor.asked == []
    now = desk.later(minutes=1)
    assert len(desk.polls(row(now))) == 1


# ---------------------------------------------------------------- what it tells


def test_an_event_has_its_person_and_the_properties_that_are_read(desk: Desk) -> None:
    now = desk.clock.now()
    properties = {
        "format": "xlsx",
        "owner": "jo@example.com",
        "plan": {"tier": "gold"},
        "a.b": 1,
        "secret": "x",
    }
    names = (
        "properties.format",
        "properties.plan.tier",
        "properties.a.b",
        "properties.owner",
        "properties.none",
    )
    (event,) = desk.polls(row(now, **properties), watches=[used(facts=names)])
    assert event.person == (PersonKey("external_id", "u-1"),)
    assert event.occurred_at == now
    assert {name: event.facts[name] for name in names} == dict(
        zip(names, ("xlsx", "gold", 1, None, None), strict=True)
    )
    assert "secret" not in str(event.facts)


def test_an_address_that_serves_as_an_id_finds_the_person_and_is_kept_nowhere_else(desk: Desk) -> None:
    (event,) = desk.polls(row(desk.clock.now(), id="Jo@Example.com"))
    assert PersonKey("email", "jo@example.com") in event.person
    assert "example" not in f"{event.subject}{event.facts}{event.key}".lower()


@pytest.mark.parametrize("id", ["$device:18a7", "anonymous", "", "00000000-0000-0000-0000-000000000000"])
def test_who_is_nobody_known_is_no_event(desk: Desk, id: str) -> None:
    assert desk.polls(row(desk.clock.now(), id=id)) == []


def test_what_happened_before_the_first_poll_asks_nobody(desk: Desk) -> None:
    assert desk.polls(row(NOON - timedelta(minutes=1))) == []


def test_a_late_event_is_told_when_mixpanel_has_it(desk: Desk) -> None:
    happened, now = NOON - timedelta(days=2), desk.clock.now()
    (event,) = desk.polls(row(happened, processed=now))
    assert event.occurred_at == happened


def test_repeated_rows_are_one_event_and_so_is_the_same_day_read_again(desk: Desk) -> None:
    told = row(desk.clock.now())
    (event,) = desk.polls(told, told)
    desk.later(minutes=15)
    again = desk.polls(told)
    assert {one.key for one in again} <= {event.key}
    desk.later(hours=5)
    later = row(desk.clock.now())
    assert [one.key for one in desk.polls(told, later)] != [event.key]


def test_one_that_shows_up_after_later_ones_is_told(desk: Desk) -> None:
    first, second = row(desk.clock.now(), id="u-1"), row(desk.later(minutes=10), id="u-2")
    assert [one.subject.id for one in desk.polls(second)] == ["u-2"]
    desk.later(minutes=15)
    assert {one.subject.id for one in desk.polls(first, second)} == {"u-1", "u-2"}


def test_after_a_standstill_the_days_in_between_are_read(vendor: PlayedVendor, desk: Desk) -> None:
    desk.later(days=5)
    desk.polls()
    assert vendor.asked[-1].params["from_date"] == "2026-03-08"
    desk.later(days=90)
    desk.polls()
    assert vendor.asked[-1].params["from_date"] == "2026-05-12"
    assert [name for name, _ in desk.notices] == ["poll_cut_short"]


def test_a_name_that_is_new_asks_nobody_about_before(desk: Desk) -> None:
    desk.polls(row(desk.clock.now()))
    before = row(desk.clock.now() - timedelta(minutes=5), "Import")
    after = row(desk.later(minutes=15), "Import", id="u-2")
    told = desk.polls(before, after, watches=[used("Export", "Import")])
    assert [one.subject.id for one in told] == ["u-2"]


def test_an_old_project_counts_days_and_times_in_its_own_zone(vendor: PlayedVendor) -> None:
    desk = Desk(vendor, project_time_zone="America/New_York")
    desk.polls()
    now = desk.later(hours=14)  # 02:00 UTC, the evening before in New York
    wall = now.replace(tzinfo=UTC) - timedelta(hours=4)
    (event,) = desk.polls(row(wall, processed=now))
    assert event.occurred_at == now
    assert vendor.asked[-1].params["to_date"] == "2026-03-10"


def test_times_in_seconds_are_read_as_well(desk: Desk) -> None:
    told = row(desk.clock.now())
    told["properties"]["time"] //= 1000
    (event,) = desk.polls(told)
    assert event.occurred_at == desk.clock.now()


def test_the_past_is_told_from_the_moment_asked_for(vendor: PlayedVendor) -> None:
    desk, since = Desk(vendor), NOON - timedelta(days=90)
    vendor.says[:] = [lines(row(since - timedelta(hours=1)), row(since, id="u-2"), row(NOON, id="u-3"))]
    told = [event.subject.id for page in desk.source().past([used()], since) for event in page.events]
    assert told == ["u-2", "u-3"]


# ---------------------------------------------------------------- too many


def test_what_one_answer_cannot_hold_is_asked_day_by_day_and_name_by_name(
    vendor: PlayedVendor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_ROWS", 2)
    now = desk.clock.now()
    rows = [row(now, id=f"u-{number}") for number in range(4)]
    imported = row(now, "Import", id="u-9")
    vendor.says[:] = [
        lines(*rows[:2]),  # three days: cut
        lines(),
        lines(),
        lines(*rows[1:3]),  # the third: cut
        lines(rows[3]),  # one name
        lines(imported),  # the other
    ]
    told = desk.polls(watches=[used("Export", "Import")])
    assert [one.subject.id for one in told] == ["u-0", "u-1", "u-2", "u-3", "u-9"]
    spans = [(asked.params["from_date"][-2:], asked.params["to_date"][-2:]) for asked in vendor.asked]
    assert spans == [("08", "10"), ("08", "08"), ("09", "09"), ("10", "10"), ("10", "10"), ("10", "10")]
    assert [name for name, _ in desk.notices] == ["export_split", "export_split"]


def test_more_of_one_name_on_one_day_than_can_be_told_is_said(
    vendor: PlayedVendor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_ROWS", 1)
    vendor.says[:] = [lines(row(desk.clock.now()))]
    desk.polls()
    assert ("export_cut_short", {"day": "2026-03-10", "limit": 1}) in desk.notices


# ---------------------------------------------------------------- the hour's budget


def test_sixty_queries_an_hour_leave_over_restarts(vendor: PlayedVendor, desk: Desk) -> None:
    for _ in range(60):
        desk.polls()
        desk.later(seconds=1)
    with pytest.raises(BudgetError, match="60 exports an hour are spent"):
        desk.polls()
    assert len(vendor.asked) == 60
    desk.later(hours=1)
    desk.polls()


def test_after_a_429_nobody_asks_for_a_while(vendor: PlayedVendor, desk: Desk) -> None:
    vendor.says[:] = [(429, {"error": "too many"}), lines()]
    for _ in range(3):
        with pytest.raises(BudgetError):
            desk.polls()
    assert len(vendor.asked) == 1
    desk.later(minutes=10)
    desk.polls()
    assert len(vendor.asked) == 2


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, AccessError, "expired"),
        (402, AccessError, "plan"),
        (403, AccessError, "member of the project"),
        (400, ConfigError, "project_id and residency"),
        (302, UnavailableError, "status 302"),
    ],
)
def test_a_refusal_says_what_to_look_at(
    vendor: PlayedVendor, desk: Desk, status: int, error: type[NpsyncError], words: str
) -> None:
    vendor.says[:] = [(status, {"error": "s3cret jo@example.com"})]
    with pytest.raises(error, match=words) as raised:
        desk.polls()
    assert "s3cret" not in str(raised.value)
    assert "example" not in str(raised.value)


def test_a_page_of_a_proxy_is_no_export(vendor: PlayedVendor, desk: Desk) -> None:
    vendor.says[:] = [(200, "<html>", {"Content-Type": "text/html"})]
    with pytest.raises(UnavailableError, match="web page"):
        desk.polls()


def test_lines_that_are_no_events_are_counted_and_nothing_but_such_is_a_failure(desk: Desk) -> None:
    now = desk.clock.now()
    assert len(desk.polls(row(now), {"event": "Export"}, [1])) == 1
    assert ("export_lines_left_out", {"count": 2}) in desk.notices
    with pytest.raises(UnavailableError, match="none of 2 lines"):
        desk.polls({"error": "no"}, 7)


anything = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
)


@given(
    st.dictionaries(st.sampled_from(["time", "distinct_id", "$insert_id", "mp_processing_time_ms"]), anything)
)
def test_whatever_a_line_holds_it_is_an_event_or_none(properties: dict[str, Any]) -> None:
    try:
        line = orjson.dumps({"event": "Export", "properties": properties})
    except TypeError:  # a lone surrogate cannot be sent
        return
    told = export._row(line, settings().zone)
    assert told is None or told.at.tzinfo is UTC


def test_a_watch_that_the_settings_cannot_serve_says_what_is_missing(vendor: PlayedVendor) -> None:
    hooks = {"username": "npsync", "password": "a-password-of-the-sync"}
    pushed = MixpanelSettings.model_validate({"project_id": "1", "hooks": hooks})
    with pytest.raises(ConfigError, match="say service_account"):
        list(MixpanelEvents(pushed, fake_tools("product")).poll([used()], None))
    entered = Watch("entered_cohort", EnteredCohort(cohort=("99",)))
    with pytest.raises(ConfigError, match="say hooks"):
        list(MixpanelEvents(settings(), fake_tools("product")).poll([entered], None))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"project_id": "1"}, "say service_account"),
        ({"project_time_zone": "Berlin"}, "no time zone"),
        ({"residency": "uk"}, "residency"),
        ({"project_id": "abc"}, "project_id"),
        ({"base_url": "http://evil.example"}, "base_url"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, Any], words: str) -> None:
    working = {} if given == {"project_id": "1"} else {"project_id": "1", "service_account": ACCOUNT}
    with pytest.raises(ValidationError, match=words):
        MixpanelSettings.model_validate(working | given)


def test_a_cohort_may_be_named_by_a_number() -> None:
    assert EnteredCohort.model_validate({"cohort": 99}).cohort == ("99",)
    with pytest.raises(ValidationError):
        EnteredCohort.model_validate({"cohort": []})
