"""Nothing that was pulled is lost: every answer has exactly one state, in the run and in the sync."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from store.api import State, Store
from sync.job import Job


def lost(store: Store, job: Job, taken_up: int | None, states: Mapping[State, int]) -> Iterator[str]:
    """What does not balance after a run, in words. `taken_up` None: it did not get that far."""
    if taken_up is not None and sum(states.values()) != taken_up:
        yield (
            f"conservation: {taken_up} answers were taken up, but {sum(states.values())} have a state. "
            f"This is a defect of npsync; nothing more is written until it is understood"
        )
    stored, accounted = store.balance(job.name, job.sources)
    if stored != accounted:
        yield (
            f"conservation: {stored} answers are stored, {accounted} are accounted for in {job.name}. "
            f"This is a defect of npsync; please report it with `npsync runs`"
        )
