"""The columns a mapping writes and a table lacks, as statements for whoever may change tables: npsync changes none."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.provisioning import (
    Hindrance,
    Missing,
    Step,
    Wanted,
    WantedField,
    misfit,
    not_made,
)
from connectors.sql import ddl
from connectors.sql.destination import Master
from nps.errors import ConfigError


class SqlProvisioner:
    """Fulfils `connectors.provisioning.Provisioner`."""

    def __init__(self, master: Master) -> None:
        self._master = master

    def missing(self, wanted: Sequence[Wanted]) -> Missing:
        there: list[WantedField] = []
        steps: list[Step] = []
        fields, hindrances = not_made(wanted, "in a database npsync tells the columns alone")
        for one in fields:
            try:
                shape = self._master.shape(one.object)
            except ConfigError as error:
                hindrances.append(
                    Hindrance(
                        one, f"{error}; npsync connect {self._master.tools.connection} tells what is missing"
                    )
                )
                continue
            held = shape.schema.fields.get(one.name)
            if held is None and one.type is None:
                hindrances.append(
                    Hindrance(one, "what it will hold is not known without an answer; say it with `as:`")
                )
            elif held is None:
                table = shape.written.table
                statement = self._master.database.read(
                    f"describe {one.object}",
                    lambda at, one=one, table=table: ddl.add_column(at.dialect, table, one.name, one.type),  # type: ignore[misc]
                )
                steps.append(Step(one, f"column {one.name} of {table.name}", statement))
            elif why := misfit(one, held):
                hindrances.append(Hindrance(one, why))
            else:
                there.append(one)
        return Missing(there, steps, hindrances)

    def create(self, step: Step) -> str:
        raise ConfigError(f"npsync changes no table; somebody who may runs: {step.statement}")

    def close(self) -> None:
        self._master.tools.shared.give_back()
