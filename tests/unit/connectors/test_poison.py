"""What a search for bad records may cost, and when it is not the records."""

from __future__ import annotations

from connectors.poison import Alike, Searching


def test_searching_is_paid_by_what_is_written() -> None:
    searching = Searching(calls=2)
    assert [searching.may_call() for _ in range(3)] == [True, True, False]
    searching.written(1)
    assert searching.may_call()


def test_three_calls_refused_alike_are_not_the_records_fault() -> None:
    alike = Alike()
    assert [alike.stops("X") for _ in range(3)] == [False, False, True]


def test_once_something_was_written_a_call_refused_as_a_whole_is_those_records_matter() -> None:
    alike = Alike()
    alike.written()
    assert not any(alike.stops("X") for _ in range(10))
