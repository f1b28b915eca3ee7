"""A REST customer master as a Destination: everything it does is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from connectors.contract import Allowance, Grant, Lookup, Needs, Only, Tools, Way
from connectors.rest_master import access
from connectors.rest_master.encoding import canonical, live, typed
from connectors.rest_master.fields import Table
from connectors.rest_master.finding import Finding
from connectors.rest_master.master import open_master
from connectors.rest_master.remembering import Remembered
from connectors.rest_master.rows import Row
from connectors.rest_master.searching import comparable, only_values, passes
from connectors.rest_master.settings import RestMasterSettings
from connectors.rest_master.writing import Writing
from nps.changes import Batch, Hit, Outcome, Record
from nps.schema import ObjectSchema
from nps.values import Json, Value

_BATCH = 100
_PAGE = 1_000

Rules = Mapping[str, frozenset[str]]


class RestMaster:
    """Thread-safe. No master that is known takes many records in one call: updates go out one by one, overlapped."""

    def __init__(self, settings: RestMasterSettings, tools: Tools) -> None:
        self._tools = tools
        self._master = open_master(settings, tools)
        self._findings: dict[str, Finding] = {}

    # ------------------------------------------------------------ what there is

    def describe(self, object: str) -> ObjectSchema:
        return self._master.table(object).schema

    def canonical(self, object: str, field: str) -> Callable[[Value], Json]:
        return canonical(self._master.table(object).field(field))

    def typed(self, object: str, field: str) -> Callable[[Json], Value]:
        return typed(self._master.table(object).field(field))

    # ------------------------------------------------------------ reading

    def find(self, object: str, lookups: Sequence[Lookup], fields: Sequence[str], only: Only) -> list[Hit]:
        known = self._checked(object, fields, only, [lookup.field for lookup in lookups])
        rules = _rules(known, only)
        asked = [lookup for lookup in lookups if lookup.values]
        pairs = self._finding(object).found(known, asked) if asked else []
        return [
            Hit(field, value, record)
            for field, value, row in pairs
            if (record := _record(known, row, fields, rules)) is not None
        ]

    def get(self, object: str, ids: Sequence[str], fields: Sequence[str], only: Only) -> list[Record]:
        known = self._checked(object, fields, only)
        rules = _rules(known, only)
        rows = self._finding(object).reading.read(ids) if ids else {}
        records = (_record(known, row, fields, rules) for row in rows.values())
        return [record for record in records if record is not None]

    def records(self, object: str, fields: Sequence[str], only: Only) -> Iterator[list[Record]]:
        known = self._checked(object, fields, only)
        rules = _rules(known, only)
        for page in self._finding(object).reading.everything():
            found = [record for row in page if (record := _record(known, row, fields, rules)) is not None]
            for start in range(0, len(found), _PAGE):
                yield found[start : start + _PAGE]

    # ------------------------------------------------------------ writing

    def ways(self, object: str, count: int) -> Sequence[Way]:
        return [Way(api="one_by_one", batch=_BATCH, cost=lambda records: records)]

    def write(self, batch: Batch, remember: Callable[[str], None]) -> Iterable[Outcome]:
        finding = self._finding(batch.object)
        known = self._master.table(batch.object)
        writing = Writing(
            self._master, batch.object, known, finding.reading, Remembered(self._tools.memory, batch.object)
        )
        return writing.outcomes(batch.changes)

    def resume(self, batch: Batch, handle: str) -> Iterable[Outcome] | None:
        return None  # each record is a call of its own: what became of it is read from the record

    def allowance(self) -> Allowance | None:
        return self._master.budget.allowance()

    def close(self) -> None:
        self._tools.shared.give_back()

    # ------------------------------------------------------------ access

    def access(self, needs: Needs) -> list[Grant]:
        return access.tested(self._master, needs)

    # ------------------------------------------------------------ inside

    def _checked(self, object: str, fields: Sequence[str], only: Only, keys: Sequence[str] = ()) -> Table:
        known = self._master.table(object)
        known.check([*fields, *only, *(key for key in keys if key != "id")])
        return known

    def _finding(self, object: str) -> Finding:
        return self._findings.setdefault(
            object, Finding(self._master, object, Remembered(self._tools.memory, object))
        )


def _rules(known: Table, only: Only) -> Rules:
    rules = {}
    for name, allowed in only.items():
        shown = live(known.field(name))
        rules[name] = frozenset(comparable(shown(value)) for value in only_values(allowed))
    return rules


def _record(known: Table, row: Row, fields: Sequence[str], rules: Rules) -> Record | None:
    """None for one that `only` does not allow."""
    names = {*fields, *rules}
    held = {known.id_field: row.id, **row.fields} if known.id_field in names else row.fields
    shown = {name: live(known.field(name))(held.get(name)) for name in names}
    if not passes(rules, shown):
        return None
    return Record(known.schema.name, row.id, {name: shown[name] for name in fields})
