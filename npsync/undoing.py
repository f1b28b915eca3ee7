"""From a run's number to what an undo needs: the place the run wrote to, opened by the YAML that is valid now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mapping.problems import did_you_mean
from nps.errors import ConfigError
from store.api import RunRow
from sync.undoing import Restored, Wanted, to_redo

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.service import Opened
    from store.api import Store


def known_run(store: Store, number: int) -> RunRow:
    run = store.run(number)
    if run is None:
        raise ConfigError(f"there is no run {number}; npsync runs lists them")
    return run


def wanted_undos(
    store: Store, number: int, *, again: bool, records: Sequence[str], fields: Sequence[str]
) -> list[Wanted]:
    """What to take back: one run, or with `again` every undo of it that stands. Raises ConfigError where the run
    wrote no such record."""
    named = Wanted(number, records=tuple(records), fields=frozenset(fields))
    wanted = to_redo(store, named) if again else [named]
    if wanted and records:
        ids = list(records)
        known = {
            one.record_id for undo in wanted for one in store.written_by(undo.run, records=ids, maybe=True)
        }
        if missing := [one for one in ids if one not in known]:
            raise ConfigError(
                f"run {number} wrote no record {', '.join(missing)}; what it wrote: npsync runs {number} --changes"
            )
    return wanted


def opened_place(config: Config, connections: Opened, store: Store, run: RunRow) -> Restored | None:
    """Where a run wrote, opened; None when it wrote nothing. Its sync may have left the YAML, its connection not."""
    wrote = store.wrote(run.id)
    if not wrote:
        return None
    connection, object = wrote[0].connection, wrote[0].object
    if connection not in config.connections:
        raise ConfigError(
            f'{config.file}: run {run.id} wrote through the connection "{connection}", which the file does not name'
            f"{did_you_mean(connection, config.connections)}; an undo needs it, with the same org behind it"
        )
    return Restored(run.sync, connection, object, connections.destination(connection))
