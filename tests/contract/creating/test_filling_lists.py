"""Places on lists: taken and given up as often as anybody likes."""

from __future__ import annotations

import pytest
from contract_place import Place
from creating_table import CreatingRow

from connectors.contract import Creates, Destination, KeepsLists
from nps.changes import Made, Rejected, Unknown, Written
from nps.errors import ConfigError

CREATES = Creates.LISTS
NOBODY = {"Contact": "003Hs0000009999IAA", "contacts": "999999999"}


@pytest.fixture
def lists(crm: Destination) -> KeepsLists:
    assert isinstance(crm, KeepsLists)
    return crm


@pytest.fixture
def promoters(lists: KeepsLists, row: CreatingRow) -> str:
    return lists.list_id(row.list, row.object)


def test_a_list_goes_by_its_name_and_by_its_id(lists: KeepsLists, row: CreatingRow, promoters: str) -> None:
    assert promoters != row.list
    assert lists.list_id(promoters, row.object) == promoters


def test_a_list_that_is_not_there_or_fills_itself_is_a_matter_of_the_settings(
    lists: KeepsLists, row: CreatingRow
) -> None:
    for name in filter(None, (f"{row.list} of 1999", row.unsettable, "1' OR Name != '")):
        with pytest.raises(ConfigError):
            lists.list_id(name, row.object)


def test_whoever_is_put_on_a_list_twice_is_on_it_once(
    lists: KeepsLists, row: CreatingRow, promoters: str, ann: str
) -> None:
    assert lists.on(promoters, row.object, [ann]) == frozenset()
    [first] = lists.add(promoters, row.object, [ann], None)
    [second] = lists.add(promoters, row.object, [ann], None)
    assert isinstance(first, Made)
    assert first == second
    assert first.record_id == ann
    assert lists.on(promoters, row.object, [ann, NOBODY[row.object]]) == {ann}
    for _ in range(2):
        assert list(lists.drop(promoters, row.object, [ann])) == [Written(ann)]
    assert lists.on(promoters, row.object, [ann]) == frozenset()


def test_somebody_who_is_gone_sinks_no_other(
    lists: KeepsLists, row: CreatingRow, promoters: str, ann: str
) -> None:
    nobody = NOBODY[row.object]
    told = {one.record_id: type(one) for one in lists.add(promoters, row.object, [nobody, ann], None)}
    assert told == {ann: Made, nobody: Rejected}
    left = {one.record_id: type(one) for one in lists.drop(promoters, row.object, [ann, nobody])}
    assert left == {ann: Written, nobody: Written}


def test_after_a_lost_reply_the_list_tells(
    lists: KeepsLists, name: str, row: CreatingRow, place: Place, promoters: str, ann: str
) -> None:
    lists.on(promoters, row.object, [ann])
    changes = {"salesforce": ("POST", "composite"), "hubspot": ("PUT", "memberships")}
    method, path = changes[name]
    place.sandbox.fault(name, "lost_reply", method=method, path=path, times=9)
    [lost] = lists.add(promoters, row.object, [ann], None)
    place.sandbox.control("DELETE", "/faults")
    assert isinstance(lost, Unknown)
    assert lists.on(promoters, row.object, [ann]) == {ann}


def test_a_status_is_spelled_as_the_campaign_does(
    lists: KeepsLists, row: CreatingRow, promoters: str, ann: str
) -> None:
    if row.statuses:
        assert isinstance(next(iter(lists.add(promoters, row.object, [ann], "responded"))), Made)
    with pytest.raises(ConfigError):
        list(lists.add(promoters, row.object, [ann], "Adored"))


def test_many_are_asked_about_together(lists: KeepsLists, row: CreatingRow, promoters: str, ann: str) -> None:
    list(lists.add(promoters, row.object, [ann], None))
    strangers = [NOBODY[row.object][:-4] + f"{n:04}" for n in range(40)]
    if row.object == "Contact":
        strangers = [f"003Hs00000{n:05}IAA" for n in range(90_000, 90_040)]
    assert lists.on(promoters, row.object, [ann, *strangers]) == {ann}
