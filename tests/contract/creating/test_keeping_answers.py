"""Answers are kept as records of their own: once each, and brought up to date."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from contract_place import Place, unique
from creating_table import CreatingRow
from losing_replies import bad_day

from connectors import registry
from connectors.contract import Creates, Destination, Entry, GivesTasks, KeepsHistory, KeepsLists
from nps.changes import Made, Rejected, Unknown, Written
from nps.errors import UnavailableError

CREATES = Creates.HISTORY
NOBODY = {"Contact": "003Hs0000009999IAA", "contacts": "999999999"}
HOSTILE = "\"quotes\" 'and' <b>html</b> &amp; \u202eright to left\u202c 😀 שלום\nand a line"


@pytest.fixture
def history(crm: Destination) -> KeepsHistory:
    assert isinstance(crm, KeepsHistory)
    return crm


def entry(row: CreatingRow, record_id: str, text: str = "fine", key: str | None = None) -> Entry:
    key = key or unique("nps/")
    return Entry(key, row.fields(key, text), {row.object: record_id})


def creating_call(name: str, row: CreatingRow) -> str:
    """A part of its path."""
    return {"salesforce": "composite", "hubspot": "upsert" if row.key else "batch/create"}[name]


def shown(crm: Destination, row: CreatingRow, id: str) -> str:
    [record] = crm.get(row.history, [id], [row.text], {})
    return row.shown(str(record.fields[row.text])).partition("\n\n[npsync:")[0]


def test_keeping_an_answer_twice_makes_one_and_brings_it_up_to_date(
    history: KeepsHistory, crm: Destination, row: CreatingRow, ann: str
) -> None:
    answer = entry(row, ann)
    [first] = history.keep(row.history, row.key, [answer])
    [second] = history.keep(row.history, row.key, [entry(row, ann, HOSTILE, answer.key)])
    assert isinstance(first, Made)
    assert first == second
    assert first.record_id == answer.key
    assert shown(crm, row, first.id) == HOSTILE
    assert history.kept(row.history, row.key, [answer, entry(row, ann)]) == {answer.key: first.id}


def test_an_answer_whose_reply_is_lost_is_there_once(
    history: KeepsHistory, name: str, row: CreatingRow, place: Place, ann: str
) -> None:
    answer = entry(row, ann, text := unique("lost "))
    history.kept(row.history, row.key, [answer])
    place.sandbox.fault(name, "lost_reply", path=creating_call(name, row), times=9)
    [lost] = history.keep(row.history, row.key, [answer])
    place.sandbox.control("DELETE", "/faults")
    assert isinstance(lost, Unknown)
    # What is there but not attached to its record yet does not count as kept: it is kept again, into the same record.
    there = history.kept(row.history, row.key, [answer])
    [made] = history.keep(row.history, row.key, [answer])
    assert isinstance(made, Made)
    assert there in ({}, {answer.key: made.id})
    assert history.kept(row.history, row.key, [answer]) == {answer.key: made.id}
    texts = [str(one[row.text]) for one in place.sandbox.rows(name, row.history)]
    assert sum(text in one for one in texts) == 1


def test_through_a_bad_day_each_answer_is_kept_once(
    history: KeepsHistory, name: str, row: CreatingRow, place: Place, ann: str
) -> None:
    wanted = [entry(row, ann, f"{unique('bad day ')}.") for _ in range(20)]
    bad_day(place, name, creating_call(name, row))
    left = {answer.key: answer for answer in wanted}
    for _ in range(60):
        if not left:
            break
        with suppress(UnavailableError):
            told = [*history.keep(row.history, row.key, [*left.values()])]
            there = {one.record_id for one in told if isinstance(one, Made)}
            there |= history.kept(row.history, row.key, [*left.values()]).keys()
            left = {key: answer for key, answer in left.items() if key not in there}
    place.sandbox.control("DELETE", "/faults")
    assert not left
    assert set(history.kept(row.history, row.key, wanted)) == {answer.key for answer in wanted}
    texts = [str(one[row.text]) for one in place.sandbox.rows(name, row.history)]
    assert [sum(str(answer.fields[row.text]) in text for text in texts) for answer in wanted] == [1] * 20


def test_one_bad_answer_sinks_no_other(history: KeepsHistory, row: CreatingRow, ann: str) -> None:
    good, better = entry(row, ann), entry(row, ann)
    bad = entry(row, NOBODY[row.object])
    told = {one.record_id: type(one) for one in history.keep(row.history, row.key, [good, bad, better])}
    assert told == {good.key: Made, bad.key: Rejected, better.key: Made}


def test_discarding_once_and_for_all(history: KeepsHistory, row: CreatingRow, ann: str) -> None:
    answer = entry(row, ann)
    made: list[Any] = list(history.keep(row.history, row.key, [answer]))
    for _ in range(2):
        assert list(history.discard(row.history, [made[0].id])) == [Written(made[0].id)]
    assert history.kept(row.history, row.key, [answer]) == {}


def test_what_is_declared_is_fulfilled(crm: Destination, name: str) -> None:
    promised = registry.load(name).creates
    protocols: dict[Creates, type] = {
        Creates.HISTORY: KeepsHistory,
        Creates.TASKS: GivesTasks,
        Creates.LISTS: KeepsLists,
    }
    assert {one for one, protocol in protocols.items() if isinstance(crm, protocol)} == promised
