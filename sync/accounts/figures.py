"""From the answers of an account's people to what the account may show: pure; counts first, figures derived of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from nps.figures import Tally, rounded
from nps.newest import Answer
from nps.score import Segment
from nps.standing import AccountStanding
from nps.values import Fields
from sync.accounts.spec import AccountSpec


@dataclass(frozen=True)
class Moments:
    """Between which moments an answer counts, for the figures as of now and for those they are compared with."""

    since: datetime
    compared_since: datetime
    compared: datetime

    @classmethod
    def of(cls, spec: AccountSpec, now: datetime) -> Moments:
        compared = now - spec.compare
        return cls(now - spec.window, compared - spec.window, compared)

    @property
    def earliest(self) -> datetime:
        return self.compared_since


@dataclass
class Sum:
    """What the people of one account answered, added up person by person: as of now, and as of the earlier moment."""

    given: Counter[Segment] = field(default_factory=Counter)
    before: Counter[Segment] = field(default_factory=Counter)
    last: datetime | None = None
    lowest: int | None = None

    def add(self, answers: Iterable[Answer], moments: Moments) -> None:
        """The answers of one person: the newest counts, at either moment."""
        newest: Answer | None = None
        earlier: Answer | None = None
        for one in answers:
            if one.at >= moments.since and (newest is None or one > newest):
                newest = one
            if moments.compared_since <= one.at <= moments.compared and (earlier is None or one > earlier):
                earlier = one
        if earlier is not None:
            self.before[Segment.of(earlier.score)] += 1
        if newest is None:
            return
        self.given[Segment.of(newest.score)] += 1
        self.last = newest.at if self.last is None else max(self.last, newest.at)
        self.lowest = newest.score if self.lowest is None else min(self.lowest, newest.score)

    @property
    def tally(self) -> Tally:
        return _tally(self.given)

    @property
    def earlier(self) -> Tally:
        return _tally(self.before)


def _tally(counts: Counter[Segment]) -> Tally:
    return Tally(*(counts[segment] for segment in Segment))


def standing(
    account_id: str, its: Sum, spec: AccountSpec, *, survey: str, contacts: int | None, account: Fields
) -> AccountStanding:
    """What a mapping may name about an account. `contacts`: how many people it has, as far as anybody says. Fewer than
    have answered cannot be: then nobody knows."""
    tally, earlier, places = its.tally, its.earlier, spec.places
    base = contacts if contacts and contacts >= tally.answers else None
    enough = tally.answers >= spec.min_responses
    return AccountStanding(
        account_id=account_id,
        survey=survey,
        responses=tally.answers,
        promoters=tally.promoters,
        passives=tally.passives,
        detractors=tally.detractors,
        nps=_shown(tally.nps(places) if enough else None, places),
        margin=_shown(tally.margin(base, places) if enough else None, places),
        coverage=_shown(
            None if base is None else rounded(Decimal(100 * tally.answers) / base, places), places
        ),
        previous_nps=_shown(earlier.nps(places) if earlier.answers >= spec.min_responses else None, places),
        last_answered_at=its.last,
        lowest_score=its.lowest,
        account=account,
    )


def _shown(figure: Decimal | None, places: int) -> int | Decimal | None:
    """A whole number where it is rounded to one, so that conditions may compare it with others."""
    return int(figure) if figure is not None and not places else figure
