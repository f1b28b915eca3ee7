"""Pausing what the clock does, and letting it go on: a sync or a trigger (`npsync.pauses` tells what that means)."""

from __future__ import annotations

from nps.errors import ConfigError
from npsync.deciding.deciders import Decider, Decision
from npsync.pauses import Resumed, pause, resume, trigger_place


class PausedInFile(ConfigError):
    """The YAML itself says `paused: true`: nobody but its author lets it go on."""


def pause_sync(decider: Decider, sync: str) -> bool:
    """False when it is paused already; then nothing changes."""
    return _pause(decider, sync, sync)


def resume_sync(decider: Decider, sync: str) -> Resumed | None:
    """None when it was not paused. Raises PausedInFile, after what somebody decided was taken back."""
    resumed = _resume(decider, sync, sync)
    if decider.config.sync[sync].paused:
        raise PausedInFile(
            f"{decider.config.file}: sync.{sync} says paused: true; take that line out of the file"
        )
    return resumed


def pause_trigger(decider: Decider, trigger: str) -> bool:
    return _pause(decider, trigger_place(trigger), f"trigger {trigger}")


def resume_trigger(decider: Decider, trigger: str) -> Resumed | None:
    """As `resume_sync`."""
    resumed = _resume(decider, trigger_place(trigger), f"trigger {trigger}")
    if decider.config.triggers[trigger].paused:
        raise PausedInFile(
            f"{decider.config.file}: triggers.{trigger} says paused: true; take that line out of the file"
        )
    return resumed


def _pause(decider: Decider, place: str, about: str) -> bool:
    done = pause(decider.store, place, decider.who, decider.now)
    if done:
        decider.note(Decision.PAUSE, about)
    return done


def _resume(decider: Decider, place: str, about: str) -> Resumed | None:
    resumed = resume(decider.store, place, decider.now)
    if resumed is not None:
        decider.note(Decision.RESUME, about, {"skipped": resumed.skipped} if resumed.skipped else {})
    return resumed
