from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nps.writes import START, Steps, Write, steps

FIELD = "NPS__c"


class Journal:
    """Writes of one field, one run each, numbered from 1."""

    def __init__(self) -> None:
        self.writes: list[Write] = []

    def write(self, value: Any, response: int | None) -> int:
        return self._add(value, response, None)

    def undo(self, number: int, *, holds: tuple[int, ...] = ()) -> int:
        """Take back a write, or an undo."""
        return self._add(self.writes[number - 1].before[FIELD], None, number, holds)

    def _add(self, value: Any, response: int | None, undoes: int | None, holds: tuple[int, ...] = ()) -> int:
        number = len(self.writes) + 1
        before = {FIELD: self.writes[-1].after[FIELD] if self.writes else None}
        self.writes.append(
            Write(
                id=number,
                run=number,
                before=before,
                after={FIELD: value},
                response=response,
                undoes=undoes,
                holds=holds,
            )
        )
        return number

    @property
    def now(self) -> Steps:
        return steps(self.writes, FIELD)


def test_without_a_write_nothing_is_ours():
    assert (Journal().now.place, Journal().now.last, Journal().now.held) == (START, None, frozenset())


def test_the_last_write_counts_and_can_be_taken_back():
    journal = Journal()
    first, second = journal.write(3, 11), journal.write(9, 12)
    now = journal.now
    assert (now.place, now.ours, now.held) == (second, 9, frozenset())
    assert [now.leads_here(number) for number in (first, second)] == [False, True]


def test_an_undo_leads_back_and_holds_the_answer_it_took_back():
    journal = Journal()
    first, second = journal.write(3, 11), journal.write(9, 12)
    undo = journal.undo(second, holds=(13,))
    now = journal.now
    assert (now.place, now.ours, now.left, now.held) == (first, 3, 3, {12, 13})
    assert [now.leads_here(number) for number in (first, second, undo)] == [True, False, True]
    assert now.taken_back_by(second) == journal.writes[undo - 1]
    assert now.taken_back_by(first) is None


def test_everything_undone_leads_to_the_start_and_holds_all_of_it():
    journal = Journal()
    journal.undo(journal.write(9, None))
    journal.write(3, 11)
    journal.write(9, 12)
    journal.undo(4)
    journal.undo(3)
    assert (journal.now.place, journal.now.ours, journal.now.held) == (START, None, {None, 11, 12})


def test_a_newer_write_releases_and_its_undo_holds_again():
    journal = Journal()
    journal.undo(journal.write(3, 11))
    newer = journal.write(9, 12)
    assert journal.now.held == frozenset()
    undo = journal.undo(newer)
    assert journal.now.held == {11, 12}
    journal.undo(undo)
    assert (journal.now.place, journal.now.held) == (newer, frozenset())


def test_a_redo_of_one_leaves_the_other_held():
    journal = Journal()
    first, second = journal.write(3, 11), journal.write(9, 12)
    journal.undo(second)
    undo = journal.undo(first)
    journal.undo(undo)
    assert (journal.now.place, journal.now.held) == (first, {12})


def test_an_undo_and_its_redo_over_and_over_end_where_they_should():
    journal = Journal()
    last = journal.write(9, 11)
    for turn in range(1, 6):
        last = journal.undo(last)
        back = turn % 2 == 1
        assert (journal.now.place == START, journal.now.held) == (back, {11} if back else frozenset())
        assert journal.now.leads_here(last)


def test_another_field_of_the_same_record_goes_its_own_way():
    one = Write(id=1, run=1, before={"A": 1, "B": 1}, after={"A": 2, "B": 2}, response=11, undoes=None)
    two = Write(id=2, run=2, before={"A": 2}, after={"A": 1}, response=None, undoes=1)
    assert (steps([one, two], "A").place, steps([one, two], "B").place) == (START, 1)
    assert (steps([one, two], "A").held, steps([one, two], "B").held) == ({11}, frozenset())


def test_an_undo_that_came_too_late_counts_as_a_write_of_its_own():
    journal = Journal()
    first, second = journal.write(3, 11), journal.write(9, 12)
    late = journal.undo(first)
    now = journal.now
    assert (now.place, now.left) == (late, None)
    assert not now.leads_here(second)


@given(st.lists(st.integers(0, 99), max_size=14))
def test_whatever_can_be_taken_back_leads_to_what_was_before_it(choices: list[int]):
    """Any sequence of writes and allowed undos: an undo restores the place before, and that value shows."""
    journal = Journal()
    places: dict[int, int] = {}
    for response, choice in enumerate(choices):
        now = journal.now
        allowed = [write.id for write in journal.writes if now.leads_here(write.id)]
        if choice % 3 == 0 or not allowed:
            number = journal.write(choice, response)
            places[number] = now.place
            assert journal.now.place == number
            assert journal.now.held == frozenset()
        else:
            taken = allowed[choice % len(allowed)]
            places[journal.undo(taken)] = now.place
            now = journal.now
            assert now.place == places[taken]
            if now.place != START:
                assert now.ours == now.left == journal.writes[now.place - 1].after[FIELD]
            else:
                assert now.left is None
