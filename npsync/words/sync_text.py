"""Plans, runs and history as text for people: at most 100 columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nps.changes import Change
from nps.values import Json
from npsync.words import WIDTH, followed_text
from store.api import Progress, RunRow, State
from sync.engine import Preview
from sync.report import MatchReport, Report

NOTHING_SHOWN = "–"
ACCEPTED = "accepted (--accept-breaker):"
# A command is one piece, up to the end of its sentence, so that it can be copied.
_PIECE = re.compile(r"npsync \S.*?(?:[.,;:](?=\s|$)|$)|\S+")


def value_text(value: Json) -> str:
    """One value on one line: empty as a dash, long text cut, line ends visible."""
    if value is None or value == "":
        return NOTHING_SHOWN
    text = str(value).replace("\r", "").replace("\n", "⏎")
    return text if len(text) <= 30 else text[:29] + "…"


def change_lines(change: Change) -> Iterator[str]:
    key = "" if change.key == change.record_id else change.key  # found by its id
    yield f"  ~ {change.record_id}  {key}".rstrip()
    pairs = [
        f"{name} {value_text(change.before.get(name))} → {value_text(value)}"
        for name, value in change.after.items()
    ]
    yield from _filled(pairs, indent="      ", between="   ")


def match_lines(match: MatchReport) -> Iterator[str]:
    if not match.looked_up:
        yield "  no new answer had to find its record"
        return
    yield "  " + _said(
        [
            (match.matched, "matched"),
            (match.ambiguous, "match two or more records"),
            (match.conflicting, "name two different records"),
            (match.waiting, "have no record yet"),
        ]
    )
    if match.by_rule:
        yield "  by rule: " + ", ".join(f"{rule} {count:,}" for rule, count in match.by_rule.most_common())
    if match.unmatched:
        domains = [f"{domain} {count:,}" for domain, count in match.unmatched.most_common(8)]
        yield from _filled(
            ["  without a record, by domain:", *domains], indent="    ", between="  ", first=""
        )


def plan_lines(
    preview: Preview, sync: str, target: str, shown: int, followed: Iterable[str] = ()
) -> Iterator[str]:
    """The plan as people read it: how answers matched, what would change, what it would cost, what would follow."""
    report = preview.report
    yield f"{sync} → {target}"
    if report.status == "failed":
        yield from noted("!", report.problems)
        yield "No plan could be made. Nothing was written."
        return
    yield from match_lines(report.match)
    yield ""
    changes = 0
    for change in preview.changes():
        changes += 1
        if changes <= shown:
            yield from change_lines(change)
    if changes > shown:
        yield f"  … and {changes - shown:,} more (--show N for more, --out FILE keeps them all, --json)"
    if changes:
        yield ""
    again = changes - preview.first_fills
    fills = several(preview.first_fills, "first fill")
    yield f"  {several(changes, 'record')} would change ({fills}, {again:,} overwriting a value)"
    if said := _states({k: v for k, v in report.states.items() if k is not State.PENDING}):
        yield f"  {said}"
    yield from field_lines(report.fields.as_json(), done=False)
    yield from followed_text.plan_lines(preview.followed)
    yield "  cost of writing: " + ", ".join(
        f"{name} {several(calls, 'call')}" for name, calls in preview.cost.items()
    )
    if preview.absent:
        yield from noted("!", [_absent(target, preview.absent)])
    yield from noted("!", report.problems)
    if preview.stops:
        yield "  The breaker would stop a run of this:"
        yield from noted("!", (reason.text for reason in preview.stops))
        yield f"  If it is right all the same: npsync run {sync} --accept-breaker"
    yield from followed
    yield "Nothing was written."


def _absent(target: str, names: Sequence[str]) -> str:
    fields = f"field {names[0]}" if len(names) == 1 else f"fields {', '.join(names)}"
    return (
        f"{target} has no {fields} yet, or the credential may not see them: a run needs them, and "
        "npsync check tells the next step"
    )


def field_lines(fields: Mapping[str, Json], *, done: bool) -> Iterator[str]:
    """What became of values that somebody set, or that an undo put back (of a plan: what would)."""
    for key, words in (
        ("kept", "kept as somebody set them"),
        ("undone", "kept: undone"),
        ("overwritten", f"{'' if done else 'would be '}overwritten although somebody changed it"),
    ):
        counts = fields.get(key)
        if isinstance(counts, dict) and counts:
            named = ", ".join(f"{name} {count:,}" for name, count in counts.items())
            yield from _filled(f"{words}: {named}".split(" "), indent="    ", between=" ", first="  ")


def report_lines(report: Report) -> Iterator[str]:
    """One run in a few lines; the first says how it went."""
    yield f"{report.sync}: {report.status} in {report.seconds:.1f} s (run {report.run})"
    repeated = f" ({report.repeated:,} seen before)" if report.repeated else ""
    if report.resumed:
        yield f"  {several(report.resumed, 'record')} of an interrupted run proved to be written"
    yield f"  {several(report.pulled, 'answer')} taken up{repeated}"
    if said := _states(report.states):
        yield f"  {said}"
    writes = ", ".join(f"{name} {count:,}" for name, count in report.writes.items())
    calls = ", ".join(f"{name} {count:,}" for name, count in report.calls.items() if count)
    yield f"  records written: {writes}" + (f" · calls: {calls}" if calls else "")
    yield from field_lines(report.fields.as_json(), done=True)
    yield from followed_text.lines(report.followed.as_json())
    yield from hint_lines(report.states, report.run, explained=bool(report.problems))
    yield from followed_text.hints(report.followed.as_json())
    yield from noted(ACCEPTED, (reason.text for reason in report.accepted))
    yield from noted("!", report.problems)


def hint_lines(states: Mapping[State, int], run: int, *, explained: bool = False) -> Iterator[str]:
    """Where to look at what needs a person. `explained`: the run's problems say why answers are pending."""
    refused, undecided = states.get(State.REJECTED), states.get(State.REVIEW)
    held = states.get(State.HELD)
    places = [f"npsync runs {run}"]
    if undecided or held:
        places.append("npsync review list")
    if refused:
        places.append("npsync dead-letters list")
    if refused or undecided or held or (states.get(State.PENDING) and not explained):
        yield f"  look at them: {' · '.join(places)}"


