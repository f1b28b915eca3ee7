"""Salesforce's events where the sandbox cannot show it: crowds with one stamp, lost places, portions, reopenings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders_salesforce import ACCOUNT, Answer, Opened, Org, error, field, options, org, page, settings
from fake_clock import NOON, Calls, FakeClock, MemoryInMemory, Notices, fake_tools

from connectors.contract import Watch
from connectors.record_changes import RecordChanged
from connectors.salesforce import events as polling
from connectors.salesforce.events import SalesforceEvents
from nps.errors import ConfigError
from nps.events import Event, Hint, PersonKey, Subject
from nps.responses import Cursor

CASE = [
    field("Id", "id"),
    field("CaseNumber"),
    field("Priority"),
    field("IsClosed", "boolean"),
    field("ClosedDate", "datetime"),
    field("SystemModstamp", "datetime"),
    field("ContactId", "reference"),
    field("SuppliedEmail", "email"),
    field("MasterRecordId", "reference"),
]
CONTACT = [field("Id", "id"), field("Onboarding__c", "picklist"), field("SystemModstamp", "datetime")]
CLOSED, REOPENED = Watch("case_closed"), Watch("case_reopened")
DONE = RecordChanged(object="Contact", field="Onboarding__c", to="Done")
LOST = error(400, "INVALID_QUERY_LOCATOR")


def stamp(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def case_id(number: int) -> str:
    return f"500000000{number:06d}AAA"


def case(number: int, at: float | None, modified: float | None = None, **fields: Any) -> dict[str, Any]:
    """A case closed `at` so many seconds after noon, or open."""
    plain = {"CaseNumber": f"{number:08d}", "ContactId": "003000000000001AAA", "SuppliedEmail": None}
    return {
        "attributes": {"type": "Case"},
        "Id": case_id(number),
        "IsClosed": at is not None,
        "ClosedDate": None if at is None else stamp(at),
        "SystemModstamp": stamp(at if modified is None and at is not None else modified or 0),
        **plain,
        **fields,
    }


class Polled:
    """An event source on a scripted org."""

    def __init__(self, here: Org, memory: MemoryInMemory | None = None) -> None:
        self.here, self.clock, self.notices = here, FakeClock(), Notices()
        self.memory = memory or MemoryInMemory()
        tools = fake_tools(
            "crm", clock=self.clock, memory=self.memory, notice=self.notices, count_call=Calls()
        )
        self.source = SalesforceEvents(settings(), tools)

    def start(self, *watches: Watch) -> Cursor:
        *_, last = self.source.poll(watches, None)
        return last.cursor

    def poll(self, cursor: Cursor, *watches: Watch) -> tuple[list[Event], Cursor]:
        pages = list(self.source.poll(watches, cursor))
        return [event for one in pages for event in one.events], pages[-1].cursor


@pytest.fixture
def here() -> Iterator[Org]:
    with org() as opened:
        opened.describes("Case", CASE)
        opened.describes("Contact", CONTACT)
        yield opened


def answering(here: Org, *answers: Answer | Callable[[str], Answer]) -> None:
    left = list(answers)

    def answer(soql: str) -> Answer:
        given = left.pop(0) if len(left) > 1 else left[0]
        return given(soql) if callable(given) else given

    here.finds(answer)


# ---------------------------------------------------------------- reading on


def test_the_first_poll_asks_nothing_and_the_second_for_what_was_closed_since(here: Org) -> None:
    answering(here, page([case(1, 30)]))
    polled = Polled(here)
    cursor = polled.start(CLOSED)
    assert here.queries == []
    [event], _ = polled.poll(cursor, CLOSED)
    assert event.key == f"case_closed/{case_id(1)}/2026-03-02T12:00:30Z"
    [soql] = here.queries
    assert "IsClosed = true AND ClosedDate >= 2026-03-02T12:00:00+00:00" in soql
    assert "SystemModstamp >= 2026-03-02T11:50:00+00:00" in soql
    assert soql.endswith("ORDER BY SystemModstamp, Id")


def test_the_next_poll_begins_the_overlap_before_the_newest_stamp(here: Org) -> None:
    answering(here, page([case(1, 30), case(2, 3600)]), page([]))
    polled = Polled(here)
    _, cursor = polled.poll(polled.start(CLOSED), CLOSED)
    polled.poll(cursor, CLOSED)
    assert "SystemModstamp >= 2026-03-02T12:50:00+00:00" in here.queries[-1]


def test_a_crowd_with_one_stamp_is_read_to_its_end_behind_the_last_id(
    here: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More cases than one poll takes were closed in the same second (a data load)."""
    monkeypatch.setattr(polling, "_MOST_PAGES", 2)
    crowd = [case(number, 60) for number in range(9_000)]

    def answer(soql: str) -> Answer:
        _, behind, rest = soql.partition("AND Id > '")
        after = rest[:18] if behind else ""
        left = [row for row in crowd if row["Id"] > after]
        return page(left[:4_500])

    here.finds(answer)
    polled = Polled(here)
    cursor, seen = polled.start(CLOSED), []
    for _ in range(4):
        found, cursor = polled.poll(cursor, CLOSED)
        seen += [event.subject.id for event in found]
        if len(seen) >= 9_000:
            break
    assert seen == [row["Id"] for row in crowd]
    assert ("poll_cut_short", {"object": "Case", "kind": "case_closed", "pages": 2}) in polled.notices
    assert (
        "(SystemModstamp > 2026-03-02T12:01:00+00:00 OR (SystemModstamp = 2026-03-02T12:01:00+00:00 AND Id >"
        in (here.queries[1])
    )


