"""An undo as people read it: what would be restored, what is left alone and why, what it came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from nps.changes import Change
from nps.values import Json
from npsync.words import followed_text
from npsync.words.sync_text import change_lines, moment_text, noted, several, value_text
from store.api import RunRow
from store.api.outbox import Outgoing
from sync.restoring import Findings, Left, Why
from sync.undoing import UndoPlan, UndoReport


def head(run: RunRow, undone: int, zone: ZoneInfo, where: str, *, again: bool) -> str:
    """`undone` is the run whose changes are taken back: for a redo, an undo of the run that was named."""
    what = f"redo what run {undone} took back" if again else f"undo run {undone}"
    return f"{what} · {run.sync} of {moment_text(run.started_at, zone)} → {where}"


def reason(one: Left, *, redo: bool = False) -> str:
    match one.why:
        case Why.CHANGED:
            return (
                "somebody emptied it" if one.live is None else f"somebody changed it to {_quoted(one.live)}"
            )
        case Why.SET_BACK:
            return "somebody set it back already"
        case Why.WRITTEN_SINCE:
            return f"run {one.run} wrote it since"
        case Why.SHOWN_NOW:
            return f"the answer that decides now shows it too (run {one.run})"
        case Why.UNDONE:
            return f"already {'written again' if redo else 'undone'} by run {one.run}"
        case Why.ERASED:
            return "its person is being erased (npsync subject erase ends it)"
        case Why.EXPIRED:
            return "expired: what it showed before is not kept any more (retention.before_values)"
        case Why.GONE:
            return "the record is gone"
        case Why.MERGED:
            return f"the record was merged into {one.into}"
        case Why.NO_FIELD:
            return "the field does not exist any more, or the credential may not see it"
        case Why.READ_ONLY:
            return "the credential may not write this field"


def _quoted(value: Json) -> str:
    return f'"{value_text(value)}"' if isinstance(value, str) else value_text(value)


def left_lines(left: Iterable[Left], shown: int, *, redo: bool) -> Iterator[str]:
    """What is left alone, record by record; what an earlier undo settled is only counted."""
    conflicts = [one for one in left if one.is_conflict]
    for (record_id, key), fields in groupby(
        islice(conflicts, shown), key=lambda one: (one.record_id, one.key)
    ):
        yield f"  ! {record_id}  {key}".rstrip()
        for one in fields:
            yield f"      {one.field}: {reason(one, redo=redo)}"
    if len(conflicts) > shown:
        yield f"  … and {len(conflicts) - shown:,} more fields left alone (--show N for more, --json for all)"
    for why, count in Counter(reason(one, redo=redo) for one in left if not one.is_conflict).items():
        yield f"  {several(count, 'field')}: {why}"


def history_lines(report: Mapping[str, Json], shown: int) -> Iterator[str]:
    """What an undo of the past left alone or could not write, as its report names it."""
    left = [*_listed(report, "conflicts"), *_listed(report, "refused")]
    for one in left[:shown]:
        if "field" in one:
            told = Left(str(one["id"]), "", str(one["field"]), Why(str(one["why"])), run=_number(one["run"]))
            yield f"  ! {told.record_id} {told.field}: {_LEFT_ALONE.get(told.why) or reason(told)}"
        else:
            yield f"  ! {one['id']} {one['outcome']}: {one['code']}"
    if len(left) > shown:
        yield f"  … and {len(left) - shown:,} more (--limit N for more, --json for all)"


_LEFT_ALONE = {Why.CHANGED: "somebody had changed it", Why.MERGED: "the record had been merged into another"}


def _listed(report: Mapping[str, Json], name: str) -> list[Mapping[str, Json]]:
    found = report.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def made_lines(run: int, made: Sequence[Outgoing], shown: int) -> Iterator[str]:
    """What a run created beside the fields: an undo leaves it, so that nobody loses what they work with."""
    if not made:
        yield f"  beside these fields run {run} left nothing: no task, no message, no new record"
        return
    yield f"  run {run} made these as well; they stay, for what was created is never deleted by an undo:"
    for one in made[:shown]:
        id = f" {one.vendor_id}" if one.vendor_id else ""
        yield f"    {followed_text.what(one)}{id} for {one.record_id or one.subject}"
    if len(made) > shown:
        yield f"    … and {len(made) - shown:,} more: npsync follow-ups list --run {run} --stage done"


def plan_lines(plan: UndoPlan, shown: int) -> Iterator[str]:
    """What an undo or redo would do."""
    would = "would be written again" if plan.wanted.redo else "would be restored"
    yield from _change_lines(plan.changes(), plan.findings, shown)
    yield from left_lines(plan.findings.left, shown, redo=plan.wanted.redo)
    yield f"  {_counts(plan.findings, would, redo=plan.wanted.redo)}"
    if plan.findings.changes:
        yield "  cost of writing: " + ", ".join(
            f"{name} {several(calls, 'call')}" for name, calls in plan.cost.items()
        )


def _change_lines(changes: Iterator[Change], findings: Findings, shown: int) -> Iterator[str]:
    for change in islice(changes, shown):
        yield from change_lines(change)
    if findings.changes > shown:
        yield f"  … and {findings.changes - shown:,} more (--show N for more, --json)"


def _counts(findings: Findings, restored: str, *, redo: bool) -> str:
    if not findings.changes:
        done = "written again" if redo else "restored"
        return f"nothing can be {done}" if findings.conflicts else f"nothing is left to be {done}"
    counts = f"{several(findings.fields, 'field')} of {several(findings.changes, 'record')} {restored}"
    conflicts = len(findings.conflicts)
    return counts + (f" · {several(conflicts, 'field')} left alone" if conflicts else "")


def report_lines(report: UndoReport, changes: Iterator[Change] | None, shown: int) -> Iterator[str]:
    """What an undo did. `changes`: also show them, where no plan was shown before."""
    if changes is not None:
        yield from _change_lines(changes, report.findings, shown)
        yield from left_lines(report.findings.left, shown, redo=report.redo)
    word = "redo" if report.redo else "undo"
    yield f"{word} of run {report.undoes}: {report.status} in {report.seconds:.1f} s (run {report.run})"
    calls = ", ".join(f"{name} {count:,}" for name, count in report.calls.items() if count)
    conflicts = len(report.findings.conflicts)
    restored = "written again" if report.redo else "restored"
    told = [
        f"{several(report.fields, 'field')} of {several(report.written, 'record')} {restored}",
        f"{several(conflicts, 'field')} left alone" if conflicts else "",
        f"calls: {calls}" if calls else "",
    ]
    yield "  " + " · ".join(one for one in told if one)
    for one in report.refused[:shown]:
        yield f"  ! {one.change.record_id} {one.outcome}: {one.message}"
    if len(report.refused) > shown:
        yield f"  … and {len(report.refused) - shown:,} more: npsync runs {report.run} --changes"
    yield from noted("!", report.problems)
    if report.written and not report.redo:
        yield f"  runs leave these fields as they are until a newer answer comes, or: npsync redo {report.run}"
