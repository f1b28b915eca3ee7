"""Dead letters: a retry starts from the answer with today's mapping, never replaces a newer one, and loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from builders_sync import SYNC, Town, answer, counts
from memory_destination import BadDay, Killed

from nps.changes import Cause
from nps.errors import UnavailableError
from nps.responses import ResponseStatus
from nps.retrying import PATIENCE
from store.api import Asked, DeadLetterRow, State
from sync.engine import run
from sync.report import Report

SHORT = {"nps": "score", "comment": {"from": "comment", "truncate": 40}, "last": "answered_at"}
LONG = {"nps": "score", "comment": "comment", "last": "answered_at"}


def letters(town: Town, *, status: str | None = "open") -> list[DeadLetterRow]:
    return town.store.dead_letters(sync=SYNC, status=status)


def retry(town: Town, ids: Sequence[int] | None = None, **options: Any) -> Report:
    asked = town.store.retry_letters([one.id for one in letters(town)] if ids is None else ids)
    return town.run(asked=asked.get(SYNC, Asked()), **options)


def test_a_retry_starts_from_the_answer_with_todays_mapping(town: Town):
    ann = town.crm.add("ann@example.com")
    town.given["fields"] = LONG
    town.tell(answer("a1", 9, email="ann@example.com", comment="x" * 50))
    town.run()
    [letter] = letters(town)
    assert (letter.code, letter.cause, letter.attempts) == ("too_long", Cause.MAPPING, 0)

    town.given["fields"] = SHORT
    retry(town)

    assert town.shown("nps", "comment") == {ann: (9, "x" * 40)}
    assert letters(town) == []


def test_a_dead_letter_never_replaces_a_newer_answer(town: Town):
    """Defect 13: a replayed payload lands on top of what came later."""
    ann = town.crm.add("ann@example.com")
    town.tell(answer("old", 2, email="ann@example.com", comment="x" * 50))
    town.run()
    town.tell(answer("new", 9, email="ann@example.com", days=1))
    town.run()
    assert len(letters(town)) == 1

    town.given["fields"] = SHORT
    retry(town)

    assert town.shown("nps", "comment") == {ann: (9, None)}
    [letter] = letters(town, status=None)
    assert letter.status == "resolved"
    assert town.store.states(SYNC, [letter.response or 0])[1].code == "newer_answer"


def test_a_newer_answer_at_the_source_counts_in_the_retry_itself(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("old", 2, email="ann@example.com", comment="x" * 50))
    town.run()
    town.tell(answer("new", 9, email="ann@example.com", days=1))

    retry(town)

    assert town.shown() == {ann: 9}


def test_letters_that_arrive_during_a_retry_stay_open(town: Town):
    """Defect 14: what came in while the queue was worked off is thrown away with it."""
    for name in ("ann", "bob"):
        town.crm.add(f"{name}@example.com")
    town.tell(answer("a1", 11, email="ann@example.com"))
    town.run()
    [before] = letters(town)
    beside = town.job(name="beside")

    def another_sync_runs(_call: str) -> None:
        town.crm.before_call = lambda call: None
        town.tell(answer("b1", 12, email="bob@example.com", source="app"))
        run(beside, town.store, town.clock, "beside", dict)

    town.crm.before_call = another_sync_runs
    retry(town, [before.id])

    still_open = town.store.dead_letters(status="open")
    assert sorted((one.sync, one.code) for one in still_open) == [
        ("beside", "score_out_of_range"),
        ("beside", "score_out_of_range"),
        (SYNC, "score_out_of_range"),
    ]
    town.run()
    assert len(town.store.dead_letters(status="open", sync=SYNC)) == 2


def test_a_retry_that_is_refused_again_counts_its_attempts_and_keeps_one_letter(town: Town):
    ann = town.crm.add("ann@example.com")
    town.crm.refused = {ann}
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    for attempts in (1, 2):
        retry(town)
        [letter] = letters(town)
        assert letter.attempts == attempts

    town.crm.refused = set()
    retry(town)
    assert letters(town) == []
    assert [one.status for one in letters(town, status=None)] == ["resolved", "retried", "retried"]
    assert town.shown() == {ann: 9}


def test_only_the_letters_asked_for_are_tried(town: Town):
    people = [town.crm.add(f"{name}@example.com") for name in ("ann", "bob")]
    town.crm.refused = set(people)
    town.tell(*(answer(name, 9, email=f"{name}@example.com") for name in ("ann", "bob")))
    town.run()
    town.crm.refused = set()
    first = letters(town)[-1]

    retry(town, [first.id])

    assert [one.status for one in letters(town, status=None)] == ["open", "resolved"]
    assert list(town.shown().values()).count(9) == 1


def test_a_retry_that_was_killed_is_done_by_the_next_run(town: Town):
    ann = town.crm.add("ann@example.com")
    town.crm.refused = {ann}
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    town.crm.refused = set()
    town.store.retry_letters([one.id for one in letters(town)])  # and the process dies here
    town.run()
    assert (town.shown(), letters(town)) == ({ann: 9}, [])


@pytest.mark.parametrize("after", range(6))
def test_a_retry_killed_anywhere_ends_like_one_that_was_not(town: Town, after: int):
    ann = town.crm.add("ann@example.com")
    town.crm.refused = {ann}
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    town.crm.refused = set()
    town.crm.before_call = BadDay(after, Killed())
    try:
        retry(town)
    except Killed:
        town.later(hours=1)
    town.crm.before_call = lambda call: None
    town.run()
    assert (town.shown(), letters(town)) == ({ann: 9}, [])
    assert len(town.crm.writes) == 1


def test_a_clearing_that_was_refused_is_retried_as_a_clearing(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    town.crm.refused = {ann}
    town.tell(answer("a1", None, email=None, status=ResponseStatus.WITHDRAWN))
    town.run()
    [letter] = letters(town)
    assert (letter.response, letter.record_id) == (None, ann)
    assert town.run().pulled == 0  # nothing tries it by itself
    assert town.shown() == {ann: 9}

    town.crm.refused = set()
    retry(town)

    assert (town.shown(), letters(town)) == ({ann: None}, [])


def test_a_clearing_that_a_new_answer_made_needless_is_resolved(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    town.crm.refused = {ann}
    town.tell(answer("a1", None, email=None, status=ResponseStatus.WITHDRAWN))
    town.run()
    town.crm.refused = set()
    town.tell(answer("a2", 7, email="ann@example.com", days=2))
    town.run()
    assert (town.shown(), letters(town)) == ({ann: 7}, [])


def test_a_discarded_answer_stays_out_until_it_is_edited(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("a1", 11, email="ann@example.com"))
    town.run()
    [letter] = letters(town)

    assert town.store.discard_letters([letter.id], "a test by the agency") == [letter.id]
    town.run(everything=True)
    town.run(everything=True, recheck=True)

    state = town.store.states(SYNC, [1])[1]
    assert (state.state, state.code, state.reason) == (State.EXCLUDED, "discarded", "a test by the agency")
    assert [one.status for one in letters(town, status=None)] == ["discarded"]

    town.tell(answer("a1", 10, email="ann@example.com"))
    town.run()
    assert town.shown() == {ann: 10}


def test_a_letter_of_an_answer_that_waits_now_is_closed(town: Town):
    """Whatever was refused once is not what keeps it any more."""
    ann = town.crm.add("ann@example.com")
    town.crm.refused = {ann}
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    del town.crm.contacts[ann]
    report = retry(town)
    assert counts(report) == {"waiting": 1}
    assert letters(town) == []


# ------------------------------------------------------------ by itself


def stumbling(town: Town, ann: str) -> None:
    """The vendor refuses her record for a passing reason."""
    town.crm.refused = {ann}
    town.crm.cause = Cause.TRANSIENT


def test_a_passing_refusal_is_tried_again_after_an_hour_six_hours_and_daily_for_a_week(town: Town):
    ann = town.crm.add("ann@example.com")
    stumbling(town, ann)
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    start = town.clock.now()
    tried: list[timedelta] = []
    attempts = 0
    for _ in range(24 * 10):
        town.later(hours=1)
        calls = len(town.crm.calls)
        town.run()
        if town.store.dead_letters(limit=1)[0].attempts > attempts:
            attempts += 1
            tried.append(town.clock.now() - start)
        else:
            assert set(town.crm.calls[calls:]) <= {"describe"}  # an idle run asks the CRM for no data

    assert tried == [timedelta(hours=1), timedelta(hours=6), *(timedelta(days=day) for day in range(1, 8))]
    assert len(letters(town)) == 1  # from now on it stays for a person


def test_a_passing_refusal_that_passes_is_written_without_anybody(town: Town):
    ann = town.crm.add("ann@example.com")
    stumbling(town, ann)
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    town.crm.refused = set()
    town.later(hours=1)
    town.run()
    assert (town.shown(), letters(town)) == ({ann: 9}, [])


def test_a_clearing_refused_for_a_passing_reason_is_tried_again_by_itself_too(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("a1", 9, email="ann@example.com"))
    town.run()
    stumbling(town, ann)
    town.tell(answer("a1", None, email=None, status=ResponseStatus.WITHDRAWN))
    town.run()
    town.crm.refused = set()
    town.run()
    assert town.shown() == {ann: 9}
    town.later(hours=1)
    town.run()
    assert (town.shown(), letters(town)) == ({ann: None}, [])


def test_a_record_that_stays_locked_stops_costing_calls_in_every_run(town: Town):
    ann = town.crm.add("ann@example.com")
    town.crm.locked = {ann}
    town.tell(answer("a1", 9, email="ann@example.com"))
    for _ in range(PATIENCE - 1):
        assert counts(town.run()) == {"pending": 1}
        assert letters(town) == []
    assert counts(town.run()) == {"rejected": 1}
    [letter] = letters(town)
    assert (letter.code, letter.cause) == ("deferred", Cause.TRANSIENT)

    calls = len(town.crm.calls)
    town.run()
    assert set(town.crm.calls[calls:]) <= {"describe"}

    town.later(hours=1)
    town.run()  # still locked: one call, and a letter again at once
    assert [one.attempts for one in letters(town)] == [1]
    town.crm.locked = set()
    town.later(hours=5)
    town.run()
    assert (town.shown(), letters(town)) == ({ann: 9}, [])


def test_what_never_reached_the_vendor_says_nothing_about_the_record(town: Town):
    ann = town.crm.add("ann@example.com")
    town.tell(answer("a1", 9, email="ann@example.com"))

    def down(call: str) -> None:
        if call == "write":
            raise UnavailableError("down")

    town.crm.before_call = down
    for _ in range(2 * PATIENCE):
        town.run()
    assert letters(town) == []
    town.crm.before_call = lambda call: None
    town.run()
    assert town.shown() == {ann: 9}
