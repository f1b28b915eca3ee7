"""What every event source promises, for every kind it tells that the sandbox can make happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from contract_opening import open_events
from contract_place import Place
from event_table import EVENTS, Story
from fake_clock import Calls, FakeClock, MemoryInMemory, fake_tools

from connectors import registry
from connectors.contract import EventSource, Watch
from nps.errors import ConfigError
from nps.events import OF_EVERY_EVENT, Event, EventPage, Hint, Subject
from nps.responses import Cursor

# Those that can be asked. What is only ever pushed to us (`webhook`) has promises of its own.
LIVE = [
    name for name in registry.names() if any("poll" in kind.by for kind in registry.load(name).event_kinds)
]
STORIES = [
    pytest.param(name, story, id=f"{name}-{story.kind}")
    for name in LIVE
    for story in (EVENTS[name].stories if name in EVENTS else ())
]
RECORDED = [one for one in STORIES if one.values[1].recorded]


class Desk:
    """An event source of one connection, and the world in which its events happen."""

    def __init__(self, name: str, story: Story, place: Place) -> None:
        self.name, self.story, self.place = name, story, place
        now = datetime.fromisoformat(place.sandbox.control("GET", "/")["now"])
        self.clock, self.memory, self.calls = FakeClock(now), MemoryInMemory(), Calls()
        kinds = {kind.name: kind for kind in registry.load(name).event_kinds}
        self.kinds = kinds
        self.watch = Watch(
            story.kind,
            kinds[story.kind].parameters.model_validate(dict(story.parameters)),
            (*story.facts, "occurred_at", "kind"),
        )
        self.own_fields = {story.parameters["field"]} if "field" in story.parameters else set()
        self._opened: list[EventSource] = []
        self.source = self.another()

    def another(self) -> EventSource:
        """The same connection in another process: only what is stored is shared."""
        tools = fake_tools("crm", clock=self.clock, memory=self.memory, count_call=self.calls)
        opened = open_events(self.name, EVENTS[self.name].settings(self.place), tools)
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        for opened in self._opened:
            opened.close()

    # ------------------------------------------------------------ the world

    def later(self, seconds: float = 60) -> None:
        self.place.sandbox.control("POST", "/clock", {"advance": seconds})
        self.clock.advance(seconds)

    def begin(self) -> str:
        id = self.story.begin(self.place)
        self.later()
        return id

    def happens(self, id: str | None = None) -> str:
        id = id or self.begin()
        self.story.happen(self.place, id)
        self.later()
        return id

    # ------------------------------------------------------------ npsync

    def start(self) -> Cursor:
        """The first poll."""
        *_, page = self.source.poll([self.watch], None)
        self.later()
        return page.cursor

    def pages(self, cursor: Cursor | None) -> list[EventPage]:
        return list(self.source.poll([self.watch], cursor))

    def polled(self, cursor: Cursor) -> dict[str, Event]:
        return by_key(self.pages(cursor))

    def read(self, *ids: str, kind: str | None = None, source: EventSource | None = None) -> list[Event]:
        hints = [self.hint(id, kind) for id in ids]
        return [event for one in (source or self.source).read([self.watch], hints) for event in one.events]

    def hint(self, id: str, kind: str | None = None) -> Hint:
        return Hint(connection="crm", key=f"push-{id}", kind=kind, subject=Subject(self.story.object, id))

    def why_not(self, id: str) -> str:
        [reading] = self.source.read([self.watch], [self.hint(id)])
        assert reading.events == ()
        return reading.why_not

    def still(self, *events: Event) -> dict[str, str]:
        return dict(self.source.still([self.watch], events))


@pytest.fixture
def told(name: str, story: Story, place: Place) -> Iterator[Desk]:
    opened = Desk(name, story, place)
    yield opened
    opened.close()


every_story = pytest.mark.parametrize(("name", "story"), STORIES)
every_record = pytest.mark.parametrize(("name", "story"), RECORDED)


def by_key(pages: Sequence[EventPage]) -> dict[str, Event]:
    return {event.key: event for page in pages for event in page.events}


def subjects(events: dict[str, Event]) -> list[str]:
    return sorted(event.subject.id for event in events.values())


@pytest.mark.parametrize("name", LIVE)
def test_every_event_source_is_tried(name: str) -> None:
    if name not in EVENTS:
        pytest.fail(f'add a row for the events of "{name}" to tests/event_table.py')
    assert {story.kind for story in EVENTS[name].stories} <= {
        kind.name for kind in registry.load(name).event_kinds
    }


# ---------------------------------------------------------------- polling


@every_story
def test_the_first_poll_starts_at_now(told: Desk) -> None:
    earlier = told.happens()
    pages = told.pages(None)
    assert by_key(pages) == {}
    told.later()
    told.story.touch(told.place, earlier)
    told.later()
    assert earlier not in subjects(told.polled(pages[-1].cursor))


@every_story
def test_what_happens_after_it_is_told_once_per_thing_that_happened(told: Desk) -> None:
    cursor = told.start()
    ids = [told.happens() for _ in range(3)]
    unmoved = told.begin()
    events = told.polled(cursor)
    assert subjects(events) == sorted(ids)
    assert unmoved not in subjects(events)
    for event in events.values():
        assert event.connection == "crm"
        assert event.kind == told.story.kind
        assert event.subject.object == told.story.object
        assert [key.kind for key in event.person] == [told.story.person]
        assert set(told.story.facts) | OF_EVERY_EVENT == set(event.facts) - {"CaseNumber", *told.own_fields}
        assert event.facts["id"] == event.subject.id
        assert event.facts["object"] == event.subject.object
        assert datetime.fromisoformat(str(event.facts["occurred_at"])) == event.occurred_at
        assert told.clock.now() - timedelta(hours=1) < event.occurred_at <= told.clock.now()


@every_story
def test_reading_on_from_any_cursor_loses_nothing(told: Desk) -> None:
    cursor = told.start()
    ids = [told.happens() for _ in range(4)]
    pages = told.pages(cursor)
    everything = by_key(pages)
    assert subjects(everything) == sorted(ids)
    for number, page in enumerate(pages, start=1):
        assert by_key(pages[:number]) | told.polled(page.cursor) == everything


@every_story
def test_a_poll_that_died_before_it_was_stored_says_the_same_again(told: Desk) -> None:
    cursor = told.start()
    told.happens()
    told.happens()
    first = told.polled(cursor)
    told.source = told.another()
    assert told.polled(cursor) == first


@every_story
def test_an_edit_of_something_else_is_no_new_event(told: Desk) -> None:
    cursor = told.start()
    id = told.happens()
    *_, page = pages = told.pages(cursor)
    told.story.touch(told.place, id)
    told.later()
    again = told.polled(page.cursor)
    assert set(again) <= set(by_key(pages))


@every_story
def test_what_happens_again_is_another_event(told: Desk) -> None:
    cursor = told.start()
    id = told.happens()
    *_, page = pages = told.pages(cursor)
    told.story.undo(told.place, id)
    told.later()
    *_, page = told.pages(page.cursor)
    told.happens(id)
    again = told.polled(page.cursor)
    [new] = set(again) - set(by_key(pages))
    assert again[new].subject.id == id


@every_story
def test_a_watch_that_is_new_under_an_old_cursor_tells_what_comes(told: Desk) -> None:
    *_, page = told.source.poll([], None)
    told.later()
    *_, page = told.source.poll([told.watch], page.cursor)
    told.later()
    id = told.happens()
    assert subjects(told.polled(page.cursor)) == [id]


@every_story
def test_a_poll_of_nothing_new_costs_a_call_or_two(told: Desk) -> None:
    cursor = told.start()
    *_, page = told.pages(cursor)
    before = told.calls.count
    assert told.polled(page.cursor) == {}
    assert told.calls.count - before <= 2


# ---------------------------------------------------------------- hints


@every_record
def test_push_and_poll_agree_on_the_key(told: Desk) -> None:
    cursor = told.start()
    id = told.happens()
    [pushed] = told.read(id)
    told.story.touch(told.place, id)
    told.later()
    assert list(told.polled(cursor)) == [pushed.key]


@every_record
def test_poll_and_a_late_push_in_another_process_agree_on_the_key(told: Desk) -> None:
    cursor = told.start()
    id = told.happens()
    polled = told.polled(cursor)
    told.story.touch(told.place, id)
    told.later()
    assert [event.key for event in told.read(id, source=told.another())] == list(polled)


@every_record
def test_duplicates_and_a_hint_that_does_not_say_its_kind_change_nothing(told: Desk) -> None:
    told.start()
    one, two = told.happens(), told.happens()
    events = told.read(two, one, two)
    assert [event.subject.id for event in events] == [two, one, two]
    assert events[0] == events[2] == told.read(two, kind=told.story.kind)[0]


@every_story
def test_what_did_not_happen_is_no_event_and_says_why(told: Desk) -> None:
    told.start()
    assert told.why_not(told.begin())


@every_record
def test_what_was_taken_back_before_it_was_read_is_no_event(told: Desk) -> None:
    cursor = told.start()
    id = told.happens()
    told.story.undo(told.place, id)
    told.later()
    assert told.why_not(id)
    assert told.polled(cursor) == {}


@every_record
def test_a_deleted_subject_is_no_event_and_says_so(told: Desk) -> None:
    told.start()
    id = told.happens()
    told.story.remove(told.place, id)
    told.later()
    assert "deleted" in told.why_not(id)


@every_story
@pytest.mark.parametrize("id", ["x", "", "' OR Id != '", "0" * 18, "99999999999"])
def test_an_id_that_is_none_is_no_event(told: Desk, id: str) -> None:
    assert told.why_not(id)


@every_story
def test_a_hint_about_other_things_is_no_event(told: Desk) -> None:
    hints = [Hint(connection="crm", key="1"), Hint(connection="crm", key="2", subject=Subject("Other", "1"))]
    readings = told.source.read([told.watch], hints)
    assert [one.events for one in readings] == [(), ()]
    assert all(one.why_not for one in readings)
    assert [one.hint for one in readings] == hints


# ---------------------------------------------------------------- before sending


@every_record
def test_before_sending_it_says_which_events_hold_no_more(told: Desk) -> None:
    told.start()
    live, undone, gone = told.happens(), told.happens(), told.happens()
    events = {event.subject.id: event for event in told.read(live, undone, gone)}
    assert told.still(*events.values()) == {}
    told.story.undo(told.place, undone)
    told.story.remove(told.place, gone)
    told.later()
    over = told.still(*events.values())
    assert set(over) == {events[undone].key, events[gone].key}
    assert all(over.values())


@every_record
def test_what_happened_again_since_is_told_by_its_own_event(told: Desk) -> None:
    told.start()
    id = told.happens()
    [first] = told.read(id)
    told.story.undo(told.place, id)
    told.later()
    *_, _page = told.pages(told.start())
    told.happens(id)
    [second] = told.read(id)
    assert told.still(second) == {}
    assert first.key != second.key


# ---------------------------------------------------------------- the past


@every_story
def test_the_past_is_told_where_the_vendor_can(told: Desk) -> None:
    before = told.clock.now() - timedelta(seconds=1)
    told.later()
    id = told.happens()
    events = by_key(list(told.source.past([told.watch], before)))
    if told.story.told_late:
        assert id in subjects(events)
        keys = [key for key, event in events.items() if event.subject.id == id]
        assert not told.story.recorded or [event.key for event in told.read(id)] == keys
    else:
        assert not told.kinds[told.story.kind].past
        assert events == {}


# ---------------------------------------------------------------- configuration


@every_story
def test_a_fact_that_does_not_exist_is_a_matter_of_configuration(told: Desk) -> None:
    watch = Watch(told.watch.kind, told.watch.parameters, ("no_such_field",))
    with pytest.raises(ConfigError, match="no_such_field"):
        list(told.source.poll([watch], None))
    with pytest.raises(ConfigError, match="no_such_field"):
        told.source.read([watch], [told.hint("1")])
