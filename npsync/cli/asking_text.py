"""What asking looks like in plain text: a turn of the triggers, invitations, events, and why somebody was not asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nps.asking import Invitation, Step
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
}


def round_lines(done: Round) -> Iterator[str]:
    if done.events:
        yield f"Events: {done.events} new."
    for title, counts in (("Arrived", done.arrivals), ("Decided", done.said), ("Messages", done.steps)):
        if counts:
            told = " · ".join(
                f"{count} {WORDS.get(code, _plain(code))}" for code, count in counts.most_common()
            )
            yield f"{title}: {told}."
    if done.expired:
        yield f"{done.expired} invitations were not answered in time."
    yield from (f"! {problem}" for problem in done.problems)


def _plain(code: str) -> str:
    return code.replace("_", " ")


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def invitation_rows(found: Iterable[Invitation], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found:
        when = one.answered_at or one.sent_at or one.due_at
        yield [
            one.id,
            one.trigger,
            one.record_id,
            str(one.state),
            moment(when, zone),
            one.via or "",
            one.reason or _plain(one.code),
        ]


def verdict_rows(found: Iterable[Verdict], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found:
        yield [moment(one.at, zone), one.trigger, one.record_id or "", _plain(one.code), one.reason]


def step_rows(steps: Sequence[Step], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in steps:
        yield [str(one.number), str(one.kind), moment(one.due_at, zone), str(one.state), one.reason]


def arrival_rows(found: Iterable[ArrivalRow], zone: ZoneInfo) -> Iterator[list[str]]:
    for one in found:
        became = one.reason or _plain(one.code) or one.state
        yield [str(one.number), moment(one.at, zone), one.connection, one.kind, one.subject, became]


def funnel_rows(funnel: Mapping[tuple[str, str], int]) -> Iterator[list[str]]:
    for (trigger, code), count in sorted(funnel.items()):
        yield [trigger, WORDS.get(code, _plain(code)), str(count)]
