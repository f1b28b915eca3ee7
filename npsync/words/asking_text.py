"""What asking looks like in plain text: a turn of the triggers, invitations, events, and why somebody was not asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from nps.asking import Invitation, Past, Step, Suppression
from npsync.asking.invited import About, Arrivals
from npsync.words import WIDTH
from store.api import ArrivalRow, Verdict
from triggers.report import Round

WORDS: Mapping[str, str] = {
    "accepted": "sent",
    "unknown": "sent perhaps: npsync was interrupted, and it is not repeated",
    "suppressed_by_vendor": "refused by the vendor's own rule",
    "put_off": "put off",
    "waits": "waiting for a better hour",
    "retried": "to be tried again",
    "taken_over": "taken over by another process",
    "queued": "to be asked",
    "shadow": "would be asked (shadow)",
    "not_meant": "not meant",
    "no_person": "about nobody",
    "unknown_person": "about somebody without a record",
    "no_channel": "not to be reached",
    "read": "read again",
    "cancelled": "cancelled",
    "failed": "failed",
}


def round_lines(done: Round) -> Iterator[str]:
    for name in done.begun:
        yield f"{name} is followed from now on: what happened while it was not in the YAML asks nobody."
    if done.events:
        yield f"Events: {done.events} new."
    yield from _counted("Arrived", done.arrivals, "")
    yield from _counted("Decided", done.said, "not asked: ")
    yield from _counted("Messages", done.steps, "not sent: ")
    for why, count in done.retrying.most_common():
        yield from wrap(f"  tried again later ({count}): {why}", WIDTH, subsequent_indent="    ")
    if done.expired:
        yield f"{done.expired} invitations were not answered in time."
    for problem in done.problems:
        yield from wrap(f"! {problem}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)


def _counted(title: str, counts: Counter[str], no: str) -> Iterator[str]:
    """What has no word of its own is a reason against it."""
    if told := [f"{n} {WORDS.get(code, no + _plain(code))}" for code, n in counts.most_common() if n]:
        yield f"{title}: {' · '.join(told)}."


def _plain(code: str) -> str:
    return code.replace("_", " ")


# ------------------------------------------------------------ invitations


def suppression_rows(found: Sequence[Suppression], zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """One line for each reason, though it is kept under every name of the person."""
    seen = set()
    for one in found:
        row = (
            f"{one.at.astimezone(zone):%Y-%m-%d}",
            one.reason.value.replace("_", " "),
            one.channel.value if one.channel else "all",
            " ".join(filter(None, (one.source, one.detail))),
        )
        if row not in seen:
            seen.add(row)
            yield row


def elsewhere_rows(found: Sequence[Past], zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    for one in found:
        when = f"{one.at.astimezone(zone):%Y-%m-%d %H:%M}"
        yield (when, one.source, one.survey or one.metric or one.kind, one.what.value)


def about_as_json(story: About) -> dict[str, Any]:
    return {
        "invitations": [as_json(one) for one in story.invitations],
        "messages": [msgspec.to_builtins(one) for one in story.steps],
        "not_asked": [msgspec.to_builtins(one) for one in story.not_asked],
        "suppressions": [msgspec.to_builtins(one) for one in story.suppressions],
        "elsewhere": [msgspec.to_builtins(one) for one in story.elsewhere],
    }


def as_json(one: Invitation) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(one)
    return told


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def invitation_lines(found: Sequence[Invitation], zone: ZoneInfo) -> Iterator[str]:
    """An id stays in one piece, to be copied; why stands below."""
    rows = [
        (
            moment(one.answered_at or one.sent_at or one.due_at, zone),
            f"{one.state} by {one.via}" if one.via else str(one.state),
            one.record_id,
            one.trigger,
        )
        for one in found
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for one, row in zip(found, rows, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join((*cells, one.id))
        if why := one.reason or _plain(one.code):
            yield f"  {why}"


def step_rows(steps: Iterable[Step], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in steps:
        delivered = "delivered" if one.delivered_at else ""
        yield [
            str(one.number),
            str(one.kind),
            moment(one.due_at, zone),
            str(one.state),
            one.reason or delivered,
        ]


def verdict_rows(found: Iterable[Verdict], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found:
        yield [moment(one.at, zone), one.trigger, one.record_id or "", _plain(one.code), one.reason]


def funnel_rows(funnel: Mapping[tuple[str, str], int]) -> Iterator[list[str]]:
    for (trigger, code), count in sorted(funnel.items()):
        yield [trigger, _plain(code), str(count)]


# ------------------------------------------------------------ events


def event_rows(found: Arrivals, zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found.events:
        said = "; ".join(_said(each, found.invitations) for each in found.said.get(one.number, ()))
        became = said or ("no trigger asks about it" if one.decided else "not looked at yet")
        when = moment(one.occurred_at, zone)
        yield [str(one.number), when, one.connection, _plain(one.kind), one.subject, became]


def _said(one: Verdict, invitations: Mapping[str, Invitation]) -> str:
    """What a trigger said, or what became of the invitation since."""
    invitation = invitations.get(one.invitation or "")
    if invitation is not None:
        why = f" ({invitation.reason})" if invitation.reason else ""
        return f"{one.trigger}: {invitation.state}{why}"
    return f"{one.trigger}: {one.reason or WORDS.get(one.code, _plain(one.code))}"


def arrival_rows(found: Iterable[ArrivalRow], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found:
        fine = {"new": "not looked at yet", "settled": "done"}.get(one.state, one.state)
        became = fine if one.state == "new" else one.reason or _plain(one.code) or fine
        yield [str(one.number), moment(one.at, zone), one.connection, _plain(one.kind), one.subject, became]
