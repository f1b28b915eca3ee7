"""How every sync stands with the clock, for people: when it is due, what was last done about it, who paused it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nps.durations import in_words
from npsync.schedule import verify_place
from sync.leasing import lease_name

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Due, Progress, Store, Tick
    from sync.spec import SyncSpec

LATE_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class Underway:
    """A run that has not ended. `died`: nobody holds its lease any more; it is taken up again soon."""

    run: int
    kind: str
    started_at: datetime
    progress: Progress | None
    died: bool


@dataclass(frozen=True)
class Standing:
    """One sync at this moment. `late`: it is due, and nobody takes it: no `npsync serve` runs."""

    sync: str
    rhythm: str  # "every 15 minutes", or the cron line
    due_at: datetime | None  # None: the clock has not seen it yet
    last: Tick | None
    paused_in_file: bool
    paused_at: datetime | None
    paused_by: str | None
    under_way: Underway | None
    verified_at: datetime | None  # when it is verified next
    late: bool

    @property
    def paused(self) -> bool:
        return self.paused_in_file or self.paused_at is not None


def standings(config: Config, store: Store, now: datetime) -> list[Standing]:
    """Every sync of the file, in its order."""
    due = store.due([*config.sync, *map(verify_place, config.sync)])
    ticks = store.latest_ticks(list(config.sync))
    running = _under_way(config, store, now)
    return [
        _standing(name, spec, due, ticks.get(name), running.get(name), now)
        for name, spec in config.sync.items()
    ]


def rhythm_of(spec: SyncSpec) -> str:
    return f"every {in_words(spec.every)}" if spec.every is not None else f"cron {spec.cron}"


def _standing(
    name: str,
    spec: SyncSpec,
    due: dict[str, Due],
    last: Tick | None,
    under_way: Underway | None,
    now: datetime,
) -> Standing:
    ours, verified = due.get(name), due.get(verify_place(name))
    return Standing(
        sync=name,
        rhythm=rhythm_of(spec),
        due_at=None if ours is None else ours.taken_at,
        last=last,
        paused_in_file=spec.paused,
        paused_at=None if ours is None or not ours.paused else ours.paused_at,
        paused_by=None if ours is None or not ours.paused else ours.paused_by,
        under_way=under_way,
        verified_at=verified.due_at if verified is not None and spec.verify is not None else None,
        late=ours is not None and now - ours.taken_at > LATE_AFTER,
    )


def _under_way(config: Config, store: Store, now: datetime) -> dict[str, Underway]:
    """By sync: the latest run that has not ended."""
    found: dict[str, Underway] = {}
    for number, progress in sorted(store.progress().items()):
        run = store.run(number)
        if run is not None and run.status == "running" and run.sync in config.sync:
            died = store.is_free(lease_name(run.sync), now=now)
            found[run.sync] = Underway(number, run.kind, run.started_at, progress, died)
    return found