def test_a_lost_place_is_found_again_behind_the_last_row(here: Org) -> None:
    first = [case(number, 60) for number in range(2_000)]
    answering(here, page(first, "/services/data/v64.0/query/0r8-2000"), page([case(2_000, 61)]))
    here.answers("GET", "query/0r8-2000", LOST)
    polled = Polled(here)
    found, _ = polled.poll(polled.start(CLOSED), CLOSED)
    assert [event.subject.id for event in found] == [case_id(number) for number in range(2_001)]
    assert f"Id > '{case_id(1_999)}'" in here.queries[1]


def test_an_abandoned_poll_goes_on_where_its_last_stored_page_ended(here: Org) -> None:
    rows = [case(number, 60 + number) for number in range(2_001)]
    answering(here, page(rows), page([]))
    polled = Polled(here)
    pages = polled.source.poll([CLOSED], polled.start(CLOSED))
    first = next(pages)
    assert len(first.events) == 2_000
    polled.poll(first.cursor, CLOSED)
    assert f"Id > '{case_id(1_999)}'" in here.queries[-1]
    assert "11:50" not in here.queries[-1]


def test_a_kind_nobody_asks_for_any_more_leaves_the_cursor(here: Org) -> None:
    answering(here, page([]))
    polled = Polled(here)
    cursor = polled.start(CLOSED, REOPENED)
    _, cursor = polled.poll(cursor, CLOSED)
    assert set(cursor.state["places"]) == {"case_closed"}  # type: ignore[arg-type]


# ---------------------------------------------------------------- cases


def test_a_case_without_a_contact_leads_to_the_address_it_was_sent_from(here: Org) -> None:
    rows = [
        case(1, 30, ContactId=None, SuppliedEmail="Ann@Acme.Example"),
        case(2, 30, ContactId=None, SuppliedEmail="nobody"),
        case(3, 30, SuppliedEmail="other@acme.example"),
    ]
    answering(here, page(rows))
    polled = Polled(here)
    found, _ = polled.poll(polled.start(CLOSED), CLOSED)
    assert [event.person for event in found] == [
        (PersonKey("email", "ann@acme.example"),),
        (),
        (PersonKey("record", "003000000000001AAA"),),
    ]


