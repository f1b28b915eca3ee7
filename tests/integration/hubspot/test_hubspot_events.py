"""HubSpot's events where the sandbox cannot show it: crowds, sweeps cut short, an index that lies, odd pipelines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from fake_clock import NOON, Calls, FakeClock, Notices, fake_tools
from scripted_hubspot import Asked, Said, ScriptedHubSpot, definition

from connectors.contract import Watch
from connectors.hubspot import events as polling
from connectors.hubspot.events import HubSpotEvents
from connectors.hubspot.settings import HubSpotSettings
from connectors.record_changes import RecordChanged
from nps.errors import ConfigError
from nps.events import Event, Hint, PersonKey, Subject
from nps.responses import Cursor

CLOSED, REOPENED = Watch("ticket_closed"), Watch("ticket_reopened")
CUSTOMER = RecordChanged(object="contacts", field="stage", to="customer")
TICKET = [
    definition("hs_object_id", "number"),
    definition("hs_pipeline_stage", "enumeration"),
    definition("hs_ticket_priority"),
    definition("closed_date", "datetime"),
    definition("hs_ticket_reopened_at", "datetime"),
    definition("hs_lastmodifieddate", "datetime"),
]
CONTACT = [
    definition("hs_object_id", "number"),
    definition("stage", "enumeration", options=[{"label": "C", "value": "customer"}]),
    definition("score", "number"),
    definition("lastmodifieddate", "datetime"),
]
PIPELINES: list[dict[str, Any]] = [
    {
        "id": "0",
        "stages": [
            {"id": "1", "label": "Closed", "metadata": {"ticketState": "OPEN", "isClosed": "true"}},
            {"id": "4", "label": "Alive", "metadata": {"ticketState": "CLOSED"}},
            {"id": "5", "label": "Done", "metadata": {"isClosed": "true"}},
            {"id": "6", "label": "Closed", "metadata": {}},
            {"id": "7", "label": "Closed"},
        ],
    }
]


def stamp(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Portal:
    """Records by object and id, as a search's index and as a read show them; a script of HubSpot over them."""

    def __init__(self) -> None:
        self.live: dict[str, dict[str, dict[str, Any]]] = {"tickets": {}, "contacts": {}, "deals": {}}
        self.indexed: dict[str, dict[str, dict[str, Any]]] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.contacts: dict[str, list[str]] = {}
        self.pipelines = PIPELINES
        self.searched: list[Mapping[str, Any]] = []
        self.on_search = lambda: None

    def put(self, object: str, id: int, **properties: Any) -> None:
        self.live[object][str(id)] = properties

    def script(self, asked: Asked) -> Said:
        path = asked.path.split("?")[0]
        if "/properties/" in path:
            return Said({"results": TICKET if path.endswith("tickets") else CONTACT})
        if "/pipelines/" in path:
            return Said({"results": self.pipelines})
        if path.endswith("/search"):
            return self._search(path.split("/")[-2], asked.json)
        if "/associations/" in path:
            return self._associated(asked.json)
        assert path.endswith("/batch/read"), path
        return self._read(path.split("/")[-3], asked.json)

    def _search(self, object: str, body: Mapping[str, Any]) -> Said:
        self.searched.append(body)
        self.on_search()
        rows = self.indexed.get(object, self.live[object])
        [group] = body["filterGroups"]
        found = [id for id, row in rows.items() if all(_holds(one, id, row) for one in group["filters"])]
        found.sort(key=int)
        page = [{"id": id, "properties": rows[id]} for id in found[: body["limit"]]]
        return Said({"total": len(found), "results": page})

    def _read(self, object: str, body: Mapping[str, Any]) -> Said:
        found = [one["id"] for one in body["inputs"] if one["id"] in self.live[object]]
        rows = []
        for id in found:
            row: dict[str, Any] = {"id": id, "properties": self.live[object][id]}
            if body["propertiesWithHistory"]:
                assert len(body["inputs"]) <= 50
                row["propertiesWithHistory"] = {body["propertiesWithHistory"][0]: self.history.get(id, [])}
            rows.append(row)
        return Said({"status": "COMPLETE", "results": rows})

    def _associated(self, body: Mapping[str, Any]) -> Said:
        assert len(body["inputs"]) <= 1_000
        asked = [one["id"] for one in body["inputs"]]
        rows = [
            {
                "from": {"id": id},
                "to": [{"toObjectId": int(one), "associationTypes": []} for one in self.contacts[id]],
            }
            for id in asked
            if id in self.contacts
        ]
        return Said({"status": "COMPLETE", "results": rows})


def _holds(wanted: Mapping[str, Any], id: str, row: Mapping[str, Any]) -> bool:
    name, value = wanted["propertyName"], wanted["value"]
    if name == "hs_object_id":
        return int(id) > int(value)
    if wanted["operator"] == "EQ":
        return bool(row.get(name) == value)
    assert wanted["operator"] == "GTE"
    held = row.get(name)
    return held is not None and _milliseconds(held) >= int(value)


