"""Which records were merged into which: a vendor tells it when it is asked for the old one, and rarely afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from store.api import Store
from sync.finding import Found
from sync.first_look import Chunk
from sync.job import Job


def absorbed(job: Job, store: Store, record_ids: Iterable[str], renamed: Mapping[str, str]) -> dict[str, str]:
    """Merged id → surviving id for these records. What was just learnt (`renamed`) is remembered."""
    survivors = dict.fromkeys(record_ids)
    learnt = {old: new for old, new in renamed.items() if new in survivors}
    asked = [*survivors, *learnt]
    known = store.recall(job.connection, [_key(job, record_id) for record_id in asked])
    remembered = {
        record_id: set(json.loads(found)) for record_id in asked if (found := known.get(_key(job, record_id)))
    }
    if not (remembered or learnt):
        return {}  # nearly always
    old_ids: dict[str, str] = {}
    news: dict[str, str] = {}
    for new in survivors:
        before = remembered.get(new, set())
        now = before | {old for old, survivor in learnt.items() if survivor == new}
        for old in list(now):
            now |= remembered.get(old, set())  # a survivor may have been merged again
        if now != before:
            news[_key(job, new)] = json.dumps(sorted(now))
        old_ids.update((old, new) for old in now if old not in survivors)
    if news:
        store.memorize(job.connection, news)
    return old_ids


def follow_links(job: Job, store: Store, chunk: Chunk, found: Found) -> None:
    """A person's decision for a record that was merged since is one for its survivor."""
    linked = {one.linked for one in chunk.candidates if one.linked}
    merged = {old: found.renamed[old] for old in linked if old in found.renamed}
    if merged:
        for scope in (job.scope, job.answer_scope):
            store.follow_links(scope, merged)


def _key(job: Job, record_id: str) -> str:
    return f"merged/{job.object}/{record_id}"


def remembered(store: Store, connection: str, object: str) -> dict[str, str]:
    """Every merge that was learnt of this object: merged id → surviving id, chains followed to their end."""
    below = f"merged/{object}/"
    survivors = {
        old: key.removeprefix(below)
        for key, found in store.recall_below(connection, below).items()
        for old in json.loads(found)
    }
    return {old: _end(survivors, old) for old in survivors}


def _end(survivors: Mapping[str, str], old: str) -> str:
    """A survivor may have been merged again."""
    passed = {old}
    while (following := survivors.get(old)) is not None and following not in passed:
        passed.add(following)
        old = following
    return old
