"""How a person, or a company, looks on a page: the same card, whatever the vendor calls its fields. A toy that has
`faces` gets record pages (`/pretectum/record/ID`), is searched from the start page, and shows what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from sandbox.toy import Row, Toy


@dataclass(frozen=True)
class Score:
    """What the NPS fields of a record show."""

    score: int | None
    segment: str | None  # promoter, passive, detractor, as the field says
    last_survey: str | None
    comment: str | None
    trend: str | None

    @property
    def band(self) -> str:
        """The segment its number belongs to, for colour."""
        return band(self.score)

    @property
    def empty(self) -> bool:
        return (self.score, self.segment, self.last_survey, self.comment, self.trend) == (None,) * 5


@dataclass(frozen=True)
class Rollup:
    """What an account shows of all who belong to it; a number that is none is no number."""

    nps: str | None
    facts: tuple[tuple[str, str], ...]  # label, value

    @property
    def empty(self) -> bool:
        return self.nps is None and not self.facts


@dataclass(frozen=True)
class Line:
    """One thing that belongs to a record."""

    text: str
    note: str = ""
    mark: str = ""
    body: str | None = None
    band: str = "none"
    href: str | None = None
    done: bool = False


@dataclass(frozen=True)
class Related:
    title: str
    lines: tuple[Line, ...]
    empty: str  # what to say where there is none


@dataclass(frozen=True)
class Card:
    """One record in one system."""

    id: str
    name: str
    company: str
    role: str
    email: str
    marks: tuple[str, ...]  # what a reader must not miss: opted out, deleted …
    details: tuple[tuple[str, str], ...]
    nps: Score
    rollup: Rollup | None = None


def nothing_else(toy: Toy, row: Row) -> Sequence[Related]:
    return ()


@dataclass(frozen=True)
class Face:
    vendor: str
    title: str
    object: str
    word: str  # what the vendor calls one
    card: Callable[[Toy, Row], Card]
    hay: Callable[[Row], str]  # the text a search looks through
    labels: Mapping[str, str]  # field → the words on the card
    related: Callable[[Toy, Row], Sequence[Related]] = nothing_else  # what else its page shows


@runtime_checkable
class Faced(Protocol):
    """A toy whose records have pages."""

    @property
    def faces(self) -> Sequence[Face]: ...


def score(row: Row, number: str, segment: str, last_survey: str, comment: str, trend: str) -> Score:
    return Score(
        score=_whole(row.get(number)),
        segment=row.get(segment) or None,
        last_survey=row.get(last_survey) or None,
        comment=row.get(comment) or None,
        trend=row.get(trend) or None,
    )


def band(score: Any) -> str:
    """The segment a number belongs to, for colour; of no number none."""
    number = _whole(score)
    if number is None:
        return "none"
    return "promoter" if number >= 9 else "passive" if number >= 7 else "detractor"


def told(number: float | None) -> str | None:
    """0 is a number."""
    return None if number is None else f"{number:g}"


def _whole(value: Any) -> int | None:
    """Some systems keep what is no number."""
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def details(*pairs: tuple[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((label, str(value)) for label, value in pairs if value)


def moment(text: str | None) -> str:
    return f"{text[:10]} {text[11:16]} UTC" if text else ""


def labelled(score: str, segment: str, last_survey: str, comment: str, trend: str) -> dict[str, str]:
    """What the fields that `score` reads are called in a record's history."""
    names = (score, segment, last_survey, comment, trend)
    return dict(zip(names, ("Score", "Segment", "Last survey", "Comment", "Trend"), strict=True))
