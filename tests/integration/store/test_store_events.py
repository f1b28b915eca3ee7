"""What was pushed is stored once and durably, in whatever order and how often it comes; so are the events behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from builders_store import NOON, later

from nps.events import Answered, Arrival, Event, Hint, PersonKey, Signal, SignalKind, Subject
from nps.responses import Cursor, Page, ResponseStatus, SurveyResponse
from store import open_store
from store.owners import this_process
from store.sql import SqlStore


def hint(key: str = "h1", **others: Any) -> Hint:
    given: dict[str, Any] = {"connection": "crm", "kind": "case_closed", "subject": Subject("Case", "500A")}
    return Hint(key=key, **(given | others))


def signal(key: str = "s1", **others: Any) -> Signal:
    given: dict[str, Any] = {"connection": "mailer", "kind": SignalKind.BOUNCE, "at": NOON, "message": "<m1>"}
    return Signal(key=key, **(given | others))


def event(key: str = "e1", **others: Any) -> Event:
    given: dict[str, Any] = {
        "connection": "crm",
        "kind": "case_closed",
        "subject": Subject("Case", "500A"),
        "occurred_at": NOON,
        "person": (PersonKey("record", "003A"),),
        "facts": {"Priority": "High", "tags": ["a", "b"]},
    }
    return Event(key=key, **(given | others))


FULL_HINT = hint(
    person=(PersonKey("record", "003A"), PersonKey("email", "o'brien@example.com")),
    occurred_at=later(seconds=-1.5),
    facts={"plan": "pro", "seats": 12, "ratio": 0.5, "beta": None, "tags": ["ü", "\u0000", "x\ud800"]},
)


def numbers(store: SqlStore, **at: Any) -> list[int]:
    return [one.number for one in store.arrivals(100, **({"now": NOON} | at))]


def test_what_was_pushed_comes_back_as_it_was(store: SqlStore):
    whole: list[Arrival] = [
        hint("h2", facts={"plan": "pro", "zero": "\0"}),
        signal(address="ann@example.com", external_id="0042"),
    ]
    assert store.receive(whole, now=NOON) == 2
    arrived = store.arrivals(10, now=NOON)
    assert [one.what for one in arrived] == whole
    assert {(one.at, one.attempts) for one in arrived} == {(NOON, 0)}


ANSWER = SurveyResponse(
    source="mail",
    id="7",
    answered_at=NOON,
    updated_at=later(minutes=1),
    survey="77",
    score="9.5",
    comment="Œuf \u2028 \\",
    email="ann@acme.example",
    status=ResponseStatus.PARTIAL,
    properties={"plan": ["a", {"b": None}], "spent": 1e300, "id": 2**53 + 1},
)


@pytest.mark.parametrize("response", [ANSWER, None])
def test_an_answer_comes_back_as_it_was_and_is_forgotten_once_settled(
    store: SqlStore, response: SurveyResponse | None
):
    told = Answered(key="1", connection="mail", at=NOON, id="7", response=response, about={"who": "4"})
    store.receive([told, Hint(connection="mail", key="2")], now=NOON)
    assert [one.what.key for one in store.arrivals(10, now=NOON)] == ["2"]
    [arrived] = store.answers_told(10, now=NOON)
    assert arrived.what == told
    store.settle_arrivals({arrived.number: ("", "")}, now=NOON)
    assert store.answers_told(10, now=NOON) == []
    with store.database.read() as tx:
        assert tx.rows("SELECT what FROM arrival WHERE key = '1'") == [("",)]


def test_an_answer_beside_the_list_leaves_the_cursor_alone(store: SqlStore):
    store.append("mail", Page((), Cursor({"at": 1})), [], received_at=NOON)
    got = store.append("mail", Page((ANSWER,), Cursor({})), [1], received_at=NOON, moves=False)
    assert (got.new, store.cursor("mail")) == (1, Cursor({"at": 1}))


def test_text_no_database_holds_is_replaced_and_the_rest_of_the_delivery_kept(store: SqlStore):
    assert store.receive([FULL_HINT, hint("h\0\ud800")], now=NOON) == 2
    kept, other = sorted((one.what for one in store.arrivals(10, now=NOON)), key=lambda what: len(what.key))
    assert isinstance(kept, Hint)
    assert kept.facts["tags"] == ["ü", "\0", "x?"]
    assert (kept.person, kept.occurred_at) == (FULL_HINT.person, FULL_HINT.occurred_at)
    assert other.key == "h\0?"


def test_the_same_delivery_again_is_no_second_hint(store: SqlStore):
    assert store.receive([hint("h1"), hint("h1"), hint("h2")], now=NOON) == 2
    assert store.receive([hint("h2"), hint("h3")], now=later(days=3)) == 1
    assert store.receive([hint("h1", connection="other")], now=NOON) == 1
    store.settle_arrivals(dict.fromkeys(numbers(store, now=later(days=9)), ("", "")), now=NOON)
    assert store.receive([hint("h1"), hint("h2"), hint("h3")], now=NOON) == 0
    assert numbers(store, now=later(days=9)) == []


def test_settled_ones_are_done_and_the_others_are_tried_again_when_their_time_has_come(store: SqlStore):
    store.receive([hint("a"), hint("b"), hint("c")], now=NOON)
    a, b, c = numbers(store)
    store.settle_arrivals({a: ("gone", "the case was deleted")}, now=NOON, again={b: later(minutes=5)})
    assert numbers(store) == [c]
    assert numbers(store, now=later(minutes=5)) == [c, b]
    assert {one.number: one.attempts for one in store.arrivals(9, now=later(minutes=5))} == {b: 1, c: 0}
    assert [(row.number, row.state, row.code) for row in store.arrival_rows()] == [
        (c, "new", ""),
        (b, "new", ""),
        (a, "settled", "gone"),
    ]


def test_what_somebody_began_to_read_is_his_until_he_is_gone_or_says_how_it_went(store: SqlStore):
    store.receive([hint("1"), hint("2")], now=NOON)
    gone = this_process().replace(":", ":9", 1)
    first, second = store.arrivals(9, now=NOON)
    store.begin_arrivals([first], gone, until=later(minutes=2))
    store.begin_arrivals([second], this_process(), until=later(minutes=2))
    [left] = store.arrivals(9, now=NOON)
    assert (left.number, left.begun, left.attempts) == (first.number, 1, 0)
    assert [one.begun for one in store.arrivals(9, now=later(minutes=2))] == [1, 1]
    store.settle_arrivals({first.number: ("", "")}, now=NOON, again={second.number: NOON})
    [again] = store.arrivals(9, now=NOON)
    assert (again.number, again.begun) == (second.number, 0)
    assert [(row.state, row.code, row.reason) for row in store.arrival_rows()] == [
        ("new", "", ""),
        ("settled", "", ""),
    ]


def test_what_is_settled_stays_settled(store: SqlStore):
    store.receive([hint()], now=NOON)
    [number] = numbers(store)
    store.settle_arrivals({number: ("gone", "deleted")}, now=NOON)
    store.settle_arrivals({number: ("", "")}, now=NOON, again={number: NOON})
    assert [(row.state, row.code) for row in store.arrival_rows()] == [("settled", "gone")]


def test_refusals_are_found_without_filling_the_store(store: SqlStore):
    for minute in range(50):
        store.refuse("crm", "unsigned", "no signature", now=later(minutes=minute))
    store.refuse("crm", "stale", "the timestamp is 9 minutes old", now=NOON)
    store.refuse("other", "unsigned", "no signature", now=NOON)
    rows = store.arrival_rows(connection="crm")
    assert {(row.state, row.code, row.attempts) for row in rows} == {
        ("refused", "unsigned", 50),
        ("refused", "stale", 1),
    }
    assert numbers(store) == []


def test_people_see_what_an_arrival_is_about_and_no_address(store: SqlStore):
    store.receive([hint(), signal(address="ann@example.com")], now=NOON)
    assert {(row.kind, row.subject) for row in store.arrival_rows()} == {
        ("case_closed", "Case/500A"),
        ("bounce", "<m1>"),
    }
    assert "ann@" not in repr(store.arrival_rows())


def test_push_and_poll_share_one_event(store: SqlStore):
    store.receive([hint()], now=NOON)
    [number] = numbers(store)
    assert store.note_events([event("e1")], now=NOON, settled={number: ("", "")}) == 1
    assert numbers(store) == []
    cursor = Cursor(state={"after": "2026-03-02T12:00:00Z"})
    polled = [event("e1", facts={"Priority": "Low"}), event("e2"), event("e2")]
    assert store.note_events(polled, now=later(minutes=1), cursor=("crm", cursor)) == 1
    assert store.event_cursor("crm") == cursor
    assert store.event_cursor("other") is None
    assert [one.event for one in store.undecided_events(10)] == [event("e1"), event("e2")]


def test_an_event_comes_back_as_it_was(store: SqlStore):
    whole = event(
        person=(PersonKey("external_id", "0012"), PersonKey("email", "ü@example.com")), facts={"n": 1.5}
    )
    store.note_events([whole], now=NOON)
    [noted] = store.undecided_events(1)
    assert (noted.event, noted.at) == (whole, NOON)


def test_events_are_found_by_what_they_are_about_and_when_they_were(store: SqlStore):
    closed, reopened = event("e1"), event("e2", kind="case_reopened", occurred_at=later(hours=1))
    other = event("e3", subject=Subject("Case", "500B"), occurred_at=later(hours=-1))
    store.note_events([reopened, closed, other], now=NOON)
    assert store.events_of([("crm", "Case", "500A")]) == [closed, reopened]
    assert store.events_of([("crm", "Case", "500A"), ("crm", "Case", "500B")]) == [other, closed, reopened]
    assert store.events_of([("crm", "Contact", "500A"), ("other", "Case", "500A")]) == []
    assert store.events_since(NOON) == [closed, reopened]


def test_the_same_delivery_to_many_at_once_is_stored_once(store: SqlStore):
    def deliver(turn: int) -> tuple[int, int]:
        keys = [f"k{n}" for n in range(20)]
        keys = keys[turn:] + keys[:turn]
        return (
            store.receive([hint(key) for key in keys], now=NOON),
            store.note_events([event(key) for key in keys], now=NOON),
        )

    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(deliver, range(16)))
    assert [sum(column) for column in zip(*counted, strict=True)] == [20, 20]
    assert len(store.arrivals(99, now=NOON)) == len(store.undecided_events(99)) == 20


def test_events_survive_the_process_that_noted_them(url: str):
    store = open_store(url)
    store.receive([hint("h1")], now=NOON)
    store.note_events([event()], now=NOON, cursor=("crm", Cursor(state={"n": 1})))
    store.close()
    again = open_store(url)
    assert len(again.arrivals(9, now=NOON)) == len(again.undecided_events(9)) == 1
    assert again.event_cursor("crm") == Cursor(state={"n": 1})
    again.close()


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_is_kept_and_the_oldest_come_first(store: SqlStore, limit: int):
    for n in range(3):
        store.receive([hint(f"h{n}")], now=later(minutes=-n))
        store.note_events([event(f"e{n}")], now=NOON)
    assert [one.what.key for one in store.arrivals(limit, now=NOON)] == ["h2", "h1"][:limit]
    assert [one.event.key for one in store.undecided_events(limit)] == ["e0", "e1"][:limit]
