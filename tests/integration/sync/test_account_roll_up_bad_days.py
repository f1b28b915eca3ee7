"""Roll-ups on days when something goes wrong: killed anywhere, undone, refused, stopped by the breaker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders_accounts import CompanyTown
from builders_sync import SYNC, answer, breaker
from memory_destination import BadDay, Killed, heal

from nps.errors import UnavailableError
from sync.accounts.engine import is_due

ROLL_UP = f"{SYNC}/account"


@pytest.fixture
def town(migrated_sqlite: Path, tmp_path: Path) -> Iterator[CompanyTown]:
    shutil.copy(migrated_sqlite, tmp_path / "npsync.db")
    town = CompanyTown(f"sqlite:///{tmp_path / 'npsync.db'}", account={"min_responses": 1})
    yield town
    town.close()


def some_companies(town: CompanyTown, count: int) -> None:
    for n in range(count):
        town.hire(f"company{n}", f"p{n}")
    town.tell(*(answer(f"p{n}", 10) for n in range(count)))


def shown(town: CompanyTown) -> dict[str, object]:
    return {name: fields["nps"] for name, fields in town.crm.companies.items()}


@pytest.mark.parametrize("after", range(9))
def test_killed_at_any_call_the_next_roll_up_ends_what_it_began(town: CompanyTown, after: int) -> None:
    some_companies(town, 7)
    town.run()
    town.crm.before_call = BadDay(after, Killed())
    try:
        town.roll_up()
    except Killed:
        pass
    else:
        assert after > 6
    heal(town.crm)
    town.days(1)
    town.run()
    report = town.roll_up()
    assert report.status == "succeeded"
    assert shown(town) == {f"company{n}": 100 for n in range(7)}
    written = [id for id, _ in town.crm.writes if id.startswith("company")]
    assert len(written) == len(set(written)) == 7
    assert not is_due(ROLL_UP, town.store)


def test_killed_between_the_people_and_their_companies_nothing_is_forgotten(town: CompanyTown) -> None:
    some_companies(town, 3)
    town.run()
    assert town.run().pulled == 0  # another run, with nothing to do of its own
    assert is_due(ROLL_UP, town.store)
    town.roll_up()
    assert shown(town) == {f"company{n}": 100 for n in range(3)}


def test_an_answer_whose_fate_was_not_known_counts_as_soon_as_it_is(town: CompanyTown) -> None:
    some_companies(town, 1)
    town.crm.after_write = BadDay(0, UnavailableError("the reply is lost"))
    town.run_and_roll_up()
    assert town.company("company0", "nps", "responses") == (None, 0)
    heal(town.crm)
    assert town.run().resumed == 1
    town.roll_up()
    assert town.company("company0", "nps", "responses") == (100, 1)


def test_a_crm_that_is_down_leaves_the_companies_for_the_next_time(town: CompanyTown) -> None:
    some_companies(town, 2)
    town.run()
    town.crm.before_call = BadDay(0, UnavailableError("crm: down"))
    assert town.roll_up().status == "failed"
    heal(town.crm)
    assert town.roll_up().written == 2


def test_a_roll_up_is_undone_and_stays_so_until_somebody_answers(town: CompanyTown) -> None:
    town.hire("acme", "a1")
    town.tell(answer("a1", 10))
    town.run_and_roll_up()
    town.tell(answer("again", 0, days=1, email="a1@example.com"))
    second = town.run_and_roll_up()
    assert town.company("acme", "nps", "detractors") == (-100, 1)
    undone = town.take_back(second.run)
    assert (undone.status, undone.written) == ("succeeded", 1)
    assert town.company("acme", "nps", "detractors") == (100, 0)

    kept = town.roll_up(everything=True)
    assert kept.fields.undone["nps"] == 1
    assert town.company("acme", "nps") == 100
    town.take_back(undone.run, again=True)
    assert town.company("acme", "nps") == -100
    assert town.roll_up(everything=True).written == 0

    town.take_back(second.run)
    town.tell(answer("third", 8, days=2, email="a1@example.com"))
    town.run_and_roll_up()
    assert town.company("acme", "nps", "passives") == (0, 1)


def test_an_undone_first_figure_stays_empty_although_answers_age_out(town: CompanyTown) -> None:
    town.hire("acme", "a1", "a2")
    town.tell(answer("a1", 10), answer("a2", 0, days=50))
    first = town.run_and_roll_up()
    town.take_back(first.run)
    town.days(300)
    town.roll_up(everything=True)
    assert town.company("acme", "nps", "responses") == (None, None)


def test_a_company_that_cannot_be_said_is_told_and_the_others_are_written(town: CompanyTown) -> None:
    town.account["fields"] = {"says": {"from": "nps", "map": {"100": "fine"}}, "nps": "nps"}
    some_companies(town, 2)
    town.hire("odd", "o1")
    town.tell(answer("o1", 0))
    town.run()
    report = town.roll_up()
    assert (report.status, report.written) == ("partial", 2)
    assert report.problems == (
        "odd was left as it is: says: `map` has no entry for this value (listed: 100)",
    )
    assert is_due(ROLL_UP, town.store)


def test_what_the_crm_refuses_is_a_dead_letter_and_the_next_night_tries_again(town: CompanyTown) -> None:
    some_companies(town, 2)
    town.run()
    town.crm.refused.add("company1")
    report = town.roll_up()
    assert (report.status, report.written) == ("partial", 1)
    [letter] = town.store.dead_letters(sync=ROLL_UP, status="open")
    assert (letter.record_id, letter.code) == ("company1", "validation")
    assert not is_due(ROLL_UP, town.store)
    heal(town.crm)
    assert town.roll_up(everything=True).written == 1
    assert town.store.dead_letters(sync=ROLL_UP, status="open") == []


def test_a_field_the_crm_lacks_fails_the_roll_up_and_not_the_run(town: CompanyTown) -> None:
    town.account["fields"] = {"NPS__c": "nps"}
    some_companies(town, 1)
    assert town.run().status == "succeeded"
    report = town.roll_up()
    assert report.status == "failed"
    assert 'companies has no field "NPS__c"' in report.problems[0]
    with town.store.overlay() as overlay:
        assert town.would_roll_up(overlay) == {"company0": {"NPS__c": 100}}


def test_the_breaker_stops_a_roll_up_that_would_empty_the_companies_and_not_a_busy_day(
    town: CompanyTown,
) -> None:
    town.given["breaker"] = breaker(canary=0)
    some_companies(town, 60)
    town.run_and_roll_up()
    town.tell(*(answer(f"next{n}", n % 11, days=1, email=f"p{n}@example.com") for n in range(60)))
    assert town.run_and_roll_up().status == "succeeded"

    town.account["min_responses"] = 3  # as somebody edits the YAML: no company has so many
    stopped = town.roll_up(everything=True)
    assert stopped.status == "stopped"
    assert {reason.check for reason in stopped.stopped_by} == {"cleared_share"}
    assert "npsync run nps --accounts --accept-breaker" in stopped.problems[-1]
    assert None not in shown(town).values()
    accepted = town.roll_up(everything=True, accept_breaker=True)
    assert (accepted.status, set(shown(town).values())) == ("succeeded", {None})


def test_the_canary_is_read_back_before_the_rest_is_written(town: CompanyTown) -> None:
    town.given["breaker"] = breaker(canary=2)
    some_companies(town, 6)
    town.run_and_roll_up()
    assert town.crm.calls.count("write") >= 2
    assert set(shown(town).values()) == {100}