@cache
def _milliseconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


class Polled:
    def __init__(self, portal: Portal, server: ScriptedHubSpot, **settings: Any) -> None:
        self.portal, self.clock, self.notices, self.calls = portal, FakeClock(), Notices(), Calls()
        tools = fake_tools("hub", clock=self.clock, notice=self.notices, count_call=self.calls)
        given = {"token": "pat", "base_url": server.url, "limits": {"search_per_second": 50}, **settings}
        self.source = HubSpotEvents(HubSpotSettings.model_validate(given), tools)

    def start(self, *watches: Watch) -> Cursor:
        *_, last = self.source.poll(watches, None)
        return last.cursor

    def poll(self, cursor: Cursor, *watches: Watch) -> tuple[list[Event], Cursor]:
        pages = list(self.source.poll(watches, cursor))
        return [event for one in pages for event in one.events], pages[-1].cursor

    def why_not(self, id: str, *watches: Watch) -> str:
        hint = Hint(connection="hub", key="1", subject=Subject("ticket", id))
        [reading] = self.source.read(watches, [hint])
        assert reading.events == ()
        return reading.why_not


@contextmanager
def opened(**settings: Any) -> Iterator[Polled]:
    portal = Portal()
    server = ScriptedHubSpot(portal.script)
    polled = Polled(portal, server, **settings)
    try:
        yield polled
    finally:
        polled.source.close()
        server.close()


def closed(at: float, stage: str = "4", **more: Any) -> dict[str, Any]:
    return {"hs_pipeline_stage": stage, "closed_date": stamp(at), **more}


def test_closed_is_what_the_pipelines_say_and_never_a_label() -> None:
    with opened() as polled:
        cursor = polled.start(CLOSED)
        for id, stage in enumerate(("1", "4", "5", "6", "7", "no such stage"), start=1):
            polled.portal.put("tickets", id, **closed(30, stage))
        found, _ = polled.poll(cursor, CLOSED)
        assert [event.subject.id for event in found] == ["2", "3"]
        assert found[0].key == "ticket_closed/2/2026-03-02T12:00:30Z"


def test_a_stage_that_is_new_is_looked_up_and_the_others_are_not_asked_for_again() -> None:
    with opened() as polled:
        cursor = polled.start(CLOSED)
        polled.portal.put("tickets", 1, **closed(30))
        polled.poll(cursor, CLOSED)
        stage = {"id": "9", "label": "x", "metadata": {"ticketState": "CLOSED"}}
        polled.portal.pipelines = [{"id": "0", "stages": [*PIPELINES[0]["stages"], stage]}]
        polled.portal.put("tickets", 2, **closed(40, "9"))
        found, _ = polled.poll(cursor, CLOSED)
        assert [event.subject.id for event in found] == ["1", "2"]


def test_ten_thousand_and_some_tickets_closed_in_one_moment_are_all_told() -> None:
    """HubSpot pages through 10,000 results at most, and sorts by one property: the sweep goes by id."""
    with opened() as polled:
        cursor = polled.start(CLOSED)
        for id in range(1, 10_401):
            polled.portal.put("tickets", id, **closed(30))
        found, cursor = polled.poll(cursor, CLOSED)
        assert len(found) == len({event.key for event in found}) == 10_400
        assert all(int(body["after"]) == 0 for body in polled.portal.searched)
        polled.portal.searched.clear()
        polled.poll(cursor, CLOSED)
        [first, *_] = polled.portal.searched
        since = int(first["filterGroups"][0]["filters"][0]["value"])
        assert since == (NOON - timedelta(minutes=5)).timestamp() * 1000


def test_a_sweep_that_is_cut_short_goes_on_by_id_and_loses_nothing_that_changed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(polling, "_MOST_PAGES", 2)
    with opened() as polled:
        cursor = polled.start(CLOSED)
        polled.clock.advance(60)
        for id in range(1_000, 1_900):
            polled.portal.put("tickets", id, **closed(30))
        first, cursor = polled.poll(cursor, CLOSED)
        assert len(first) == 400
        # Below the ids the sweep has passed, and long after it began.
        polled.clock.advance(3_600)
        polled.portal.put("tickets", 5, **closed(1_800))
        seen = {event.key for event in first}
        for _ in range(4):
            found, cursor = polled.poll(cursor, CLOSED)
            seen |= {event.key for event in found}
        assert len(seen) == 901
        assert [name for name, _ in polled.notices].count("poll_cut_short") >= 2


