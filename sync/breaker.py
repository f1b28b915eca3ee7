"""Stops a run that looks like an accident, before its first write. Pure.

Every check has a number below which it says nothing: three of five records may well change on one afternoon. What it
says has the figures, and is told with the commands to look closer and to go on (`next_steps`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec

from nps.durations import in_words
from nps.errors import NpsyncError
from nps.score import Segment
from sync.evidence import Evidence
from sync.spec import BreakerSpec, VolumeSpec
from sync.volumes import Arrived, Volume

FEWEST_CHANGES = 50
FEWEST_LOOKED_UP = 50
FEWEST_SEGMENTS = 100  # a share of so many is within a few percent of what it means
FEWEST_ALIKE = 100  # changes of one field
FEWEST_CLEARED = 50
FEWEST_ARRIVED = 200
FEWEST_DAYS = 10  # with answers, before anybody can say what is usual

# What is shown now "differs" when its most frequent value stands on at most this share of the records.
_VARIED = Decimal("0.8")


class Reason(msgspec.Struct, frozen=True):
    """One check that opened the breaker: its key in the YAML, and what it saw."""

    check: str
    text: str


class BreakerOpen(NpsyncError):
    """It looks like an accident. Nothing was written."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("\n".join(reason.text for reason in reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known before the first write.

    `overwriting` changes replace a value (first fills do not count) among the `shown` records with values; `matched`
    of `looked_up` answers, all looked up for the first time, found their record; `earlier_rates` are the same share of
    earlier runs. `same_for_all` are fields that may show one value everywhere. `arrived` are the new answers by source
    (those of a source that was read `afresh`, from its beginning, say nothing about a day), `usual` what the sources
    brought before, `since` when answers were taken up the time before.
    """

    sync: str
    overwriting: int = 0
    shown: int = 0
    matched: int = 0
    looked_up: int = 0
    earlier_rates: Sequence[Decimal] = ()
    evidence: Evidence = field(default_factory=Evidence)
    same_for_all: frozenset[str] = frozenset()
    arrived: Mapping[str, Arrived] = field(default_factory=dict)
    afresh: frozenset[str] = frozenset()
    usual: Mapping[str, Volume] = field(default_factory=dict)
    since: datetime | None = None


def check(spec: BreakerSpec, seen: Seen, *, now: datetime) -> tuple[Reason, ...]:
    """Why this plan must not be written; nothing when it may."""
    checks: tuple[tuple[str, Callable[[], Iterator[str]]], ...] = (
        ("changed_share", lambda: _changed(spec, seen)),
        ("match_rate_drop", lambda: _unmatched(spec, seen)),
        ("segment_swing", lambda: _swung(spec, seen)),
        ("constant_share", lambda: _constant(spec, seen)),
        ("cleared_share", lambda: _cleared(spec, seen)),
        ("volume.most", lambda: _too_many(spec, seen, now)),
    )
    return tuple(Reason(key, text) for key, found in checks for text in found())


def next_steps(sync: str) -> str:
    return (
        f"Nothing was written. Look at the plan: npsync plan {sync}. If it is right after all: "
        f"npsync run {sync} --accept-breaker"
    )


# ------------------------------------------------------------ the checks


def _changed(spec: BreakerSpec, seen: Seen) -> Iterator[str]:
    if seen.overwriting < FEWEST_CHANGES or not seen.shown:
        return
    share = Decimal(seen.overwriting) / Decimal(seen.shown)
    if share > spec.changed_share:
        yield (
            f"{seen.overwriting:,} of {seen.shown:,} records that already show values would change ({share:.0%}), "
            f"more than breaker.changed_share {spec.changed_share:.0%}"
        )


def _unmatched(spec: BreakerSpec, seen: Seen) -> Iterator[str]:
    if seen.looked_up < FEWEST_LOOKED_UP or not seen.earlier_rates:
        return
    usual = sum(seen.earlier_rates, Decimal()) / len(seen.earlier_rates)
    rate = Decimal(seen.matched) / Decimal(seen.looked_up)
    if usual - rate > spec.match_rate_drop:
        yield (
            f"only {rate:.0%} of {seen.looked_up:,} answers found their record, usually {usual:.0%} do; that is a "
            f"fall of more than breaker.match_rate_drop {spec.match_rate_drop:.0%}. Has a match field been renamed, "
            f"emptied or hidden? Once it is right again: npsync run {seen.sync} --recheck"
        )


def _swung(spec: BreakerSpec, seen: Seen) -> Iterator[str]:
    evidence = seen.evidence
    if swing := _swing(spec, evidence.segments_before, evidence.segments_after):
        segment, before, after = swing
        yield (
            f"{after:.0%} of {evidence.segments_after.total():,} changed records would show {segment}s, {before:.0%} "
            f"show it now; that moves by more than breaker.segment_swing {spec.segment_swing:.0%}. Has the mapping or "
            f"the scale changed?"
        )
    for source, arrived in seen.arrived.items():
        usual = seen.usual.get(source)
        if usual is None:
            continue
        earlier, new = usual.usual_segments(), arrived.by_segment()
        if swing := _swing(spec, earlier, new):
            segment, before, after = swing
            yield (
                f"{after:.0%} of {new.total():,} new answers of {source} are {segment}s, {before:.0%} of the "
                f"{earlier.total():,} before were; that moves by more than breaker.segment_swing "
                f"{spec.segment_swing:.0%}. Has the survey's scale or question changed?"
            )


def _swing(
    spec: BreakerSpec, before: Counter[Segment], after: Counter[Segment]
) -> tuple[Segment, Decimal, Decimal] | None:
    """The segment whose share moves furthest, if it moves too far, with its share before and after."""
    many, more = before.total(), after.total()
    if many < FEWEST_SEGMENTS or more < FEWEST_SEGMENTS:
        return None
    moves = [(one, Decimal(before[one]) / many, Decimal(after[one]) / more) for one in Segment]
    furthest = max(moves, key=lambda move: abs(move[2] - move[1]))
    return furthest if abs(furthest[2] - furthest[1]) > spec.segment_swing else None


def _constant(spec: BreakerSpec, seen: Seen) -> Iterator[str]:
    for name, one in seen.evidence.fields.items():
        if name in seen.same_for_all or seen.evidence.in_all(one.replaced) < FEWEST_ALIKE:
            continue
        same, now = one.after.most_common(1)[0][1], one.before.most_common(1)[0][1]
        share = Decimal(same) / one.replaced
        if share > spec.constant_share and Decimal(now) / one.replaced <= _VARIED:
            yield (
                f"{name}: {seen.evidence.in_all(same):,} of {seen.evidence.in_all(one.replaced):,} changes would write "
                f"one and the same value over {len(one.before):,} different ones ({share:.0%}, more than "
                f"breaker.constant_share {spec.constant_share:.0%})"
            )


def _cleared(spec: BreakerSpec, seen: Seen) -> Iterator[str]:
    for name, one in seen.evidence.fields.items():
        emptied = seen.evidence.in_all(one.emptied)
        if emptied < FEWEST_CLEARED or not seen.shown:
            continue
        share = Decimal(emptied) / Decimal(seen.shown)
        if share > spec.cleared_share:
            yield (
                f"{name} would be emptied on {emptied:,} of {seen.shown:,} records that show values ({share:.0%}), "
                f"more than breaker.cleared_share {spec.cleared_share:.0%}. Does the survey tool still send it?"
            )


def _too_many(spec: BreakerSpec, seen: Seen, now: datetime) -> Iterator[str]:
    most = spec.volume.most
    for source, arrived in seen.arrived.items():
        usual = seen.usual.get(source)
        if most is None or usual is None or len(usual.days) < FEWEST_DAYS or source in seen.afresh:
            continue
        answers = arrived.answers + usual.today(now.date())
        busiest = usual.busiest(now.date())
        days = 1 if seen.since is None else max(1, (now - seen.since) // timedelta(days=1))
        if arrived.answers and answers >= FEWEST_ARRIVED and answers > most * busiest * days:
            span = "today" if days == 1 else f"in {days} days"
            yield (
                f"{source} brought {answers:,} new answers {span}; the most on one day of the last 60 was {busiest:,}, "
                f"and breaker.volume.most is {most}x. Were answers imported twice, or another survey switched on?"
            )


# ------------------------------------------------------------ silence


def silent(
    spec: VolumeSpec, usual: Mapping[str, Volume], read: Sequence[str], now: datetime
) -> Iterator[str]:
    """The sources among those just `read` that usually deliver and have not for long: an alarm, nothing to stop.

    A pause is long when it is longer than `silence` and than twice the longest one before it: nights, weekends and
    weekly files are pauses too.
    """
    for source in read:
        known = usual.get(source)
        if spec.silence is None or known is None or len(known.days) < FEWEST_DAYS:
            continue
        quiet = now - known.last
        if quiet > max(spec.silence, 2 * known.longest_pause()):
            yield (
                f"{source}: no new answer since {known.last:%Y-%m-%d %H:%M} UTC ({quiet.days} days), where "
                f"{_often(known, now.date())}. Is the survey still sent, and its key still valid? "
                f"npsync connect {source} tests it (breaker.volume.silence {in_words(spec.silence)})"
            )


def _often(known: Volume, today: date) -> str:
    days = len(known.days)
    answers = sum(day.answers for day in known.days.values())
    return f"{answers:,} answers came on {days} of the days before (at most {known.busiest(today):,} on one)"
