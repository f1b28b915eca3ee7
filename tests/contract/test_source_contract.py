"""What every source promises, tried on every registered one."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest
from contract_opening import contract_tools, open_source, sandbox_tools
from contract_place import WRONG_SECRET, Given, Place
from fake_clock import Calls, fake_tools
from pydantic import ValidationError
from ruamel.yaml import YAML
from source_table import SOURCES, SourceRow

from connectors import registry
from connectors.contract import Needs, Source, Verdict
from nps.errors import AccessError, ConfigError
from npsync.connect.testing import (
    a_cursor_survives_being_stored,
    another_connection_reads_the_same,
    answers_are_whole,
    reading_on_loses_nothing,
    since_bounds_the_first_read,
)
from npsync.connect.testing import answers_by_id as by_id

NAMES = [
    name
    for name in registry.names()
    if registry.load(name).source is not None and not registry.load(name).only_pushed
]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def row(name: str) -> SourceRow:
    if name not in SOURCES:
        pytest.fail(f'add a row for the source "{name}" to tests/source_table.py')
    return SOURCES[name]


@pytest.fixture
def given(row: SourceRow, place: Place) -> Given:
    return row.settings(place)


@pytest.fixture
def source(name: str, given: Given, place: Place) -> Iterator[Source]:
    opened = open_source(name, given, sandbox_tools(place))
    yield opened
    opened.close()


def test_reading_on_from_any_cursor_loses_nothing_and_what_repeats_is_identical(
    row: SourceRow, source: Source
) -> None:
    pages = list(source.read(None, since=None))
    assert len(pages) > 1
    assert len(by_id(pages)) > row.answers
    reading_on_loses_nothing(source, pages)


def test_a_cursor_survives_being_stored_as_json(source: Source) -> None:
    a_cursor_survives_being_stored(source, list(source.read(None, since=None)))


def test_an_answer_that_arrives_later_is_read_from_the_last_cursor(
    row: SourceRow, place: Place, source: Source
) -> None:
    pages = list(source.read(None, since=None))
    row.add(place)
    found = by_id(list(source.read(pages[-1].cursor, since=None)))
    [new] = found.keys() - by_id(pages).keys()
    assert found[new].email == "late@acme.example"
    assert str(found[new].score) == row.read_as


def test_two_connections_read_the_same(name: str, given: Given, place: Place, source: Source) -> None:
    other = open_source(name, given, sandbox_tools(place))
    another_connection_reads_the_same(other, list(source.read(None, since=None)))


def test_since_bounds_the_first_read_from_below(source: Source) -> None:
    since = since_bounds_the_first_read(source, list(source.read(None, since=None)))
    pages = list(source.read(None, since=since))
    again = by_id(list(source.read(pages[-1].cursor, since=since)))
    assert all(one.problem or one.answered_at >= since for one in again.values())


def test_every_answer_is_whole(name: str, row: SourceRow, given: Given, place: Place) -> None:
    source = open_source(name, given, sandbox_tools(place, "inbox"))
    pages = list(source.read(None, since=None))
    answers = by_id(pages).values()
    named = [one for one in answers if any(getattr(one, key) is not None for key in row.known_by)]
    assert len(named) > len(answers) / 2
    assert all(one.score is None or isinstance(one.score, int | float | str) for one in answers)
    answers_are_whole("inbox", pages)
    source.close()


def test_wrong_credentials_are_lost_access_and_the_secret_is_not_shown(
    name: str, row: SourceRow, given: Given
) -> None:
    if row.wrong is None:
        pytest.skip(f"{name} has no credentials")
    calls = Calls()
    source = open_source(name, row.wrong(given), fake_tools("inbox", count_call=calls))
    with pytest.raises(AccessError, match=r"^inbox: ") as caught:
        list(source.read(None, since=None))
    assert WRONG_SECRET not in "".join(traceback.format_exception(caught.value))
    assert calls.count == 1  # no second try: that locks accounts out
    source.close()


def test_a_vendor_that_cannot_be_reached_is_said_so(name: str, row: SourceRow, given: Given) -> None:
    source = open_source(name, row.unreachable(given), contract_tools("inbox"))
    with pytest.raises(row.unreachable_is, match=r"^inbox: "):
        list(source.read(None, since=None))
    source.close()


def test_a_hostile_address_is_refused_before_anything_leaves(name: str, row: SourceRow, given: Given) -> None:
    calls = Calls()
    with pytest.raises((ValidationError, ConfigError)):
        list(open_source(name, row.hostile(given), fake_tools(count_call=calls)).read(None, since=None))
    assert calls.count == 0


def test_reading_may_be_left_and_the_source_closed(name: str, given: Given) -> None:
    source = open_source(name, given)
    pages = source.read(None, since=None)
    next(pages)
    del pages
    source.close()
    source.close()


def test_access_is_tried_without_reading_the_answers(source: Source) -> None:
    grants = source.access(Needs(answers=True))  # type: ignore[attr-defined]
    assert Verdict.OK in {grant.verdict for grant in grants}
    assert Verdict.MISSING not in {grant.verdict for grant in grants}


def test_its_settings_describe_themselves_and_its_starter_is_yaml_of_its_type(name: str) -> None:
    connector = registry.load(name)
    assert connector.title
    assert connector.edits
    assert connector.limits
    starter = YAML(typ="safe").load(connector.starter)
    assert starter.pop("type") == name
    connector.settings.model_validate(starter)
    schema = connector.settings.model_json_schema()
    assert all("description" in field for field in schema["properties"].values())
