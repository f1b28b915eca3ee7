"""What happened to a record, in sentences and in the order of time: answers, writes, decisions, what followed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nps.values import Json
from npsync.words import followed_text
from npsync.words.sync_text import moment_text, value_text
from store.api.outbox import Kind, Outgoing, Stage
from sync.job import rolled_up_sync
from sync.story import AnswerStory, RecordStory, WriteStory


def score_said(answer: AnswerStory) -> str:
    score = value_said(answer.score)
    return f"{score} ({answer.segment})" if answer.segment else score


def timeline(record: RecordStory, zone: ZoneInfo) -> list[tuple[str, str]]:
    """When, and what happened, in order."""
    return [(event.when, event.text) for event in events_of(record, zone)]


class Event(NamedTuple):
    at: datetime
    order: int
    when: str
    text: str


def events_of(record: RecordStory, zone: ZoneInfo) -> list[Event]:
    """Answers, writes and decisions in the order of time."""
    several = len({one.sync for one in record.answers} | {one.sync for one in record.writes}) > 1
    events: list[Event] = []

    def note(at: datetime, order: int, sync: str | None, text: str) -> None:
        prefix = f"[{sync}] " if several and sync else ""
        events.append(Event(at, order, in_column(at, zone), prefix + text))

    for answer in record.answers:
        edit = f", version {answer.version}" if answer.version > 1 else ""
        at = answer.received_at if answer.version > 1 else answer.answered_at
        by = f" by {answer.channel}" if answer.channel else ""
        said = "edited to" if answer.version > 1 else "answered"
        note(
            at, 0, answer.sync, f"{said} {score_said(answer)}{by} ({answer.name}{edit}): {fate(answer, zone)}"
        )
    for write in record.writes:
        note(write.at, 1, write.sync, wrote_said(write))
    for link in record.links:
        what = f"the answer {link.value}" if link.scope.startswith("answer/") else link.value
        note(link.linked_at, 0, None, f"a person decided that {what} belongs to {link.record_id}")
    for one in record.followed:
        run = f"run {one.run}: " if one.run is not None else ""
        note(one.settled_at or one.wanted_at, 2, one.sync, f"{run}{followed_said(one)}")
    return sorted(events, key=lambda one: (one.at, one.order))


def followed_said(one: Outgoing) -> str:
    """A task, a message, a kept answer, a place on a list: which it is, and how it stands."""
    because = "" if one.kind is Kind.LIST else f" for {one.subject}"
    said = f"{followed_text.what(one)}{because}: {followed_text.how_it_is(one)}"
    if one.stage in (Stage.REJECTED, Stage.UNKNOWN):
        return f"{said}; npsync follow-ups retry {one.id}"
    return said + (f"; closed {one.closed_at.date().isoformat()}" if one.closed_at is not None else "")


def fate(answer: AnswerStory, zone: ZoneInfo) -> str:
    """What became of an answer, and why it lost if it did."""
    if answer.decides:
        return "decides"
    line = f" ({answer.line})" if answer.line else ""
    if answer.lost_to is not None:
        return f"lost to {answer.lost_to}, which is newer"
    why = answer.reason or answer.code
    # Without a reason it decides its own record, which was merged into this one.
    said = f"{answer.state}: {why}{line}" if why else f"{answer.state} on {answer.record_id}"
    if answer.candidates:
        said += f": {', '.join(answer.candidates)}; npsync review show {answer.name}"
    if answer.look_again is not None:
        said += f"; looked up again from {moment_text(answer.look_again, zone)}"
    if answer.letter is not None:
        said += f"; dead letter {answer.letter}: npsync dead-letters show {answer.letter}"
    return said


def wrote_said(write: WriteStory) -> str:
    pairs = ", ".join(
        f"{name} {value_text(before)} → {value_text(after)}" for name, (before, after) in write.fields.items()
    )
    run = f"run {write.run}"
    if write.outcome != "written":
        return f"{run} {outcome_said(write)}: {pairs}"
    if write.undoes is not None:
        verb = "wrote again what was undone by" if write.again else "took back"
        return f"{run} {verb} run {write.undoes}: {pairs}"
    undone = "".join(f" (taken back by run {run})" for run in write.undone_by)
    if write.answer is None:
        emptied = all(after in (None, False) for _, after in write.fields.values())
        did = "wrote" if rolled_up_sync(write.sync) else "cleared" if emptied else "put back"
        return f"{run} {did} {pairs}{undone}"
    return f"{run} wrote {pairs}, for {write.answer}{undone}"


def outcome_said(write: WriteStory) -> str:
    code = f" ({write.code})" if write.code and write.code != write.outcome else ""
    match write.outcome:
        case "rejected":
            return (
                f"was refused{code}: {write.message.rstrip('.')}" if write.message else f"was refused{code}"
            )
        case "deferred":
            return f"put it off, {write.message}"
        case "open" | "unknown":
            return "sent this and does not know whether it arrived"
        case _:
            return "planned this and did not write it"


def in_column(moment: datetime, zone: ZoneInfo) -> str:
    """As in a column whose zone is known."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def value_said(value: Json) -> str:
    return "nothing" if value is None or value == "" else value_text(value)
