"""Which answers of the work are held: the facts around them gathered from the inbox, the rules of `nps.suspicion`.

What came together is looked for once per run and source, around the hours in which answers of the work were given;
what one person gave, and what people decided, with every chunk. A sync that nothing reaches by these channels asks
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from nps.keys import email_domain
from nps.responses import COMMENTED, ResponseStatus, SurveyResponse
from nps.suspicion import (
    NOT_HELD,
    SUSPICION,
    Beside,
    Burst,
    Facts,
    HoldSpec,
    OneDomain,
    at_once,
    bursts,
    different_scores,
    only_a_day,
    suspicion,
)
from store.api import State, Store, Taken
from store.api.holding import Given, HoldDecision
from sync.deciding import Mark
from sync.job import Job

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_DOMAINS = 10_000  # remembered at a time


class Holding:
    """Judges the answers of one run. `learn` first, then `judged` for each of those."""

    def __init__(self, job: Job, store: Store) -> None:
        self._sync, self._store = job.name, store
        self._hold: HoldSpec = job.hold or NOT_HELD
        self._rules = self._hold.rules
        self._together: dict[str, Mapping[str, Sequence[Burst]]] = {}
        self._given: dict[int, list[Given]] = {}
        self._decided: Mapping[tuple[str, str], HoldDecision] = {}
        self._looked_at: set[int] = set()
        self._zone = job.fields.zone
        self._domains: dict[str, str | None] = {}

    def learn(self, taken: Iterable[Taken]) -> None:
        """Gather what there is to know about these."""
        self._given, self._decided, self._looked_at = {}, {}, set()
        if not self._rules:
            return
        looked_at = [one for one in taken if self._looks_at(one)]
        if not looked_at:
            return  # nothing of it came by mail
        self._looked_at = {one.number for one in looked_at}
        self._decided = self._store.hold_decisions([_name(one.response) for one in looked_at])
        if (rule := self._hold.several_scores) is not None:
            persons = sorted({one.person for one in looked_at})
            self._given = self._store.scores_of(persons, self._hold.channels, rule.scores)
        if (one_domain := self._hold.one_domain) is not None:
            for source in sorted({one.response.source for one in looked_at} - self._together.keys()):
                self._together[source] = bursts(self._answered(source, one_domain), one_domain)

    def judged(self, taken: Taken) -> Mark | None:
        """Held, or left out by a person's decision; None: it counts as any other."""
        if taken.number not in self._looked_at:
            return None
        response = taken.response
        if self._decided and (decided := self._decided.get(_name(response))) is not None:
            if decided.released:
                return None
            if taken.received_at <= decided.at:
                return Mark(State.EXCLUDED, "discarded", "a person discarded it: no person gave it")
        found = suspicion(_facts(response), self._beside(taken), self._hold)
        return None if found is None else Mark(State.HELD, found.rule.value, found.reason)

    def _looks_at(self, taken: Taken) -> bool:
        response = taken.response
        return (
            response.comment is None  # who writes one is a person
            and taken.newest
            and self._hold.looks_at(response.channel)
            and response.status is ResponseStatus.COMPLETE
            and not only_a_day(response.answered_at, self._zone)
        )

    def _beside(self, taken: Taken) -> Beside:
        response = taken.response
        scores, people, domain = 1, 0, None
        if (rule := self._hold.several_scores) is not None and (given := self._given.get(taken.person)):
            its = [(one.at, one.score) for one in given if one.source == response.source]
            scores = different_scores(its, response.updated_at or response.answered_at, rule)
        if self._hold.one_domain is not None and (known := self._together.get(response.source)):
            domain = self._domain(response.email or "")
            people = at_once(known, domain, response.answered_at)
        return Beside(scores, people, domain or "")

    def _answered(self, source: str, rule: OneDomain) -> Iterator[tuple[datetime, str, int]]:
        """Who answered without a comment around the answers of the work, with the domain of their address."""
        margin = timedelta(seconds=rule.seconds)
        for first, last in _stretches(self._store.hours_of_work(self._sync, source)):
            for some in self._store.without_comment(
                source, self._hold.channels, first - margin, last + margin
            ):
                for one in some:
                    domain = self._domain(one.email)
                    if only_a_day(one.at, self._zone):
                        continue  # a whole day's answers share that moment
                    if domain is not None and not one.properties.get(COMMENTED):
                        yield one.at, domain, one.person

    def _domain(self, email: str) -> str | None:
        """`email_domain`, worked out once for those who share one."""
        end = email.rpartition("@")[2]
        if end not in self._domains:
            if len(self._domains) > _DOMAINS:
                self._domains.clear()
            self._domains[end] = email_domain(email)
        return self._domains[end]


def _stretches(hours: Sequence[int]) -> Iterator[tuple[datetime, datetime]]:
    """Hours that touch or nearly do are one stretch: with their margins no moment is read twice."""
    start = end = None
    for hour in hours:
        if start is None or end is None:
            start = end = hour
        elif hour <= end + 3:  # the margins, of an hour at most, would meet
            end = hour
        else:
            yield _span(start, end)
            start = end = hour
    if start is not None and end is not None:
        yield _span(start, end)


def _span(start: int, end: int) -> tuple[datetime, datetime]:
    return _EPOCH + start * _HOUR, _EPOCH + (end + 1) * _HOUR


def _facts(response: SurveyResponse) -> Facts:
    seen = response.properties.get(SUSPICION) if response.properties else None
    return Facts(
        answered_at=response.answered_at,
        channel=response.channel,
        commented=response.comment is not None or bool(response.properties.get(COMMENTED)),
        asked_at=response.invited_at,
        seen=seen if isinstance(seen, str) else None,
    )


def _name(response: SurveyResponse) -> tuple[str, str]:
    return response.source, response.id
