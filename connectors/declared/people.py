"""Who gave an answer, where the row does not say it: people beside the rows of a reply, or another call for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors import cells
from connectors.contract import Tools
from connectors.declared.calling import Calling
from connectors.declared.description import Beside, Description, Lookup, Rule
from connectors.declared.expressions import Find, NotForThis, compiled, found_in
from connectors.declared.rows import NOBODY, Pick, Row, RowReader, Unreadable, Who, id_of, pick_of
from nps.errors import AccessError, UnavailableError
from nps.values import Json

_AT_ONCE = 4  # calls under way; how often they leave is the limiter's business
Picks = Mapping[str, Pick]


class _Known(msgspec.Struct, frozen=True):
    """A person as they are remembered, and since when (UNIX seconds)."""

    who: dict[str, str]
    at: float


@dataclass(frozen=True)
class Named:
    """The people behind some rows, in the rows' order; None where a later run asks."""

    people: tuple[Who | None, ...]

    @property
    def whole(self) -> bool:
        return None not in self.people


class People:
    """Looks people up, each once, and remembers them in the connection's memory."""

    def __init__(self, description: Description, calling: Calling, tools: Tools) -> None:
        self._beside = description.beside
        self._look_up = description.look_up
        self._told_beside = {} if self._beside is None else _picks(self._beside.fields)
        self._told = {} if self._look_up is None else _picks(self._look_up.fields)
        self._calling = calling
        self._tools = tools
        self._pool: ThreadPoolExecutor | None = None
        self._left = 0
        self._reached = False  # a call of this run was answered
        self._hindered: AccessError | UnavailableError | None = None
        self.put_off = 0  # rows whose person a later run names

    def begin(self) -> None:
        """A new run may make its calls."""
        self._left = 0 if self._look_up is None else self._look_up.per_run
        self._reached, self._hindered = False, None
        self.put_off = 0

    @property
    def hindered(self) -> str:
        """Why this run asks for nobody any more, if something is in the way."""
        return "" if self._hindered is None else str(self._hindered)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def of(self, rows: Sequence[Row], body: Json, reader: RowReader) -> Named:
        """Everybody behind `rows` of the reply `body`."""
        people: list[Who] = [NOBODY] * len(rows)
        if self._beside is not None:
            people = _beside(self._beside, self._told_beside, rows, body)
        if self._look_up is None:
            return Named(tuple(people))
        return self._looked_up(self._look_up, rows, people, reader)

    def _looked_up(self, how: Lookup, rows: Sequence[Row], people: list[Who], reader: RowReader) -> Named:
        keys = [
            _key(compiled(how.key), row) if _lacks(how, row, who, reader) else None
            for row, who in zip(rows, people, strict=True)
        ]
        known = self._people(how, list(dict.fromkeys(key for key in keys if key is not None)))
        found: list[Who | None] = list(people)
        for at, key in enumerate(keys):
            if key is not None:
                found[at] = {**known[key], **people[at]} if key in known else None
        self.put_off += found.count(None)
        return Named(tuple(found))

    def _people(self, how: Lookup, keys: Sequence[str]) -> dict[str, Who]:
        """Those of `keys` that are known, or that this run may still ask for."""
        names = {f"person:{key}": key for key in keys}
        remembered = {
            names[name]: msgspec.json.decode(text, type=_Known)
            for name, text in self._tools.memory.get(list(names)).items()
        }
        now = self._tools.clock.now()
        stale = (now - how.fresh_for).timestamp()
        wanted = [key for key in keys if key not in remembered or remembered[key].at < stale]
        asked = wanted[: self._left]
        self._left -= len(asked)
        answered = zip(asked, self._all_asked(how, asked), strict=True)
        found = {key: _Known(who, now.timestamp()) for key, who in answered if who is not None}
        self._tools.memory.put(
            {f"person:{key}": msgspec.json.encode(each).decode() for key, each in found.items()}
        )
        # Somebody who was named once keeps their name until there are calls to ask again.
        return {key: each.who for key, each in (remembered | found).items()}

    def _all_asked(self, how: Lookup, keys: Sequence[str]) -> list[dict[str, str] | None]:
        """Who each is, with calls that overlap; None for those a later run asks for. AccessError when already the first
        call of a run is refused: somebody has to grant it."""
        alone = 0 if self._reached else 1
        said = [self._asked_unless_hindered(how, key) for key in keys[:alone]]
        if len(rest := keys[alone:]) > 1:
            self._pool = self._pool or ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="npsync-people")
            return said + list(self._pool.map(lambda key: self._asked_unless_hindered(how, key), rest))
        return said + [self._asked_unless_hindered(how, key) for key in rest]

    def _asked_unless_hindered(self, how: Lookup, key: str) -> dict[str, str] | None:
        """A tool that is out of breath is left alone: the answers are there, and who gave them can wait."""
        if self._hindered is not None:
            return None
        try:
            who = self._asked(how, key)
        except (AccessError, UnavailableError) as error:
            if isinstance(error, AccessError) and not self._reached:
                raise
            self._hindered = error
            return None
        self._reached = True
        return who

    def _asked(self, how: Lookup, key: str) -> dict[str, str]:
        said = self._calling.look_up(how.path, key)
        return {} if said is None else _who(self._told, found_in(how.record, said))


def _lacks(how: Lookup, row: Row, who: Who, reader: RowReader) -> bool:
    """Whether a call could tell what neither the row nor its reply does."""
    for name in how.fields:
        try:
            own = cells.text(reader.value(name, row))
        except NotForThis:
            own = None
        if not own and name not in who:
            return True
    return False


def _beside(how: Beside, told: Picks, rows: Sequence[Row], body: Json) -> list[Who]:
    records = found_in(how.records, body)
    find = compiled(how.id)
    known = {
        key: record
        for record in (records if isinstance(records, list) else [])
        if (key := _key(find, record)) is not None
    }
    row_key = compiled(how.key)
    found: list[Who] = []
    for row in rows:
        key = _key(row_key, row)
        found.append(_who(told, known[key]) if key is not None and key in known else NOBODY)
    return found


def _picks(fields: Mapping[Any, Rule]) -> Picks:
    return {name: pick for name, rule in fields.items() if (pick := pick_of(rule, {})) is not None}


def _who(picks: Picks, record: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, pick in picks.items():
        try:
            told = cells.text(pick.of(record))
        except NotForThis:
            told = None
        if told is not None:
            found[name] = told
    return found


def _key(find: Find, value: Any) -> str | None:
    try:
        return id_of(find(value))
    except (NotForThis, Unreadable):
        return None
