"""Answers that are cut off, replaced by a page, out of order or incomplete: nobody is called written who is not, and
nobody is given up for what the network did. For every registered connector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from contract_opening import open_destination, open_source
from contract_place import Place, unique
from destination_table import DESTINATIONS, DestinationRow
from meddling import Answer, Proxy, Spoil, cut, nothing, page, proxy_before
from source_table import SOURCES, SourceRow

from connectors import registry
from connectors.contract import Destination
from nps.changes import Batch, Cause, Change, Outcome, Rejected, Unknown, Written
from nps.errors import UnavailableError

WRITES = ("collections_update", "composite/sobjects", "batch/update", "/engage")
SPOILS = [cut, page, nothing]

Spoiling = Callable[[Answer], Answer]


def is_batch(method: str, path: str) -> bool:
    return any(word in path for word in WRITES) and "/query/" not in path


def is_write(method: str, path: str) -> bool:
    return method in ("PUT", "PATCH") or is_batch(method, path)


def is_read(method: str, path: str) -> bool:
    return not is_write(method, path) and "token" not in path


# ---------------------------------------------------------------- destinations


ELSEWHERE = {row.connector for row in DESTINATIONS.values()}  # not over HTTP


@pytest.fixture(
    params=[
        name
        for name in registry.names()
        if registry.load(name).destination is not None and name not in ELSEWHERE
    ]
)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def row(name: str) -> DestinationRow:
    if name not in DESTINATIONS:
        pytest.fail(f'add a row for the destination "{name}" to tests/destination_table.py')
    return DESTINATIONS[name]


@pytest.fixture
def behind(name: str, row: DestinationRow, place: Place) -> Iterator[tuple[Proxy, Destination]]:
    with proxy_before(row.settings(place)) as (proxy, given):
        crm = open_destination(name, given)
        crm.describe(row.object)
        yield proxy, crm
        crm.close()


def people(row: DestinationRow, place: Place, count: int) -> list[str]:
    return [
        str(
            place.sandbox.control(
                "POST",
                f"/{row.vendor}/{row.shelf}",
                row.person(f"{unique('spoilt')}@acme.example", f"+1212{unique('888')}"),
            )["id"]
        )
        for _ in range(count)
    ]


def written(crm: Destination, row: DestinationRow, text: str, ids: list[str], **bad: Any) -> list[Outcome]:
    fields = {id: {row.comment: text} | bad.get(id, {}) for id in ids}
    changes = tuple(
        Change(object=row.object, record_id=id, before=dict.fromkeys(after), after=after)
        for id, after in fields.items()
    )
    batch = Batch(1, row.object, crm.ways(row.object, len(ids))[0].api, changes)
    return list(crm.write(batch, lambda handle: None))


def shown(row: DestinationRow, place: Place, ids: list[str]) -> list[str]:
    rows = {str(one.get("id") or one.get("Id")): one for one in place.sandbox.rows(row.vendor, row.shelf)}
    return [_held(rows[id].get("properties", rows[id]), row.comment) for id in ids]


def _held(row: dict[str, Any], name: str) -> Any:
    """Where toys keep some fields apart, the name says so: custom_attributes.nps_comment."""
    within, dot, rest = name.partition(".")
    return _held(row[within], rest) if dot and within in row else row[name]


@pytest.mark.parametrize("how", SPOILS)
def test_a_look_up_whose_answer_was_spoilt_is_asked_again(
    behind: tuple[Proxy, Destination], row: DestinationRow, place: Place, how: Spoiling
) -> None:
    proxy, crm = behind
    ids = people(row, place, 3)
    proxy.spoils.append(Spoil(is_read, how))
    assert sorted(one.id for one in crm.get(row.object, ids, [row.score], {})) == sorted(ids)
    assert proxy.spoilt == 1


@pytest.mark.parametrize("how", SPOILS)
def test_a_look_up_whose_answers_stay_spoilt_is_unavailable_and_has_no_fate(
    behind: tuple[Proxy, Destination], row: DestinationRow, place: Place, how: Spoiling
) -> None:
    proxy, crm = behind
    proxy.spoils.append(Spoil(is_read, how, times=None))
    with pytest.raises(UnavailableError) as caught:
        crm.get(row.object, people(row, place, 1), [row.score], {})
    assert "carried out" not in str(caught.value)


@pytest.mark.parametrize("how", SPOILS)
def test_a_write_whose_answer_was_spoilt_is_sent_again(
    behind: tuple[Proxy, Destination], row: DestinationRow, place: Place, how: Spoiling
) -> None:
    proxy, crm = behind
    ids = people(row, place, 3)
    proxy.spoils.append(Spoil(is_write, how))
    outcomes = sorted(written(crm, row, "sent again", ids), key=lambda one: one.record_id)
    assert outcomes == [Written(id) for id in sorted(ids)]
    assert shown(row, place, ids) == ["sent again"] * 3


@pytest.mark.parametrize("how", SPOILS)
def test_a_write_whose_answers_stay_spoilt_is_neither_written_nor_refused(
    behind: tuple[Proxy, Destination], row: DestinationRow, place: Place, how: Spoiling
) -> None:
    proxy, crm = behind
    ids = people(row, place, 3)
    proxy.spoils.append(Spoil(is_write, how, times=None))
    try:
        outcomes = written(crm, row, "who knows", ids)
    except UnavailableError:
        return  # the batch stays open, and the next run reads the records
    assert sorted(one.record_id for one in outcomes) == sorted(ids)
    assert all(isinstance(one, Unknown | Written) for one in outcomes)
    if any(isinstance(one, Written) for one in outcomes):
        # Of a call that writes one record the status alone says it; what is said in the body of a batch is needed.
        assert not any(word in path for word in WRITES for path in proxy.spoilt_paths)
        assert shown(row, place, ids) == ["who knows"] * 3


def results(change: Callable[[list[Any]], list[Any]]) -> Spoiling:
    """An answer with its rows changed, whichever shape it has."""

    def spoilt(answer: Answer) -> Answer:
        said = json.loads(answer.body)
        if isinstance(said, list):
            said = change(said)
        elif "results" in said:  # else it tells no rows, but what became of all of them
            said["results"] = change(said["results"])
        return replace(answer, body=json.dumps(said).encode())

    return spoilt


@pytest.mark.parametrize(
    "change",
    [lambda rows: rows[1:], lambda rows: rows[:-1], lambda rows: [], lambda rows: rows[::-1]],
    ids=["the first row is missing", "the last row is missing", "all rows are missing", "out of order"],
)
def test_rows_that_are_missing_or_out_of_order_make_nobody_refused_and_nobody_written_by_mistake(
    behind: tuple[Proxy, Destination],
    row: DestinationRow,
    place: Place,
    change: Callable[[list[Any]], list[Any]],
) -> None:
    proxy, crm = behind
    ids = people(row, place, 4)
    proxy.spoils.append(Spoil(is_batch, results(change)))
    outcomes = written(crm, row, "among others", ids)
    assert sorted(one.record_id for one in outcomes) == sorted(ids)
    assert all(isinstance(one, Written | Unknown) for one in outcomes)
    assert shown(row, place, ids) == ["among others"] * 4


def test_a_refusal_in_an_answer_out_of_order_is_not_taken_for_its_neighbours(
    behind: tuple[Proxy, Destination], row: DestinationRow, place: Place
) -> None:
    proxy, crm = behind
    ids = people(row, place, 4)
    bad = ids[1]
    proxy.spoils.append(Spoil(is_batch, results(lambda rows: rows[::-1])))
    outcomes = written(crm, row, "in a row", ids, **{bad: {row.segment: "no such option"}})
    assert {one.record_id for one in outcomes if isinstance(one, Rejected)} <= {bad}
    assert all(one.record_id != bad for one in outcomes if isinstance(one, Written))


def test_every_refusal_says_what_stands_behind_it(
    behind: tuple[Proxy, Destination], row: DestinationRow, place: Place
) -> None:
    _, crm = behind
    good, bad, gone = people(row, place, 3)
    place.sandbox.control("DELETE", f"/{row.vendor}/{row.shelf}/{gone}")
    outcomes = written(crm, row, "a cause", [good, bad, gone], **{bad: {row.segment: "no such option"}})
    causes = {one.record_id: one.cause for one in outcomes if isinstance(one, Rejected)}
    assert causes[bad] is Cause.MAPPING
    assert causes.get(gone, Cause.GONE) is Cause.GONE
    assert good not in causes


# ---------------------------------------------------------------- sources

NAMES = [
    name
    for name in registry.names()
    if registry.load(name).source is not None and not registry.load(name).only_pushed
]


@pytest.fixture(params=NAMES)
def source_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source_row(source_name: str) -> SourceRow:
    if source_name not in SOURCES:
        pytest.fail(f'add a row for the source "{source_name}" to tests/source_table.py')
    if not SOURCES[source_name].calls:
        pytest.skip(f"{source_name} makes no calls")
    return SOURCES[source_name]


@pytest.mark.parametrize("how", SPOILS)
def test_a_page_of_answers_that_was_spoilt_is_read_again(
    source_name: str, source_row: SourceRow, place: Place, how: Spoiling
) -> None:
    given = source_row.settings(place)
    straight = open_source(source_name, given)
    everything = {one.id for page in straight.read(None, since=None) for one in page.responses}
    with proxy_before(given) as (proxy, through):
        proxy.spoils.append(Spoil(is_read, how, times=2))
        source = open_source(source_name, through)
        assert {one.id for page in source.read(None, since=None) for one in page.responses} == everything
        assert proxy.spoilt == 2
        source.close()


@pytest.mark.parametrize("how", SPOILS)
def test_answers_that_stay_spoilt_are_unavailable_and_no_page_is_passed_over(
    source_name: str, source_row: SourceRow, place: Place, how: Spoiling
) -> None:
    with proxy_before(source_row.settings(place)) as (proxy, through):
        proxy.spoils.append(Spoil(is_read, how, times=None))
        source = open_source(source_name, through)
        with pytest.raises(UnavailableError) as caught:
            list(source.read(None, since=None))
        assert "carried out" not in str(caught.value)
        source.close()
