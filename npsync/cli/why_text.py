"""A story as text for people: the reason first, then the fields, then what happened, at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from nps.values import Json
from npsync.cli import followed_text
from npsync.cli.sync_text import WIDTH, moment_text, value_text
from store.api.outbox import Kind, Outgoing, Stage
from sync.job import rolled_up_sync
from sync.story import AccountStory, AnswerStory, Because, FieldStory, RecordStory, Story, WriteStory

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
    yield from _fields(record, zone)


def _unknown(story: Story) -> Iterator[str]:
    yield f'Nothing is known of "{story.asked}".'
    yield from _wrapped("Looked in " + "; ".join(story.looked_in) + ".", indent="  ")
    if story.offline:
        yield "  No CRM was asked (--offline)."
    yield "  Next: npsync run NAME reads newer answers; npsync runs shows what was read when."
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
        yield from _fields(record, zone)
    events = _events(record, zone)
    if events:
        yield ""
        yield f"  What happened ({zone.key})"
        yield from _timeline(events)


def _account(account: AccountStory, zone: ZoneInfo) -> Iterator[str]:
    from npsync.cli.accounts_text import behind_lines

    record = account.record
    yield _heading(record)
    yield from _wrapped(summary(record, zone), indent="  ")
    yield from behind_lines(account, zone)
    if record.touched or any(one.attempt for one in record.fields):
        yield ""
        yield from _fields(record, zone)
    if events := _events(record, zone):
        yield ""
        yield f"  What happened ({zone.key})"
        yield from _timeline(events)


def _heading(record: RecordStory) -> str:
    who = "  ".join(dict.fromkeys(str(value) for value in record.who.values()))
    return f"{record.connection} {record.object} {record.id}  {who}".rstrip()


def summary(record: RecordStory, zone: ZoneInfo) -> str:
    """One sentence: what the record shows and why; a second one if something of it is not ours any more."""
    if not record.touched:
        return _never(record, zone)
    lead = next((one for one in record.fields if one.because is not Because.NEVER), None)
    if lead is None:
        return _never(record, zone)
    answers = {one.name: one for one in record.answers}
    return " ".join([_reason(lead, record, answers.get(lead.answer or ""), zone), *_rest(lead, record)])


def _never(record: RecordStory, zone: ZoneInfo) -> str:
    if record.forgotten_at is not None:
        day = record.forgotten_at.astimezone(zone).date().isoformat()
        return (
            f"The person of {record.id} was forgotten on {day}. What npsync wrote before, and why, is not known here "
            f"any more; nothing of theirs is written again."
        )
    said = f"npsync never wrote to {record.id}."
    if record.writes:
        last = record.writes[-1]
        said += f" It tried: {_outcome(last)} in run {last.run}."
    deciding = next((one for one in record.answers if one.decides), None)
    if deciding is not None:
        said += f" It showed already what {deciding.name} says, or a value that somebody else set."
    if not record.exists:
        said += f" {record.connection} has no such record any more."
    return said


def _reason(lead: FieldStory, record: RecordStory, answer: AnswerStory | None, zone: ZoneInfo) -> str:
    """The sentence at the top, about the field that matters most."""
    shows = f"{lead.name} shows {_value(lead.shows if record.looked else lead.ours)}"
    wrote = f"npsync last wrote {_value(lead.ours)} (run {lead.run}{_by(lead)})"
    match lead.because:
        case Because.ANSWER if answer is not None:
            stands = shows if record.looked else f"{lead.name} was last set to {_value(lead.ours)}"
            return f"{stands} because {_answered(answer, record, zone)}; run {lead.run} wrote it."
        case Because.ANSWER:
            return f"{shows} because run {lead.run} wrote it{_by(lead)}."
        case Because.UNDONE:
            return (
                f"{shows} because run {lead.run} took back what run {lead.undid} had written"
                f"{_stands_again(lead)}. It stays so until a newer answer comes, or npsync redo {lead.run}."
            )
        case Because.CLEARED:
            why = f": {answer.reason}" if answer is not None and answer.reason else ""
            return f"{shows} because no answer counts any more{why}; run {lead.run} emptied it."
        case Because.ROLLED_UP if lead.is_due:
            again = f"npsync run {rolled_up_sync(lead.sync or '') or 'NAME'} --accounts"
            return (
                f"{shows}, as run {lead.run} wrote it; its people now come to {_value(lead.comes_to)}. "
                f"The next roll-up writes it: {again}."
            )
        case Because.ROLLED_UP:
            return f"{shows}: that is what its people answered; run {lead.run} wrote it."
        case Because.PUT_BACK:
            return (
                f"{shows} because run {lead.run} put back what was there before an answer that belongs to another "
                f"record was written here."
            )
        case Because.MERGED:
            wrote = f"run {lead.run}{_by(lead)}"
            return f"{shows} because npsync wrote it to a record that was merged into this one ({wrote})."
        case Because.IN_DOUBT:
            return f"{shows}, which run {lead.run} tried to write{_by(lead)}; no reply confirmed that it did."
        case Because.CHANGED:
            return f"{shows} because somebody set it since; {wrote}{_left_alone(lead)}."
        case Because.EMPTIED:
            return f"{lead.name} is empty because somebody emptied it since; {wrote}."
        case Because.FIELD_GONE:
            return f"{record.connection} has no field {lead.name} any more, or hides it; {wrote}."
        case Because.RECORD_GONE:
            return f"{record.connection} has no such record any more: it was deleted; {wrote}."
        case Because.NEVER:
            return f"npsync never wrote {lead.name}."


def _stands_again(lead: FieldStory) -> str:
    return f"; the answer {lead.answer} shows again" if lead.answer else ""


def _left_alone(lead: FieldStory) -> str:
    """What the YAML says about a value that somebody set."""
    match lead.overwrite:
        case "always":
            return "; overwrite: always replaces it when the record is planned again"
        case "if_newer":
            return "; overwrite: if_newer lets a newer answer replace it"
        case "if_ours" | "if_empty":
            return f" and leaves it alone (overwrite: {lead.overwrite})"
        case _:
            return ""


def _rest(lead: FieldStory, record: RecordStory) -> Iterator[str]:
    theirs = [
        one.name
        for one in record.fields
        if one is not lead and one.because in (Because.CHANGED, Because.EMPTIED, Because.FIELD_GONE)
    ]
    if not record.looked:
        yield "The CRM was not asked."
    elif theirs and record.exists:
        yield f"Not as npsync wrote it: {', '.join(theirs)}."
    elif lead.because in (Because.ANSWER, Because.ROLLED_UP):
        yield "The CRM still shows all of it." if len(record.fields) > 1 else "The CRM still shows it."


def _answered(answer: AnswerStory, record: RecordStory, zone: ZoneInfo) -> str:
    who = next((str(value) for value in record.who.values()), None) or answer.key or "somebody"
    by = f" by {answer.channel}" if answer.channel else ""
    return f"{who} answered {score_said(answer)} on {moment_text(answer.answered_at, zone)}{by}"


def score_said(answer: AnswerStory) -> str:
    score = _value(answer.score)
    return f"{score} ({answer.segment})" if answer.segment else score


def _by(one: FieldStory) -> str:
    return f", for {one.answer}" if one.answer else ""


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


def _fields(record: RecordStory, zone: ZoneInfo) -> Iterator[str]:
    head = ("field", "shows" if record.looked else "last written", "why", "line")
    rows = [
        (one.name, value_text(one.shows if record.looked else one.ours), _why(one, record), one.line or "–")
        for one in record.fields
    ]
    yield from _columns([head, *rows], indent="  ", wraps=2)


def _why(one: FieldStory, record: RecordStory) -> str:
    """The reason of one field in a few words."""
    run = f"run {one.run}"
    match one.because:
        case Because.ANSWER:
            return f"{_short(one, record)}, {run}" if one.answer else run
        case Because.UNDONE:
            return f"{run} took back run {one.undid}" + ("; held" if one.held else "")
        case Because.CLEARED:
            return f"emptied by {run}: no answer counts"
        case Because.ROLLED_UP if one.is_due:
            return f"of its people's answers, {run}; they now come to {_value(one.comes_to)}"
        case Because.ROLLED_UP:
            return f"of its people's answers, {run}"
        case Because.PUT_BACK:
            return f"{run} put it back: the answer belongs elsewhere"
        case Because.MERGED:
            return f"came with a merged record, {run}"
        case Because.IN_DOUBT:
            return f"{run} tried to write it; not confirmed"
        case Because.CHANGED:
            return f"set by somebody; ours was {value_text(one.ours)} ({run}){_kept(one)}"
        case Because.EMPTIED:
            return f"emptied by somebody; ours was {value_text(one.ours)} ({run})"
        case Because.FIELD_GONE:
            return f"no such field any more; ours was {value_text(one.ours)} ({run})"
        case Because.RECORD_GONE:
            return f"record gone; ours was {value_text(one.ours)} ({run})"
        case Because.NEVER if one.attempt:
            return f"not written: {one.attempt}"
        case Because.NEVER:
            return "npsync never wrote it"


def _short(one: FieldStory, record: RecordStory) -> str:
    deciding = {answer.name for answer in record.answers if answer.decides}
    return "this answer" if {one.answer} == deciding else str(one.answer)


def _kept(one: FieldStory) -> str:
    return f"; overwrite: {one.overwrite}" if one.overwrite else ""


# ------------------------------------------------------------ what happened


def timeline(record: RecordStory, zone: ZoneInfo) -> list[tuple[str, str]]:
    """When, and what happened, in order."""
    return [(event.when, event.text) for event in _events(record, zone)]


def why_shown(one: FieldStory, record: RecordStory) -> str:
    """Why a field shows what it shows, in a few words."""
    return _why(one, record)


class _Event(NamedTuple):
    at: datetime
    order: int
    when: str
    text: str


def _events(record: RecordStory, zone: ZoneInfo) -> list[_Event]:
    """Answers, writes and decisions in the order of time."""
    several = len({one.sync for one in record.answers} | {one.sync for one in record.writes}) > 1
    events: list[_Event] = []

    def note(at: datetime, order: int, sync: str | None, text: str) -> None:
        prefix = f"[{sync}] " if several and sync else ""
        events.append(_Event(at, order, _in_column(at, zone), prefix + text))

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
        return f"{run} {_outcome(write)}: {pairs}"
    if write.undoes is not None:
        verb = "wrote again what was undone by" if write.again else "took back"
        return f"{run} {verb} run {write.undoes}: {pairs}"
    undone = "".join(f" (taken back by run {run})" for run in write.undone_by)
    if write.answer is None:
        emptied = all(after in (None, False) for _, after in write.fields.values())
        did = "wrote" if rolled_up_sync(write.sync) else "cleared" if emptied else "put back"
        return f"{run} {did} {pairs}{undone}"
    return f"{run} wrote {pairs}, for {write.answer}{undone}"


def _outcome(write: WriteStory) -> str:
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


def _timeline(events: Sequence[_Event]) -> Iterator[str]:
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
        when = _in_column(answer.answered_at, zone)
        text = f"{sync}{score_said(answer)} ({answer.name}): {fate(answer, zone)}"
        yield from _wrapped(text, indent=f"    {when}  ", then=" " * (6 + len(when)))


def _answers(story: Story) -> Iterator[AnswerStory]:
    for record in story.records:
        yield from record.answers


# ------------------------------------------------------------ small things


def _in_column(moment: datetime, zone: ZoneInfo) -> str:
    """As in a column whose zone is known."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _value(value: Json) -> str:
    return "nothing" if value is None or value == "" else value_text(value)


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
