"""A story as text for people: the reason first, then the fields, then what happened, at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from npsync.words import WIDTH
from npsync.words.sync_text import moment_text, value_text
from npsync.words.why_events import Event, events_of, fate, in_column, score_said
from npsync.words.why_reasons import summary, why_shown
from sync.story import AccountStory, AnswerStory, RecordStory, Story

MOST_EVENTS = 40  # of a record's timeline; --json has all


def as_json(story: Story, zone: ZoneInfo) -> dict[str, Any]:
    """The whole story for machines, with the sentence people read at the top of each record."""
    facts: dict[str, Any] = msgspec.to_builtins(story)
    for told, record in zip(facts["records"], story.records, strict=True):
        told["summary"] = summary(record, zone)
    return facts | {"found": story.found}


def lines(story: Story, zone: ZoneInfo) -> Iterator[str]:
    if not story.found:
        yield from _unknown(story)
        return
    for place, record in enumerate(story.records):
        if place:
            yield ""
        yield from _record(record, zone)
    for number, account in enumerate(story.accounts):
        if number or story.records:
            yield ""
        yield from _account(account, zone)
    if story.loose:
        if story.records or story.accounts:
            yield ""
        yield from _loose(story, zone)
    yield from _problems(story)


def short(record: RecordStory, zone: ZoneInfo) -> Iterator[str]:
    """The record and the reason, without what happened: for a glance."""
    yield _heading(record)
    yield from _wrapped(summary(record, zone), indent="  ")
    yield from _deciding(record, zone)
    yield ""
    yield from _fields(record)


def _unknown(story: Story) -> Iterator[str]:
    yield f'Nothing is known of "{story.asked}".'
    yield from _wrapped("Looked in " + "; ".join(story.looked_in) + ".", indent="  ")
    if story.offline:
        yield "  No CRM was asked (--offline)."
    yield "  Next: npsync run SYNC reads newer answers; npsync runs shows what was read when."
    yield from _problems(story)


def _problems(story: Story) -> Iterator[str]:
    for problem in (*story.problems, *story.unseen):
        yield ""
        yield from _wrapped(f"! {problem}", indent="  ")
        yield "    So this tells what npsync wrote, not what stands there now."


# ------------------------------------------------------------ one record


def _record(record: RecordStory, zone: ZoneInfo) -> Iterator[str]:
    yield _heading(record)
    yield from _wrapped(summary(record, zone), indent="  ")
    for old in record.absorbed:
        yield f"  {old} was merged into it; what npsync wrote there is told here."
    yield from _deciding(record, zone)
    if record.touched or any(one.attempt for one in record.fields):
        yield ""
        yield from _fields(record)
    events = events_of(record, zone)
    if events:
        yield ""
        yield f"  What happened ({zone.key})"
        yield from _timeline(events)


def _account(account: AccountStory, zone: ZoneInfo) -> Iterator[str]:
    from npsync.words.accounts_text import behind_lines

    record = account.record
    yield _heading(record)
    yield from _wrapped(summary(record, zone), indent="  ")
    yield from behind_lines(account, zone)
    if record.touched or any(one.attempt for one in record.fields):
        yield ""
        yield from _fields(record)
    if events := events_of(record, zone):
        yield ""
        yield f"  What happened ({zone.key})"
        yield from _timeline(events)


def _heading(record: RecordStory) -> str:
    who = "  ".join(dict.fromkeys(str(value) for value in record.who.values()))
    return f"{record.connection} {record.object} {record.id}  {who}".rstrip()


def _deciding(record: RecordStory, zone: ZoneInfo) -> Iterator[str]:
    """The answer that decided, in each sync, and how it found the record."""
    for answer in record.answers:
        if not answer.decides:
            continue
        yield ""
        yield f"  {answer.sync}: {answer.name} decides"
        yield (
            f"    answered {moment_text(answer.answered_at, zone)}"
            + (f" by {answer.channel}" if answer.channel else "")
            + f": {score_said(answer)}"
        )
        if answer.comment:
            yield from _wrapped(f'"{_one_line(answer.comment)}"', indent="    ")
        if answer.rule:
            line = f" ({answer.rule_line})" if answer.rule_line else ""
            if answer.rule_line is None and " = " in answer.rule:
                line = " (not in the YAML any more)"
            key = f", key {answer.key}" if answer.key else ""
            yield from _wrapped(f"matched by {answer.rule}{line}{key}", indent="    ")


# ------------------------------------------------------------ its fields


def _fields(record: RecordStory) -> Iterator[str]:
    head = ("field", "shows" if record.looked else "last written", "why", "line")
    rows = [
        (
            one.name,
            value_text(one.shows if record.looked else one.ours),
            why_shown(one, record),
            one.line or "–",
        )
        for one in record.fields
    ]
    yield from _columns([head, *rows], indent="  ", wraps=2)


# ------------------------------------------------------------ what happened


def _timeline(events: Sequence[Event]) -> Iterator[str]:
    left_out = len(events) - MOST_EVENTS
    if left_out > 0:
        yield f"    … {left_out} earlier; --json has them all"
    for one in events[-MOST_EVENTS:]:
        yield from _wrapped(one.text, indent=f"    {one.when}  ", then=" " * (6 + len(one.when)))


# ------------------------------------------------------------ answers on no record


def _loose(story: Story, zone: ZoneInfo) -> Iterator[str]:
    yield f'Answers of "{story.asked}" that are on no record' + (" told above" if story.records else "")
    several = len({one.sync for one in (*story.loose, *_answers(story))}) > 1
    for answer in story.loose[-MOST_EVENTS:]:
        sync = f"[{answer.sync}] " if several else ""
        when = in_column(answer.answered_at, zone)
        text = f"{sync}{score_said(answer)} ({answer.name}): {fate(answer, zone)}"
        yield from _wrapped(text, indent=f"    {when}  ", then=" " * (6 + len(when)))


def _answers(story: Story) -> Iterator[AnswerStory]:
    for record in story.records:
        yield from record.answers


# ------------------------------------------------------------ small things


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 180 else flat[:179] + "…"


def _wrapped(text: str, *, indent: str, then: str | None = None) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if then is None else then,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _columns(rows: Sequence[Sequence[str]], *, indent: str, wraps: int) -> Iterator[str]:
    """Rows in columns; the cell at `wraps` takes what room there is and goes on below itself."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    widths[wraps] = min(
        widths[wraps], WIDTH - len(indent) - sum(widths) + widths[wraps] - 2 * (len(widths) - 1)
    )
    for row in rows:
        parts = textwrap.wrap(row[wraps], max(widths[wraps], 20), break_on_hyphens=False) or [""]
        for number, part in enumerate(parts):
            cells = list(row) if number == 0 else [""] * len(row)
            cells[wraps] = part
            shown = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            yield (indent + shown).rstrip()
