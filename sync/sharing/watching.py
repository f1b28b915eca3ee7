"""How far the hands of a run are, while they work."""

from __future__ import annotations

from collections.abc import Callable

from store.api import Store
from sync.progress import Progress
from sync.sharing.dispatch import Dispatch, Summons


def watched(store: Store, dispatch: Dispatch, summons: Summons, progress: Progress) -> Callable[[], None]:
    """To be called now and then: tells how many more are done since the last time, and reminds those called for."""
    told = 0

    def see() -> None:
        nonlocal told
        done = store.sharing(summons.run, summons.kind).done
        progress.advance(done - told)
        told = done
        dispatch.remind(summons)

    return see
