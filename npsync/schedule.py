"""When a sync is due: the YAML's `every` or `cron` over what our tables remember. Truth is in the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sync.spec import SyncSpec

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store


@dataclass(frozen=True)
class Claim:
    """A due time this process has taken, and nobody else has."""

    sync: str
    due_at: datetime
    caught_up: bool  # at least one due time before this one passed while nothing ran


def next_due(
    spec: SyncSpec, after: datetime, *, zone: ZoneInfo, last_due: datetime | None = None
) -> datetime:
    """The first due time later than `after`. `every` keeps its rhythm from `last_due`; `cron` is in `zone`."""
    if spec.every is not None:
        start = last_due if last_due is not None else after
        missed = max(0, (after - start) // spec.every)
        return start + (missed + 1) * spec.every
    return _fire_time(spec.cron or "", after, zone)


def _fire_time(line: str, after: datetime, zone: ZoneInfo) -> datetime:
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(line, timezone=zone)
    fire: datetime | None = trigger.get_next_fire_time(None, (after + timedelta(seconds=1)).astimezone(zone))
    if fire is None:
        raise ValueError(f'the cron line "{line}" never comes due')
    return fire


def claims(config: Config, store: Store, now: datetime) -> Iterator[Claim]:
    """Take every due time that has come, once each, whatever else runs on this store.

    A sync without a due time yet is due at once (`every`) or at its next cron time. A rhythm made shorter in the YAML
    takes effect at once.
    """
    known = store.due(list(config.sync))
    for name, spec in config.sync.items():
        if spec.paused:
            continue
        following = next_due(spec, now, zone=config.time_zone)
        due = known.get(name)
        if due is None:
            store.schedule(name, now if spec.every is not None else following)
            due = store.due([name])[name]
        if due.due_at > following:
            store.schedule(name, following)
        if due.due_at > now:
            continue
        after = next_due(spec, now, zone=config.time_zone, last_due=due.due_at)
        if store.claim_due(name, due.due_at, after):
            rhythm_passed = next_due(spec, due.due_at, zone=config.time_zone, last_due=due.due_at) <= now
            yield Claim(name, due.due_at, caught_up=rhythm_passed)


def soonest(config: Config, store: Store) -> Mapping[str, datetime]:
    """When each sync comes due next, for people to see."""
    return {name: due.due_at for name, due in store.due(list(config.sync)).items()}
