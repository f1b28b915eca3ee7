"""What templates may say: figures in words and pictures."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from nps.figures import ENOUGH, Tally
from nps.score import Segment
from nps.values import Json
from npsync.clockwork.agreeing import named as named_process
from npsync.reports import wording
from npsync.web.dashboard import action_words, bars, charts, run_words, under_way
from store.api import RunRow, State

_COMPARED = re.compile(r"\S+ = ")


def why_no_margin(tally: Tally) -> str:
    """For a title: why a number stands alone."""
    if not tally.answers:
        return "nobody answered"
    return f"below {ENOUGH} people the NPS jumps with every answer" if tally.answers < ENOUGH else ""


def exact(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def ago(at: datetime, now: datetime) -> str:
    """A time as people say it."""
    minutes = max(0, int((now - at).total_seconds() // 60))
    for size, name in (
        (60 * 24 * 365, "year"),
        (60 * 24 * 30, "month"),
        (60 * 24, "day"),
        (60, "hour"),
        (1, "minute"),
    ):
        if minutes >= size:
            many = minutes // size
            return f"{many} {name}{'' if many == 1 else 's'} ago"
    return "just now"


def relative(at: datetime, now: datetime) -> str:
    """The same, also of what is still to come."""
    if at <= now:
        return ago(at, now)
    if at - now < timedelta(minutes=1):
        return "in a moment"
    return "in " + ago(now - (at - now), now).removesuffix(" ago")


def many(number: int, what: str = "", several: str = "") -> str:
    """A number people can read, with its noun where it has one: 1 answer, 1,200 answers."""
    if not what:
        return f"{number:,}"
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def lasted(seconds: float) -> str:
    """How long something took."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes, hours = whole // 60, whole // 3600
    return f"{minutes} min" if hours < 2 else f"{hours} h {minutes % 60} min"


def shown_value(value: Json) -> str | None:
    """A field's value as text; None where it is empty."""
    if value is None or value == "":
        return None
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def code_said(code: str) -> str:
    """Our own codes in words; a vendor's as it spells them."""
    return code.replace("_", " ") if code.islower() else code


def in_seconds(seconds: float) -> str:
    """A length of time that vendors count in: "10 seconds", "hour"."""
    for length, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length and seconds % length == 0:
            number = int(seconds // length)
            return name if number == 1 else f"{number} {name}s"
    return "second" if seconds == 1 else f"{seconds:g} seconds"


def sentence(text: str) -> str:
    """Begun as a sentence is; what follows stays as it is written, as does a name that is compared (email = Email)."""
    return text if _COMPARED.match(text) else text[:1].upper() + text[1:]


def parted(text: str) -> Markup:
    """An address that, where it does not fit in one line, goes on behind its @, not in the middle of a word."""
    return escape(text).replace("@", Markup("@<wbr>"))


FILTERS: dict[str, Any] = {"sentence": sentence, "parted": parted}


def named(names: Iterable[str]) -> list[tuple[str, str]]:
    """Choices that are called what they are."""
    return [(name, name) for name in names]


def numbers(pairs: Iterable[tuple[str, int]]) -> list[tuple[str, str]]:
    return [(name, many(number)) for name, number in pairs]


def state_choices(counts: Mapping[str, object]) -> list[tuple[str, str]]:
    """The states that any answer of a run is in, each with its number."""
    return [
        (state, f"{many(number)} {bars.state_said(state, number)}")
        for state, number in bars.states_of(counts)
    ]


def fresh() -> str:
    """A key for a form: pressed twice, it asks once."""
    return secrets.token_urlsafe(12)


def states_seen(runs: Sequence[RunRow]) -> list[str]:
    """The states that any answer of these runs is in."""
    seen = {state for run in runs for state, _ in bars.states_of(run_words.states(run))}
    return [state.value for state in State if state.value in seen]


GLOBALS: dict[str, Any] = {
    "fresh": fresh,
    "states_seen": states_seen,
    "runs_chart": bars.runs_chart,
    "action_said": action_words.said,
    "name_of": action_words.name_of,
    "named": named,
    "numbers": numbers,
    "state_choices": state_choices,
    "phases_bar": bars.phases_bar,
    "with_margin": wording.with_margin,
    "change_text": wording.change_text,
    "verdict": wording.verdict,
    "percent": wording.percent,
    "people": wording.people,
    "aim": wording.aim,
    "at_risk_text": wording.at_risk_text,
    "movement_text": wording.movement_text,
    "portfolio_text": wording.portfolio_text,
    "loop_text": wording.loop_text,
    "counts_only_text": wording.counts_only_text,
    "why_no_margin": why_no_margin,
    "exact": exact,
    "ago": ago,
    "relative": relative,
    "many": many,
    "in_seconds": in_seconds,
    "zip": zip,
    "code_said": code_said,
    "doing_text": under_way.told,
    "process_named": named_process,
    "lasted": lasted,
    "shown_value": shown_value,
    "states_bar": bars.states_bar,
    "states_of": bars.states_of,
    "state_said": bars.state_said,
    "gauge_bar": bars.gauge_bar,
    "share_bar": bars.share_bar,
    "trend": charts.trend,
    "trend_facts": charts.trend_facts,
    "trend_legend": charts.trend_legend,
    "segment_bar": charts.segments,
    "score_bars": charts.scores,
    "Segment": Segment,
    "segment_of": Segment.of,
    "segment_named": Segment,
    "enough": ENOUGH,
}
