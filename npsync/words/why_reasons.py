"""Why a record and each of its fields show what they show, in sentences and in a few words."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from npsync.words.sync_text import moment_text, value_text
from npsync.words.why_events import outcome_said, score_said, value_said
from sync.job import rolled_up_sync
from sync.story import AnswerStory, Because, FieldStory, RecordStory


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
        said += f" It tried: {outcome_said(last)} in run {last.run}."
    deciding = next((one for one in record.answers if one.decides), None)
    if deciding is not None:
        said += f" It showed already what {deciding.name} says, or a value that somebody else set."
    if not record.exists:
        said += f" {record.connection} has no such record any more."
    return said


def _reason(lead: FieldStory, record: RecordStory, answer: AnswerStory | None, zone: ZoneInfo) -> str:
    """The sentence at the top, about the field that matters most."""
    shows = f"{lead.name} shows {value_said(lead.shows if record.looked else lead.ours)}"
    wrote = f"npsync last wrote {value_said(lead.ours)} (run {lead.run}{_by(lead)})"
    match lead.because:
        case Because.ANSWER if answer is not None:
            stands = shows if record.looked else f"{lead.name} was last set to {value_said(lead.ours)}"
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
                f"{shows}, as run {lead.run} wrote it; its people now come to {value_said(lead.comes_to)}. "
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


def _by(one: FieldStory) -> str:
    return f", for {one.answer}" if one.answer else ""


def why_shown(one: FieldStory, record: RecordStory) -> str:
    """Why a field shows what it shows, in a few words."""
    run = f"run {one.run}"
    match one.because:
        case Because.ANSWER:
            return f"{_short(one, record)}, {run}" if one.answer else run
        case Because.UNDONE:
            return f"{run} took back run {one.undid}" + ("; held" if one.held else "")
        case Because.CLEARED:
            return f"emptied by {run}: no answer counts"
        case Because.ROLLED_UP if one.is_due:
            return f"of its people's answers, {run}; they now come to {value_said(one.comes_to)}"
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
