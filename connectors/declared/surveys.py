"""Which surveys a described tool has, and what each says of its own questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from connectors import cells
from connectors.contract import Tools
from connectors.declared.calling import Calling
from connectors.declared.description import Description, Discovery, Everything, Request
from connectors.declared.expressions import NotForThis, compiled, found_in, true_of
from connectors.declared.placeholders import names_in
from connectors.declared.reading import Asked, read
from connectors.declared.rows import Unreadable, id_of, paths_of
from nps.errors import ConfigError
from nps.values import Json

Known = Mapping[str, str]


@dataclass(frozen=True)
class Survey:
    """One listing to read. `id` is None where the tool lists all answers together."""

    id: str | None = None
    known: Known = field(default_factory=dict)


class _Remembered(msgspec.Struct, frozen=True):
    known: dict[str, str]
    at: float


class Surveys:
    """The surveys of one connection."""

    def __init__(self, description: Description, calling: Calling, tools: Tools) -> None:
        self._description = description
        self._how = description.surveys
        self._calling = calling
        self._tools = tools
        request = description.request
        asked = names_in([request.path, request.query, request.body or {}, request.headers])
        self._listed_alone = "survey" in asked
        values = set() if self._how is None else set(self._how.values)
        self._used = values & set(names_in([description.fields.model_dump(), description.rows.model_dump()]))
        score = description.fields.score
        self._needed = values & set(names_in(() if score is None else paths_of(score)))
        self._entries: dict[str, Any] = {}
        self._of_rows: dict[str, Known] = {}

    def listings(self) -> list[Survey]:
        """What is read one after the other. ConfigError when nothing says which of their questions is the score."""
        self._entries, self._of_rows = {}, {}
        how = self._how
        if how is None or not self._listed_alone:
            return [Survey()]
        ids = how.named or tuple(self._found(how))
        surveys = [Survey(each, self._known(how, each)) for each in ids]
        fit = [each for each in surveys if self._needed <= each.known.keys()]
        unfit = [each.id or "" for each in surveys if each not in fit]
        if unfit and (how.named or not fit):
            raise ConfigError(self._no_question(unfit))
        if unfit:
            self._tools.notice(
                "surveys_left_out", why="no question for the score was found", count=len(unfit)
            )
        return fit

    def of_row(self, survey: str | None) -> Known:
        """What is known of the survey of a row, where answers of all surveys come together."""
        if self._how is None or not self._used or survey is None:
            return {}
        if survey not in self._of_rows:
            if survey not in self._entries and self._how.path is not None and self._how.each is None:
                list(self._found(self._how))  # it may be newer than the list we have
            self._of_rows[survey] = self._known(self._how, survey)
        return self._of_rows[survey]

    # ------------------------------------------------------------ inside

    def _found(self, how: Discovery) -> Iterator[str]:
        """The ids of the tool's own list, in its order."""
        for row in self._rows(how):
            if how.only is not None and not true_of(how.only, row):
                continue
            try:
                id = id_of(compiled(how.id)(row))
            except (Unreadable, NotForThis):
                raise ConfigError(
                    f"{self._tools.connection}: GET {how.path}: a survey has no `{how.id}`{_keys(row)}; "
                    "set surveys.id, or name the surveys"
                ) from None
            if id not in self._entries:
                self._entries[id] = row
                yield id

    def _rows(self, how: Discovery) -> Iterator[Any]:
        assert how.path is not None
        listing = self._description.model_copy(
            update={
                "request": Request.model_validate({"path": how.path, "query": how.query}),
                "records": how.records,
                "pages": how.pages,
                "since": Everything(),
            }
        )
        path, query = how.path, how.query

        def fetch(asked: Asked) -> Json:
            if asked.link is not None:
                return self._calling.page(asked, None)
            return self._calling.get(path, {**query, **asked.values}, {})

        now: datetime = self._tools.clock.now()
        for piece in read(listing, fetch, None, since=None, now=now):
            yield from piece.rows

    def _known(self, how: Discovery, survey: str) -> Known:
        """What a survey says of itself, with what the YAML says before it."""
        given = {name: value for name, value in how.given.get(survey, {}).items() if name in how.values}
        if self._used <= given.keys():
            return given
        return {**self._definition(how, survey), **given}

    def _definition(self, how: Discovery, survey: str) -> Known:
        if how.each is None:
            entry = self._entries.get(survey)
            if entry is None and how.path is not None:
                list(self._found(how))
                entry = self._entries.get(survey)
            return {} if entry is None else self._values(how, entry)
        name, now = f"survey:{survey}", self._tools.clock.now().timestamp()
        if text := self._tools.memory.get([name]).get(name):
            remembered = msgspec.json.decode(text, type=_Remembered)
            if remembered.at >= now - how.fresh_for.total_seconds():
                return remembered.known
        said = self._calling.definition(how.each.path, how.each.query, survey)
        if said is None:
            self._tools.notice("survey_definition_refused", survey=survey)
            return {}
        found = self._values(how, found_in(how.each.record, said))
        self._tools.memory.put({name: msgspec.json.encode(_Remembered(found, now)).decode()})
        return found

    def _values(self, how: Discovery, said: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, text in how.values.items():
            if (value := cells.text(found_in(text, said))) is not None:
                found[name] = value
        return found

    def _no_question(self, surveys: Sequence[str]) -> str:
        names = " and ".join(sorted(self._needed))
        listed = ", ".join(surveys[:5]) + (" …" if len(surveys) > 5 else "")
        return (
            f"{self._tools.connection}: nothing tells which question of survey {listed} is the score; "
            f"set {names} in the connection (one for all, or {{{surveys[0]}: ID}})"
        )


def _keys(row: Any) -> str:
    if not isinstance(row, Mapping):
        return " (it is no object)"
    return f" (it has {', '.join(sorted(map(str, row))[:12])})"
