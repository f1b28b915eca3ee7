"""What saves the reader of a task the research: the default text of its body. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.contract import Case
from nps.score import SCALES, segment_of
from nps.standing import Standing

MOST_CASES = 5


@dataclass(frozen=True)
class Briefing:
    """What is known beside the answer. `cases` None: they could not be read, or the CRM has none to tell of."""

    zone: ZoneInfo
    name: str
    why: str
    previous_answered_at: datetime | None = None
    cases: Sequence[Case] | None = None

    def day(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).date().isoformat()


def body(standing: Standing, known: Briefing) -> str:
    parts = [_opening(standing, known)]
    if standing.response.comment:
        parts.append(f"Comment:\n{standing.response.comment.strip()}")
    parts.append(_before(standing, known))
    if known.cases is not None:
        cases = cases_text(known)
        parts.append(f"Cases:{cases}" if cases.startswith("\n") else f"Cases: {cases}")
    parts.append(f"Why the record shows this: {known.why}")
    return "\n\n".join(parts)


def _opening(standing: Standing, known: Briefing) -> str:
    response = standing.response
    segment = segment_of(standing.score, standing.metric)
    is_a = f" ({segment})" if segment else ""
    through = f"{response.source}, {response.channel}" if response.channel else response.source
    who = known.name or "The customer"
    return (
        f"{who} gave {score_text(standing)}{is_a} on {known.day(response.answered_at)}. "
        f"Survey: {standing.survey} ({through})."
    )


def score_text(standing: Standing) -> str:
    return f"{standing.score} of {SCALES[standing.metric][1]}"


def before_text(standing: Standing, known: Briefing) -> str:
    """The score before this one and its day; "" for a first answer."""
    if standing.previous_score is None:
        return ""
    at = known.previous_answered_at
    return f"{standing.previous_score}" + (f" on {known.day(at)}" if at else "")


def _before(standing: Standing, known: Briefing) -> str:
    before = before_text(standing, known)
    return f"Before: {before}." if before else "This is the first answer."


def cases_text(known: Briefing) -> str:
    """A line for each case, the open ones first."""
    if not known.cases:
        return "none open, none lately."
    shown = sorted(known.cases, key=lambda one: (not one.is_open, -one.opened_at.timestamp(), one.id))
    lines = [_case(one, known) for one in shown[:MOST_CASES]]
    if len(shown) > MOST_CASES:
        lines.append(f"and {len(shown) - MOST_CASES} more")
    return "\n" + "\n".join(f"- {line}" for line in lines)


def _case(one: Case, known: Briefing) -> str:
    status = f"{one.status}, " if one.status else ""
    if one.is_open:
        return f"{one.subject} ({status}open since {known.day(one.opened_at)})"
    closed = f"closed {known.day(one.closed_at)}" if one.closed_at else "closed"
    return f"{one.subject} ({status}{closed})"
