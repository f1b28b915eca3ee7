"""Rows found and read: by any column, through the crosswalk, over merges; in one transaction per question.

What a database calls equal is looked at once more here: many ignore case or accents when they compare.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from connectors.contract import Lookup, Notice, Only
from connectors.sql.tables import AnyColumn, Field, Held, Shape
from nps.changes import Hit, Record
from nps.errors import ConfigError, RejectedError
from nps.values import Json

T = TypeVar("T")

CHUNK = 500  # values in one IN (…): every database takes so many parameters
PAGE = 1_000
MOST_ROWS = 20_000  # that 500 values of a key may name

Normal = Callable[[str], str]


def chunks(values: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


@dataclass(frozen=True)
class Finder:
    """Reads one object's rows on one connection. `now` decides which rows of a crosswalk are valid."""

    at: Connection
    shape: Shape
    now: datetime
    notice: Notice

    # ------------------------------------------------------------ the questions

    def find(self, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        answers = [
            (lookup.field, value, key) for lookup in lookups for value, key in self._keys_named(lookup)
        ]
        followed = self.followed({key for _, _, key in answers})
        records = self._records(set(followed.values()), fields, only)
        absorbed = self._absorbed(records)
        hits: dict[tuple[str, str, str], Hit] = {}
        for field, value, key in answers:
            survivor = followed.get(key)
            if survivor is not None and survivor in records:
                record = self._record(survivor, records[survivor], absorbed[survivor])
                hits[field, value, survivor] = Hit(field, value, record)
        return list(hits.values())

    def get(self, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        known = {id for id in ids if self.shape.key_kind.asked(id) is not None}
        followed = self.followed(known)
        records = self._records(set(followed.values()), fields, only)
        merged = self._absorbed(records)
        for asked, survivor in followed.items():
            if survivor in records and asked != survivor:
                merged[survivor].add(asked)
        return [self._record(key, shown, merged[key]) for key, shown in records.items()]

    def page(self, after: Any, fields: Sequence[str], only: Only) -> tuple[list[Record], Any]:
        """The next rows after this key, and the key to go on after; None at the end."""
        key = self.shape.key
        query = self._query(self._wanted(fields, only)).where(key.is_not(None), *self._allowed(only))
        query = query.order_by(key).limit(PAGE)
        rows = self.at.execute(query if after is None else query.where(key > after)).mappings().all()
        shown = self._shown(rows, fields, only)
        followed = self.followed(shown)
        records = [self._record(key, one, set()) for key, one in shown.items() if followed.get(key) == key]
        return records, rows[-1]["npsync_key"] if len(rows) == PAGE else None

    # ------------------------------------------------------------ keys

    def _keys_named(self, lookup: Lookup) -> Iterator[tuple[str, str]]:
        if self.shape.is_crosswalked(lookup.field):
            return self._by_crosswalk(lookup)
        return self._by_column(lookup)

    def _by_column(self, lookup: Lookup) -> Iterator[tuple[str, str]]:
        match = self.shape.settings.match.get(lookup.field)
        if match is not None and match.column is not None:
            column, kind = self.shape.master.column(match.column), self.shape.master.kinds[match.column]
        else:
            field = self.shape.field(lookup.field)
            column, kind = field.column, field.kind
        way = match.expression if match is not None else None
        lower = way == "lower" or (way is None and lookup.kind == "email")
        asked: defaultdict[str, list[str]] = defaultdict(list)
        for value in lookup.values:
            if value and kind.asked(value) is not None:
                asked[value.lower() if lower else str(kind.shown(kind.asked(value)))].append(value)
        compared = func.lower(column) if lower else column
        for some in chunks(list(asked)):
            bound = list(some) if lower else [kind.asked(asked[one][0]) for one in some]
            query = (
                select(self.shape.key.label("npsync_key"), column.label("npsync_held"))
                .select_from(self._joined([column]))
                .where(compared.in_(bound), self.shape.key.is_not(None))
                .limit(MOST_ROWS + 1)
            )
            rows = self.at.execute(query).all()
            if len(rows) > MOST_ROWS:
                raise ConfigError(
                    f"{self.shape.connection}: {lookup.field} is no key of {self.shape.object}: {len(some)} values "
                    f"name more than {MOST_ROWS:,} rows; match by a column that tells customers apart"
                )
            for key, held in rows:
                shown = str(kind.shown(held))
                for value in asked.get(shown.lower() if lower else shown, ()):
                    yield value, str(self.shape.key_kind.shown(key))

    def _by_crosswalk(self, lookup: Lookup) -> Iterator[tuple[str, str]]:
        crosswalk = self.shape.crosswalk
        assert crosswalk is not None
        told = crosswalk.settings
        kind = crosswalk.held.kinds[told.id]
        values = [value for value in dict.fromkeys(lookup.values) if value and kind.asked(value) is not None]
        for some in chunks(values):
            named = {str(kind.shown(kind.asked(value))): value for value in some}
            query = select(crosswalk.column(told.id), crosswalk.column(told.key)).where(
                crosswalk.column(told.id).in_([kind.asked(value) for value in some]),
                *self._valid(told.fields[lookup.field]),
            )
            for id, key in self.at.execute(query).all():
                if (value := named.get(str(kind.shown(id)))) is not None and key is not None:
                    yield value, str(crosswalk.held.kinds[told.key].shown(key))

    def _valid(self, system: str) -> list[ColumnElement[bool]]:
        """Rows of this system that count now."""
        crosswalk = self.shape.crosswalk
        assert crosswalk is not None
        told = crosswalk.settings
        conditions = [crosswalk.column(told.system) == system]
        for name, later in ((told.valid_from, False), (told.valid_to, True)):
            if name is not None:
                column = crosswalk.column(name)
                now = bound_moment(self.at, crosswalk.held, name, self.now)
                inside = moments(self.at, column) > now if later else moments(self.at, column) <= now
                conditions.append(or_(column.is_(None), inside))
        return conditions

    # ------------------------------------------------------------ merges

    def followed(self, keys: Iterable[str]) -> dict[str, str]:
        """Key → the key it lives on under. Those whose merges lead nowhere are missing."""
        merges = self.shape.merges
        survivors = {key: key for key in keys}
        if merges is None or not survivors:
            return survivors
        for _ in range(merges.settings.hops):
            steps = self._merged(merges.from_key, merges.into_key, set(survivors.values()))
            if not steps:
                return survivors
            survivors = {key: steps.get(now, now) for key, now in survivors.items()}
        open_ended = self._merged(merges.from_key, merges.into_key, set(survivors.values()))
        lost = {key for key, now in survivors.items() if now in open_ended}
        if lost:
            self.notice("sql_merges_lead_nowhere", count=len(lost), hops=merges.settings.hops)
        return {key: now for key, now in survivors.items() if key not in lost}

    def _merged(self, asked: AnyColumn, answer: AnyColumn, keys: set[str]) -> dict[str, str]:
        assert self.shape.merges is not None
        kinds = self.shape.merges.held.kinds
        bound = [one for key in sorted(keys) if (one := kinds[asked.name].asked(key)) is not None]
        found: dict[str, str] = {}
        for some in chunks(bound):
            for old, new in self.at.execute(select(asked, answer).where(asked.in_(some))).all():
                if old is not None and new is not None and old != new:
                    found[str(kinds[asked.name].shown(old))] = str(kinds[answer.name].shown(new))
        return found

    def _absorbed(self, keys: Iterable[str]) -> defaultdict[str, set[str]]:
        """Key → every key that was merged into it, also by way of others."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        merges = self.shape.merges
        if merges is None:
            return found
        into = {key: key for key in keys}
        kinds = merges.held.kinds
        for _ in range(merges.settings.hops):
            older: dict[str, str] = {}
            bound = [one for key in into if (one := kinds[merges.into_key.name].asked(key)) is not None]
            for some in chunks(bound):
                query = select(merges.from_key, merges.into_key).where(merges.into_key.in_(some))
                for old, new in self.at.execute(query).all():
                    if old is None or old == new:
                        continue
                    survivor = into[str(kinds[merges.into_key.name].shown(new))]
                    absorbed = str(kinds[merges.from_key.name].shown(old))
                    if absorbed != survivor and absorbed not in found[survivor]:
                        found[survivor].add(absorbed)
                        older[absorbed] = survivor
            if not older:
                break
            into = older
        return found

    # ------------------------------------------------------------ rows

    def _records(self, keys: set[str], fields: Sequence[str], only: Only) -> dict[str, dict[str, Json]]:
        bound = [one for key in sorted(keys) if (one := self.shape.key_kind.asked(key)) is not None]
        found: dict[str, dict[str, Json]] = {}
        for some in chunks(bound):
            query = self._query(self._wanted(fields, only)).where(
                self.shape.key.in_(some), *self._allowed(only)
            )
            found |= self._shown(self.at.execute(query).mappings().all(), fields, only)
        return {key: shown for key, shown in found.items() if key in keys}

    def _wanted(self, fields: Sequence[str], only: Only) -> list[Field]:
        names = dict.fromkeys((*fields, *only))
        return [self.shape.field(name) for name in names if not self.shape.is_crosswalked(name)]

    def _query(self, wanted: Sequence[Field]) -> Select[Any]:
        columns = [one.column.label(f"npsync_{at}") for at, one in enumerate(wanted)]
        return select(self.shape.key.label("npsync_key"), *columns).select_from(
            self._joined([one.column for one in wanted])
        )

    def _joined(self, columns: Iterable[AnyColumn]) -> Any:
        shape = self.shape
        if not any(column.table is not shape.master.table for column in columns):
            return shape.master.table
        return shape.master.table.outerjoin(shape.written.table, shape.written_key == shape.key)

    def _shown(
        self, rows: Sequence[Mapping[Any, Any]], fields: Sequence[str], only: Only
    ) -> dict[str, dict[str, Json]]:
        wanted = self._wanted(fields, only)
        allowed = {name: _allowed_values(self.shape, name, value) for name, value in only.items()}
        found: dict[str, dict[str, Json]] = {}
        for row in rows:
            shown = {one.name: one.kind.shown(row[f"npsync_{at}"]) for at, one in enumerate(wanted)}
            if all(shown[name] in values for name, values in allowed.items()):
                key = str(self.shape.key_kind.shown(row["npsync_key"]))
                found[key] = {name: shown.get(name) for name in fields}
        for name in fields:
            if self.shape.is_crosswalked(name):
                for key, id in self._ids_elsewhere(name, list(found)).items():
                    found[key][name] = id
        return found

    def _ids_elsewhere(self, name: str, keys: Sequence[str]) -> dict[str, str]:
        crosswalk = self.shape.crosswalk
        assert crosswalk is not None
        told = crosswalk.settings
        key_kind, id_kind = crosswalk.held.kinds[told.key], crosswalk.held.kinds[told.id]
        found: dict[str, str] = {}
        for some in chunks(keys):
            query = select(crosswalk.column(told.key), crosswalk.column(told.id)).where(
                crosswalk.column(told.key).in_([key_kind.asked(key) for key in some]),
                *self._valid(told.fields[name]),
            )
            for key, id in self.at.execute(query).all():
                shown, known = str(id_kind.shown(id)), found.get(str(key_kind.shown(key)))
                found[str(key_kind.shown(key))] = shown if known is None else min(known, shown)
        return {key: id for key, id in found.items() if key in set(keys)}

    def _allowed(self, only: Only) -> Iterator[ColumnElement[bool]]:
        for name, value in only.items():
            if self.shape.is_crosswalked(name):
                raise ConfigError(
                    f"{self.shape.connection}: only: {name} is an id in the crosswalk, which chooses no customers"
                )
            field = self.shape.field(name)
            values = _allowed_values(self.shape, name, value)
            bound = [field.kind.bound(one) for one in values if one is not None]
            condition = field.column.in_(bound)
            yield or_(condition, field.column.is_(None)) if None in values else condition

    def _record(self, key: str, shown: dict[str, Json], merged: set[str]) -> Record:
        return Record(self.shape.object, key, shown, tuple(sorted(merged)))


def _allowed_values(shape: Shape, name: str, value: Json) -> list[Json]:
    """What `only` allows, as rows show it; a value that the column cannot hold is one that no row shows."""
    kind = shape.field(name).kind
    found: list[Json] = []
    for one in value if isinstance(value, list) else [value]:
        try:
            found.append(kind.canonical(one))  # type: ignore[arg-type]
        except RejectedError:
            continue
    return found


# ---------------------------------------------------------------- times


def bound_moment(at: Connection, held: Held, name: str, moment: datetime) -> Any:
    """A moment as a condition on this column takes it."""
    kind = held.kinds[name]
    shown: Json = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if kind.type.value == "date":
        shown = str(date(moment.year, moment.month, moment.day))
    return moments(at, kind.bound(shown))


def moments(at: Connection, time: Any) -> Any:
    """A column of times, or one time, so that they can be compared: SQLite holds texts, in several spellings."""
    return func.julianday(time) if at.dialect.name == "sqlite" else time