def test_an_index_that_is_behind_only_says_where_to_look() -> None:
    with opened() as polled:
        cursor = polled.start(CLOSED)
        polled.portal.indexed["tickets"] = {"1": closed(30), "2": closed(30)}
        polled.portal.put("tickets", 1, hs_pipeline_stage="1", closed_date=None)
        polled.portal.put("tickets", 2, **closed(45))
        found, _ = polled.poll(cursor, CLOSED)
        assert [event.key for event in found] == ["ticket_closed/2/2026-03-02T12:00:45Z"]


def test_contacts_are_read_for_a_page_at_once_and_all_of_them_are_named() -> None:
    with opened() as polled:
        cursor = polled.start(CLOSED)
        for id in range(1, 151):
            polled.portal.put("tickets", id, **closed(30))
        polled.portal.contacts = {"1": ["7"], "2": ["7", "8"]}
        before = polled.calls.count
        found, _ = polled.poll(cursor, CLOSED)
        people = {event.subject.id: event.person for event in found}
        assert people["1"] == (PersonKey("record", "7"),)
        assert people["2"] == (PersonKey("record", "7"), PersonKey("record", "8"))
        assert people["3"] == ()
        assert polled.calls.count - before == 5  # a search, two reads of 100, the contacts, the pipelines


def test_other_properties_may_tell_when_tickets_close() -> None:
    with opened(events={"closed_at": "hs_ticket_reopened_at"}) as polled:
        cursor = polled.start(CLOSED)
        polled.portal.put("tickets", 1, hs_pipeline_stage="4", hs_ticket_reopened_at=stamp(30))
        found, _ = polled.poll(cursor, CLOSED)
        assert len(found) == 1
    with opened(events={"closed_at": "my_closed"}) as polled, pytest.raises(ConfigError, match="my_closed"):
        polled.start(CLOSED)


def test_why_a_ticket_is_no_event() -> None:
    with opened() as polled:
        polled.portal.put("tickets", 1, hs_pipeline_stage="1")
        polled.portal.put("tickets", 2, hs_pipeline_stage="4", closed_date=None)
        polled.portal.put("tickets", 9, hs_pipeline_stage="1", hs_merged_object_ids="3;4")
        assert polled.why_not("1", CLOSED) == "the ticket is open"
        assert polled.why_not("2", CLOSED) == "the ticket is closed, but has no closed_date"
        assert polled.why_not("1", REOPENED) == "the ticket was never reopened"
        assert "deleted" in polled.why_not("55", CLOSED)
        assert polled.why_not("1", Watch("record_changed", CUSTOMER)) == "no trigger asks about tickets"


# ---------------------------------------------------------------- changes


def entry(value: str | None, at: float) -> dict[str, Any]:
    return {"value": value, "timestamp": stamp(at)}


@pytest.mark.parametrize(
    ("history", "since"),
    [
        ([entry("customer", 60)], 60),
        ([entry("customer", 90), entry("customer", 60), entry("lead", 0)], 60),
        ([entry("lead", 0), entry("customer", 60)], 60),
        ([entry("customer", 90), entry("lead", 80), entry("customer", 60)], 90),
    ],
    ids=["alone", "said twice", "oldest first", "came back"],
)
def test_a_change_has_the_time_its_history_gives(history: list[dict[str, Any]], since: float) -> None:
    watch = Watch("record_changed", CUSTOMER)
    with opened() as polled:
        cursor = polled.start(watch)
        polled.portal.put("contacts", 1, stage="customer", lastmodifieddate=stamp(200))
        polled.portal.history["1"] = history
        [event], _ = polled.poll(cursor, watch)
        assert event.occurred_at == NOON + timedelta(seconds=since)
        assert event.person == (PersonKey("record", "1"),)


def test_one_that_changed_before_and_was_edited_since_is_no_event() -> None:
    watch = Watch("record_changed", CUSTOMER)
    with opened() as polled:
        cursor = polled.start(watch)
        polled.portal.put("contacts", 1, stage="customer", lastmodifieddate=stamp(200))
        polled.portal.history["1"] = [entry("customer", -3_600)]
        assert polled.poll(cursor, watch)[0] == []


@pytest.mark.parametrize("to", ["no such option", ""])
def test_a_value_the_property_cannot_hold_is_a_matter_of_configuration(to: str) -> None:
    change = CUSTOMER.model_copy(update={"to": to})
    with opened() as polled, pytest.raises(ConfigError, match="to:"):
        polled.start(Watch("record_changed", change))


def test_a_number_is_the_number_however_it_is_written() -> None:
    watch = Watch("record_changed", RecordChanged(object="contact", field="score", to=10))
    with opened() as polled:
        cursor = polled.start(watch)
        polled.portal.put("contacts", 1, score="10", lastmodifieddate=stamp(60))
        polled.portal.history["1"] = [entry("10.0", 60)]
        [event], _ = polled.poll(cursor, watch)
        assert event.facts["score"] == "10"
        assert event.subject == Subject("contacts", "1")
        assert datetime(2026, 3, 2, 12, 1, tzinfo=UTC) == event.occurred_at
