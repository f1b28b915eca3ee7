"""A record's story made ready for a page, from the same sentences as `npsync why`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from nps.values import Json
from npsync.config import Config
from npsync.web.dashboard.account_chart import account_chart
from npsync.web.dashboard.charts import Moment, over_time
from npsync.words import why_events, why_reasons, why_text
from sync.story import AccountStory, AnswerStory, Because, FieldStory, RecordStory, Story, WriteStory

MOST_EVENTS = 300  # of a timeline on one page; `npsync why --json` has them all
_KINDS: Mapping[Because, tuple[str, str]] = {
    Because.ANSWER: ("ours", "good"),
    Because.ROLLED_UP: ("ours", "good"),
    Because.UNDONE: ("undone", "asks"),
    Because.CLEARED: ("emptied by us", "quiet"),
    Because.PUT_BACK: ("put back", "quiet"),
    Because.MERGED: ("merged", "quiet"),
    Because.IN_DOUBT: ("not confirmed", "asks"),
    Because.CHANGED: ("set by somebody", "asks"),
    Because.EMPTIED: ("emptied by somebody", "asks"),
    Because.FIELD_GONE: ("field gone", "failed"),
    Because.RECORD_GONE: ("record gone", "failed"),
    Because.NEVER: ("never written", "quiet"),
}


@dataclass(frozen=True)
class Past:
    """One write of one field."""

    before: Json
    after: Json
    at: datetime
    run: int
    answer: str | None
    outcome: str


@dataclass(frozen=True)
class Field:
    """One field: what it shows, why, whose value that is, and every write of it, the latest first."""

    told: FieldStory
    shows: Json
    why: str
    whose: str
    kind: str
    past: tuple[Past, ...]


def telling_of(record: RecordStory, config: Config, story: Story) -> dict[str, Any]:
    """What the page of a record is made from."""
    zone = config.time_zone
    events = why_events.timeline(record, zone)[::-1]
    return {
        "record": record,
        "summary": why_reasons.summary(record, zone),
        "deciding": [one for one in record.answers if one.decides],
        "fields": [_field(one, record) for one in record.fields],
        "answers": [(one, why_events.fate(one, zone)) for one in reversed(record.answers)],
        "picture": scores(record.answers),
        "events": events[:MOST_EVENTS],
        "earlier": max(0, len(events) - MOST_EVENTS),
        "followed": [(one, why_events.followed_said(one)) for one in reversed(record.followed)],
        "lines": list(why_text.lines(story, zone)),
    }


def _field(one: FieldStory, record: RecordStory) -> Field:
    whose, kind = _KINDS[one.because]
    return Field(
        told=one,
        shows=one.shows if record.looked else one.ours,
        why=why_reasons.why_shown(one, record),
        whose=whose,
        kind=kind,
        past=tuple(_past(one.name, record.writes)),
    )


def _past(name: str, writes: Sequence[WriteStory]) -> list[Past]:
    return [
        Past(
            before=write.fields[name][0],
            after=write.fields[name][1],
            at=write.at,
            run=write.run,
            answer=write.answer,
            outcome=write.outcome,
        )
        for write in reversed(writes)
        if name in write.fields
    ]


def scores(answers: Sequence[AnswerStory]) -> Markup | None:
    """The scores a person gave over time; None for one alone, which needs no picture."""
    given = {
        one.name: Moment(one.answered_at, float(one.score), one.segment or "", f"{one.score} ({one.segment})")
        for one in answers
        if one.segment is not None and isinstance(one.score, int | float)
    }
    moments = sorted(given.values(), key=lambda each: each.at)
    return over_time(moments, low=0, high=10, ticks=(0, 7, 9)) if len(moments) > 1 else None


def account_picture(account: AccountStory, field: str | None, now: datetime) -> Markup | None:
    """The latest score of each of its people, and what was written into its NPS field meanwhile."""
    people = [
        Moment(
            one.answered_at,
            float(one.score),
            one.segment if one.counts else f"{one.segment} old",
            f"{one.key or one.record_id} gave {one.score}{'' if one.counts else ', too old to count'}",
        )
        for one in reversed(account.people)
    ]
    shown = [
        Moment(write.at, float(value), "", f"{value}")
        for write in account.record.writes
        if field is not None and write.outcome == "written" and field in write.fields
        if isinstance(value := write.fields[field][1], int | float)
    ]
    return account_chart(people, shown, now)
