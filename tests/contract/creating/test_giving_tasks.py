"""Tasks are given once, whatever gets lost, and each on its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast

import pytest
from contract_place import Place, unique
from creating_table import CreatingRow
from losing_replies import bad_day

from connectors.contract import (
    OWNER_REFUSED,
    Accessible,
    Creates,
    Destination,
    GivesTasks,
    Needs,
    Task,
    Verdict,
)
from nps.changes import Made, Rejected, Unknown, Written
from nps.errors import UnavailableError

CREATES = Creates.TASKS
CREATING_CALL = {"salesforce": "composite", "hubspot": "batch/create"}  # a part of its path
HOSTILE = "\"quotes\" 'and' <b>html</b> &amp; {braces} \u202eright to left\u202c 😀 שלום\nand a line"

Makes = Callable[..., Task]


@pytest.fixture
def tasks(crm: Destination) -> GivesTasks:
    assert isinstance(crm, GivesTasks)
    return crm


def subjects(place: Place, name: str, row: CreatingRow) -> list[str]:
    return [str(one[row.subject]) for one in place.sandbox.rows(name, row.task)]


def test_giving_a_task_twice_makes_one(
    tasks: GivesTasks, name: str, row: CreatingRow, place: Place, about_ann: Makes
) -> None:
    task = about_ann(subject=unique("Call "))
    first, second = list(tasks.give([task])), list(tasks.give([task]))
    [made] = first
    assert isinstance(made, Made)
    assert made.record_id == task.key
    assert first == second
    assert subjects(place, name, row).count(task.subject) == 1
    assert tasks.given([task, about_ann()]) == {task.key: made.id}


def test_a_task_whose_reply_is_lost_is_there_once(
    tasks: GivesTasks, name: str, row: CreatingRow, place: Place, about_ann: Makes
) -> None:
    task = about_ann(subject=unique("Call "))
    tasks.given([task])  # so that the next calls are those that create
    place.sandbox.fault(name, "lost_reply", path=CREATING_CALL[name], times=1)
    [lost] = tasks.give([task])
    assert isinstance(lost, Unknown | Made)
    assert set(tasks.given([task])) == {task.key}
    assert isinstance(next(iter(tasks.give([task]))), Made)
    assert subjects(place, name, row).count(task.subject) == 1


def test_through_a_bad_day_each_task_is_given_once(
    tasks: GivesTasks, name: str, row: CreatingRow, place: Place, about_ann: Makes
) -> None:
    wanted = [about_ann(subject=unique("Bad day ")) for _ in range(30)]
    bad_day(place, name, CREATING_CALL[name])
    left = {task.key: task for task in wanted}
    for _ in range(60):
        if not left:
            break
        with suppress(UnavailableError):
            told = [*tasks.give([*left.values()])]
            there = {one.record_id for one in told if isinstance(one, Made)}
            there |= tasks.given([*left.values()]).keys()  # before anything unknown is repeated
            left = {key: task for key, task in left.items() if key not in there}
    place.sandbox.control("DELETE", "/faults")
    assert not left
    made = subjects(place, name, row)
    assert [made.count(task.subject) for task in wanted] == [1] * 30


def test_one_who_left_sinks_no_other_task(
    tasks: GivesTasks, row: CreatingRow, place: Place, about_ann: Makes
) -> None:
    good, bad, better = about_ann(), about_ann(owner=row.left(place)), about_ann()
    told = {one.record_id: one for one in tasks.give([good, bad, better])}
    assert len(told) == 3
    assert isinstance(told[good.key], Made)
    assert isinstance(told[better.key], Made)
    refused = told[bad.key]
    assert isinstance(refused, Rejected)
    assert refused.code == OWNER_REFUSED


def test_what_people_wrote_arrives_as_it_is(
    tasks: GivesTasks, crm: Destination, row: CreatingRow, about_ann: Makes
) -> None:
    line = HOSTILE.partition("\n")[0]
    [made] = tasks.give([about_ann(subject=line, body=HOSTILE)])
    assert isinstance(made, Made)
    [record] = crm.get(row.task, [made.id], [row.subject, row.body], {})
    text = row.shown(str(record.fields[row.body]))
    assert text.partition("\n\n[npsync:")[0] == HOSTILE
    assert record.fields[row.subject] == line


def test_a_text_that_is_too_long_is_cut_and_the_task_found_again(
    tasks: GivesTasks, crm: Destination, row: CreatingRow, about_ann: Makes
) -> None:
    task = about_ann(subject="s" * 70_000, body="é" * 70_000)
    [made] = tasks.give([task])
    assert isinstance(made, Made)
    [record] = crm.get(row.task, [made.id], [row.subject, row.body], {})
    text = row.shown(str(record.fields[row.body])).partition("\n\n[npsync:")[0]
    assert len(text) > 30_000
    assert text == "é" * (len(text) - 1) + "…"
    assert str(record.fields[row.subject]).endswith("s…")
    assert tasks.given([task]) == {task.key: made.id}


def test_a_task_is_open_until_somebody_is_done_with_it(
    tasks: GivesTasks, name: str, row: CreatingRow, place: Place, about_ann: Makes
) -> None:
    ids = [one.id for one in tasks.give([about_ann(), about_ann()]) if isinstance(one, Made)]
    place.sandbox.control("PATCH", f"/{name}/{row.task}/{ids[0]}", dict(row.done))
    told = tasks.task_states(ids)
    assert [told[id].is_open for id in ids] == [False, True]


def test_a_task_is_taken_away_once_and_for_all(tasks: GivesTasks, about_ann: Makes) -> None:
    task = about_ann()
    [made] = tasks.give([task])
    assert isinstance(made, Made)
    for _ in range(2):
        assert list(tasks.take_away([made.id])) == [Written(made.id)]
    assert tasks.task_states([made.id]) == {}
    assert tasks.given([task]) == {}


def test_owners_are_known_and_so_is_who_left(
    tasks: GivesTasks, row: CreatingRow, place: Place, about_ann: Makes
) -> None:
    colleague = tasks.owner_of(row.colleague)
    assert colleague is not None
    assert colleague.active
    left = row.left(place)
    told = tasks.owners([colleague.id, left])
    assert told[colleague.id] == colleague
    assert not told[left].active
    assert tasks.owner_of(told[left].email or "") is None
    assert tasks.owner_of("nobody@acme.example") is None
    assert isinstance(next(iter(tasks.give([about_ann(owner=colleague.id)]))), Made)


def test_a_task_may_be_about_a_company(
    tasks: GivesTasks, name: str, row: CreatingRow, place: Place, about_ann: Makes
) -> None:
    object, fields = row.company
    company = str(place.sandbox.control("POST", f"/{name}/{object}", fields)["id"])
    task = about_ann(object=object, record_id=company)
    [made] = tasks.give([task])
    assert isinstance(made, Made)
    assert tasks.given([task]) == {task.key: made.id}
    both = about_ann(account=company)
    assert isinstance(next(iter(tasks.give([both]))), Made)


def test_the_open_and_the_recent_cases_are_told(
    tasks: GivesTasks, name: str, row: CreatingRow, place: Place, ann: str
) -> None:
    past, future = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    assert not tasks.cases(row.object, [ann], past).get(ann)
    open, closed = (row.case(place, ann) for _ in range(2))
    place.sandbox.control("POST", f"/{name}/do/{row.close}", {"id": closed})
    assert [case.id for case in tasks.cases(row.object, [ann], future)[ann]] == [open]
    told = {case.id: case for case in tasks.cases(row.object, [ann], past)[ann]}
    assert set(told) == {open, closed}
    assert (told[open].is_open, told[closed].is_open) == (True, False)
    assert told[open].subject == "Help"
    assert told[open].closed_at is None
    assert told[closed].closed_at is not None


def test_access_tells_what_creating_needs(crm: Destination, row: CreatingRow) -> None:
    history = {row.history: frozenset(row.fields("key", "text"))}
    needs = Needs(creates=frozenset(Creates), history=history)
    grants = cast(Accessible, crm).access(needs)
    assert not [one for one in grants if one.verdict is Verdict.MISSING]
    assert len(grants) == len({one.permission for one in grants})


def test_nothing_to_do_is_no_call(tasks: GivesTasks, name: str, place: Place) -> None:
    place.sandbox.fault(name, "status", status=503, times=99)
    assert list(tasks.give([])) == []
    assert tasks.given([]) == {}
    assert tasks.task_states([]) == {}
    assert tasks.owners([]) == {}
    assert list(tasks.take_away([])) == []
