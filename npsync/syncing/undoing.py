"""From a run's number to what an undo needs: the place the run wrote to, opened by the YAML that is valid now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mapping.problems import did_you_mean
from nps.errors import ConfigError
from npsync.syncing.jobs import build_job, target_of
from store.api import RunRow
from store.api.outbox import Outgoing, Stage
from sync.redoing import stands, to_redo
from sync.restoring import Restored, Wanted

if TYPE_CHECKING:
    from npsync.config import Config
    from npsync.opening import Opened
    from store.api import Store
    from sync.job import Job

MOST_LISTED = 10_000


def known_run(store: Store, number: int) -> RunRow:
    run = store.run(number)
    if run is None:
        raise ConfigError(f"there is no run {number}; npsync runs lists them")
    return run


def in_full(config: Config, store: Store, number: int, records: Sequence[str]) -> list[str]:
    """Record ids as the journal has them: some vendors spell an id in two lengths."""
    known = {one.connection for one in store.wrote(number)} & config.connections.keys()
    spell = config.connections[min(known)].connector.record_id if known else str
    return [spell(one) or one for one in records]


def wanted_undos(
    store: Store, number: int, *, again: bool, records: Sequence[str], fields: Sequence[str]
) -> list[Wanted]:
    """What to take back: one run, or with `again` every undo of it that stands. Raises ConfigError where the run
    wrote no such record or, with `again`, field."""
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
    if not again:
        return wanted
    standing = [undo for undo in wanted if stands(store, undo)]
    if wanted and fields and not standing:
        _known_fields(store, number, wanted, fields)
    return standing


def _known_fields(store: Store, number: int, undos: Sequence[Wanted], fields: Sequence[str]) -> None:
    """Raises ConfigError for a field that no undo took back."""
    known = {name for undo in undos for one in store.written_by(undo.run, maybe=True) for name in one.after}
    if unknown := sorted({*fields} - known):
        raise ConfigError(
            f"nothing of {', '.join(unknown)} was undone; undone was {', '.join(sorted(known))}: "
            f"npsync runs {number} --changes"
        )


def made_by(store: Store, wanted: Wanted) -> list[Outgoing]:
    """What the run that is taken back created beside the fields and is there still; of these records alone, where some
    are named. A redo takes back an undo, which creates nothing."""
    if wanted.redo:
        return []
    made = store.entries_like(run=wanted.run, stage=Stage.DONE, limit=MOST_LISTED)
    return [one for one in reversed(made) if not wanted.records or one.record_id in wanted.records]


def nothing_to_do(store: Store, number: int, *, again: bool) -> str:
    """Why a run has nothing that could be taken back or, with `again`, written again."""
    if not again:
        return f"Nothing to undo: run {number} wrote nothing."
    named = known_run(store, number)
    if named.kind == "undo" and store.wrote(number):
        return f"Nothing to redo: what run {number} took back is written again already."
    if store.undone_by(number):
        return f"Nothing to redo: what was undone of run {number} is written again already."
    return f"Nothing to redo: run {number} was not undone."


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
    return Restored(
        run.sync,
        connection,
        object,
        connections.destination(connection),
        _writing_there(config, connections, run.sync, connection, object),
    )


def _writing_there(
    config: Config, connections: Opened, sync: str, connection: str, object: str
) -> Job | None:
    """The sync as the YAML has it now, where it writes to these records still."""
    if sync not in config.sync:
        return None
    target = target_of(config, config.sync[sync])
    same = (target.connection, target.object) == (connection, object)
    return build_job(config, sync, connections, reads=False) if same else None
