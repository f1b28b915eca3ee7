"""What became of the tasks we gave: read from the CRM at most once an hour, while any is open."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import cast

from connectors.contract import Clock, GivesTasks
from store.api import Lease, Store
from sync.job import Job
from sync.outbox.followed import Tally
from sync.outbox.memory import place

EVERY = timedelta(hours=1)
_ASKED = "asked"
_TOGETHER = 200
_LOOKS_BACK = timedelta(days=365)  # what is open for longer will not be closed any more


def note_closed(job: Job, store: Store, lease: Lease, clock: Clock, tally: Tally) -> None:
    """Raises what the destination raises; what was learned until then is kept."""
    now = clock.now()
    told = store.recall(place(job.name), [_ASKED]).get(_ASKED)
    if told is not None and now < datetime.fromisoformat(told) + EVERY:
        return
    given = store.given_tasks([job.name], since=now - _LOOKS_BACK, still_open=True)
    left = iter([one for one in given if one.given_at <= now - EVERY])  # nobody was as quick as that
    giver = cast(GivesTasks, job.destination)
    while some := list(islice(left, _TOGETHER)):
        states = giver.task_states([one.vendor_id for one in some])
        known = [(one, states.get(one.vendor_id)) for one in some]
        closed = [
            (one.id, state.closed_at or now)
            for one, state in known
            if state is not None and not state.is_open
        ]
        gone = [one.id for one, state in known if state is None]
        store.close_tasks(closed, lease=lease)
        store.lose_tasks(gone, "somebody deleted it in the CRM", lease=lease, now=now)
        tally.counts["closed"] += len(closed)
        tally.counts["gone"] += len(gone)
    store.memorize(place(job.name), {_ASKED: now.isoformat()})
