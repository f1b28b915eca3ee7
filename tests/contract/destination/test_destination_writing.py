"""What every destination promises of writing."""

from __future__ import annotations

from contract_place import Place, unique
from destination_calls import AddPerson, change, live, nothing_to_remember, write
from destination_table import DestinationRow
from object_table import of_every_object

from connectors.contract import Destination
from nps.changes import Batch, Deferred, Rejected, Unknown, Written


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
