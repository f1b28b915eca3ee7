"""The breaker over several runs: what it stops stays stopped until a person says otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from builders_sync import Town, answer, breaker, counts

USUAL = (10, 9, 9, 8, 7, 10, 9, 3, 6, 10, 9)  # many are happy
WIDE: dict[str, Any] = {"canary": 0, "changed_share": "100%"}


@pytest.fixture
def town(town: Town) -> Town:
    town.crm.batch = 200
    town.given["breaker"] = breaker(**WIDE)
    return town


def crowd(town: Town, size: int) -> None:
    for n in range(size):
        town.crm.add(f"a{n}@example.com")
        town.tell(answer(f"a{n}", USUAL[n % 11], comment=f"note {n}"))
    assert town.run().status == "succeeded", "first fills are no accident"


def again(town: Town, size: int, score: Any, *, days: float = 1, prefix: str = "b", **given: Any) -> None:
    town.tell(
        *(
            answer(f"{prefix}{n}", score(n), email=f"a{n}@example.com", days=days, **given)
            for n in range(size)
        )
    )


def checks(report: Any) -> list[str]:
    return [reason.check for reason in report.stopped_by]


def test_a_scale_turned_round_is_stopped_until_it_is_accepted(town: Town):
    crowd(town, 110)
    again(town, 110, lambda n: 10 - USUAL[n % 11], comment="x")

    stopped = town.run()
    still = town.run()
    accepted = town.run(accept_breaker=True)

    assert stopped.status == still.status == "stopped"
    assert "segment_swing" in checks(stopped)
    assert checks(still) == checks(stopped)
    assert "npsync run nps --accept-breaker" in stopped.problems[-1]
    assert counts(stopped) == {"pending": 110}
    assert accepted.status == "succeeded"
    assert [reason.check for reason in accepted.accepted] == checks(stopped)
    assert accepted.problems == ()
    assert town.shown()["c1"] == 0
    assert town.run().status == "succeeded"


def test_new_answers_on_another_scale_are_stopped_and_few_new_ones_do_not_release_them(town: Town):
    crowd(town, 220)
    for n in range(120):
        town.crm.add(f"new{n}@example.com")
        town.tell(answer(f"new{n}", n % 5 + 1))

    stopped = town.run()
    town.tell(answer("late", 9))
    still = town.run()

    assert "new answers of mail are detractors" in stopped.problems[0]
    assert checks(still) == ["segment_swing"]
    assert "of 121 new answers" in still.problems[0]
    assert town.run(accept_breaker=True).status == "succeeded"


def test_a_comment_the_survey_tool_no_longer_sends_is_not_emptied_everywhere(town: Town):
    crowd(town, 200)
    again(town, 60, lambda n: USUAL[n % 11])

    report = town.run()

    assert checks(report) == ["cleared_share"]
    assert report.problems[0].startswith("comment would be emptied on 60 of 200 records")


def test_one_value_for_everybody_is_stopped(town: Town):
    crowd(town, 220)
    again(town, 110, lambda n: 7, comment="fine")

    assert checks(town.run()) == ["segment_swing"] * 2 + ["constant_share"] * 2


def test_a_plan_says_that_the_breaker_would_open(town: Town):
    crowd(town, 200)
    again(town, 60, lambda n: USUAL[n % 11])
    before = list(town.store.dump())

    made = town.previewed()

    assert [reason.check for reason in made] == ["cleared_share"]
    assert list(town.store.dump()) == before
    town.run(accept_breaker=True)
    assert town.previewed() == ()


def test_a_reviewed_plan_does_not_ask_the_breaker(town: Town):
    crowd(town, 200)
    again(town, 60, lambda n: USUAL[n % 11])
    with town.store.overlay() as overlay:
        expected = {change.record_id: (change.before, change.after) for change in town.planned_in(overlay)}

    assert town.run(expect=expected).status == "succeeded"


def test_far_more_answers_than_on_any_day_are_stopped_and_remembered_once_accepted(town: Town):
    crowd(town, 20)
    number = 0
    for _ in range(11):
        town.later(days=1)
        for _ in range(15):
            number += 1
            town.tell(answer(f"day{number}", number % 11))
        assert town.run().status == "succeeded"
    town.later(days=1)
    town.tell(*(answer(f"flood{n}", n % 11) for n in range(250)))

    stopped = town.run()

    assert checks(stopped) == ["volume.most"]
    assert (
        "mail brought 250 new answers today; the most on one day of the last 60 was 15" in stopped.problems[0]
    )
    town.later(days=1)
    assert checks(town.run()) == ["volume.most"], "a day later it is no more usual"
    assert town.run(accept_breaker=True).status == "succeeded"
    town.later(days=1)
    town.tell(*(answer(f"more{n}", n % 11) for n in range(250)))
    assert town.run().status == "succeeded", "now it is known that such days come"


def test_a_source_that_falls_silent_is_told_and_the_rest_is_written(town: Town):
    for day in range(12):
        town.tell(answer(f"m{day}", 9), answer(f"p{day}", 9, source="app"))
        assert town.run().status == "succeeded"
        town.later(days=1)
    for day in range(4):
        town.crm.add(f"q{day}@example.com")
        town.tell(answer(f"q{day}", 9, source="app"))
        report = town.run()
        town.later(days=1)

    assert report.status == "partial"
    assert [problem.split(":")[0] for problem in report.problems] == ["mail"]
    assert "no new answer since" in report.problems[0]
    assert counts(report)["written"] == 1
    town.tell(answer("back", 9))
    assert town.run().status == "succeeded"


def test_a_small_account_with_few_answers_is_never_alarmed(town: Town):
    for week in range(12):
        town.tell(answer(f"w{week}", (week * 5) % 11))
        assert town.run().status == "succeeded"
        for _ in range(7):
            town.later(days=1)
            assert town.run().status == "succeeded"
