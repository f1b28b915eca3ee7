"""What the breaker is asked with: gathered from the plan, from earlier runs and from what is usual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice

from nps.schema import FieldType
from nps.score import Segment, segment_of
from nps.values import Json
from store.api import RunRow, Store
from sync import breaker, volumes
from sync.evidence import Evidence, gathered
from sync.job import Codecs, Job
from sync.planned import Planned
from sync.report import MatchReport
from sync.volumes import Arrived

REMEMBERED_RUNS = 5  # whose match rates the breaker compares with
SEARCHED_RUNS = 500  # among which it looks for them: most runs look up a few answers, or none
LOOKED_AT = 2_000  # changes of a plan whose values are looked at; more say no more

# A date is the same for all who answered that day, a tick-box has two values at most.
_ALIKE_BY_NATURE = (FieldType.DATE, FieldType.DATETIME, FieldType.BOOLEAN)


@dataclass(frozen=True)
class Judged:
    """The breaker's word on one plan, and the answers it took into account."""

    reasons: tuple[breaker.Reason, ...]
    arrived: Mapping[str, Arrived]


def ask(
    job: Job,
    codecs: Codecs,
    store: Store,
    run: int,
    planned: Planned,
    *,
    now: datetime,
    recheck: bool,
    afresh: Container[str],
) -> Judged:
    """Whether this run's plan, as it is spooled, looks like an accident."""
    earlier = runs_before(store, job.name, run)
    arrived = arrivals(job, planned, earlier)
    if job.breaker is None:
        return Judged((), arrived)
    looks, matches = _looked_up(planned.match, earlier, recheck=recheck)
    seen = breaker.Seen(
        sync=job.name,
        overwriting=planned.overwriting,
        # Whose answer is planned to be overtaken does not count as decided any more.
        shown=store.deciding(job.name) + planned.overwriting,
        matched=matches,
        looked_up=looks,
        earlier_rates=_usual_rates(store, job.name, run) if looks >= breaker.FEWEST_LOOKED_UP else (),
        evidence=_evidence(job, store, run, planned),
        same_for_all=job.fields.same_for_all
        | {name for name, field in codecs.schema.fields.items() if field.type in _ALIKE_BY_NATURE},
        arrived=arrived,
        afresh=frozenset(source for source in arrived if source in afresh),
        usual=volumes.recall(store, job.name, arrived) if arrived else {},
        since=earlier[0].started_at if earlier else None,
    )
    return Judged(breaker.check(job.breaker, seen, now=now), arrived)


def arrivals(job: Job, planned: Planned, earlier: Sequence[RunRow]) -> dict[str, Arrived]:
    """The new answers by source, with those that earlier runs took up and the breaker has not let pass."""
    segments: defaultdict[str, list[tuple[Segment | None, int]]] = defaultdict(list)
    for (source, score), count in planned.arrived.items():
        segments[source].append((segment_of(score, job.metric), count))
    found = {source: Arrived.counted(counts) for source, counts in segments.items()}
    if planned.narrowed or (earlier and earlier[0].report.get("narrowed")):
        # Those who are unhappy went first: neither they nor the rest say what the scores are like.
        found = {source: Arrived(one.answers) for source, one in found.items()}
    for source, one in _unjudged(earlier).items():
        found[source] = found.get(source, Arrived()) + one
    return found


def _unjudged(earlier: Sequence[RunRow]) -> dict[str, Arrived]:
    """A run that ended before the breaker let it pass left its answers behind: that there are few new ones now does
    not make it right."""
    told = next((one.report["unjudged"] for one in earlier if "unjudged" in one.report), None)
    return volumes.from_json(told)


def _evidence(job: Job, store: Store, run: int, planned: Planned) -> Evidence:
    """First fills take nothing away from anybody, so a plan of them needs no closer look."""
    if planned.overwriting < breaker.FEWEST_CHANGES:
        return Evidence()
    segments = job.fields.segments if job.metric == "nps" else {}
    return gathered(store.sampled(run, LOOKED_AT), segments, planned=planned.changes)


def _looked_up(match: MatchReport, earlier: Sequence[RunRow], *, recheck: bool) -> tuple[int, int]:
    """How many answers were looked up for the first time, and how many of them found their record. Where the run
    before was stopped and few are new, its answers are still what this is about, and what this run tells the next."""
    if match.first_looks < breaker.FEWEST_LOOKED_UP and not recheck:
        last = next((one for one in earlier if one.status in ("succeeded", "partial", "stopped")), None)
        if last is not None and last.status == "stopped" and (looks := _looks(last.report)) is not None:
            match.first_looks, match.first_matches = looks
    return match.first_looks, match.first_matches


def runs_before(store: Store, sync: str, run: int) -> list[RunRow]:
    """The runs before this one, latest first."""
    found = store.runs(sync=sync, kind="run", limit=REMEMBERED_RUNS + 1)
    return [one for one in found if one.id != run]


def _usual_rates(store: Store, sync: str, run: int) -> list[Decimal]:
    """The match rates of the last runs that looked up enough to have one, and were not stopped."""
    found = (
        _rate(one.report)
        for one in store.runs(sync=sync, kind="run", limit=SEARCHED_RUNS)
        if one.status in ("succeeded", "partial") and one.id != run
    )
    return list(islice((rate for rate in found if rate is not None), REMEMBERED_RUNS))


def _looks(report: Mapping[str, Json]) -> tuple[int, int] | None:
    """The first looks of a run and the matches among them, if there were enough to say anything."""
    match = report.get("match")
    if not isinstance(match, dict):
        return None
    looks, matches = match.get("first_looks"), match.get("first_matches")
    if not isinstance(looks, int) or not isinstance(matches, int) or looks < breaker.FEWEST_LOOKED_UP:
        return None
    return looks, matches


def _rate(report: Mapping[str, Json]) -> Decimal | None:
    counts = _looks(report)
    return Decimal(counts[1]) / Decimal(counts[0]) if counts else None
