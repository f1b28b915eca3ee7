"""What a killed run had sent: known by the record itself, journalled as it was, and never sent over a newer one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from builders_sync import SYNC, Town, answer, breaker, counts
from memory_destination import BadDay, Killed, heal

from connectors.contract import Way
from nps.changes import Batch
from nps.errors import LeaseLost


def killed_after_sending(town: Town) -> None:
    town.crm.after_write = BadDay(0, Killed())
    with pytest.raises(Killed):
        town.run()
    heal(town.crm)
    town.later(minutes=5)


def outcomes(town: Town) -> list[str]:
    return [outcome for run in town.store.runs(sync=SYNC) for _, outcome in town.store.run_changes(run.id)]


def test_what_somebody_edited_before_the_restart_is_theirs_and_the_rest_is_ours(town: Town):
    """The comment shows that the call had arrived; so the score beside it is a colleague's edit, not our old value."""
    ann = town.crm.add("a1@example.com")
    town.tell(answer("a1", 3, comment="slow"))
    killed_after_sending(town)
    town.crm.contacts[ann]["nps"] = 5

    report = town.run()

    assert (report.resumed, counts(report)) == (1, {})
    assert outcomes(town) == ["written"]
    town.run(everything=True)
    assert town.shown("nps", "comment") == {ann: (5, "slow")}
    town.tell(answer("a2", 9, days=1, email="a1@example.com"))
    assert town.run().fields.kept == {"nps": 1}


def test_a_record_that_still_shows_an_old_value_was_not_reached(town: Town):
    """Somebody set the one field to what we wanted anyway; the other is as it was before. It is planned again."""
    ann = town.crm.add("a1@example.com")
    town.tell(answer("a1", 3, comment="slow"))
    town.crm.before_call = lambda call: (_ for _ in ()).throw(Killed()) if call == "write" else None
    with pytest.raises(Killed):
        town.run()
    heal(town.crm)
    town.later(minutes=5)
    town.crm.contacts[ann]["nps"] = 3

    report = town.run()

    assert (report.resumed, counts(report)) == (0, {"written": 1})
    assert town.shown("nps", "comment") == {ann: (3, "slow")}


def test_a_write_the_answer_left_out_is_told_by_the_record(town: Town):
    ann = town.crm.add("a1@example.com")
    town.crm.silent.add(ann)
    town.tell(answer("a1", 3))
    assert counts(town.run()) == {"written": 1}
    assert outcomes(town) == ["written"]


def test_the_journal_says_by_which_api_the_canary_went(town: Town, monkeypatch: pytest.MonkeyPatch):
    """A restart asks that api for what became of it."""

    def ways(object: str, count: int) -> list[Way]:
        return [Way("jobs" if count > 2 else "batch", 10, lambda records: 1)]

    monkeypatch.setattr(town.crm, "batch", 10)
    monkeypatch.setattr(town.crm, "ways", ways)
    town.given["breaker"] = breaker(canary=2)
    for n in range(5):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", n))
    killed_after_sending(town)
    (left,) = town.store.unsettled(SYNC)
    assert (left[0].api, len(left[0].changes)) == ("batch", 2)


def test_a_process_that_slept_past_its_lease_sends_nothing_more(town: Town, monkeypatch: pytest.MonkeyPatch):
    """Its batches were opened before it fell asleep; meanwhile another process has dealt with them."""
    for n in range(40):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", n % 11))
    write = town.crm.write
    first = threading.Lock()
    awake = threading.Event()

    def falls_asleep(batch: Batch, remember: Callable[[str], None]) -> object:
        if first.acquire(blocking=False):
            town.later(minutes=5)
            assert town.store.acquire(f"sync/{SYNC}", "another", now=town.clock.now(), seconds=60) is not None
            awake.set()
        assert awake.wait(60)  # the whole process sleeps, not one thread of it
        return write(batch, remember)

    monkeypatch.setattr(town.crm, "write", falls_asleep)
    with pytest.raises(LeaseLost):
        town.run()
    # What was on the wire when it fell asleep nobody can call back: a call per thread at the most.
    assert len(town.crm.writes) <= 4 * town.crm.batch
