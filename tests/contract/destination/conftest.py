"""What every destination promises is tried on every registered one; some of it on every object as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contract_opening import open_destination
from contract_place import Place, unique
from destination_calls import AddPerson
from destination_table import DESTINATIONS, DestinationRow
from object_table import OBJECTS

from connectors import registry
from connectors.contract import Destination

REGISTERED = {name for name in registry.names() if registry.load(name).destination is not None}
ROWS = [*DESTINATIONS, *sorted(REGISTERED - {row.connector or each for each, row in DESTINATIONS.items()})]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row_name" in metafunc.fixturenames:
        more = OBJECTS if getattr(metafunc.function, "of_every_object", False) else ()
        metafunc.parametrize("row_name", [*ROWS, *more])


@pytest.fixture
def row(row_name: str) -> DestinationRow:
    rows = {**DESTINATIONS, **OBJECTS}
    if row_name not in rows:
        pytest.fail(f'add a row for the destination "{row_name}" to tests/destination_table.py')
    return rows[row_name]


@pytest.fixture
def name(row_name: str, row: DestinationRow) -> str:
    """The connector's."""
    return row.connector or row_name


@pytest.fixture
def place(row: DestinationRow, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(request.getfixturevalue(row.town or "sandbox"), tmp_path)


@pytest.fixture
def crm(name: str, row: DestinationRow, place: Place) -> Iterator[Destination]:
    opened = open_destination(name, row.settings(place))
    yield opened
    opened.close()


@pytest.fixture
def person(row: DestinationRow, place: Place, crm: Destination) -> AddPerson:
    """Adds a record, as a person does in the CRM, and gives its id once a search finds it."""

    def add(email: str | None = None, shared: str = "") -> str:
        email = email or f"{unique('contract')}@acme.example"
        added = place.sandbox.control(
            "POST", f"/{row.vendor}/{row.shelf}", row.person(email, shared or f"+1212{unique('555')}")
        )
        place.sandbox.control("POST", "/clock", {"advance": 60})  # search indexes lag behind
        return str(added["id"])

    return add
