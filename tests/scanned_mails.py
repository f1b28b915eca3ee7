"""A labelled trace of answers by mail: what people and what programs that look for harm do with the links of a survey.

Made by a seed, so that everybody finds the same figures. The habits are assumptions, stated in
docs/how-to/hold-suspicious-answers.md: `Habits` is where to change them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from nps.keys import email_domain
from nps.suspicion import Beside, Facts, HoldSpec, at_once, bursts, different_scores, suspicion

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Habits:
    """How people and gateways behave, and how the campaign is sent."""

    companies: int = 1_200
    free_mail: float = 0.3  # share of all recipients
    sent_within: float = 3_600.0  # seconds, all mails of the campaign
    answers: float = 0.2  # share of people who answer
    comments: float = 0.45  # share of those who write something
    usual_delay: float = 3 * 3_600.0  # seconds, the median of a log-normal
    spread: float = 1.7
    quickest: float = 7.0  # seconds: seen, opened, decided, clicked
    changes_mind: float = 0.03  # gives another score some seconds later
    asked_by_the_boss: float = 0.01  # companies where many answer within ten minutes
    gateways: float = 0.12  # companies whose gateway opens links
    opens_one: float = 0.6  # of those: the first link of each mail, seconds after it came
    opens_all: float = (
        0.3  # all eleven links; the others open one link of every mail, together, minutes later
    )


class Told(NamedTuple):
    """One answer of the trace, as it counts, and what it is."""

    person: int
    email: str
    asked_at: datetime
    answered_at: datetime
    score: int
    commented: bool
    scores: tuple[tuple[datetime, int], ...]  # everything this person gave
    by: str  # a person, or which kind of program


@dataclass
class Verdicts:
    """How often each kind came, and how often it was held, by rule."""

    came: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    rules: Counter[tuple[str, str]] = field(default_factory=Counter)

    def recall(self, *kinds: str) -> float:
        chosen = kinds or [kind for kind in self.came if kind != "person"]
        return sum(self.held[kind] for kind in chosen) / sum(self.came[kind] for kind in chosen)

    @property
    def false_holds(self) -> float:
        return self.held["person"] / self.came["person"]


def trace(seed: int, habits: Habits | None = None) -> list[Told]:
    """One campaign, in order of time."""
    return sorted(_campaign(random.Random(seed), habits or Habits()), key=lambda one: one.answered_at)


def judged(told: list[Told], hold: HoldSpec, *, knows_when_it_left: bool = True) -> Verdicts:
    """What the rules make of it; without `knows_when_it_left` as of tools that do not tell when they mailed."""
    assert hold.one_domain is not None
    assert hold.several_scores is not None
    silent = (
        (one.answered_at, domain, one.person)
        for one in told
        if not one.commented and (domain := email_domain(one.email)) is not None
    )
    together = bursts(silent, hold.one_domain)
    verdicts = Verdicts()
    for one in told:
        domain = email_domain(one.email)
        beside = Beside(
            different_scores(one.scores, one.answered_at, hold.several_scores),
            at_once(together, domain, one.answered_at),
            domain or "",
        )
        facts = Facts(
            answered_at=one.answered_at,
            channel="email",
            commented=one.commented,
            asked_at=one.asked_at if knows_when_it_left else None,
        )
        verdicts.came[one.by] += 1
        if (found := suspicion(facts, beside, hold)) is not None:
            verdicts.held[one.by] += 1
            verdicts.rules[one.by, found.rule.value] += 1
    return verdicts


def _campaign(dice: random.Random, habits: Habits) -> Iterator[Told]:
    person = 0
    for company in range(habits.companies):
        size = min(int(dice.paretovariate(0.9) * 3), 600)
        gateway = _gateway(dice, habits)
        boss = dice.random() < habits.asked_by_the_boss
        told_at = NINE + timedelta(seconds=dice.uniform(4_000, 30_000))
        scanned_at = NINE + timedelta(seconds=habits.sent_within + dice.uniform(120, 1_800))
        for place in range(size):
            person += 1
            free = dice.random() < habits.free_mail
            email = f"p{person}@gmail.com" if free else f"p{person}@company{company}.example"
            left_at = NINE + timedelta(seconds=dice.uniform(0, habits.sent_within))
            if gateway and not free:
                yield _program(
                    dice, person, email, left_at, gateway, scanned_at + timedelta(seconds=place * 0.2)
                )
            if dice.random() < habits.answers:
                at = left_at + _delay(dice, habits)
                if boss and not free:
                    at = told_at + timedelta(seconds=dice.uniform(0, 600))
                yield _person(dice, person, email, left_at, at, habits)


def _gateway(dice: random.Random, habits: Habits) -> str:
    if dice.random() >= habits.gateways:
        return ""
    lot = dice.random()
    if lot < habits.opens_one:
        return "opens one link"
    return "opens all links" if lot < habits.opens_one + habits.opens_all else "opens links together"


def _delay(dice: random.Random, habits: Habits) -> timedelta:
    lot = dice.lognormvariate(0, habits.spread) * habits.usual_delay
    return timedelta(seconds=max(habits.quickest, lot))


def _person(
    dice: random.Random, person: int, email: str, left_at: datetime, at: datetime, habits: Habits
) -> Told:
    score = dice.choices(range(11), [3, 1, 1, 2, 2, 6, 6, 14, 24, 21, 20])[0]
    given = [(at, score)]
    while dice.random() < habits.changes_mind:
        at, score = at + timedelta(seconds=dice.uniform(2, 40)), dice.randrange(11)
        given.append((at, score))
    commented = dice.random() < habits.comments
    return Told(person, email, left_at, at, score, commented, tuple(given), "person")


def _program(
    dice: random.Random, person: int, email: str, left_at: datetime, kind: str, together_at: datetime
) -> Told:
    came = left_at + timedelta(seconds=dice.uniform(0.5, 4))
    if kind == "opens all links":
        start = came + timedelta(seconds=dice.uniform(0.5, 60))
        given = [(start + timedelta(seconds=n * 0.3), n) for n in range(11)]
    elif kind == "opens one link":
        # Most at once, some after having waited in line.
        waited = dice.uniform(0.3, 5) if dice.random() < 0.8 else dice.uniform(5, 90)
        given = [(came + timedelta(seconds=waited), dice.choice((0, 10)))]
    else:
        given = [(together_at, dice.choice((0, 10)))]
    at, score = given[-1]
    return Told(person, email, left_at, at, score, False, tuple(given), kind)
