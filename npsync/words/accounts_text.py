"""Roll-ups as text for people: what follows on the accounts, at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from nps.values import Json
from npsync.words import WIDTH
from npsync.words.sync_text import ACCEPTED, change_lines, field_lines, moment_text, noted, several
from sync.accounts.engine import Preview
from sync.accounts.report import RolledUp
from sync.story import AccountStory

MOST_SHOWN = 40  # people of an account; --json has more
_COUNTS = (("promoters", "promoter"), ("passives", "passive"), ("detractors", "detractor"))


def roll_up_lines(report: RolledUp) -> Iterator[str]:
    """One roll-up in a few lines; the first says how it went."""
    yield f"{report.sync}: {report.status} in {report.seconds:.1f} s (run {report.run})"
    if report.resumed:
        yield f"  {several(report.resumed, 'account')} of an interrupted roll-up proved to be written"
    which = "all " if report.everything else ""
    gone = f" ({report.gone:,} not there any more)" if report.gone else ""
    yield f"  {which}{several(report.accounts, 'account')} worked out{gone}"
    calls = ", ".join(f"{name} {count:,}" for name, count in report.calls.items() if count)
    yield f"  accounts written: {report.object} {report.written:,}" + (f" · calls: {calls}" if calls else "")
    yield from field_lines(report.fields.as_json(), done=True)
    yield from noted(ACCEPTED, (reason.text for reason in report.accepted))
    yield from noted("!", report.problems)


def preview_lines(preview: Preview, shown: int) -> Iterator[str]:
    """What a run of the plan would change on the accounts afterwards."""
    report = preview.report
    yield ""
    if report.status == "failed":
        yield "  and on the accounts? That could not be planned:"
        yield from noted("!", report.problems)
        return
    yield f"  and then on the accounts ({report.object}):"
    for place, change in enumerate(preview.changes()):
        if place == shown:
            yield f"  … and {preview.count - shown:,} more (--show N, --json)"
            break
        yield from change_lines(change)
    yield f"  {several(preview.count, 'account')} of {report.accounts:,} would change"
    yield from field_lines(report.fields.as_json(), done=False)
    yield "  cost of writing: " + ", ".join(
        f"{name} {several(n, 'call')}" for name, n in preview.cost.items()
    )
    if preview.absent:
        yield from noted("!", [_absent(report.object, preview.absent)])
    yield from noted("!", report.problems)


def _absent(object: str, names: tuple[str, ...]) -> str:
    fields = f"field {names[0]}" if len(names) == 1 else f"fields {', '.join(names)}"
    return (
        f"{object} has no {fields} yet, or the credential may not see them: npsync check tells the next step"
    )


def behind_lines(account: AccountStory, zone: ZoneInfo) -> Iterator[str]:
    """The people behind an account's figures, and what these come to."""
    figures, people = account.figures, account.people
    counts = [(figures[name], word) for name, word in _COUNTS]
    said = ", ".join(f"{count:,} {word if count == 1 else word + 's'}" for count, word in counts)
    yield f"  {account.sync} counts the latest answer of each person within {account.window}:"
    yield f"    {said}"
    if figures["nps"] is None:
        fewest = account.min_responses
        yield f"  NPS: none; {several_answers(figures['responses'])}, and min_responses is {fewest}."
    else:
        margin = (
            f" ± {figures['margin']}" if figures["margin"] is not None else ", too few answers for a margin"
        )
        before = figures["previous_nps"]
        yield f"  NPS {figures['nps']}{margin}" + (
            f" ({account.compare} before: {before})" if before is not None else ""
        )
    yield ""
    for one in people[:MOST_SHOWN]:
        old = "" if one.counts else "   too old to count"
        when = moment_text(one.answered_at, zone)
        yield f"  {one.score:>2} {one.segment:<9}  {when}  {one.key or one.record_id}{old}"[:WIDTH]
    if len(people) > MOST_SHOWN:
        yield f"  … and {len(people) - MOST_SHOWN:,} more (--json)"
    if account.silent:
        yield f"  {account.silent:,} more of its people that npsync knows gave no answer in that time"


def several_answers(count: Json) -> str:
    return f"{count} answer" if count == 1 else f"{count} answers"