def left_hints(left: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The commands by which a person settles what a run left open."""
    states = {one["state"] for one in left}
    if states & {State.REVIEW, State.WAITING}:
        yield "decide whose they are: npsync review list"
    if State.HELD in states:
        yield "decide about what looks like a program's: npsync review list --state held"
    if State.REJECTED in states:
        yield "what settles what was refused: npsync dead-letters list"


def only_lines(report: Report) -> Iterator[str]:
    """What `--only WHO` came to when it found nobody to plan: not nothing, but an explanation."""
    if report.status != "failed" and sum(report.states.values()) == report.states.get(State.PENDING, 0):
        yield "  --only: no answer that waits to be planned is theirs (--all takes in what was settled before)"


def run_rows(
    runs: Iterable[RunRow], zone: ZoneInfo, progress: Mapping[int, Progress] | None = None
) -> Iterator[tuple[str, ...]]:
    """(run, when, sync, kind, how it went, answers, written, what needs a person); times in the business zone.
    `progress`: of those that run still."""
    for one in runs:
        yield (
            str(one.id),
            moment_text(one.started_at, zone),
            one.sync,
            _kind(one),
            one.status,
            str(one.report.get("pulled", "")),
            str(_written(one.report)),
            progress_text(progress[one.id]) if progress and one.id in progress else needs_a_person(one),
        )


def progress_text(progress: Progress) -> str:
    """`planning 41,200 of 200,000`."""
    if progress.total is not None:
        return f"{progress.phase} {progress.done:,} of {progress.total:,}"
    return f"{progress.phase} {progress.done:,}" if progress.done else progress.phase


def _kind(run: RunRow) -> str:
    undoes = run.report.get("undoes")
    return run.kind if undoes is None else f"{run.kind} {undoes}"


# What undos and verifications tell beside the states of answers.
_BESIDE_STATES = {"left_alone": "left alone", "not_written": "not written", "records_drifted": "differ"}


def needs_a_person(run: RunRow) -> str:
    """What of its answers and what followed them somebody has to look at, as the run ended; of an undo, what it left
    alone; of a verification, how many records differ."""
    told = answers_left(run)
    told += [f"{run.report[name]} {said}" for name, said in _BESIDE_STATES.items() if run.report.get(name)]
    told += followed_text.needs_a_person(run.report.get("followed"))
    return " · ".join(told)


def answers_left(run: RunRow) -> list[str]:
    """The answers that the run left open, counted."""
    states = run.report.get("states")
    counts: Mapping[str, Json] = states if isinstance(states, dict) else {}
    return [
        f"{counts[name]} {name}" for name in ("review", "rejected", "held", "pending") if counts.get(name)
    ]


def accepted(run: RunRow) -> list[str]:
    """What the breaker had against the run, and a person accepted."""
    told = run.report.get("accepted")
    return [str(one["text"]) for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def left_rows(left: Iterable[Mapping[str, object]], zone: ZoneInfo) -> Iterator[tuple[str, ...]]:
    """(state, answer, key, why) of answers a run left open."""
    for one in left:
        why = str(one["reason"] or one["code"])
        candidates = one["candidates"]
        if isinstance(candidates, list) and candidates:
            why += f": {', '.join(map(str, candidates))}"
        if one["look_again"]:
            why += (
                f"; looked up again from {moment_text(datetime.fromisoformat(str(one['look_again'])), zone)}"
            )
        yield str(one["state"]), f"{one['source']} {one['answer']}", str(one["key"] or "–"), why


def moment_text(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _written(report: Mapping[str, Json]) -> int:
    writes = report.get("writes")
    return (
        sum(count for count in writes.values() if isinstance(count, int)) if isinstance(writes, dict) else 0
    )


def _states(states: Mapping[State, int]) -> str:
    return _said([(states.get(state, 0), state.value) for state in State])


def several(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _said(counts: Iterable[tuple[int, str]]) -> str:
    return " · ".join(f"{count:,} {word}" for count, word in counts if count)


def noted(mark: str, texts: Iterable[str]) -> Iterator[str]:
    """Each of these sentences behind a mark, on as many lines as it needs."""
    for text in texts:
        for number, line in enumerate(text.splitlines()):
            first = "    " if number else f"  {mark} "
            yield from _filled(_PIECE.findall(line), indent="    ", between=" ", first=first)


def _filled(parts: Iterable[str], *, indent: str, between: str, first: str | None = None) -> Iterator[str]:
    """Parts on as few lines of at most WIDTH columns as they need."""
    line = indent if first is None else first
    empty = True
    for part in parts:
        if not empty and len(line) + len(between) + len(part) > WIDTH:
            yield line
            line, empty = indent, True
        line += part if empty else between + part
        empty = False
    if not empty:
        yield line
