"""What every destination promises, tried on every registered one."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from contract_opening import contract_tools, open_destination
from contract_place import WRONG_SECRET, Place, unique
from destination_table import DESTINATIONS, DestinationRow
from fake_clock import Calls, FakeClock, fake_tools
from object_table import OBJECTS, of_every_object

from connectors import registry
from connectors.contract import Destination, Lookup, Needs, Verdict
from nps.changes import Batch, Change, Deferred, Outcome, Record, Rejected, Unknown, Written
from nps.errors import AccessError, ConfigError, RejectedError
from nps.schema import FieldType
from nps.values import Json, Value

REGISTERED = {name for name in registry.names() if registry.load(name).destination is not None}
ROWS = [*DESTINATIONS, *sorted(REGISTERED - {row.connector or each for each, row in DESTINATIONS.items()})]

AddPerson = Callable[..., str]


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


def nothing_to_remember(handle: str) -> None:
    """`remember`, where the test does not care."""


def change(
    row: DestinationRow, record_id: str, before: Mapping[str, Json] | None = None, **after: Json
) -> Change:
    """`before`: what the record shows, where it is not empty; a destination may refuse to overwrite anything else."""
    fields = {getattr(row, name): value for name, value in after.items()}
    shown = {name: (before or {}).get(name) for name in fields}
    return Change(id=1, object=row.object, record_id=record_id, before=shown, after=fields)


def write(crm: Destination, row: DestinationRow, *changes: Change) -> list[Outcome]:
    way = crm.ways(row.object, len(changes))[0]
    batch = Batch(1, row.object, way.api, changes)
    return list(crm.write(batch, nothing_to_remember))


def live(crm: Destination, row: DestinationRow, record_id: str) -> Mapping[str, Json]:
    names = [row.score, row.segment, row.date, row.comment]
    [record] = crm.get(row.object, [record_id], names, {})
    return record.fields


def found(crm: Destination, row: DestinationRow, lookup: Lookup, fields: Sequence[str] = ()) -> list[Record]:
    return [hit.record for hit in crm.find(row.object, [lookup], fields, {})]


def by_email(row: DestinationRow, *values: str) -> Lookup:
    return Lookup(row.email, "email", values)


# ---------------------------------------------------------------- describe


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


# ---------------------------------------------------------------- find and get


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


# ---------------------------------------------------------------- an audience


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


def test_the_parts_of_a_connection_are_one_caller(name: str, row: DestinationRow, place: Place) -> None:
    calls = Calls()
    tools = fake_tools(clock=FakeClock(contract_tools().clock.now()), count_call=calls)
    one, two = (open_destination(name, row.settings(place), tools) for _ in range(2))
    one.describe(row.object)
    asked = calls.count
    two.describe(row.object)
    assert calls.count == asked
    one.close()
    assert two.get(row.object, ["1"], [], {}) == []  # the other one still works
    two.close()


# ---------------------------------------------------------------- canonical


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


# ---------------------------------------------------------------- write


@of_every_object
def test_every_change_has_exactly_one_outcome_and_a_bad_one_never_sinks_its_batch(
    crm: Destination, row: DestinationRow, person: AddPerson, place: Place
) -> None:
    score = crm.canonical(row.object, row.score)
    good = [person() for _ in range(4)]
    gone = person()
    place.sandbox.control("DELETE", f"/{row.vendor}/{row.shelf}/{gone}")
    bad = person()
    changes = [change(row, one, score=score(8)) for one in good]
    changes.insert(2, change(row, gone, score=score(8)))
    changes.insert(3, change(row, bad, segment="no such option"))
    outcomes = write(crm, row, *changes)
    assert sorted(one.record_id for one in outcomes) == sorted(one.record_id for one in changes)
    by_record = {one.record_id: one for one in outcomes}
    assert all(by_record[one] == Written(one) for one in good)
    assert isinstance(by_record[gone], Rejected | Deferred)
    assert isinstance(by_record[bad], Rejected)
    assert by_record[bad].code
    assert all(live(crm, row, one)[row.score] == score(8) for one in good)


def test_a_full_batch_is_written_in_one_go(crm: Destination, row: DestinationRow, place: Place) -> None:
    way = crm.ways(row.object, 50)[0]
    ids = [str(one["id"]) for one in place.sandbox.rows(row.vendor, row.shelf) if row.email_of(one)][
        : way.batch
    ]
    shown = {one.id: one.fields for one in crm.get(row.object, ids, [row.comment], {}) if not one.merged}
    ids = list(shown)
    wanted = crm.canonical(row.object, row.comment)(unique("batch "))
    batch = Batch(1, row.object, way.api, tuple(change(row, one, shown[one], comment=wanted) for one in ids))
    outcomes = list(crm.write(batch, nothing_to_remember))
    assert sorted(one.record_id for one in outcomes) == sorted(ids)
    assert sum(isinstance(one, Written) for one in outcomes) == len(ids) > 50
    assert way.cost(len(ids)) >= 1


@of_every_object
def test_none_clears_a_field_and_leaves_the_others_alone(
    crm: Destination, row: DestinationRow, person: AddPerson
) -> None:
    record_id = person()
    score, comment = crm.canonical(row.object, row.score), crm.canonical(row.object, row.comment)
    write(crm, row, change(row, record_id, score=score(3), comment=comment("bad")))
    assert write(crm, row, change(row, record_id, comment=None)) == [Written(record_id)]
    fields = live(crm, row, record_id)
    assert (fields[row.comment], fields[row.score]) == (None, score(3))


def test_writing_only_updates(crm: Destination, row: DestinationRow, person: AddPerson, place: Place) -> None:
    gone = person()
    place.sandbox.control("DELETE", f"/{row.vendor}/{row.shelf}/{gone}")
    before = len(place.sandbox.rows(row.vendor, row.shelf))
    [outcome] = write(crm, row, change(row, gone, comment="nobody"))
    assert isinstance(outcome, Rejected | Deferred)
    assert len(place.sandbox.rows(row.vendor, row.shelf)) == before


def test_writing_the_same_again_changes_nothing(
    crm: Destination, row: DestinationRow, person: AddPerson
) -> None:
    record_id = person()
    once = change(row, record_id, comment="twice")
    write(crm, row, once)
    first = live(crm, row, record_id)
    assert write(crm, row, once) == [Written(record_id)]
    assert live(crm, row, record_id) == first


@of_every_object
def test_a_lost_reply_is_never_called_written_unless_it_is(
    crm: Destination, row: DestinationRow, person: AddPerson, place: Place
) -> None:
    record_id = person()
    crm.describe(row.object)
    write(crm, row, change(row, record_id, comment="before"))
    place.sandbox.fault(row.vendor, "lost_reply", times=1)
    [outcome] = write(crm, row, change(row, record_id, comment="after"))
    shown = live(crm, row, record_id)[row.comment]
    assert (outcome == Written(record_id) and shown == "after") or isinstance(outcome, Unknown)


def test_a_busy_vendor_is_waited_for(
    crm: Destination, row: DestinationRow, person: AddPerson, place: Place
) -> None:
    record_id = person()
    crm.describe(row.object)
    place.sandbox.fault(row.vendor, "status", status=503, times=1)
    assert write(crm, row, change(row, record_id, comment="patience")) == [Written(record_id)]


def test_the_usual_way_comes_first_and_what_costs_more_is_no_alternative(
    crm: Destination, row: DestinationRow
) -> None:
    for size in (1, 100, 3_000, 5_000, 100_000):
        ways = crm.ways(row.object, size)
        assert len({way.api for way in ways}) == len(ways) > 0
        assert all(way.batch >= 1 for way in ways)
        for way in ways:
            assert 0 < way.cost(1) <= way.cost(size) <= way.cost(size + 1)


def test_the_allowance_is_known_after_the_first_answer_and_costs_no_call(
    name: str, row: DestinationRow, place: Place
) -> None:
    calls = Calls()
    tools = fake_tools(clock=FakeClock(contract_tools().clock.now()), count_call=calls)
    crm = open_destination(name, row.settings(place), tools)
    assert crm.allowance() is None
    crm.describe(row.object)
    if not row.daily:
        assert crm.allowance() is None
        crm.close()
        return
    allowance = crm.allowance()
    assert allowance is not None
    assert allowance.limit is not None
    assert allowance.used is not None
    assert 0 <= allowance.left <= allowance.limit - allowance.used - allowance.kept
    crm.get(row.object, ["1"], [row.score], {})
    called = calls.count
    after = crm.allowance()
    assert after is not None
    assert after.left <= allowance.left
    assert calls.count == called
    crm.close()


# ---------------------------------------------------------------- credentials


def test_wrong_credentials_are_lost_access_and_the_secret_is_not_shown(
    name: str, row: DestinationRow, place: Place
) -> None:
    if row.wrong is None:
        pytest.skip("it asks for no credentials")
    crm = open_destination(name, row.wrong(row.settings(place)), contract_tools("crm"))
    with pytest.raises(AccessError, match="crm") as caught:
        crm.describe(row.object) if row.told else crm.get(row.object, ["1"], [], {})
    assert WRONG_SECRET not in "".join(traceback.format_exception(caught.value))
    crm.close()


@of_every_object
def test_access_names_what_is_granted(crm: Destination, row: DestinationRow) -> None:
    needs = Needs(
        read={row.object: frozenset({row.email})}, write={row.object: frozenset({row.score, row.comment})}
    )
    grants = crm.access(needs)  # type: ignore[attr-defined]
    assert Verdict.OK in {grant.verdict for grant in grants}
    assert Verdict.MISSING not in {grant.verdict for grant in grants}


@of_every_object
def test_it_lists_the_permissions_to_grant_without_any_call(
    name: str, row: DestinationRow, place: Place
) -> None:
    connector = registry.load(name)
    settings = connector.settings.model_validate(row.settings(place))
    needs = Needs(read={row.object: frozenset({row.email})}, write={row.object: frozenset({row.score})})
    assert connector.grants(settings, needs)
