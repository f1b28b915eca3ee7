"""What a changed mapping would have made of everything, as text for people: at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterator

from npsync.words import WIDTH
from npsync.words.sync_text import several, value_text
from sync.what_if import Example, FieldDifference, Moved, WhatIf

_MOST_PAIRS = 5
_WHY = {
    "filtered": "left out by `where`",
    "before_since": "given before `since`",
    "expired": "older than `valid_for`",
    "other_survey": "of another survey",
    "excluded_at_source": "excluded by their survey tool",
    "withdrawn": "withdrawn",
    "forgotten": "of somebody who is being erased",
    "source_left": "of a source that is not the survey's any more",
}


def lines(told: WhatIf) -> Iterator[str]:
    """The differences, field by field; the fields that change most come first."""
    yield ""
    yield "Had this mapping always been live:"
    yield f"  {several(told.records, 'record')} would show something else, {told.unaffected:,} would not"
    for name, one in sorted(told.fields.items(), key=lambda item: (-item[1].records, item[0])):
        yield from _field(name, one)
    yield from _answers(told)
    for name, count in told.left_behind.items():
        yield f"  {name} is not mapped any more: npsync wrote it to {several(count, 'record')}, and leaves it there"
    if told.new_answers > 0:
        yield f"  {several(told.new_answers, 'answer')} came in since the last run and are part of this"


def _field(name: str, one: FieldDifference) -> Iterator[str]:
    parts = [
        f"{count:,} {said}"
        for count, said in (
            (one.ours, "as the mapping before wrote"),
            (one.empty, "empty now"),
            (one.theirs, "as somebody set it"),
        )
        if count
    ]
    emptied = f"; {one.emptied:,} would be emptied" if one.emptied else ""
    yield f"  {name}: {several(one.records, 'record')}, {', '.join(parts)}{emptied}"
    repeated = [(pair, count) for pair, count in one.pairs.most_common(_MOST_PAIRS) if count > 1]
    for (old, new), count in repeated:
        yield _cut(f"    {value_text(old)} → {value_text(new)}  {count:,}")
    shown = {pair for pair, _ in repeated}
    for example in one.examples:
        if (str(example.old or ""), str(example.new or "")) not in shown:
            yield _cut(_example(example))


def _example(one: Example) -> str:
    return f"    {value_text(one.old)} → {value_text(one.new)}  e.g. {one.record_id}"


def _answers(told: WhatIf) -> Iterator[str]:
    if told.deciding.before != told.deciding.after:
        yield f"  {_moved(told.deciding, 'answer')} that a record shows"
    for code, one in told.excluded.items():
        yield f"  {_moved(one, 'answer')} {_WHY.get(code, code.replace('_', ' '))}"
    for state, one in told.others.items():
        yield f"  {_moved(one, 'answer')} {state.value}"


def _moved(one: Moved, word: str) -> str:
    return f"{several(one.after, word)} instead of {one.before:,}"


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
