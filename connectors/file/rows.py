"""One record of a file, turned into an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from hashlib import blake2b
from typing import Any

import orjson

from connectors.cells import LONG_AGO, Moments, NaiveTime, NoTime, score, text
from connectors.file.records import Record
from connectors.file.settings import Columns, FileSettings
from nps.errors import ConfigError
from nps.responses import SurveyResponse
from nps.values import Json

Pick = Callable[[Any], Any]
Picks = Mapping[str, Pick]


class Unreadable(Exception):
    """Why a row is no answer, for people."""


# ---------------------------------------------------------------- where a value is


def picks_of_header(header: Sequence[str], columns: Columns, where: str) -> Picks:
    """How to pick each mapped value out of a CSV row; ConfigError for columns the header lacks."""
    wanted = _wanted(columns)
    names = [name.strip() for name in header]
    missing = [column for column in wanted.values() if column not in names]
    if missing:
        raise ConfigError(f"{where}: {_missing_columns(missing, names)}")
    twice = [column for column in wanted.values() if names.count(column) > 1]
    if twice:
        raise ConfigError(f'{where}: the header names column "{twice[0]}" more than once')
    return {name: _cell(names.index(column)) for name, column in wanted.items()}


def picks_of_paths(columns: Columns) -> Picks:
    """How to pick each mapped value out of a JSON object, by dotted path; what is not there is None."""
    return {name: _path(path.split(".")) for name, path in _wanted(columns).items()}


def _wanted(columns: Columns) -> dict[str, str]:
    """Our name → the file's; properties as "properties.NAME"."""
    own = columns.model_dump(exclude={"properties"}, exclude_none=True)
    return own | {f"properties.{name}": column for name, column in columns.properties.items()}


def _missing_columns(missing: Sequence[str], header: Sequence[str]) -> str:
    named = ", ".join(f'"{name}"' for name in missing)
    text = f"there is no column {named}"
    close = get_close_matches(missing[0], header, n=1)
    if close:
        return f'{text}; did you mean "{close[0]}"?'
    if len(header) == 1:
        return f"{text}; the header is one single column: check delimiter"
    return f"{text}; the header has {', '.join(header[:20])}"


def _cell(index: int) -> Pick:
    return lambda cells: cells[index]


def _path(steps: Sequence[str]) -> Pick:
    def pick(value: Any) -> Any:
        for step in steps:
            if not isinstance(value, dict):
                return None
            value = value.get(step)
        return value

    return pick


# ---------------------------------------------------------------- what it says


class Reader:
    """Turns the records of one file into answers."""

    def __init__(self, settings: FileSettings, picks: Picks, *, source: str, name: str) -> None:
        self._picks = {key: pick for key, pick in picks.items() if not key.startswith("properties.")}
        self._properties = {
            key.removeprefix("properties."): pick
            for key, pick in picks.items()
            if key.startswith("properties.")
        }
        self._moments = Moments(settings.dates, settings.zone)
        self._channel = settings.channel
        self._source = source
        self._name = name

    def answer(self, record: Record) -> SurveyResponse:
        """The answer; a record that cannot be read carries a `problem` with its line."""
        if record.problem is not None:
            return self._broken(record, record.problem)
        try:
            return self._read(record.cells)
        except Unreadable as problem:
            return self._broken(record, str(problem))

    def _read(self, cells: Any) -> SurveyResponse:
        values = {name: pick(cells) for name, pick in self._picks.items()}
        properties: dict[str, Json] = {name: pick(cells) for name, pick in self._properties.items()}
        answered_at = self._moment("answered_at", values)
        if answered_at is None:
            raise Unreadable("it says nowhere when it was answered")
        return SurveyResponse(
            source=self._source,
            id=self._id(values, properties),
            answered_at=answered_at,
            invited_at=self._moment("invited_at", values),
            updated_at=self._moment("updated_at", values),
            score=score(values.get("score")),
            comment=text(values.get("comment")),
            email=text(values.get("email")),
            phone=text(values.get("phone")),
            external_id=text(values.get("external_id")),
            survey=text(values.get("survey")),
            channel=text(values.get("channel")) or self._channel,
            properties=properties,
        )

    def _id(self, values: Mapping[str, Any], properties: Mapping[str, Json]) -> str:
        if "id" in values:
            own = text(values["id"])
            if own is None:
                raise Unreadable("its id is empty")
            return own
        content = orjson.dumps([values, properties], option=orjson.OPT_SORT_KEYS)
        return f"row-{blake2b(content, digest_size=12).hexdigest()}"

    def _moment(self, name: str, values: Mapping[str, Any]) -> datetime | None:
        value = values.get(name)
        if value is None or value == "":
            return None
        try:
            return self._moments.read(value)
        except NaiveTime:
            raise Unreadable(
                f"its {name} names no time zone; set time_zone for this connection, or export times with an offset"
            ) from None
        except NoTime as problem:
            raise Unreadable(f"its {name} {problem}") from None

    def _broken(self, record: Record, problem: str) -> SurveyResponse:
        """Known again by what the line holds and where it stands."""
        digest = blake2b(record.raw.rstrip(b"\r\n"), digest_size=8, person=b"broken row")
        digest.update(self._name.encode())
        return SurveyResponse(
            source=self._source,
            id=f"broken-{digest.hexdigest()}-{record.line}",
            answered_at=LONG_AGO,
            problem=f"{self._name}, line {record.line}: {problem}",
        )
