"""What every destination promises of its fields: what they are, what they hold, and how it is shown again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from contract_opening import contract_tools, open_destination
from contract_place import Place
from destination_calls import AddPerson, by_email, change, live, write
from destination_table import DestinationRow
from fake_clock import Calls, FakeClock, fake_tools
from object_table import of_every_object

from connectors.contract import Destination
from nps.changes import Written
from nps.errors import ConfigError, RejectedError
from nps.schema import FieldType
from nps.values import Value


@of_every_object
def test_the_schema_tells_types_and_what_may_be_written(crm: Destination, row: DestinationRow) -> None:
    schema = crm.describe(row.object)
    fields = schema.fields
    assert schema.writable
    assert fields[row.score].type in (FieldType.INTEGER, FieldType.NUMBER)
    assert fields[row.segment].type is FieldType.CHOICE
    assert fields[row.segment].options
    assert fields[row.date].type is FieldType.DATE
    assert fields[row.comment].type is FieldType.TEXT
    assert all(fields[getattr(row, one)].writable for one in ("score", "segment", "date", "comment"))
    assert not fields[row.read_only_field].writable


def test_the_schema_is_asked_for_once(name: str, row: DestinationRow, place: Place) -> None:
    calls = Calls()
    tools = fake_tools(clock=FakeClock(contract_tools().clock.now()), count_call=calls)
    crm = open_destination(name, row.settings(place), tools)
    crm.describe(row.object)
    asked = calls.count
    crm.describe(row.object)
    assert calls.count == asked
    assert asked > 0 or not row.told
    crm.close()


def test_an_object_that_does_not_exist_is_a_matter_of_configuration(crm: Destination) -> None:
    with pytest.raises(ConfigError):
        crm.describe("no_such_object")


@pytest.mark.parametrize("method", ["find", "get"])
def test_a_field_that_does_not_exist_is_a_matter_of_configuration(
    crm: Destination, row: DestinationRow, method: str
) -> None:
    calls = {
        "find": lambda: crm.find(row.object, [by_email(row, "a@acme.example")], ["no_such_field"], {}),
        "get": lambda: crm.get(row.object, ["1"], ["no_such_field"], {}),
    }
    with pytest.raises(ConfigError, match="no_such_field"):
        calls[method]()


CANONICAL: list[tuple[str, Value]] = [
    ("score", 0),
    ("score", 10),
    ("score", Decimal("7")),
    ("date", date(2026, 3, 2)),
    ("comment", "Zoë said \"no\"\r\nand 'yes' 😀 =cmd() \\ <b>"),
    ("comment", "  spaces around  "),
    ("comment", "#N/A"),
    ("comment", "0"),
]


@of_every_object
@pytest.mark.parametrize(("field", "value"), CANONICAL)
def test_what_canonical_says_is_what_a_read_shows_after_the_write(
    crm: Destination, row: DestinationRow, person: AddPerson, field: str, value: Value
) -> None:
    name = getattr(row, field)
    wanted = crm.canonical(row.object, name)(value)
    record_id = person()
    [outcome] = write(crm, row, change(row, record_id, **{field: wanted}))
    assert outcome == Written(record_id)
    assert live(crm, row, record_id)[name] == wanted


@of_every_object
def test_every_option_of_a_choice_survives_the_round_trip(
    crm: Destination, row: DestinationRow, person: AddPerson
) -> None:
    record_id = person()
    for option in crm.describe(row.object).fields[row.segment].options or ():
        wanted = crm.canonical(row.object, row.segment)(option)
        shown = live(crm, row, record_id)
        assert write(crm, row, change(row, record_id, shown, segment=wanted)) == [Written(record_id)]
        assert live(crm, row, record_id)[row.segment] == wanted


@pytest.mark.parametrize("field", ["score", "segment", "date", "comment"])
def test_empty_is_always_none(crm: Destination, row: DestinationRow, field: str) -> None:
    assert crm.canonical(row.object, getattr(row, field))(None) is None
    assert crm.typed(row.object, getattr(row, field))(None) is None


@pytest.mark.parametrize("field", ["segment", "comment"])
def test_empty_text_is_empty(crm: Destination, row: DestinationRow, field: str) -> None:
    assert crm.canonical(row.object, getattr(row, field))("") is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("score", "many"), ("segment", "no such option"), ("date", "yesterday"), ("date", True)],
)
def test_what_a_field_cannot_hold_is_rejected_with_its_name(
    crm: Destination, row: DestinationRow, field: str, value: Value
) -> None:
    with pytest.raises(RejectedError) as caught:
        crm.canonical(row.object, getattr(row, field))(value)
    assert caught.value.field == getattr(row, field)
    assert caught.value.code


@pytest.mark.parametrize(
    ("field", "value"),
    [("score", 7), ("date", date(2026, 3, 2)), ("comment", "fine"), ("comment", None), ("score", None)],
)
def test_typed_is_the_way_back(crm: Destination, row: DestinationRow, field: str, value: Value) -> None:
    name = getattr(row, field)
    assert crm.typed(row.object, name)(crm.canonical(row.object, name)(value)) == value


def test_a_field_that_does_not_exist_has_no_canonical_form(crm: Destination, row: DestinationRow) -> None:
    with pytest.raises(ConfigError, match="no_such_field"):
        crm.canonical(row.object, "no_such_field")
