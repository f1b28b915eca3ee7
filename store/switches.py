"""What was switched, by hand or by the YAML, and survives restarts."""

from __future__ import annotations

from nps.values import Json
from store.database import Database
from store.rows import from_json, to_json


class Switches:
    database: Database

    def switches(self) -> dict[str, Json]:
        with self.database.read() as tx:
            found = tx.rows("SELECT name, value FROM switch ORDER BY name")
        return {name: from_json(value) for name, value in found}

    def switch(self, name: str, value: Json) -> None:
        with self.database.write(durable=True) as tx:
            if value is None:
                tx.run("DELETE FROM switch WHERE name = :name", name=name)
            else:
                tx.run(
                    """INSERT INTO switch (name, value) VALUES (:name, :value)
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
                    name=name,
                    value=to_json(value),
                )
