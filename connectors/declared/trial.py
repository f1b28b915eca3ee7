"""Trying a description on one page: how each row would be read, and what of it nobody looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.declared.description import Description, Rule
from connectors.declared.expressions import NotForThis, compiled
from connectors.declared.people import Named
from connectors.declared.placeholders import filled_now
from connectors.declared.reading import Asked, Piece, read, rows_of
from connectors.declared.rows import (
    NOBODY,
    WHO,
    Elsewhere,
    Pick,
    Row,
    RowReader,
    Unreadable,
    Who,
    id_of,
    own_rules,
    paths_of,
    pick_of,
    texts_of,
)
from connectors.declared.surveys import Survey
from nps.errors import UnavailableError
from nps.responses import SurveyResponse
from nps.values import Json

_DEEPEST = 6


@dataclass(frozen=True)
class FieldTried:
    """One of our names: the expression that found something (else all of them), what it found, and how it is read."""

    name: str
    path: str
    found: Any = field(repr=False)
    read: Json | datetime = field(repr=False)
    problem: str = ""


@dataclass(frozen=True)
class RowTried:
    fields: tuple[FieldTried, ...]
    outcome: SurveyResponse | Elsewhere
    unused: tuple[str, ...]  # dotted keys no expression looked at


@dataclass(frozen=True)
class Trial:
    """What one page showed. `outcomes` are those of all its rows; `rows` the first few in detail."""

    what: str
    survey: str | None
    known: Mapping[str, str]
    rows: tuple[RowTried, ...]
    outcomes: tuple[SurveyResponse | Elsewhere, ...]
    unused: Mapping[str, int]  # key no field uses → in how many rows it stands
    next_page: Asked | None
    place: Mapping[str, Json] | None
    lists: Mapping[str, int] = field(
        default_factory=dict
    )  # lists in the reply, and how long: where rows might be
    problem: str = ""
    nowhere: Mapping[str, str] = field(default_factory=dict)
    """Our names whose expressions found nothing in any row of the page → these expressions."""
    paged: bool = True  # whether the description says how to come to other pages

    @property
    def unreadable(self) -> int:
        return sum(isinstance(each, SurveyResponse) and bool(each.problem) for each in self.outcomes)


def tried(
    description: Description,
    fetch: Callable[[Asked], Json],
    people: Callable[[Sequence[Row], Json], Named],
    reader_of: Callable[[Row], RowReader],
    survey: Survey,
    *,
    most: int,
    since: datetime | None,
    now: datetime,
) -> Trial:
    """Fetches one page; `people` looks up who gave its first `most` rows."""
    request = description.request
    what = f"{request.method} {request.path}"
    page = _OnePage(description, fetch, since, now)
    shown = Trial(
        what,
        survey.id,
        survey.known,
        (),
        (),
        {},
        page.next_page,
        page.place,
        lists_in(page.body),
        paged=description.pages.kind != "none",
    )
    try:
        rows = rows_of(description, page.body)
    except UnavailableError as error:
        return replace(shown, problem=str(error))
    named = people(rows[:most], page.body)
    in_detail = tuple(
        _row(description, reader_of(row), row, who) for row, who in zip(rows, named.people, strict=False)
    )
    watched = [_Watched(description, row, reader_of(row).known) for row in rows]
    outcomes = tuple(reader_of(row).answer(row) for row in rows)
    answers = [row for row, became in zip(rows, outcomes, strict=True) if isinstance(became, SurveyResponse)]
    return replace(
        shown,
        rows=in_detail,
        outcomes=outcomes,
        nowhere=_nowhere(description, reader_of, answers),
        unused=dict(Counter(key for each in watched for key in each.unused)),
        problem=page.problem,
    )


class _Enough(Exception):
    """The second page is asked for: what it would be is known, and it is not fetched."""


class _OnePage:
    """The first page of a listing, and what would come then."""

    def __init__(
        self, description: Description, fetch: Callable[[Asked], Json], since: datetime | None, now: datetime
    ) -> None:
        self.body: Json = None
        self.next_page: Asked | None = None
        self.place: Mapping[str, Json] | None = None
        self.problem = ""
        self._fetched = False

        def once(asked: Asked) -> Json:
            if self._fetched:
                self.next_page = asked
                raise _Enough
            self.body = fetch(asked)
            self._fetched = True
            return self.body

        pieces: Iterator[Piece] = read(description, once, None, since=since, now=now)
        try:
            for piece in pieces:
                self.place = piece.place
        except _Enough:
            pass
        except UnavailableError as error:
            if not self._fetched:
                raise
            self.problem = str(error)  # the page came, and reading on from it would fail


def _row(description: Description, reader: RowReader, row: Row, person: Who | None) -> RowTried:
    outcome = reader.answer(row, person)
    who = person or NOBODY
    rules = _rules(description)
    fields = []
    for name, rule in rules:
        tried = _field(name, rule, reader, row)
        if tried.read in (None, "") and not tried.problem and name in who:
            tried = FieldTried(name, "looked up", who[name], who[name])
        fields.append(tried)
    ruled = dict(rules)
    fields += [
        FieldTried(name, "looked up", who[name], who[name])
        for name in WHO
        if name in who and name not in ruled
    ]
    return RowTried(tuple(fields), outcome, tuple(_Watched(description, row, reader.known).unused))


def _rules(description: Description) -> list[tuple[str, Rule]]:
    rules: list[tuple[str, Rule]] = own_rules(description.fields)
    return rules + [(f"properties.{name}", rule) for name, rule in description.fields.properties.items()]


def _nowhere(
    description: Description, reader_of: Callable[[Row], RowReader], rows: Sequence[Row]
) -> dict[str, str]:
    if not rows:
        return {}
    missed: dict[str, str] = {}
    for name, rule in _rules(description):
        tries = [
            _hit([filled_now(path, reader_of(row).known) for path in paths_of(rule)], row) for row in rows
        ]
        if all(found is None for _, found in tries):
            missed[name] = tries[0][0]
    return missed


def _field(name: str, rule: Rule, reader: RowReader, row: Row) -> FieldTried:
    pick = pick_of(rule, reader.known)
    paths = [filled_now(path, reader.known) for path in paths_of(rule)]
    if pick is None:
        return FieldTried(
            name, " or ".join(paths), None, None, "needs what the survey's definition does not tell"
        )
    path, found = _hit(paths, row)
    try:
        return FieldTried(name, path, found, _became(name, pick, reader, row))
    except NotForThis as problem:
        return FieldTried(name, path, found, None, str(problem))
    except Unreadable as problem:
        return FieldTried(name, path, found, None, str(problem).removeprefix(f"its {name} "))


def _hit(paths: Sequence[str], row: Row) -> tuple[str, Any]:
    for path in paths:
        try:
            found = compiled(path)(row)
        except NotForThis:
            return path, None
        if found is not None and found != "":
            return path, found
    return " or ".join(paths), None


def _became(name: str, pick: Pick, reader: RowReader, row: Row) -> Any:
    value = pick.of(row)
    if name == "id":
        return id_of(value)
    if name.endswith("_at") and not name.startswith("properties."):
        return reader.moment(name, value)
    return value


# ---------------------------------------------------------------- what nobody looked at


class _Watched:
    """A row that notices which of its keys the description's expressions look at."""

    def __init__(self, description: Description, row: Row, known: Mapping[str, str]) -> None:
        self._seen: set[tuple[str, ...]] = set()
        watched = self._watching(row, ())
        for text in _expressions(description):
            try:
                compiled(filled_now(text, known))(watched)
            except NotForThis:
                continue
        self._whole = {path for path in self._seen if not any(_below(other, path) for other in self._seen)}
        self.unused = [".".join(path) for path in dict.fromkeys(_leaves(row, ())) if not self._is_used(path)]

    def _is_used(self, leaf: tuple[str, ...]) -> bool:
        return any(leaf == path or _below(leaf, path) for path in self._whole)

    def _watching(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            inside = {key: self._watching(each, (*path, key)) for key, each in value.items()}
            return _Object(inside, path, self._seen)
        if isinstance(value, list):
            above, last = path[:-1], path[-1] if path else ""
            return [self._watching(each, (*above, f"{last}[]")) for each in value]
        return value


class _WatchedObject(dict[str, Any]):
    def __init__(self, inside: Mapping[str, Any], path: tuple[str, ...], seen: set[tuple[str, ...]]) -> None:
        super().__init__(inside)
        self._path, self._seen = path, seen

    def get(self, key: str, default: Any = None) -> Any:
        if key in self:
            self._seen.add((*self._path, key))
        return super().get(key, default)


# JMESPath's functions tell types by the name of their class.
_Object: Any = type("dict", (_WatchedObject,), {})


def _below(path: tuple[str, ...], above: tuple[str, ...]) -> bool:
    """Whether one path leads on from another, also into the entries of a list."""
    if len(path) <= len(above):
        return False
    return path[: len(above)] == above or path[: len(above)] == (*above[:-1], f"{above[-1]}[]")


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, Mapping) and value and len(path) < _DEEPEST:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value) and path:
        for each in value:
            yield from _leaves(each, (*path[:-1], f"{path[-1]}[]"))
    elif path:
        yield path


def _expressions(description: Description) -> Iterator[str]:
    for _, rule in own_rules(description.fields):
        yield from texts_of(rule)
    for rule in description.fields.properties.values():
        yield from texts_of(rule)
    rows = description.rows
    more = [description.fields.all_properties, rows.only, rows.partial, rows.excluded, rows.withdrawn]
    for part in (description.look_up, description.beside):
        more.append(None if part is None else part.key)
    yield from (each for each in more if each is not None)


def lists_in(body: Json, path: str = "@", depth: int = 0) -> dict[str, int]:
    """Where lists of objects stand in a reply, and how long they are."""
    if isinstance(body, list):
        return {path: len(body)} if all(isinstance(each, dict) for each in body) else {}
    if not isinstance(body, dict) or depth >= _DEEPEST:
        return {}
    found: dict[str, int] = {}
    for key, value in body.items():
        found |= lists_in(value, key if path == "@" else f"{path}.{key}", depth + 1)
    return found
