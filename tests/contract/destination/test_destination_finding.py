"""What every destination promises of finding records by their values and getting them by their ids."""

from __future__ import annotations

import pytest
from contract_opening import contract_tools, open_destination
from contract_place import Place, unique
from destination_calls import AddPerson, by_email, change, found, write
from destination_table import DestinationRow
from fake_clock import Calls, FakeClock, fake_tools
from object_table import of_every_object

from connectors.contract import Destination, Lookup


@of_every_object
def test_a_record_is_found_by_its_email_with_live_values(
    crm: Destination, row: DestinationRow, person: AddPerson
) -> None:
    email = f"{unique('found')}@acme.example"
    record_id = person(email)
    write(crm, row, change(row, record_id, score=crm.canonical(row.object, row.score)(9)))
    [hit] = crm.find(row.object, [by_email(row, email)], [row.score], {})
    assert (hit.field, hit.value, hit.record.id) == (row.email, email, record_id)
    assert hit.record.fields == {row.score: crm.canonical(row.object, row.score)(9)}


@of_every_object
@pytest.mark.parametrize(
    ("email", "other"),
    [
        ("o'brien{}@acme.example", "obrien{}@acme.example"),
        ("plus+tag{}@acme.example", "plus{}@acme.example"),
        ("under_score%{}@acme.example", "underxscoreyy{}@acme.example"),
    ],
)
def test_awkward_addresses_are_found_exactly_and_injected_nowhere(
    crm: Destination, row: DestinationRow, person: AddPerson, email: str, other: str
) -> None:
    number = unique("n")
    email = email.format(number)
    wanted = person(email)
    person(other.format(number))
    assert [record.id for record in found(crm, row, by_email(row, email))] == [wanted]


@pytest.mark.parametrize(
    "value",
    [
        "' OR Email != '",
        "x') OR (Name != '",
        "\\' OR Id != null",
        "%@%",
        "*@*",
        'a@b.c" }',
        "nul@acme.example\n",
    ],
)
def test_a_value_that_looks_like_a_query_finds_nothing(
    crm: Destination, row: DestinationRow, value: str
) -> None:
    assert found(crm, row, by_email(row, value)) == []


@of_every_object
def test_each_hit_says_which_value_it_answers(
    crm: Destination, row: DestinationRow, person: AddPerson
) -> None:
    emails = [f"{unique('many')}@acme.example" for _ in range(5)]
    ids = [person(email) for email in emails]
    hits = crm.find(row.object, [by_email(row, *emails, "nobody@acme.example")], [], {})
    assert {hit.value: hit.record.id for hit in hits} == dict(zip(emails, ids, strict=True))


@of_every_object
def test_two_records_with_one_value_are_both_found(
    crm: Destination, row: DestinationRow, person: AddPerson
) -> None:
    if not row.keys:
        pytest.skip("its records are found by one field alone")
    shared = f"+1212{unique('557')}"
    ids = {person(shared=shared), person(shared=shared)}
    field, kind = row.shared
    assert {record.id for record in found(crm, row, Lookup(field, kind, [shared]))} == ids


def test_several_lookups_are_answered_together(
    crm: Destination, row: DestinationRow, person: AddPerson
) -> None:
    if not row.keys:
        pytest.skip("its records are found by one field alone")
    email, shared = f"{unique('both')}@acme.example", f"+1212{unique('558')}"
    one, two = person(email), person(shared=shared)
    field, kind = row.shared
    hits = crm.find(row.object, [by_email(row, email), Lookup(field, kind, [shared])], [], {})
    assert {(hit.field, hit.record.id) for hit in hits} == {(row.email, one), (field, two)}


@of_every_object
def test_only_keeps_other_records_out(crm: Destination, row: DestinationRow, person: AddPerson) -> None:
    email, shared = f"{unique('only')}@acme.example", f"+1212{unique('666')}"
    record_id = person(email, shared)
    field = row.shared[0]
    for only, expected in (
        ({field: shared}, [record_id]),
        ({field: [shared, "x"]}, [record_id]),
        ({field: "x"}, []),
    ):
        assert [hit.record.id for hit in crm.find(row.object, [by_email(row, email)], [], only)] == expected
        assert [record.id for record in crm.get(row.object, [record_id], [], only)] == expected


def test_nothing_asked_for_is_nothing_found_and_costs_no_call(
    name: str, row: DestinationRow, place: Place
) -> None:
    calls = Calls()
    tools = fake_tools(clock=FakeClock(contract_tools().clock.now()), count_call=calls)
    crm = open_destination(name, row.settings(place), tools)
    crm.describe(row.object)
    before = calls.count
    assert crm.find(row.object, [], [row.score], {}) == []
    assert crm.find(row.object, [by_email(row)], [row.score], {}) == []
    assert crm.get(row.object, [], [row.score], {}) == []
    assert calls.count == before
    crm.close()


def test_hundreds_of_values_are_looked_up_in_few_calls(name: str, row: DestinationRow, place: Place) -> None:
    calls = Calls()
    tools = fake_tools(clock=FakeClock(contract_tools().clock.now()), count_call=calls)
    crm = open_destination(name, row.settings(place), tools)
    crm.describe(row.object)
    before = calls.count
    rows = place.sandbox.rows(row.vendor, row.shelf)
    # Of the sandbox's own people: what other tests added may be merged or deleted by now.
    own = {email for one in rows if (email := row.email_of(one)) and "@acme.example" not in email}
    emails = sorted(own if row.held_as else {email.lower() for email in own})[:300]
    assert len(emails) >= min(300, row.people)
    hits = crm.find(row.object, [by_email(row, *emails)], [row.score], {})
    assert {hit.value for hit in hits} >= {one for one in emails if one.isascii()}
    assert calls.count - before <= row.lookup_calls
    crm.close()


@of_every_object
def test_gone_records_are_missing_and_merged_ones_come_back_as_their_survivor(
    crm: Destination, row: DestinationRow, person: AddPerson, place: Place
) -> None:
    winner, loser, gone = person(), person(), person()
    if not row.merges:
        place.sandbox.control("DELETE", f"/{row.vendor}/{row.shelf}/{gone}")
        assert [record.id for record in crm.get(row.object, [loser, gone], [], {})] == [loser]
        return
    place.sandbox.control("POST", f"/{row.vendor}/{row.shelf}/{winner}/merge", {"loser": loser})
    place.sandbox.control("DELETE", f"/{row.vendor}/{row.shelf}/{gone}")
    records = crm.get(row.object, [loser, gone], [row.score], {})
    survivors = {record.id: record.merged for record in records}
    assert len(survivors) == 1
    [(survivor, merged)] = survivors.items()
    assert loser in merged
    assert survivor != gone