def test_a_reopened_case_is_known_by_the_closing_npsync_saw(here: Org) -> None:
    answering(
        here, page([case(1, 30)]), page([case(1, 30)]), page([]), page([case(1, None, 90), case(2, None, 90)])
    )
    polled = Polled(here)
    [closed], cursor = polled.poll(polled.start(CLOSED, REOPENED), CLOSED, REOPENED)
    [reopened], cursor = polled.poll(cursor, CLOSED, REOPENED)
    assert closed.kind == "case_closed"
    assert reopened.key == f"case_reopened/{case_id(1)}/2026-03-02T12:00:30Z"
    assert reopened.occurred_at == datetime(2026, 3, 2, 12, 1, 30, tzinfo=UTC)


def test_push_and_poll_agree_on_a_reopening(here: Org) -> None:
    answering(here, page([case(1, 30)]), page([case(1, None, 90)]), page([case(1, None, 120)]))
    polled = Polled(here)
    hint = Hint(connection="crm", key="1", subject=Subject("Case", case_id(1)[:15]))
    polled.source.read([CLOSED], [hint])
    [pushed] = polled.source.read([REOPENED], [hint])
    found, _ = polled.poll(polled.start(REOPENED), REOPENED)
    assert [event.key for event in pushed.events] == [event.key for event in found]


def test_a_merged_case_is_no_event_and_says_so(here: Org) -> None:
    answering(here, page([]))
    here.finds(lambda soql: page([{"Id": case_id(1), "MasterRecordId": case_id(2)}]), "queryAll/")
    polled = Polled(here)
    [reading] = polled.source.read(
        [CLOSED], [Hint(connection="crm", key="1", subject=Subject("Case", case_id(1)))]
    )
    assert reading.why_not == "the case was merged into another one"


def test_fields_that_cannot_be_seen_are_named(here: Org) -> None:
    here.describes("Lead", [])
    with org() as blind:
        blind.describes("Case", [one for one in CASE if one["name"] != "ClosedDate"])
        with pytest.raises(ConfigError, match="ClosedDate"):
            Polled(blind).start(CLOSED)


# ---------------------------------------------------------------- changes


def contact(number: int, value: str, at: float) -> dict[str, Any]:
    return {"Id": f"003000000{number:06d}AAA", "Onboarding__c": value, "SystemModstamp": stamp(at)}


def test_who_showed_the_value_when_npsync_first_looked_is_no_change(here: Org) -> None:
    old, new = contact(1, "Done", 60), contact(2, "Done", 60)
    answering(here, page([{"Id": old["Id"]}]), page([old, new]))
    polled = Polled(here)
    watch = Watch("record_changed", DONE)
    [event], _ = polled.poll(polled.start(watch), watch)
    assert event.key == f"record_changed/Contact/Onboarding__c=Done/{new['Id']}/2026-03-02T12:01:00Z"
    assert here.queries[0] == "SELECT Id FROM Contact WHERE Onboarding__c = 'Done' ORDER BY Id"
    assert event.person == (PersonKey("record", new["Id"]),)


def test_one_that_showed_it_before_makes_an_event_once_it_left_and_came_back(here: Org) -> None:
    answering(
        here,
        page([{"Id": contact(1, "Done", 0)["Id"]}]),
        page([contact(1, "Started", 60)]),
        page([contact(1, "Done", 120)]),
    )
    polled = Polled(here)
    watch = Watch("record_changed", DONE)
    found, cursor = polled.poll(polled.start(watch), watch)
    assert found == []
    [event], _ = polled.poll(cursor, watch)
    assert event.key.endswith("2026-03-02T12:02:00Z")


def test_a_watch_that_was_gone_for_a_while_begins_anew(here: Org) -> None:
    """What was remembered of last year's trigger must not hide this year's change."""
    watch = Watch("record_changed", DONE)
    answering(here, page([]), page([contact(1, "Done", 60)]), page([]), page([contact(1, "Done", 4_000)]))
    memory = MemoryInMemory()
    polled = Polled(here, memory)
    [first], _ = polled.poll(polled.start(watch), watch)
    again = Polled(here, memory)
    again.clock.advance(3_600)
    [second], _ = again.poll(again.start(watch), watch)
    assert first.key != second.key


