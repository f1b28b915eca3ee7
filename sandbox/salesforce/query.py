"""Running a parsed SOQL query on the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from sandbox.salesforce import soql
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import canonical
from sandbox.salesforce.schema import Field
from sandbox.salesforce.tables import Column, Record, Table
from sandbox.salesforce.values import Stored, shown_datetime
from sandbox.toy import Room

Get = Callable[[Record], Stored]
Test = Callable[[Record], bool]


@dataclass(frozen=True)
class Hop:
    """One step to a parent: `relation` as describe spells it, over the id at `place`, into `table` or, where the id
    is of another object, into one of `others`."""

    relation: str
    place: int
    table: Table
    others: tuple[Table, ...] = ()

    def parent(self, row: Record) -> tuple[Table, Record] | None:
        id = str(row[self.place])
        for table in (self.table, *self.others):
            if (found := table.rows.get(id)) is not None:
                return table, found
        return None


@dataclass(frozen=True)
class Path:
    """A field, perhaps of a parent: how to get its value from a row."""

    hops: tuple[Hop, ...]
    field: Field
    place: int  # in the last hop's table; in ours if there is no hop
    get: Get


@dataclass(frozen=True)
class Result:
    """Rows that answer a query, not yet turned into JSON: pages are shown one at a time."""

    table: Table
    paths: tuple[Path, ...]
    ids: Sequence[str]
    version: str

    def records(self, start: int, stop: int) -> list[dict[str, Any]]:
        rows = self.table.rows
        return [self._shown(id, rows[id]) for id in self.ids[start:stop]]

    def _shown(self, id: str, row: Record) -> dict[str, Any]:
        shown: dict[str, Any] = {"attributes": self._attributes(self.table.name, id)}
        for path in self.paths:
            if not path.hops:
                shown[path.field.name] = row[path.place]
            else:
                self._nest(shown, path, row)
        return shown

    def _nest(self, shown: dict[str, Any], path: Path, row: Record) -> None:
        """`{"Account": {"attributes": …, "Name": …}}`; a missing parent is null as a whole."""
        get, first = path.get, row
        for hop in path.hops:
            parent = hop.parent(row)
            if parent is None:
                shown[hop.relation] = None
                return
            attributes = self._attributes(parent[0].name, str(row[hop.place]))
            shown = shown.setdefault(hop.relation, {"attributes": attributes})
            row = parent[1]
        shown[path.field.name] = get(first)

    def _attributes(self, object: str, id: str) -> dict[str, str]:
        return {"type": object, "url": f"/services/data/{self.version}/sobjects/{object}/{id}"}


class Queried(Protocol):
    """What a query runs on: the org, or what the Tooling API shows of it."""

    tables: dict[str, Table]
    room: Room

    def table(self, name: str) -> Table | None: ...


def run(org: Queried, text: str, *, deleted: bool, version: str) -> Result | int:
    """The rows in order; for COUNT() their number."""
    query = soql.parse(text)
    table = org.table(query.object)
    if table is None:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{query.object}' is not supported.")
    compiler = _Compiler(org, table, text)
    paths = tuple(compiler.path(name) for name in query.columns or ())
    wanted = compiler.test(query.where) if query.where else _everything
    order = [(compiler.path(term.field), term) for term in query.order]
    ids = [
        id
        for id, row in compiler.candidates(query.where)
        if (deleted or not row[table.deleted]) and wanted(row)
    ]
    for path, term in reversed(order):
        _sort(ids, table, path, term)
    if not order and org.room.faults.take("shuffle", text=text):
        org.room.faults.shuffle(ids)
    ids = ids[query.offset :][: query.limit]
    if query.columns is None:
        return len(ids)
    return Result(table, paths, ids, version)


def _everything(row: Record) -> bool:
    return True


def _sort(ids: list[str], table: Table, path: Path, term: soql.Order) -> None:
    values = {id: path.get(table.rows[id]) for id in ids}
    nulls = [id for id in ids if values[id] is None]
    rest = [id for id in ids if values[id] is not None]
    rest.sort(key=lambda id: _key(values[id]), reverse=term.descending)
    ids[:] = [*rest, *nulls] if term.nulls_last else [*nulls, *rest]


def _key(value: Stored) -> Any:
    return value.lower() if isinstance(value, str) else value


class _Compiler:
    """Turns names and conditions of one query into functions of a row."""

    def __init__(self, org: Queried, table: Table, text: str) -> None:
        self._org = org
        self._table = table
        self._text = text

    def path(self, name: str) -> Path:
        *hops, last = name.split(".")
        if hops and hops[0].lower() == self._table.name.lower():
            del hops[0]  # Contact.Email in a query FROM Contact
        table = self._table
        steps: list[Hop] = []
        for hop in hops:
            if steps and steps[-1].others:
                raise self._no_relation(
                    hop
                )  # of a parent that may be of several objects only its name is there
            step = self._parent(table, hop)
            steps.append(step)
            table = step.table
        column = table.column(last)
        if column is None:
            raise self._no_field(last, table)
        return Path(tuple(steps), column.field, column.place, _getter(steps, column))

    def _parent(self, table: Table, hop: str) -> Hop:
        for column in table.visible():
            relation, parent = column.field.relationship, column.field.to
            if relation and parent and relation.lower() == hop.lower():
                others = (self._org.table(name) for name in column.field.also)
                known = tuple(table for table in others if table is not None)
                return Hop(relation, column.place, self._org.tables[parent], known)
        raise self._no_relation(hop)

    def _no_relation(self, hop: str) -> ApiError:
        return ApiError(
            400,
            "INVALID_FIELD",
            f"{self._text[:200]}\nERROR at Row:1:Column:1\n"
            f"Didn't understand relationship '{hop}' in field path.",
        )

    def _no_field(self, name: str, table: Table) -> ApiError:
        column = max(self._text.lower().find(name.lower()), 0) + 1
        message = (
            f"{self._text[:200]}\nERROR at Row:1:Column:{column}\n"
            f"No such column '{name}' on entity '{table.name}'. If you are attempting to use a custom field, "
            "be sure to append the '__c' after the custom field name. "
            "Please reference your WSDL or the describe call for the appropriate names."
        )
        return ApiError(400, "INVALID_FIELD", message)

    # ------------------------------------------------------------ where

    def test(self, condition: soql.Condition) -> Test:
        match condition:
            case soql.All(parts):
                tests = [self.test(part) for part in parts]
                return lambda row: all(test(row) for test in tests)
            case soql.Any_(parts):
                tests = [self.test(part) for part in parts]
                return lambda row: any(test(row) for test in tests)
            case soql.Not(part):
                inner = self.test(part)
                return lambda row: not inner(row)
            case soql.Membership(name, values, inside):
                return self._membership(self._filtered(name), values, inside)
            case soql.Comparison(name, operator, value):
                return self._comparison(self._filtered(name), operator, value)

    def _filtered(self, name: str) -> Path:
        path = self.path(name)
        if not path.field.filterable:
            raise ApiError(
                400, "INVALID_FIELD", f"field '{path.field.name}' can not be filtered in a query call"
            )
        return path

    def _membership(self, path: Path, values: tuple[soql.Literal, ...], inside: bool) -> Test:
        wanted = {_key(_literal(path.field, value)) for value in values}
        get = path.get
        return lambda row: (_key(get(row)) in wanted) == inside

    def _comparison(self, path: Path, operator: str, value: soql.Literal) -> Test:
        get = path.get
        if operator == "like":
            pattern = self._like(path.field, value)
            return lambda row: bool(pattern.fullmatch(str(get(row) or "")))
        if isinstance(value, soql.Days):
            return self._days(path, operator, value)
        wanted = _key(_literal(path.field, value))
        if operator == "=":
            return lambda row: bool(_key(get(row)) == wanted)
        if operator == "!=":
            return lambda row: bool(_key(get(row)) != wanted)
        if wanted is None or path.field.type == "boolean":
            raise ApiError(
                400, "MALFORMED_QUERY", f"{path.field.name}: '{operator}' cannot compare this value"
            )
        compare = _COMPARE[operator]
        return lambda row: (found := _key(get(row))) is not None and compare(found, wanted)

    def _days(self, path: Path, operator: str, value: soql.Days) -> Test:
        """A date literal is a span: before it, in it, after it. Days are those of UTC here."""
        if path.field.type not in ("date", "datetime"):
            raise ApiError(400, "INVALID_FIELD", f"{path.field.name}: a date literal compares dates only")
        today = self._org.room.clock.now().date()
        start, end = (today + timedelta(days=days) for days in (value.first, value.last + 1))
        low, high = start.isoformat(), end.isoformat()  # "2026-01-02" sorts before "2026-01-02T00:00"
        get = path.get
        tests: dict[str, Callable[[str], bool]] = {
            "=": lambda found: low <= found < high,
            "!=": lambda found: not low <= found < high,
            "<": lambda found: found < low,
            "<=": lambda found: found < high,
            ">": lambda found: found >= high,
            ">=": lambda found: found >= low,
        }
        holds = tests[operator]
        return lambda row: isinstance(found := get(row), str) and holds(found)

    def _like(self, field: Field, value: soql.Literal) -> re.Pattern[str]:
        if not isinstance(value, soql.Text) or not field.is_text or field.type in ("id", "reference"):
            raise ApiError(400, "INVALID_FIELD", f"invalid operator on {field.type} field '{field.name}'")
        return soql.like(value.raw)

    # ------------------------------------------------------------ which rows to look at

    def candidates(self, condition: soql.Condition | None) -> Iterator[tuple[str, Record]]:
        """The rows that can match, in table order where no index helps."""
        ids = self._indexed(condition) if condition else None
        rows = self._table.rows
        if ids is None:
            yield from rows.items()
        else:
            yield from ((id, rows[id]) for id in ids if id in rows)

    def _indexed(self, condition: soql.Condition) -> dict[str, None] | None:
        """Ids that an index offers for this condition, each once; None if only a full scan will do."""
        match condition:
            case soql.All(parts):
                offers = [offer for part in parts if (offer := self._indexed(part)) is not None]
                return min(offers, key=len) if offers else None
            case soql.Any_(parts):
                found: dict[str, None] = {}
                for part in parts:
                    offer = self._indexed(part)
                    if offer is None:
                        return None
                    found |= offer
                return found
            case soql.Membership(name, values, True):
                return self._offer(name, values)
            case soql.Comparison(name, "=", value):
                return self._offer(name, (value,))
            case _:
                return None

    def _offer(self, name: str, values: Sequence[soql.Literal]) -> dict[str, None] | None:
        if "." in name or not all(isinstance(value, soql.Text) for value in values):
            return None
        texts = [value.value for value in values if isinstance(value, soql.Text)]
        path = self.path(name)
        if path.field.type == "id":
            return dict.fromkeys(id for text in texts if (id := canonical(text)))
        index = self._table.indexes.get(path.place)
        if index is None:
            return None
        if path.field.to:
            texts = [canonical(text) or text for text in texts]
        return dict.fromkeys(id for text in texts for id in index.find(text))


def _getter(hops: Sequence[Hop], column: Column) -> Get:
    place = column.place
    if not hops:
        return lambda row: row[place]

    *first, last = hops

    def get(row: Record) -> Stored:
        for hop in first:
            found = hop.parent(row)
            if found is None:
                return None
            row = found[1]
        parent = last.parent(row)
        return None if parent is None else _of(parent, last, column.field, place)

    return get


def _of(parent: tuple[Table, Record], hop: Hop, field: Field, place: int) -> Stored:
    """The parent's value; one of another object has the field at its own place, or not at all."""
    table, row = parent
    if table is hop.table:
        return row[place]
    column = table.column(field.name)
    return None if column is None else row[column.place]


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda found, wanted: bool(found < wanted),
    "<=": lambda found, wanted: bool(found <= wanted),
    ">": lambda found, wanted: bool(found > wanted),
    ">=": lambda found, wanted: bool(found >= wanted),
}


def _literal(field: Field, value: soql.Literal) -> Stored:
    """The literal as the field would show it; a literal of another type is refused."""
    if value is None:
        return None
    match field.type:
        case _ if field.is_number and isinstance(value, float) and not isinstance(value, bool):
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "datetime" if isinstance(value, datetime):
            return shown_datetime(value)
        case "date" if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        case "id" | "reference" if isinstance(value, soql.Text):
            return _id_literal(field, value.value)
        case _ if field.is_text and isinstance(value, soql.Text):
            return value.value
    quoted = "should be enclosed in quotes" if field.is_text else "should not be enclosed in quotes"
    kind = {"datetime": "dateTime"}.get(field.type, "string" if field.is_text else field.type)
    raise ApiError(
        400,
        "INVALID_FIELD",
        f"value of filter criterion for field '{field.name}' must be of type {kind} and {quoted}",
    )


def _id_literal(field: Field, text: str) -> str:
    full = canonical(text)
    if full is None:
        raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
    return full
