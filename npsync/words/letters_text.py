"""Dead letters as text for people and as values for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from zoneinfo import ZoneInfo

from nps.changes import Cause
from nps.responses import SurveyResponse
from npsync.deciding.letters import Became, Group, advice_for, by_itself, grouped
from npsync.words import WIDTH
from npsync.words.sync_text import moment_text, value_text
from store.api import DeadLetterRow, Settled, Tried
from sync.accounts.report import RolledUp
from sync.job import rolled_up_sync
from sync.report import Report

_INDENT = 11
_TOLD_EACH = 20  # letters that were tried again; of more the counts, and those that are still open


def rows(
    letters: Iterable[DeadLetterRow], answers: Mapping[int, SurveyResponse], zone: ZoneInfo
) -> Iterator[tuple[str, ...]]:
    """(letter, since, sync, answer, why)."""
    for one in letters:
        why = f"{one.code}: {one.reason}"
        if one.status != "open":
            why = f"{one.status}; {why}"
        if (at := by_itself(one)) is not None:
            why += f"; tried again by itself at {moment_text(at, zone)}"
        yield str(one.id), moment_text(one.created_at, zone), one.sync, _about(one, answers), why


def hints(letters: Sequence[DeadLetterRow], *, shown: int, sync: str | None) -> Iterator[str]:
    """What settles the open ones, a group at a time."""
    if shown < len(letters):
        yield f"… and {len(letters) - shown:,} more (--limit N, --cause, --code, --json)"
    still_open = [one for one in letters if one.status == "open"]
    its = f" --sync {sync}" if sync else ""
    for group in grouped(still_open):
        which = f"--code {group.code}{its}"
        if group.count == 1:
            [which] = [
                str(one.id) for one in still_open if (one.cause, one.code) == (group.cause, group.code)
            ]
        yield ""
        yield from _wrapped(
            f"{group.count:,} of {len(still_open):,}: {group.code} ({group.cause.value}), for {group.advice.who}: "
            f"{group.advice.do}"
        )
        then = group.advice.then
        if "discard" in then and group.count > 1:
            which = "LETTER…"
        yield f"  {_when(group.cause)}: npsync {then.format(which)}"


def _when(cause: Cause) -> str:
    return "or at once" if cause is Cause.TRANSIENT else "then"


def story(
    letter: DeadLetterRow,
    answer: SurveyResponse | None,
    beside: Sequence[DeadLetterRow],
    tried: Sequence[Tried],
    state: Settled | None,
    zone: ZoneInfo,
) -> Iterator[str]:
    yield f"Dead letter {letter.id} of {letter.sync}, {letter.status} since {moment_text(letter.created_at, zone)}"
    yield from _fact("why", f"{letter.code}: {letter.reason}")
    advised = advice_for(letter)
    yield from _fact("cause", f"{letter.cause.value}, for {advised.who}")
    if letter.field:
        yield from _fact("field", letter.field)
    if letter.record_id:
        yield from _fact("record", letter.record_id)
    if answer is None:
        yield from _fact("answer", "none: no answer is left, and the record's fields were to be cleared")
    else:
        yield from _answer(answer, zone)
    for at, text in _history(beside, tried):
        yield from _fact("tried", f"{moment_text(at, zone)}  {text}")
    yield from _fact("attempts", str(letter.attempts + 1))
    if letter.status == "open":
        if (again := by_itself(letter)) is not None:
            yield from _fact("again", f"by itself at {moment_text(again, zone)}")
        yield from _fact("next", advised.do)
        yield from _fact("", f"npsync {advised.then.format(letter.id)}")
    elif (later := _successor(letter, beside)) is not None:
        yield from _fact("now", f"refused again: npsync dead-letters show {later.id}")
    elif state is not None:
        yield from _fact("now", ": ".join(filter(None, (state.state.value, state.reason or state.code))))


def _answer(answer: SurveyResponse, zone: ZoneInfo) -> Iterator[str]:
    yield from _fact("answer", f"{answer.source} {answer.id}, given {moment_text(answer.answered_at, zone)}")
    for name, value in _kept(answer).items():
        yield from _fact("", f"{name}: {value}")


def _kept(answer: SurveyResponse) -> dict[str, str]:
    """What the inbox holds of an answer beside its identity."""
    told = {
        "score": answer.score,
        "email": answer.email,
        "external_id": answer.external_id,
        "phone": answer.phone,
        "channel": answer.channel,
        "comment": answer.comment,
        "problem": answer.problem,
        **{f"properties.{name}": value for name, value in answer.properties.items()},
    }
    return {
        name: str(value).replace("\r", "").replace("\n", "⏎")
        for name, value in told.items()
        if value is not None
    }


def _history(beside: Sequence[DeadLetterRow], tried: Sequence[Tried]) -> list[tuple[datetime, str]]:
    """Every refusal: those of the vendor from the journal, the others from the letters."""
    calls = [
        (
            one.at,
            f"run {one.run} {_shows(one)}: {one.outcome}{f', {one.code}' if one.code else ''}",
        )
        for one in tried
    ]
    sent = {one.run for one in tried}
    others = [
        (one.created_at, f"run {one.run}: {one.code}, nothing was sent")
        for one in beside
        if one.run not in sent
    ]
    return sorted(calls + others)


def _shows(tried: Tried) -> str:
    return " ".join(f"{name} {value_text(value)}" for name, value in tried.after.items())


def _successor(letter: DeadLetterRow, beside: Sequence[DeadLetterRow]) -> DeadLetterRow | None:
    return next((one for one in beside if one.status == "open" and one.id > letter.id), None)


def became_lines(
    became: Sequence[Became], reports: Sequence[Report | RolledUp], busy: Sequence[str]
) -> Iterator[str]:
    settled = sum(not one.open for one in became)
    runs = ", ".join(f"run {report.run}" for report in reports)
    yield f"{settled:,} of {len(became):,} dead letters are settled" + (f" ({runs})" if runs else "")
    told = became if len(became) <= _TOLD_EACH else [one for one in became if one.open]
    if told is not became:
        counts = Counter(one.word for one in became)
        yield "  " + " · ".join(f"{count:,} {word}" for word, count in counts.most_common())
    for one in told[:_TOLD_EACH]:
        now = f" (now letter {one.now})" if one.now else ""
        yield from _wrapped(f"  {one.letter.id}  {one.text}{now}", hanging=6)
    if len(told) > _TOLD_EACH:
        yield f"  … and {len(told) - _TOLD_EACH:,} more (--json tells each of them)"
    for report in reports:
        yield from (line for problem in report.problems for line in _wrapped(f"  ! {problem}", hanging=4))
    for sync in busy:
        yield from _wrapped(
            f"  ! {sync} is being run by another process. Its letters are asked for: the next run tries them",
            hanging=4,
        )
    if any(one.word == "rejected" for one in became):
        yield "  look at them: npsync dead-letters list"


def discarded_lines(done: Sequence[int], left: Sequence[int]) -> Iterator[str]:
    if done:
        yield f"Discarded {_several(done)}: left out for good; if it is edited, an answer is judged anew."
    if left:
        yield f"Not discarded: {_several(left)}. A run has taken it up; when that has ended, look again:"
        yield "  npsync dead-letters list"


def _several(letters: Sequence[int]) -> str:
    return f"letter{'s' if len(letters) > 1 else ''} {', '.join(map(str, letters))}"


# ------------------------------------------------------------ for machines


def facts(letter: DeadLetterRow, answer: SurveyResponse | None) -> dict[str, object]:
    advised, again = advice_for(letter), by_itself(letter)
    return {
        "letter": letter.id,
        "sync": letter.sync,
        "run": letter.run,
        "status": letter.status,
        "source": answer.source if answer else None,
        "answer": answer.id if answer else None,
        "record": letter.record_id,
        "code": letter.code,
        "cause": letter.cause.value,
        "reason": letter.reason,
        "field": letter.field,
        "since": letter.created_at.isoformat(),
        "attempts": letter.attempts,
        "again_at": again.isoformat() if again else None,
        "who": advised.who,
        "do": advised.do,
        "next": f"npsync {advised.then.format(letter.id)}" if letter.status == "open" else None,
    }


def group_facts(group: Group) -> dict[str, object]:
    return {
        "cause": group.cause.value,
        "code": group.code,
        "count": group.count,
        "who": group.advice.who,
        "do": group.advice.do,
    }


def story_facts(
    letter: DeadLetterRow,
    answer: SurveyResponse | None,
    beside: Sequence[DeadLetterRow],
    tried: Sequence[Tried],
    state: Settled | None,
) -> dict[str, object]:
    later = _successor(letter, beside)
    return facts(letter, answer) | {
        "kept": _kept(answer) | {"answered_at": answer.answered_at.isoformat()} if answer else None,
        "tried": [{"at": at.isoformat(), "what": text} for at, text in _history(beside, tried)],
        "state": state.state.value if state else None,
        "letters": [one.id for one in beside],
        "now": later.id if later else None,
    }


def became_facts(became: Became) -> dict[str, object]:
    return {
        "letter": became.letter.id,
        "sync": became.letter.sync,
        "became": became.word,
        "text": became.text,
        "open": became.open,
        "now": became.now,
    }


def _about(letter: DeadLetterRow, answers: Mapping[int, SurveyResponse]) -> str:
    answer = answers.get(letter.response or 0)
    if answer is not None:
        return f"{answer.source} {answer.id}"
    return f"account {letter.record_id}" if rolled_up_sync(letter.sync) else f"clearing {letter.record_id}"


def _fact(name: str, text: str) -> Iterator[str]:
    for place, line in enumerate(wrap(text, WIDTH - _INDENT, break_on_hyphens=False) or [""]):
        yield f"  {name if place == 0 else '':<{_INDENT - 2}}{line}"


def _wrapped(text: str, *, hanging: int = 2) -> Iterator[str]:
    yield from wrap(text, WIDTH, subsequent_indent=" " * hanging, break_on_hyphens=False)
