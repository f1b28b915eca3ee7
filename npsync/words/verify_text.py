"""A verification as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

from nps.values import Json
from npsync.words import WIDTH
from npsync.words.sync_text import noted, value_text
from sync.verifying import Drift, Drifted, Verified

_WORDS = {
    Drift.CHANGED: "changed by somebody",
    Drift.EMPTIED: "emptied by somebody",
    Drift.RECORD_GONE: "on a deleted record",
    Drift.MERGED: "on a merged record",
    Drift.FIELD_GONE: "gone from the CRM, or hidden",
}


def lines(verified: Verified, show: int, *, replan: bool = False) -> Iterator[str]:
    """The first line says how it is; what differs follows, by field, with the first examples."""
    found = verified.compared
    of = "" if found.records == found.written else f" of {found.written:,} written"
    calls = ", ".join(f"{name} {count:,}" for name, count in verified.calls.items() if count)
    yield (
        f"{verified.sync}: {_several(found.records, 'record')}{of} checked in {verified.seconds:.1f} s "
        f"(run {verified.run})" + (f" · calls: {calls}" if calls else "")
    )
    yield from noted("!", verified.problems)
    if found.drifting:
        differ = sum(found.kinds.values())
        yield (
            f"  {_several(differ, 'field')} on {_several(len(found.drifting), 'record')} "
            f"{'is' if differ == 1 else 'are'} not as npsync left {'it' if differ == 1 else 'them'}:"
        )
        for name, counted in found.drift.items():
            said = " · ".join(f"{count:,} {_WORDS[kind]}" for kind, count in counted.items())
            yield from textwrap.wrap(
                f"{name}: {said}", WIDTH, initial_indent="    ", subsequent_indent=" " * 8
            )
        examples = list(dict.fromkeys(map(_example, found.examples)))
        yield from examples[:show]
        if len(examples) > show:
            yield f"    … and {len(examples) - show:,} more (--show N)"
    elif verified.status != "failed":
        yield f"  {_several(found.fields, 'field')} compared; all are as npsync left them"
    if found.held:
        yield f"  {_several(found.held, 'field')} as an undo left {'it' if found.held == 1 else 'them'}"
    if found.in_doubt:
        yield f"  {_several(found.in_doubt, 'field')} written without a reply; the record shows it"
    if found.drifting and not replan:
        yield f"  Why: npsync why {found.drifting[0]}. To plan them again: npsync verify {verified.sync} --replan"


def history_lines(report: Mapping[str, Json], limit: int) -> Iterator[str]:
    """What a verification of the past found; its values are not kept, `npsync why` looks at them anew."""
    by_field, examples = report.get("drift_by_field"), report.get("examples")
    if not isinstance(by_field, dict) or not isinstance(examples, list):
        return
    yield f"  {report.get('records_checked')} records checked, {report.get('fields_checked')} fields compared"
    for name, counted in by_field.items():
        if isinstance(counted, dict):
            said = " · ".join(f"{count} {_WORDS[Drift(str(kind))]}" for kind, count in counted.items())
            yield f"    {name}: {said}"
    for one in examples[:limit]:
        if isinstance(one, dict):
            into = f" {one['into']}" if one.get("into") else ""
            yield f"  ~ {one['id']}  {one['field']} {str(one['why']).replace('_', ' ')}{into}"


def _example(one: Drifted) -> str:
    if one.kind is Drift.MERGED:
        return f"  ~ {one.record_id}  was merged into {one.into}"
    if one.kind is Drift.RECORD_GONE:
        return f"  ~ {one.record_id}  was deleted"
    return f"  ~ {one.record_id}  {one.field} {value_text(one.ours)} → {value_text(one.live)}"


def _several(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
