"""When answers go to another record: what they changed on the one they leave is taken back, not only emptied.

A withdrawn or expired answer was right while it lasted, so its fields are emptied. One that was matched to the wrong
person should never have been there: the field shows again what it showed before our first write, where it still shows
ours. And one that the mapping cannot show any more is neither: a mistake in the mapping is no reason to empty records,
so what it wrote stays. Which of these it is follows from the journal and from where its answers are now, so an
interrupted run and the one after it come to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from nps.changes import Change
from nps.values import Json
from nps.writes import Write, steps
from store.api import State, Store
from sync.deciding import Rules, Target, change_of
from sync.job import Job

_ELSEWHERE = (State.WRITTEN, State.UNCHANGED, State.SUPERSEDED, State.PENDING)


class Deserted(NamedTuple):
    """A record for which no answer counts (any more), and what would be emptied in it."""

    target: Target
    clearing: Change | None


def taken_back(
    job: Job,
    rules: Rules,
    store: Store,
    deserted: Mapping[str, Deserted],
    belongs: Mapping[int, str],
    refused: Collection[int],
) -> dict[str, Change | None]:
    """What is wanted for these records, for which no answer counts: what each field shows follows from what became of
    the answer that wrote it. `belongs` are the answers of this chunk that were matched to a record, `refused` those of
    the chunk that cannot be shown; of all others the store knows."""
    ours = {id: one for id, one in deserted.items() if one.target.ours}
    if not ours:
        return {}  # nearly always
    writes = store.writes(job.connection, job.object, list(ours), lambda id: ours[id].target.record.fields)
    answers = {one.response for its in writes.values() for one in its if one.response is not None}
    newest = store.newest_versions(sorted(answers))
    settled = store.states(job.name, sorted({*newest.values()} - belongs.keys()))
    now: dict[int, str | None] = {**belongs}
    now |= {number: one.record_id for number, one in settled.items() if one.state in _ELSEWHERE}
    unshown = {*refused, *(number for number, one in settled.items() if one.state is State.REJECTED)}

    def spared(response: int | None) -> bool:
        return response is not None and newest.get(response, response) in unshown

    def elsewhere(record_id: str) -> Callable[[int | None], bool]:
        def moved(response: int | None) -> bool:
            record = None if response is None else now.get(newest.get(response, response))
            return record is not None and record != record_id

        return moved

    return {id: _restored(one, rules, writes.get(id, ()), elsewhere(id), spared) for id, one in ours.items()}


def _restored(
    deserted: Deserted,
    rules: Rules,
    writes: Sequence[Write],
    moved: Callable[[int | None], bool],
    spared: Callable[[int | None], bool],
) -> Change | None:
    target, clearing = deserted
    live = target.record.fields
    after = dict(clearing.after) if clearing is not None else {}
    for name in rules.fields.shows:
        if name in target.ours and target.ours[name] == live.get(name) and name not in target.undone:
            last = _last_standing(writes, name)
            if last is not None and not moved(last.response) and spared(last.response):
                after.pop(name, None)
                continue
            value = before_theirs(writes, name, moved, empty=after.get(name, live.get(name)))
            if value != live.get(name):
                after[name] = value
            else:
                after.pop(name, None)
    key = "" if clearing is None else clearing.key
    return change_of(target, after, None, rules, key, urgent=False) if after else None


def before_theirs(
    writes: Sequence[Write], name: str, moved: Callable[[int | None], bool], *, empty: Json
) -> Json:
    """What a field showed before answers that belong elsewhere wrote it, given that it shows the last of our writes.
    `empty` when an answer that was right here wrote it too: what was there before is long out of date."""
    standing = _standing(writes, name)
    value = standing[-1].after[name] if standing else empty
    for one in reversed(standing):
        if one.response is None or one.after[name] != value:
            return value  # emptied or taken back before, or somebody wrote in between: from there on it is not ours
        if not moved(one.response):
            return empty
        value = one.before.get(name)
    return value


def _last_standing(writes: Sequence[Write], name: str) -> Write | None:
    """The write that a field shows, given that it shows the last of ours."""
    standing = _standing(writes, name)
    return standing[-1] if standing else None


def _standing(writes: Sequence[Write], name: str) -> list[Write]:
    """The writes of a field that no undo has taken back, in order."""
    way = steps(writes, name)
    return [one for one in writes if name in one.after and one.undoes is None and not way.newest[one.id].back]
