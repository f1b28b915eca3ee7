"""Undecided answers as text for people (masked: others may see the screen) and as values for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from zoneinfo import ZoneInfo

from nps.masking import masked
from nps.responses import SurveyResponse
from npsync.deciding.inbox import Item, called
from npsync.deciding.linking import Linked
from npsync.deciding.looking import Candidate, Looked
from npsync.words import WIDTH
from npsync.words.sync_text import moment_text
from store.api import Settled, State, Stored
from sync.report import Report


def counted(sync: str, items: Sequence[Item], limit: int) -> str:
    """How many of a sync's answers wait, and for what."""
    counts = Counter(item.settled.state for item in items[:limit])
    said = [
        f"{counts[state]:,} {words}"
        for state, words in (
            (State.REVIEW, "to decide"),
            (State.HELD, "held"),
            (State.WAITING, "without a record yet"),
        )
        if counts[state]
    ]
    more = " (and more: --limit N)" if len(items) > limit else ""
    return f"{sync}: {', '.join(said)}{more}"


def rows(items: Sequence[Item], zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """(state, given, answer, key, why)."""
    before: Item | None = None
    for item in items:
        same = before is not None and before.answer.person == item.answer.person
        response = item.answer.response
        yield (
            item.settled.state.value,
            f"{response.answered_at.astimezone(zone):%Y-%m-%d}",
            called(response),
            "same person" if same else _key(response),
            why(item.settled, zone),
        )
        before = item


def why(settled: Settled, zone: ZoneInfo, *, candidates: bool = True) -> str:
    """Why it waits, and for what."""
    told = settled.reason or settled.code
    if candidates and settled.candidates:
        told += f": {', '.join(settled.candidates)}"
    if settled.look_again is not None:
        told += f"; looked up again from {moment_text(settled.look_again, zone)}"
    return told


def _key(response: SurveyResponse) -> str:
    for kind, value in (
        ("email", response.email),
        ("external_id", response.external_id),
        ("phone", response.phone),
    ):
        if value:
            return masked(kind, value)
    return "–"


def how_to_decide(items: Sequence[Item]) -> Iterator[str]:
    """The commands, with an answer of the list for an example: one that only a person can match comes first."""
    open_ones = sorted(items, key=lambda item: item.settled.state is not State.REVIEW)
    matching = next((one for one in open_ones if one.settled.state is not State.HELD), None)
    held = next((one for one in open_ones if one.settled.state is State.HELD), None)
    if matching is not None:
        answer = called(matching.answer.response)
        yield f"look:   npsync review show {answer}"
        yield f"decide: npsync review link {answer} RECORD"
        yield f"        npsync review ignore {answer} --reason TEXT"
    if held is not None:
        answer = called(held.answer.response)
        yield f"held:   npsync review release {answer}   (or --all-of {held.settled.code})"
        yield f"        npsync review discard {answer}   (or --all-of {held.settled.code})"


def looked_lines(looked: Looked, zone: ZoneInfo) -> Iterator[str]:
    item, settled = looked.item, looked.item.settled
    response = item.answer.response
    yield f"{called(response)} in {item.sync}: {settled.state.value}"
    if text := why(settled, zone):
        yield from _fact("why", text)
    yield from _fact("given", f"{moment_text(response.answered_at, zone)}, score {response.score}")
    if settled.record_id:
        yield from _fact("record", f"{settled.record_id} by {settled.rule or 'its earlier version'}")
    for key, ids in looked.keys.items():
        found = ", ".join(ids) if ids else ("not asked" if looked.problem else "no record")
        yield from _fact("key", f"{key.response} = {key.field}  {masked(key.response, key.value)}: {found}")
    for one in looked.candidates:
        yield from _fact("candidate", _candidate(one, looked.problem))
    for other in looked.others:
        on = f" on {other.settled.record_id}" if other.settled.record_id else ""
        told = other.answer.response
        yield from _fact(
            "beside",
            f"{called(told)} {other.settled.state.value}{on}, given {told.answered_at.astimezone(zone):%Y-%m-%d}",
        )
    if looked.problem:
        yield from _fact("!", looked.problem)
    if settled.state in (State.REVIEW, State.WAITING):
        yield from _fact("decide", f"npsync review link {called(response)} RECORD")
        yield from _fact("", f"npsync review ignore {called(response)} --reason TEXT")
    elif settled.state is State.HELD:
        yield from _fact("decide", f"npsync review release {called(response)}")
        yield from _fact("", f"npsync review discard {called(response)} --reason TEXT")
    else:
        yield from _fact("correct", f"npsync review link {called(response)} RECORD")
    yield ""


def _candidate(one: Candidate, problem: str | None) -> str:
    if problem:
        return one.id
    if not one.there:
        return f"{one.id}  is gone, or `only` leaves it out"
    told = [
        one.name and masked("name", one.name),
        one.email and masked("email", one.email),
        one.account and f"account {one.account}",
    ]
    return "  ".join([one.id, *(text for text in told if text)])


def linked_lines(
    stored: Stored,
    linked: Linked,
    became: Mapping[str, Mapping[int, Settled]],
    answers: Mapping[int, SurveyResponse],
    reports: Sequence[Report],
    busy: Sequence[str],
) -> Iterator[str]:
    yield f"{called(stored.response)} belongs to {linked.record}"
    if linked.merged_from:
        yield f"  {linked.merged_from} was merged into it"
    if linked.keys:
        keys = ", ".join(f"{key.response} {masked(key.response, key.value)}" for key in linked.keys)
        yield from _wrapped(f"  remembered for every answer with {keys}")
    else:
        yield "  remembered for this answer only"
    for sync, states in became.items():
        for number, settled in states.items():
            yield from _wrapped(f"  {sync}: {called(answers[number])} {fate(settled)}")
    for record in linked.left:
        yield from _wrapped(f"  taken back from {record}: npsync why {record} tells what it shows now")
    for report in reports:
        yield from (line for problem in report.problems for line in _wrapped(f"  ! {problem}"))
    for sync in busy:
        yield from _wrapped(
            f"  ! {sync} is being run by another process; the decision is stored and its next run acts on it"
        )


def fate(settled: Settled) -> str:
    where = f" on {settled.record_id}" if settled.record_id else ""
    why = settled.reason or settled.code.replace("_", " ")
    return f"{settled.state.value}{where}" + (f" ({why})" if why else "")


def ignored_lines(
    stored: Stored, done: Sequence[str], left: Sequence[str], states: Mapping[str, Settled]
) -> Iterator[str]:
    answer = called(stored.response)
    if done:
        yield f"{answer} is left out of {', '.join(done)}; if it is edited, it is judged anew."
    for sync in left:
        state = states[sync].state
        yield f"{answer} is {state.value} in {sync}, not undecided: nothing was done there."
        if state is State.REJECTED:
            yield f"  npsync dead-letters list --sync {sync}"
    if not (done or left):
        yield f"{answer} was not taken up by any sync yet."


# ------------------------------------------------------------ for machines


def facts(item: Item) -> dict[str, object]:
    response, settled = item.answer.response, item.settled
    return {
        "sync": item.sync,
        "state": settled.state.value,
        "answer": called(response),
        "person": str(item.answer.person),
        "key": _key(response),
        "given": response.answered_at.isoformat(),
        "code": settled.code,
        "rule": settled.rule,
        "reason": settled.reason,
        "candidates": list(settled.candidates),
        "record": settled.record_id,
        "look_again": settled.look_again.isoformat() if settled.look_again else None,
    }


def looked_facts(looked: Looked) -> dict[str, object]:
    return facts(looked.item) | {
        "keys": [
            {
                "key": key.response,
                "field": key.field,
                "value": masked(key.response, key.value),
                "records": list(ids),
            }
            for key, ids in looked.keys.items()
        ],
        "live": [
            {
                "record": one.id,
                "there": one.there,
                "name": one.name and masked("name", one.name),
                "email": one.email and masked("email", one.email),
                "account": one.account,
            }
            for one in looked.candidates
        ],
        "beside": [facts(other) for other in looked.others],
        "problem": looked.problem,
    }


def linked_facts(
    stored: Stored,
    linked: Linked,
    became: Mapping[str, Mapping[int, Settled]],
    answers: Mapping[int, SurveyResponse],
    reports: Sequence[Report],
    busy: Sequence[str],
) -> dict[str, object]:
    return {
        "answer": called(stored.response),
        "record": linked.record,
        "merged_from": linked.merged_from,
        "left": list(linked.left),
        "remembered": [key.response for key in linked.keys],
        "became": [
            {
                "sync": sync,
                "answer": called(answers[number]),
                "state": settled.state.value,
                "record": settled.record_id,
                "code": settled.code,
            }
            for sync, states in became.items()
            for number, settled in states.items()
        ],
        "runs": [report.as_json() for report in reports],
        "busy": list(busy),
    }


def _fact(name: str, text: str) -> Iterator[str]:
    for place, line in enumerate(wrap(text, WIDTH - 13, break_on_hyphens=False) or [""]):
        yield f"  {name if place == 0 else '':<11}{line}"


def _wrapped(text: str) -> Iterator[str]:
    yield from wrap(text, WIDTH, subsequent_indent=" " * 6, break_on_hyphens=False)