def test_two_triggers_mean_their_own_changes_alone() -> None:
    other = RecordChanged(object="Contact", field="Onboarding__c", to="Done and dusted")
    event = Event(
        connection="crm",
        kind="record_changed",
        key=DONE.key("003", NOON),
        subject=Subject("Contact", "003"),
        occurred_at=NOON,
    )
    assert DONE.mean(event)
    assert not other.mean(event)
    assert not RecordChanged(object="Account", field="Onboarding__c", to="Done").mean(event)


@pytest.mark.parametrize(("to", "said"), [(True, "true"), (5, "5"), (1.5, "1.5"), ("true", "true")])
def test_a_value_is_said_as_the_yaml_says_it(to: Any, said: str) -> None:
    assert RecordChanged(object="A", field="B", to=to).said == f"record_changed/A/B={said}"


@pytest.mark.parametrize("to", ["", 5])
def test_a_value_the_field_cannot_hold_is_a_matter_of_configuration(to: Any) -> None:
    with org() as strict:
        choice = field("Onboarding__c", "picklist", restrictedPicklist=True, picklistValues=options("Done"))
        strict.describes("Contact", [*CONTACT[:1], choice, *CONTACT[2:]])
        change = DONE.model_copy(update={"to": to})
        with pytest.raises(ConfigError, match="to:"):
            Polled(strict).start(Watch("record_changed", change))


def test_two_triggers_that_ask_two_people_about_one_change_have_an_event_each(here: Org) -> None:
    columns = [*CONTACT, field("Boss__c", "reference"), field("Peer__c", "reference")]
    with org() as wide:
        wide.describes("Contact", columns)
        row = contact(1, "Done", 60) | {"Boss__c": "003000000000008AAA", "Peer__c": "003000000000009AAA"}
        answering(wide, page([]), page([]), page([row]))
        polled = Polled(wide)
        watches = [
            Watch("record_changed", DONE.model_copy(update={"person": person}))
            for person in ("Boss__c", "Peer__c")
        ]
        found, _ = polled.poll(polled.start(*watches), *watches)
    assert [event.person[0].value[-4] for event in found] == ["8", "9"]
    assert len({event.key for event in found}) == 2


def test_a_record_that_is_no_person_needs_a_field_that_leads_to_one(here: Org) -> None:
    columns = [*ACCOUNT, field("SystemModstamp", "datetime"), field("Champion__c", "reference")]
    here.describes("Account", columns)
    change = RecordChanged(object="Account", field="Name", to="Won")
    with pytest.raises(ConfigError, match="person: Primary_Contact__c"):
        Polled(here).start(Watch("record_changed", change))
    led = Watch("record_changed", change.model_copy(update={"person": "Champion__c"}))
    row = {"Id": "001000000000001AAA", "Name": "Won", "SystemModstamp": stamp(60)}
    with org() as other:
        other.describes("Account", columns)
        answering(
            other,
            page([]),
            page(
                [
                    row | {"Champion__c": "003000000000001AAA"},
                    row | {"Id": "001000000000002AAA", "Champion__c": None},
                ]
            ),
        )
        polled = Polled(other)
        found, _ = polled.poll(polled.start(led), led)
    assert [event.person for event in found] == [(PersonKey("record", "003000000000001AAA"),), ()]


def test_a_destination_and_an_event_source_of_one_connection_sign_in_once(here: Org) -> None:
    answering(here, page([]))
    opened = Opened()
    tools = opened.salesforce._tools
    source = SalesforceEvents(settings(), tools)
    opened.salesforce.describe("Case")
    list(source.poll([CLOSED], Cursor({"began": "2026-03-02T12:00:00Z", "places": {}})))
    opened.salesforce.close()
    source.close()
    assert here.tokens == 1
