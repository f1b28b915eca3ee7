"""What tools of this kind get wrong again and again, one test per defect: those an engine alone can have.

The numbers are those of docs/reliability.md, which lists every defect with the test that fails when npsync has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest
from builders_sync import SYNC, Town, answer, counts
from memory_destination import BadDay, Killed, heal

from nps.changes import Batch, Outcome
from nps.errors import ConfigError
from store.api import State


def test_defect_01_one_row_that_succeeded_does_not_make_its_batch_a_success(town: Town):
    people(town, 3)
    town.crm.refused = {"c2"}

    report = town.run()

    assert (report.status, counts(report)) == ("partial", {"written": 2, "rejected": 1})
    assert town.shown() == {"c1": 0, "c2": None, "c3": 2}


@pytest.mark.parametrize("call", ["find", "write"])
def test_defect_02_an_error_in_a_worker_thread_is_heard(town: Town, call: str):
    people(town, 3)

    def broken(name: str) -> None:
        if name == call:
            raise ZeroDivisionError("a defect of a connector")

    town.crm.before_call = broken
    with pytest.raises(ZeroDivisionError):
        town.run()

    heal(town.crm)
    town.run()
    assert town.shown() == {"c1": 0, "c2": 1, "c3": 2}


def test_defect_03_what_was_read_and_not_delivered_is_delivered_later(town: Town):
    people(town, 3)
    town.crm.before_call = BadDay(2, Killed())  # everything is read and stored, nothing is written
    with pytest.raises(Killed):
        town.run()
    cursor = town.store.cursor("mail")
    assert cursor is not None
    assert cursor.state == {"next": 3}
    assert town.crm.writes == []

    town.run()

    assert town.shown() == {"c1": 0, "c2": 1, "c3": 2}


def test_defect_04_an_answer_without_a_key_is_kept_with_its_reason(town: Town):
    town.tell(answer("nameless", 9, email=None))

    report = town.run()

    assert (report.status, counts(report)) == ("partial", {"rejected": 1})
    [letter] = town.store.dead_letters(sync=SYNC)
    assert (letter.code, letter.status) == ("no_key", "open")
    assert "none of the keys" in letter.reason


def test_defect_08_a_plan_writes_no_row_and_moves_no_cursor(town: Town):
    people(town, 3)
    before = list(town.store.dump())

    assert len(town.plan()) == 3

    assert list(town.store.dump()) == before
    assert town.store.cursor("mail") is None
    assert town.crm.writes == []


def test_defect_10_a_newer_answer_without_a_comment_clears_the_older_one(town: Town):
    town.crm.add("a1@example.com")
    town.tell(answer("a1", 3, comment="slow"))
    town.run()

    town.tell(answer("a2", 9, days=1, email="a1@example.com"))
    town.run()

    assert town.shown("nps", "comment") == {"c1": (9, None)}


def test_defect_11_a_job_whose_process_died_is_asked_for_and_never_sent_again(town: Town):
    people(town, 3)
    town.crm.jobs = {}
    town.crm.after_write = BadDay(0, Killed())
    with pytest.raises(Killed):
        town.run()
    assert len(town.crm.writes) == 3

    report = town.run()

    assert report.resumed == 3
    assert len(town.crm.writes) == 3
    assert [one.state for one in town.store.states(SYNC, [1, 2, 3]).values()] == [State.WRITTEN] * 3


def test_defect_18_a_field_the_crm_does_not_have_stops_the_run_and_is_named(town: Town):
    people(town, 1)

    with pytest.raises(ConfigError, match='no field "score_2024"'):
        town.run(job={"fields": {"nps": "score", "score_2024": "score"}})

    assert town.crm.writes == []
    assert town.store.cursor("mail") is None


def test_defect_21_keys_that_name_two_people_find_neither(town: Town):
    town.crm.add("ann@example.com", code="007")
    town.crm.add("bob@example.com", code="008")
    town.tell(answer("a1", 9, email="bob@example.com", external_id="007"))

    report = town.run(job={"match": ("external_id", "email")})

    assert counts(report) == {"review": 1}
    assert town.store.states(SYNC, [1])[1].code == "conflict"
    assert town.crm.writes == []


def test_defect_22_a_run_that_was_stopped_strands_nothing(town: Town):
    people(town, 7)
    asked = stops_after(3)

    stopped = town.run(stop=asked)
    assert sum(stopped.states.values()) == stopped.pulled
    town.run()

    assert town.shown() == {f"c{n + 1}": n for n in range(7)}
    assert len(town.crm.writes) == 7


def test_defect_23_a_changed_mapping_writes_the_difference_and_nothing_else(town: Town):
    people(town, 2)
    town.run()
    town.crm.writes.clear()

    town.run(
        job={"fields": {"nps": "score", "segment": {"template": "is {segment}"}, "last": "answered_at"}},
        everything=True,
    )

    assert town.crm.writes == [("c1", {"segment": "is detractor"}), ("c2", {"segment": "is detractor"})]


def test_defect_31_a_score_of_0_is_a_score(town: Town):
    town.crm.add("a1@example.com", nps=7, segment="passive")
    town.tell(answer("a1", 0))

    town.run()

    assert town.shown("nps", "segment") == {"c1": (0, "detractor")}


def test_defect_34_a_record_the_vendors_reply_leaves_out_does_not_count_as_written(
    town: Town, monkeypatch: pytest.MonkeyPatch
):
    people(town, 3)
    whole = town.crm.write

    def forgetful(batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        return [one for one in whole(batch, remember) if one.record_id != "c2"]

    monkeypatch.setattr(town.crm, "write", forgetful)
    report = town.run()

    assert report.status == "partial"
    assert report.writes == {"contacts": 2}
    assert town.store.states(SYNC, [2])[2].state is not State.WRITTEN


def people(town: Town, count: int) -> None:
    """Contacts c1, c2 …, and an answer of each: 0, 1 …"""
    for n in range(count):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", n))


def stops_after(times: int) -> Callable[[], bool]:
    asked: Sequence[int] = range(times)
    left = iter(asked)
    return lambda: next(left, None) is None
