"""Answers that programs give: what an answer looks like that no person gave, and the rules of `surveys.*.hold`.

Programs that look for harm in mails open all links of a mail seconds after it arrived, and those of everybody behind
one company's gateway within the same minute. They never write a comment: an answer with one is a person's. Pure: the
facts come from the inbox (`sync.holding`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

SUSPICION = "npsync_suspicion"
"""The property by which our own page says what it saw and the answer does not tell: the rule, as in `Rule`."""


class Rule(StrEnum):
    """What a program does and a person does not, in the words of the YAML."""

    TOO_SOON = "too_soon"
    SEVERAL_SCORES = "several_scores"
    ONE_DOMAIN = "one_domain"


# ------------------------------------------------------------ thresholds


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TooSoon(_Part):
    """Nobody reads a mail, makes up their mind and clicks in so few seconds."""

    seconds: int = Field(
        default=10, ge=1, le=600, description="Less than so many seconds after the mail left."
    )


class SeveralScores(_Part):
    """One person gives one score; who opens every link of a mail gives many."""

    scores: int = Field(default=3, ge=2, le=11, description="So many different scores of one person, …")
    seconds: int = Field(default=60, ge=1, le=3_600, description="… all within so many seconds.")


class OneDomain(_Part):
    """Colleagues do not answer all at once; the gateway of their company does it for them."""

    people: int = Field(
        default=8, ge=2, le=10_000, description="So many different people with one mail domain, …"
    )
    seconds: int = Field(default=60, ge=1, le=3_600, description="… all within so many seconds.")


def _or_off(value: object) -> object:
    return None if value is False or value == "off" else value


def _channels(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError('name at least one channel, or write "hold: off" to hold nothing')
    return tuple(name.strip().lower() for name in names)


class HoldSpec(_Part):
    """Answers that look as if a program gave them are held back until a person releases or discards them."""

    channels: Annotated[tuple[str, ...], AfterValidator(_channels)] = Field(
        default=("email",), description="Only answers that came by one of these channels are looked at."
    )
    too_soon: Annotated[TooSoon | None, BeforeValidator(_or_off)] = Field(
        default=TooSoon(),
        description="Hold what was answered seconds after the mail left, without a comment; `off`: do not.",
    )
    several_scores: Annotated[SeveralScores | None, BeforeValidator(_or_off)] = Field(
        default=SeveralScores(),
        description="Hold several different scores of one person in a moment, without a comment; `off`: do not.",
    )
    one_domain: Annotated[OneDomain | None, BeforeValidator(_or_off)] = Field(
        default=OneDomain(),
        description="Hold the answers of many people of one mail domain (free-mail providers apart) in a moment, "
        "without a comment; `off`: do not.",
    )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Those that count."""
        return tuple(rule for rule in Rule if getattr(self, rule) is not None)

    def looks_at(self, channel: str | None) -> bool:
        return channel is not None and channel.lower() in self.channels


NOT_HELD = HoldSpec(too_soon=None, several_scores=None, one_domain=None)


def _spelled(value: object) -> object:
    return NOT_HELD if value is False or value == "off" else value


Hold = Annotated[HoldSpec, BeforeValidator(_spelled)]
"""The pydantic field: the rules' own keys, or `off`."""


