"""What looks as if a program gave it, and how often the rules are right on a labelled trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from pydantic import ValidationError
from scanned_mails import Verdicts, judged, trace

from nps.surveys import SurveySpec
from nps.suspicion import (
    Beside,
    Burst,
    Facts,
    HoldSpec,
    OneDomain,
    Rule,
    SeveralScores,
    at_once,
    bursts,
    different_scores,
    suspicion,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def facts(seconds: float = 3, **given: Any) -> Facts:
    return Facts(**({"answered_at": after(seconds), "channel": "email", "asked_at": NOON} | given))


def rule(one: Facts, beside: Beside | None = None, hold: HoldSpec | None = None) -> Rule | None:
    found = suspicion(one, beside or Beside(), hold or HoldSpec())
    return None if found is None else found.rule


def test_an_answer_seconds_after_its_mail_left_is_nobodys():
    assert rule(facts(3)) is Rule.TOO_SOON
    assert rule(facts(10)) is None
    assert rule(facts(3, asked_at=None)) is None


def test_who_writes_a_comment_is_a_person_however_quick():
    everything = Beside(scores=11, people=100, domain="acme.example")
    assert rule(facts(1, commented=True, seen="several_scores"), everything) is None


def test_only_what_came_by_mail_is_looked_at_unless_the_yaml_says_more():
    assert rule(facts(1, channel="in_app")) is None
    assert rule(facts(1, channel=None)) is None
    assert rule(facts(1, channel="Email")) is Rule.TOO_SOON
    assert rule(facts(1, channel="sms"), hold=HoldSpec(channels=("SMS",))) is Rule.TOO_SOON


def test_an_answer_dated_before_its_mail_is_a_wrong_clock_and_no_program():
    assert rule(facts(-30)) is None


def test_what_our_own_page_saw_counts_as_its_rule():
    assert rule(facts(900, seen="several_scores")) is Rule.SEVERAL_SCORES
    assert rule(facts(900, seen="too_soon")) is Rule.TOO_SOON
    assert (
        rule(facts(900, seen="several_scores"), hold=HoldSpec.model_validate({"several_scores": "off"}))
        is None
    )


def test_a_reason_tells_a_person_what_happened():
    found = suspicion(facts(900), Beside(people=12, domain="acme.example"), HoldSpec())
    assert found is not None
    assert found.reason == (
        "12 people of acme.example answered within 60 seconds, none with a comment: "
        "as a mail gateway does that tries links"
    )


@pytest.mark.parametrize("off", ["off", False])
def test_off_holds_nothing(off: object):
    spec = SurveySpec.model_validate({"hold": off})
    assert spec.hold.rules == ()
    assert SurveySpec().hold.rules == tuple(Rule)
    one = SurveySpec.model_validate({"hold": {"one_domain": off}})
    assert one.hold.rules == (Rule.TOO_SOON, Rule.SEVERAL_SCORES)


@pytest.mark.parametrize(
    "wrong", ["on", True, {"too_soon": 10}, {"channels": []}, {"one_domain": {"people": 1}}]
)
def test_what_is_no_rule_is_refused(wrong: object):
    with pytest.raises(ValidationError):
        SurveySpec.model_validate({"hold": wrong})


# ------------------------------------------------------------ what came together


def together(count: int, *, apart: float = 1, start: float = 0) -> list[tuple[datetime, str, int]]:
    return [(after(start + n * apart), "acme.example", n) for n in range(count)]


def test_many_people_of_one_domain_at_once_are_a_burst():
    found = bursts(together(8), OneDomain())
    assert found == {"acme.example": [Burst(after(0), after(7), 8)]}
    assert at_once(found, "acme.example", after(0)) == 8
    assert at_once(found, "acme.example", after(8)) == 0
    assert at_once(found, "other.example", after(0)) == 0
    assert at_once(found, None, after(0)) == 0


def test_seven_are_none_nor_are_eight_answers_of_one_person():
    assert bursts(together(7), OneDomain()) == {}
    assert bursts([(after(n), "acme.example", 1) for n in range(8)], OneDomain()) == {}
    assert bursts(together(8, apart=10), OneDomain()) == {}


def test_two_bursts_of_a_domain_are_two():
    found = bursts([*together(9), *together(8, start=3_600)], OneDomain())
    assert [(burst.first, burst.people) for burst in found["acme.example"]] == [
        (after(0), 9),
        (after(3_600), 8),
    ]


def test_several_scores_count_where_they_were_given_in_a_moment():
    rule = SeveralScores()
    clicked = [(after(n), n) for n in range(11)]
    assert different_scores(clicked, after(10), rule) == 11
    assert different_scores([(after(0), 9), (after(30), 9)], after(30), rule) == 1
    assert different_scores([(after(0), 9), (after(50), 8), (after(100), 7)], after(50), rule) == 2
    assert different_scores([*clicked, (after(5_000), 9)], after(5_000), rule) == 1


# ------------------------------------------------------------ how often they are right

SEEDS = range(12)


def summed(**given: Any) -> Verdicts:
    def add(all: Verdicts, seed: int) -> Verdicts:
        one = judged(trace(seed), HoldSpec(), **given)
        return Verdicts(all.came + one.came, all.held + one.held, all.rules + one.rules)

    return reduce(add, SEEDS, Verdicts())


@pytest.fixture(scope="module")
def verdicts() -> Callable[..., Verdicts]:
    known = {True: summed(), False: summed(knows_when_it_left=False)}
    return lambda knows_when_it_left: known[knows_when_it_left]


def test_the_figures_of_the_guide_are_the_figures_of_the_trace(verdicts: Callable[..., Verdicts]):
    from pathlib import Path

    guide = (Path(__file__).parents[3] / "docs" / "how-to" / "hold-suspicious-answers.md").read_text()
    for line in figures(verdicts(True), verdicts(False)):
        assert line in guide, f"the trace says: {line}"


def figures(told: Verdicts, untold: Verdicts) -> list[str]:
    kinds = ("opens one link", "opens all links", "opens links together")
    rows = [
        f"| a gateway that {kind} | {told.came[kind]:,} | {told.recall(kind):.1%} | {untold.recall(kind):.1%} |"
        for kind in kinds
    ]
    programs = sum(told.came[kind] for kind in kinds)
    return [
        *rows,
        f"| **all programs: recall** | {programs:,} | **{told.recall():.1%}** | **{untold.recall():.1%}** |",
        f"| **people held by mistake** | {told.came['person']:,} | **{told.false_holds:.2%}** "
        f"| **{untold.false_holds:.2%}** |",
    ]


def test_most_programs_are_recognised_and_hardly_any_person_is_held(verdicts: Callable[..., Verdicts]):
    assert verdicts(True).recall() > 0.85
    assert verdicts(False).recall() > 0.4
    assert verdicts(True).recall("opens all links") == 1
    assert verdicts(True).false_holds < 0.0025
