"""A job that outlives its run: asked for by the runs after it, never sent twice, and nothing planned over it."""

from __future__ import annotations

from builders_sync import Town, answer

from nps.errors import StillUnderWay

SLOW = StillUnderWay("the vendor is not done with job 1; the next run asks for its results")


def raising(call: str) -> None:
    if call == "resume":
        raise SLOW


def test_a_job_that_outlives_its_run_is_settled_by_the_next_one_and_sent_once(town: Town) -> None:
    ann = town.crm.add("a1@example.com")
    town.crm.jobs = {}
    town.tell(answer("a1", 9))

    def slow() -> None:
        raise SLOW

    town.crm.after_write = slow
    first = town.run()
    assert first.status == "partial"
    assert str(SLOW) in " ".join(first.problems)

    town.crm.after_write = lambda: None
    town.crm.before_call = raising
    town.tell(
        answer("a2", 3, days=1, email="a1@example.com")
    )  # must not be written over a job that still runs
    second = town.run()
    assert second.status == "partial"
    assert str(SLOW) in " ".join(second.problems)
    assert len(town.crm.writes) == 1

    town.crm.before_call = lambda call: None
    third = town.run()
    assert third.status == "succeeded"
    assert third.resumed == 1
    assert [fields["nps"] for id, fields in town.crm.writes if id == ann] == [9, 3]