# ------------------------------------------------------------ the rules


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know of one answer. `commented`: a person wrote something. `asked_at`: when its mail left or
    was delivered. `seen`: the rule by which our own page recognised a program."""

    answered_at: datetime
    channel: str | None = None
    commented: bool = False
    asked_at: datetime | None = None
    seen: str | None = None


class Beside(msgspec.Struct, frozen=True):
    """What else came in at that moment: how many different scores of the same person (its own among them), and how
    many people of its mail domain (0: fewer than the rule asks for)."""

    scores: int = 1
    people: int = 0
    domain: str = ""


class Suspicion(NamedTuple):
    """Why an answer is held: the rule, and a sentence for the person who decides."""

    rule: Rule
    reason: str


def suspicion(facts: Facts, beside: Beside, hold: HoldSpec) -> Suspicion | None:
    """Whether a program gave this answer, as far as anybody can tell. The rule that is surest comes first."""
    if facts.commented or not hold.looks_at(facts.channel):
        return None
    if (rule := hold.several_scores) is not None:
        if beside.scores >= rule.scores:
            said = f"{beside.scores} different scores came from this person within {rule.seconds} seconds"
            return Suspicion(
                Rule.SEVERAL_SCORES, f"{said}, without a comment: as programs do that open all links"
            )
        if facts.seen == Rule.SEVERAL_SCORES:
            said = "several scores of the mail were clicked within seconds, without a comment"
            return Suspicion(Rule.SEVERAL_SCORES, f"{said}: as programs do that open all links")
    if (one := hold.one_domain) is not None and beside.people >= one.people:
        said = f"{beside.people} people of {beside.domain} answered within {one.seconds} seconds"
        return Suspicion(
            Rule.ONE_DOMAIN, f"{said}, none with a comment: as a mail gateway does that tries links"
        )
    if (soon := hold.too_soon) is not None:
        return _too_soon(facts, soon)
    return None


def _too_soon(facts: Facts, rule: TooSoon) -> Suspicion | None:
    if facts.asked_at is not None:
        passed = facts.answered_at - facts.asked_at
        if timedelta(0) <= passed < timedelta(seconds=rule.seconds):
            said = f"answered {passed.total_seconds():.0f} seconds after the mail left, without a comment"
            return Suspicion(Rule.TOO_SOON, f"{said}: hardly anybody reads so fast")
    if facts.seen == Rule.TOO_SOON:
        said = "answered seconds after the mail left, without a comment"
        return Suspicion(Rule.TOO_SOON, f"{said}: hardly anybody reads so fast")
    return None


def only_a_day(at: datetime, zone: tzinfo) -> bool:
    """Whether this is the very beginning of a day: exports often tell the day alone, and such answers say nothing about
    seconds."""
    return any(
        (there.hour, there.minute, there.second, there.microsecond) == (0, 0, 0, 0)
        for there in (at.astimezone(UTC), at.astimezone(zone))
    )


# ------------------------------------------------------------ what came together


class Burst(NamedTuple):
    """A stretch of time in which so many people of a domain answered at once."""

    first: datetime
    last: datetime
    people: int


def bursts(answered: Iterable[tuple[datetime, str, int]], rule: OneDomain) -> dict[str, list[Burst]]:
    """Where `rule.people` different people of a domain answered within `rule.seconds`, by domain, in order of time.
    `answered` is (when, domain, person) in order of time. Holds no more of it than one such stretch."""
    span = timedelta(seconds=rule.seconds)
    within: dict[str, _Window] = {}
    found: dict[str, list[Burst]] = {}
    for count, (at, domain, person) in enumerate(answered, start=1):
        window = within.get(domain)
        if window is None:
            window = within[domain] = _Window()
        if (people := window.add(at, person, at - span)) >= rule.people:
            _widen(found.setdefault(domain, []), Burst(window.first, at, people))
        if count % _TIDY == 0:  # domains of which nobody answers any more
            within = {name: one for name, one in within.items() if one.last >= at - span}
    return found


_TIDY = 10_000


class _Window:
    """The people of one domain who answered lately."""

    def __init__(self) -> None:
        self._lately: deque[tuple[datetime, int]] = deque()
        self._people: Counter[int] = Counter()

    def add(self, at: datetime, person: int, since: datetime) -> int:
        """How many different ones there are by now, since then."""
        lately, people = self._lately, self._people
        while lately and lately[0][0] < since:
            _, left = lately.popleft()
            people[left] -= 1
            if not people[left]:
                del people[left]
        lately.append((at, person))
        people[person] += 1
        return len(people)

    @property
    def first(self) -> datetime:
        return self._lately[0][0]

    @property
    def last(self) -> datetime:
        return self._lately[-1][0]


def _widen(known: list[Burst], one: Burst) -> None:
    """Stretches that overlap are one."""
    if known and known[-1].last >= one.first:
        one = Burst(known[-1].first, one.last, max(known[-1].people, one.people))
        known.pop()
    known.append(one)


def at_once(known: Mapping[str, Sequence[Burst]], domain: str | None, at: datetime) -> int:
    """How many people of the domain answered together at that moment; 0 where it was no burst."""
    if domain is None:
        return 0
    return next((one.people for one in known.get(domain, ()) if one.first <= at <= one.last), 0)


def different_scores(given: Sequence[tuple[datetime, object]], at: datetime, rule: SeveralScores) -> int:
    """How many different scores are among `given` in one stretch of `rule.seconds` that holds `at`."""
    span = timedelta(seconds=rule.seconds)
    near = sorted((one for one in given if abs(one[0] - at) <= span), key=lambda one: one[0])
    return max((len({repr(score) for _, score in some}) for some in _stretches(near, at, span)), default=1)


def _stretches(
    near: Sequence[tuple[datetime, object]], at: datetime, span: timedelta
) -> Iterator[list[tuple[datetime, object]]]:
    """Every stretch that begins with one of these and holds `at`."""
    for place, (first, _) in enumerate(near):
        if first > at:
            return
        if first + span >= at:
            yield [one for one in near[place:] if one[0] <= first + span]
