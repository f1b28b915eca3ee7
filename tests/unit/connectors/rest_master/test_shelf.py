"""What is kept of the records while a connection is open."""

from __future__ import annotations

from connectors.rest_master.rows import Row
from connectors.rest_master.shelf import Shelf


def test_an_older_look_never_replaces_a_newer_one() -> None:
    shelf = Shelf()
    older, newer = shelf.now(), shelf.now()
    shelf.put([Row("1", {"nps": 9}, version=2)], newer)
    shelf.put([Row("1", {"nps": 6}, version=1)], older)
    assert shelf.get(["1"])["1"].row.version == 2
    shelf.close()


def test_everything_since_a_moment_comes_once_however_much_it_is() -> None:
    shelf = Shelf()
    shelf.put([Row("gone", {})], shelf.now())
    moment = shelf.now()
    shelf.put([Row(f"{number:05}", {"n": number}) for number in range(1_001)], moment)
    assert [row.fields["n"] for page in shelf.since(moment) for row in page] == list(range(1_001))
    shelf.close()


def test_thousands_of_ids_may_be_asked_for_at_once() -> None:
    shelf = Shelf()
    ids = [str(number) for number in range(3_000)]
    shelf.put([Row(id, {}) for id in ids], shelf.now())
    assert shelf.get(ids).keys() == set(ids)
    shelf.wrote(ids)
    assert shelf.written_at(ids).keys() == set(ids)
    shelf.close()


def test_what_was_told_is_forgotten_when_a_record_was_seen_or_written() -> None:
    shelf = Shelf()
    shelf.tell([Row("1", {}, version=1), Row("2", {}, version=1), Row("3", {}, version=1)])
    shelf.put([Row("1", {}, version=2)], shelf.now())
    shelf.wrote(["2"])
    assert shelf.told(["1", "2", "3"]).keys() == {"3"}
    shelf.close()
