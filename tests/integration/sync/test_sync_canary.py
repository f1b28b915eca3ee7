"""The first records of a run are read back before the rest is written, whichever way it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from builders_sync import Town, answer, breaker, counts
from memory_destination import MemoryCrm, heal

from connectors.contract import Way

SCORES = (10, 9, 3, 8)


@pytest.fixture
def town(town: Town) -> Town:
    town.given["breaker"] = breaker(canary=20)
    town.crm.batch = 50
    for n in range(200):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", SCORES[n % 4], comment=f"note {n}"))
    return town


def meddled(crm: MemoryCrm, **fields: Any) -> None:
    """A workflow sets these fields on whatever is written."""

    def workflow() -> None:
        for id, _ in crm.writes:
            crm.contacts[id].update(fields)

    crm.after_write = workflow


def test_a_canary_that_does_not_show_what_was_written_names_the_fields_and_leaves_the_rest(town: Town):
    meddled(town.crm, nps=5, segment="who knows")

    report = town.run()

    assert report.status == "stopped"
    assert counts(report) == {"written": 20, "pending": 180}
    assert (
        "20 of the first 20 records do not show what was written to them: nps on 20, segment on 20."
        in (report.problems[0])
    )
    assert "who knows" not in report.problems[0]
    assert f"npsync runs {report.run} --changes" in report.problems[0]
    assert "npsync run nps" in report.problems[0]


def test_the_next_run_begins_with_a_canary_again(town: Town):
    meddled(town.crm, nps=5)
    town.run()

    again = town.run()

    assert (again.status, again.writes) == ("stopped", {"contacts": 20})
    heal(town.crm)
    assert town.run().status == "succeeded"


def test_a_canary_stays_on_when_the_breaker_is_overruled(town: Town):
    meddled(town.crm, nps=5)
    assert town.run(accept_breaker=True).status == "stopped"
    assert len(town.crm.writes) == 20


def test_a_canary_of_which_all_records_are_refused_stops_the_run(town: Town):
    town.crm.refused = set(town.crm.contacts)

    report = town.run()

    assert report.status == "stopped"
    assert counts(report) == {"rejected": 20, "pending": 180}
    assert report.problems[0].startswith("all of the first 20 records were refused (validation 20)")


def test_a_canary_of_which_one_record_is_written_goes_on(town: Town):
    town.crm.refused = set(town.crm.contacts) - {"c11"}  # a detractor: among the first
    assert counts(town.run()) == {"rejected": 199, "written": 1}


def test_a_canary_that_cannot_be_read_back_stops_the_run(town: Town):
    def vanish() -> None:
        for id, _ in town.crm.writes:
            town.crm.contacts.pop(id, None)

    town.crm.after_write = vanish

    report = town.run()

    assert report.status == "stopped"
    assert report.problems[0].startswith("none of the first 20 records could be read back")


class BulkCrm(MemoryCrm):
    """Bulk jobs for the many, small calls for the few."""

    def ways(self, object: str, count: int) -> Sequence[Way]:
        calls = Way("calls", 30, lambda n: -(-n // 30))
        return [Way("bulk", 1000, lambda n: -(-n // 1000)), calls] if count >= 100 else [calls]

    def write(self, batch: Any, remember: Any) -> Any:
        assert batch.api == "bulk" or len(batch.changes) <= 30
        self.apis = [*getattr(self, "apis", []), batch.api]
        self.batch = 1000
        return super().write(batch, remember)


def test_no_bulk_job_for_a_canary(town: Town):
    crm = BulkCrm()
    crm.contacts = town.crm.contacts
    town.crm = crm

    assert town.run().status == "succeeded"

    assert crm.apis == ["calls", "bulk"]
    assert len(crm.writes) == 200


def test_a_bulk_job_does_not_start_after_a_bad_canary(town: Town):
    crm = BulkCrm()
    crm.contacts = town.crm.contacts
    town.crm = crm
    meddled(crm, segment="?")

    assert town.run().status == "stopped"

    assert crm.apis == ["calls"]
