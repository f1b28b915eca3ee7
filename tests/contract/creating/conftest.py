"""What every connector promises that creates something is tried on each of them, by what it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from contract_opening import open_destination
from contract_place import Place, unique
from creating_table import CREATING, CreatingRow

from connectors import registry
from connectors.contract import Creates, Destination, Task

REGISTERED = {name: registry.load(name).creates for name in registry.names()}
CREATORS = {name for name, creates in REGISTERED.items() if creates}
ROWS = [*CREATING, *sorted(CREATORS - {row.connector or each for each, row in CREATING.items()})]


def connector_of(row_name: str) -> str:
    return (CREATING[row_name].connector if row_name in CREATING else "") or row_name


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row_name" in metafunc.fixturenames:
        wanted: Creates = metafunc.module.CREATES
        tried = [one for one in ROWS if one not in CREATING or wanted in CREATING[one].tries]
        metafunc.parametrize("row_name", [one for one in tried if wanted in REGISTERED[connector_of(one)]])


@pytest.fixture
def row(row_name: str) -> CreatingRow:
    if row_name not in CREATING:
        pytest.fail(f'add a row for the connector "{row_name}" to tests/creating_table.py')
    return CREATING[row_name]


@pytest.fixture
def name(row_name: str) -> str:
    """The connector's."""
    return connector_of(row_name)


@pytest.fixture
def crm(name: str, row: CreatingRow, place: Place) -> Iterator[Destination]:
    hidden = dict(zip(("object", "field"), row.hides or (), strict=False))
    if hidden:
        place.sandbox.control("POST", f"/{name}/do/hide_field", hidden)
    opened = open_destination(name, row.settings(place))
    yield opened
    opened.close()
    place.sandbox.control("DELETE", "/faults")
    place.sandbox.control("POST", "/clock", {"advance": 60})  # calls of one test are no limit to the next
    if hidden:
        place.sandbox.control("POST", f"/{name}/do/show_field", hidden)


@pytest.fixture
def ann(name: str, row: CreatingRow, place: Place) -> str:
    """A record of hers, as a person made it in the CRM."""
    fields = row.person(unique("creating"))
    return str(place.sandbox.control("POST", f"/{name}/{row.object}", fields)["id"])


@pytest.fixture
def about_ann(row: CreatingRow, ann: str) -> Callable[..., Task]:
    def task(key: str | None = None, **changes: Any) -> Task:
        usual: dict[str, Any] = {
            "key": key or unique("nps/"),
            "subject": "Call Ann",
            "body": "Scored 3",
            "due": date(2026, 11, 24),
            "object": row.object,
            "record_id": ann,
        }
        return Task(**usual | changes)

    return task
