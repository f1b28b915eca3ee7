"""A simulation as text for people, and as facts for machines."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from npsync.asking.simulation import History
from npsync.config import Config
from npsync.words import WIDTH
from npsync.words.asking_text import WORDS
from triggers.simulating import ASKED, WAITING, Outcome, Simulation

_WORDS = {
    **WORDS,
    ASKED: "asked",
    WAITING: "still waiting at the end",
    "rest": "asked too lately",
    "already_known": "answered lately",
    "declined": "declined lately",
    "never_ask": "never to be asked",
    "no_consent": "without consent",
    "sampled_out": "not drawn",
    "new_customer": "too new a customer",
    "account_cap": "too many asks to their account",
    "account_turn": "behind others of their account",
    "cannot_tell": "not to be judged",
    "paused": "while the trigger is paused",
    "many": "about several records",
    "stale": "too late to ask",
}
_BAR = 50


def facts(simulation: Simulation, history: History) -> dict[str, Any]:
    return {
        "from": simulation.begin.isoformat(timespec="seconds"),
        "to": simulation.end.isoformat(timespec="seconds"),
        "events": simulation.events,
        "triggers": {
            name: dict(Counter(one.code for one in found).most_common())
            for name, found in _by_trigger(simulation.outcomes)
        },
        "outcomes": [
            {
                "at": one.at.isoformat(timespec="seconds"),
                "trigger": one.trigger,
                "code": one.code,
                "reason": one.reason,
                "record": f"{one.scope}/{one.record_id}" if one.scope else one.record_id,
                "via": one.via,
                "channel": one.channel,
            }
            for one in simulation.outcomes
        ],
        "notes": [*history.notes, *simulation.problems],
    }


def lines(
    simulation: Simulation, history: History, config: Config, *, show: int, only: str | None = None
) -> Iterator[str]:
    """`only`: the one trigger that was followed."""
    zone = config.time_zone
    days = (simulation.end - simulation.begin).days
    yield (
        f"{_day(simulation.begin, zone)} to {_day(simulation.end, zone)} ({days} days), "
        f"{_looked_at(simulation, config, only)}. Nothing was sent, nothing was written."
    )
    for note in (*history.notes, *simulation.problems):
        yield from textwrap.wrap(f"! {note}", WIDTH, subsequent_indent="  ")
    for name, found in _by_trigger(simulation.outcomes):
        yield ""
        yield from _trigger(name, found, config)
    silent = [name for name in config.triggers if not any(one.trigger == name for one in simulation.outcomes)]
    if silent and simulation.outcomes:
        yield ""
    if silent:
        yield f"Nothing would have happened for {', '.join(silent)}."
    asked = [one for one in simulation.outcomes if one.code == ASKED]
    if asked:
        yield ""
        yield "Asked per week (from Monday)"
        yield from weeks(asked, simulation, zone)
        yield ""
        yield from _people("Who would have been asked", asked, show, zone)
    others = [one for one in simulation.outcomes if one.code != ASKED]
    if others:
        yield ""
        yield from _people("Who not, and why", others, show, zone)


def _people_called(simulation: Simulation, config: Config) -> int:
    """How many people of audiences had their turn."""
    audiences = {name for name, spec in config.triggers.items() if spec.audience is not None}
    called = {(one.scope, one.record_id) for one in simulation.outcomes if one.trigger in audiences}
    return len(called)


def _looked_at(simulation: Simulation, config: Config, only: str | None) -> str:
    """Events, people whose turn came, or both: as the triggers ask that were followed."""
    followed = [spec for name, spec in config.triggers.items() if only in (None, name)]
    events = [f"{simulation.events:,} events"] if any(spec.event for spec in followed) else []
    called = [f"{_people_called(simulation, config):,} people of an audience"]
    return " and ".join((*events, *(called if any(spec.audience for spec in followed) else [])))


def _trigger(name: str, found: Sequence[Outcome], config: Config) -> Iterator[str]:
    counted = Counter(one.code for one in found)
    mode = f" ({config.triggers[name].mode})" if name in config.triggers else ""
    yield f"{name}{mode}: {counted.pop(ASKED, 0):,} of {len(found):,} would have been asked"
    channels = Counter(f"{one.via} ({one.channel})" for one in found if one.code == ASKED)
    if channels:
        yield f"  through {', '.join(f'{way} {count:,}' for way, count in channels.most_common())}"
    for code, count in counted.most_common():
        yield f"  {count:>7,}  {_WORDS.get(code, code.replace('_', ' '))}"


def weeks(asked: Sequence[Outcome], simulation: Simulation, zone: ZoneInfo) -> Iterator[str]:
    """A bar for every week of the time, also for those in which nobody was asked."""
    counted = Counter(_monday(one.at, zone) for one in asked)
    most = max(counted.values())
    week, last = _monday(simulation.begin, zone), _monday(simulation.end, zone)
    while week <= last:
        count = counted[week]
        bar = "█" * max(round(count / most * _BAR), 1 if count else 0)
        yield f"  {week}  {count:>7,}  {bar}".rstrip()
        week += timedelta(days=7)


def _people(title: str, outcomes: Sequence[Outcome], show: int, zone: ZoneInfo) -> Iterator[str]:
    yield f"{title}: the latest {min(show, len(outcomes)):,} of {len(outcomes):,}"
    for one in list(reversed(outcomes))[:show]:
        who = " ".join(filter(None, (one.record_id, one.name))) or "nobody"
        how = f"by {one.via}" if one.code == ASKED else one.reason or _WORDS.get(one.code, one.code)
        text = f"{one.at.astimezone(zone):%Y-%m-%d %H:%M}  {one.trigger}  {who}: {how}"
        yield from textwrap.wrap(text, WIDTH - 2, initial_indent="  ", subsequent_indent=" " * 20)
    if len(outcomes) > show:
        yield f"  … and {len(outcomes) - show:,} more (--show N, or --json for all)"


def _by_trigger(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.trigger, []).append(one)
    return sorted(found.items())


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d}"


def _monday(at: datetime, zone: ZoneInfo) -> date:
    there = at.astimezone(zone).date()
    return there - timedelta(days=there.weekday())
