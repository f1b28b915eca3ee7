"""`npsync connectors try`: one page of answers, row by row and field by field."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from connectors.declared.reading import Asked
from connectors.declared.rows import Elsewhere
from connectors.declared.trial import FieldTried, RowTried, Trial
from nps.errors import ConfigError
from nps.responses import ResponseStatus, SurveyResponse
from npsync.checking import trials
from npsync.cli import output

_LONGEST = 44  # characters of a value: a table has three of them side by side
_ENDINGS = (".yaml", ".yml")
_KEYS_TOLD = 40

_OUTCOMES = {
    Elsewhere.ANOTHER_KIND: "left out: rows.only is not true of it",
    Elsewhere.ANOTHER_SURVEY: "left out: its survey has no question for the score",
    ResponseStatus.COMPLETE: "an answer",
    ResponseStatus.PARTIAL: "half-finished: it waits",
    ResponseStatus.EXCLUDED: "an answer that must not count",
    ResponseStatus.WITHDRAWN: "an answer that was withdrawn",
}


def show(
    what: str,
    given: Sequence[str],
    *,
    rows: int,
    survey: str | None,
    since: str | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """1 when no row could be read."""
    values, bound = dict(map(_pair, given)), None if since is None else _day(since)
    if what.endswith(_ENDINGS) or Path(what).is_file():
        trial = trials.of_file(Path(what), values, rows=rows, survey=survey, since=bound)
    elif values:
        raise ConfigError(f"--with is for a description's file; what {what} gives stands in its connection")
    else:
        loaded = output.load_config(config)
        trial = trials.of_connection(loaded, what, rows=rows, survey=survey, since=bound)
    if as_json:
        output.say_json(_facts(trial))
    else:
        _tell(trial)
    return output.FAILED if not trial.outcomes and trial.problem else output.SUCCEEDED


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError(f'--with takes NAME=VALUE, and got "{name}"')
    return name.strip(), value


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise ConfigError(f'--since takes a day like 2026-01-31, and got "{text}"') from None


# ---------------------------------------------------------------- for people


def _tell(trial: Trial) -> None:
    of = "" if trial.survey is None else f", survey {trial.survey}"
    output.say_wrapped(f"{trial.what}{of}: {_rows(len(trial.outcomes))} on this page.")
    for name, value in trial.known.items():
        output.say_wrapped(f"{name} is {value}, by the survey's definition.", indent="  ")
    for number, row in enumerate(trial.rows, start=1):
        output.say()
        output.say_wrapped(f"Row {number}: {_outcome(row.outcome)}", then="  ")
        output.table(("field", "from", "in the row", "read as"), [_cells(each) for each in row.fields])
    output.say()
    for line in _summary(trial):
        output.say_wrapped(line, then="  ")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _outcome(outcome: SurveyResponse | Elsewhere) -> str:
    if isinstance(outcome, Elsewhere):
        return _OUTCOMES[outcome]
    if outcome.problem:
        return f"cannot be read: {outcome.problem}"
    return _OUTCOMES[outcome.status]


def _cells(tried: FieldTried) -> tuple[str, str, str, str]:
    if tried.problem:
        became = f"! {tried.problem}"
    elif isinstance(tried.read, datetime):
        became = f"{tried.read:%Y-%m-%d %H:%M:%S} UTC"
    else:
        became = "–" if tried.read is None or tried.read == "" else _short(tried.read, quoted=False)
    return tried.name, _cut(tried.path), _short(tried.found), became


def _short(value: Any, *, quoted: bool = True) -> str:
    text = (
        value if isinstance(value, str) and not quoted else json.dumps(value, ensure_ascii=False, default=str)
    )
    return _cut(" ".join(text.split()))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _summary(trial: Trial) -> Iterator[str]:
    if trial.problem:
        yield f"Problem: {trial.problem}"
    if not trial.rows and trial.lists:
        listed = ", ".join(f"{path} ({_rows(count)})" for path, count in trial.lists.items())
        yield f"Lists in the reply: {listed}"
    if trial.outcomes:
        counts = Counter(map(_outcome, trial.outcomes))
        for outcome, count in counts.most_common():
            yield f"{_rows(count)}: {outcome}"
    if trial.nowhere:
        named = ", ".join(f"{name} ({path})" for name, path in trial.nowhere.items())
        yield f"In no row of this page: {named}; look at the paths if they should be"
    if trial.unused:
        keys = [
            key if count == len(trial.outcomes) else f"{key} (in {count})"
            for key, count in sorted(trial.unused.items())
        ]
        more = f" and {len(keys) - _KEYS_TOLD} more" if len(keys) > _KEYS_TOLD else ""
        yield f"Keys that no field uses: {', '.join(keys[:_KEYS_TOLD])}{more}"
    yield f"Next page: {_next(trial.next_page)}{'' if trial.paged else '; the description says no `pages`'}"
    if trial.place is not None and set(trial.place) - {"read"}:  # else all is read each time
        yield f"Cursor once this page is stored: {json.dumps(dict(trial.place), ensure_ascii=False)}"


def _next(asked: Asked | None) -> str:
    if asked is None:
        return "none, this is the last"
    if asked.link is not None:
        return asked.link
    return "&".join(f"{name}={value}" for name, value in asked.values.items()) or "the same call once more"


# ---------------------------------------------------------------- for machines


def _facts(trial: Trial) -> dict[str, Any]:
    return {
        "call": trial.what,
        "survey": trial.survey,
        "known": dict(trial.known),
        "problem": trial.problem or None,
        "rows": [_row_facts(each) for each in trial.rows],
        "outcomes": dict(Counter(map(_outcome, trial.outcomes))),
        "unused": dict(trial.unused),
        "lists": dict(trial.lists),
        "nowhere": dict(trial.nowhere),
        "next": None if trial.next_page is None else _next(trial.next_page),
        "cursor": None if trial.place is None else dict(trial.place),
    }


def _row_facts(row: RowTried) -> dict[str, Any]:
    return {
        "outcome": _outcome(row.outcome),
        "fields": [
            {
                "field": each.name,
                "from": each.path,
                "found": each.found,
                "read": each.read.isoformat() if isinstance(each.read, datetime) else each.read,
                "problem": each.problem or None,
            }
            for each in row.fields
        ],
        "unused": list(row.unused),
    }
