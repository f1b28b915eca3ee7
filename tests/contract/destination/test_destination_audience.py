"""What every destination promises of telling all its records."""

from __future__ import annotations

import pytest
from contract_place import Place, unique
from destination_calls import AddPerson
from destination_table import DestinationRow
from object_table import of_every_object

from connectors.contract import Destination
from nps.errors import ConfigError


def test_all_records_come_once_with_live_values_in_pages(
    crm: Destination, row: DestinationRow, person: AddPerson, place: Place
) -> None:
    mine = person(f"{unique('audience')}@acme.example")
    gone = person()
    place.sandbox.control("DELETE", f"/{row.vendor}/{row.shelf}/{gone}")
    pages = list(crm.records(row.object, [row.email, row.score], {}))
    everybody = [record for page in pages for record in page]
    ids = [record.id for record in everybody]
    assert len(set(ids)) == len(ids) >= row.people
    assert mine in ids
    assert gone not in ids
    assert all(set(record.fields) == {row.email, row.score} for record in everybody)
    assert all(0 < len(page) <= 2_000 for page in pages)


@of_every_object
def test_only_names_the_audience(crm: Destination, row: DestinationRow, person: AddPerson) -> None:
    shared = f"+1212{unique('777')}"
    ids = {person(shared=shared) for _ in range(3)}
    person()
    pages = crm.records(row.object, [], {row.shared[0]: [shared, "x"]})
    assert {record.id for page in pages for record in page} == ids


@pytest.mark.parametrize("fields", [["no_such_field"], []])
def test_an_audience_by_a_field_that_does_not_exist_is_a_matter_of_configuration(
    crm: Destination, row: DestinationRow, fields: list[str]
) -> None:
    with pytest.raises(ConfigError, match="no_such_field"):
        list(crm.records(row.object, fields, {} if fields else {"no_such_field": "x"}))
