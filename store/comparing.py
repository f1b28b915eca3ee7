"""How a sync stands as a whole: its answers by state and reason, and what it has ever written."""

from __future__ import annotations

from store.api.comparing import Standing
from store.database import Database
from store.rows import from_json
from store.settled import STATE
from store.waiting import told

PAGE = 5_000

_STANDINGS = """
    SELECT s.state, s.code, count(*) FROM answer_state s
    WHERE s.sync = :sync AND s.code <> 'edited' GROUP BY s.state, s.code ORDER BY s.state, s.code"""

_WRITTEN = "b.sync = :sync AND b.state IN ('answered', 'settled') AND c.batch = b.id AND c.outcome IS NULL"

_AFTER = f"""
    SELECT c.id, c.after FROM change c CROSS JOIN batch b
    WHERE c.id > :after AND {_WRITTEN} ORDER BY c.id LIMIT :limit"""

_RECORDS_WITH = f"""
    SELECT count(DISTINCT c.record_id) FROM change c CROSS JOIN batch b
    WHERE {_WRITTEN} AND c.after LIKE :named"""


class Comparing:
    database: Database

    def standings(self, sync: str) -> list[Standing]:
        with told(self.database, sync) as tx:
            found = tx.rows(_STANDINGS, sync=sync)
        return [Standing(STATE[state], code, state == "planned", count) for state, code, count in found]

    def fields_written(self, sync: str) -> list[str]:
        names: dict[str, None] = {}
        after = 0
        while True:
            with self.database.read() as tx:
                found = tx.rows(_AFTER, sync=sync, after=after, limit=PAGE)
            for _, values in found:
                names.update(dict.fromkeys(from_json(values)))
            if len(found) < PAGE:
                return list(names)
            after = found[-1][0]

    def records_with(self, sync: str, field: str) -> int:
        with self.database.read() as tx:
            found = tx.one(_RECORDS_WITH, sync=sync, named=f'%"{field}":%')
        return 0 if found is None else int(found[0])
