"""The queue: procrastinate in a schema of its own beside our tables. It only brings hands to where something is to be
done; a job that is lost, doubled or late does no harm."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from nps.errors import ConfigError
from store.postgres import MIGRATION_LOCK

if TYPE_CHECKING:
    from procrastinate import App

SCHEMA = "npsync_jobs"
CLAIM, LEND = "claim", "lend"  # the two tasks
ANYBODY = "default"  # the line of the jobs that name no mapping
_TICK = "(args->'claim'->>'tick')::bigint AS tick"
_DUE_AGAIN = "coalesce(args->'claim'->>'tick' IS NOT NULL OR args->'claim'->>'pushed' = 'true', false)"
_INSTALLED = """
    SELECT obj_description(oid, 'pg_namespace') AS version FROM pg_namespace WHERE nspname = %(schema)s"""
_UNFINISHED = "(status = 'todo' OR status = 'doing')"


def is_scaled(url: str) -> bool:
    """Whether this store has a queue beside it: PostgreSQL, and procrastinate is installed."""
    on_postgres = make_url(url).drivername.partition("+")[0] in ("postgresql", "postgres")
    return on_postgres and find_spec("procrastinate") is not None


def refuse_alone(url: str) -> None:
    """Say what is missing where work is to be shared."""
    if make_url(url).drivername.partition("+")[0] not in ("postgresql", "postgres"):
        raise ConfigError(
            "store: workers share their work on PostgreSQL; write store: postgresql://user@host/name, or let "
            "npsync serve do everything alone"
        )
    if find_spec("procrastinate") is None:
        raise ConfigError(
            "npsync worker needs the queue, which is not installed: pip install 'npsync[scale]'"
        )


def conninfo(url: str) -> str:
    """libpq's words for the store's address, with the queue's schema in front."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parsed = make_url(url).set(drivername="postgresql")
    known: dict[str, Any] = conninfo_to_dict(parsed.render_as_string(hide_password=False))
    options = f"{known.get('options') or ''} -c search_path={SCHEMA}".strip()
    return make_conninfo(**{**known, "options": options, "application_name": "npsync"})


@dataclass(frozen=True)
class Job:
    """Something to be done by whoever is free. `once`: while one such waits, another is not put beside it. `after`:
    jobs of the same name follow one another. `by`: who goes by this mapping does it, and nobody else sees it."""

    task: str
    arguments: Mapping[str, Any]
    once: str
    after: str | None = None
    priority: int = 0
    by: str = ANYBODY


@dataclass(frozen=True)
class Waiting:
    """A job that nobody has begun."""

    number: int
    task: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Doing:
    """A job that is being done, by which worker, and how many seconds ago that was seen. `rescued`: how often it was
    begun before. `due_again`: whoever took its due time finds, or has arranged, that it comes again."""

    job: int
    rescued: int
    due_again: bool
    worker: int | None
    ago: float | None


class Queue:
    """Puts jobs on the queue, from any thread."""

    def __init__(self, url: str) -> None:
        import procrastinate

        logging.getLogger("psycopg.pool").setLevel(
            logging.CRITICAL
        )  # each try to connect again; ours tell it once
        self._conninfo = conninfo(url)
        self._app = procrastinate.App(
            connector=procrastinate.SyncPsycopgConnector(conninfo=self._conninfo, min_size=0, max_size=4)
        )
        self._app.open()

    def prepare(self) -> None:
        """Bring the queue's own tables to the version that is installed. One process does it, others wait."""
        import psycopg

        with psycopg.connect(self._conninfo) as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            found = connection.execute(_INSTALLED, {"schema": SCHEMA}).fetchone()
            ours = metadata.version("procrastinate")
            if found is not None and found[0] == ours:
                return
            if found is None:
                connection.execute(f"CREATE SCHEMA {SCHEMA}")
            for script in _scripts(None if found is None else str(found[0])):
                connection.execute(script.encode())
            connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{ours}'")

    def is_prepared(self) -> bool:
        """Whether its tables are there, and of the version that is installed here."""
        found = self._rows(_INSTALLED, schema=SCHEMA)
        return bool(found) and found[0]["version"] == metadata.version("procrastinate")

    def put(self, job: Job) -> bool:
        """False: one like it waits already."""
        return _put(self._app, job, None)

    def put_within(self, job: Job, connection: Any) -> None:
        """The same in a transaction of the store's own connection: both happen, or neither."""
        before = connection.execute("SHOW search_path").fetchone()[0]
        connection.execute(f"SET LOCAL search_path TO {SCHEMA}, {before}")
        with suppress(_Waits), connection.transaction():
            if not _put(self._app, job, connection):
                raise _Waits
        connection.execute(f"SET LOCAL search_path TO {before}")

    def ticks_of(self, once: str) -> list[int | None]:
        """Of such jobs that wait or are being done: the tick that each stands for, if it does for one."""
        return [
            row["tick"]
            for row in self._rows(
                f"SELECT {_TICK} FROM procrastinate_jobs WHERE queueing_lock = %(once)s AND {_UNFINISHED}",
                once=once,
            )
        ]

    def kept_ticks(self) -> set[int | None]:
        """The ticks of all jobs that wait or are being done."""
        return {
            row["tick"] for row in self._rows(f"SELECT {_TICK} FROM procrastinate_jobs WHERE {_UNFINISHED}")
        }

    def doing(self) -> list[Doing]:
        """Jobs that are being done."""
        return [
            Doing(row["id"], row["attempts"], row["due_again"], row["worker_id"], row["ago"])
            for row in self._rows(
                f"""SELECT j.id, j.attempts, {_DUE_AGAIN} AS due_again, j.worker_id,
                    extract(epoch FROM now() - w.last_heartbeat)::float AS ago
                FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
                WHERE j.status = 'doing'"""
            )
        ]

    def workers(self) -> set[int]:
        """The numbers of those that are there, or were killed a moment ago."""
        return {row["id"] for row in self._rows("SELECT id FROM procrastinate_workers")}

    def left_lying(self, ours: Collection[str], *, seconds: float) -> list[Waiting]:
        """What was put for other mappings than these, and waits for so long by now."""
        return [
            Waiting(row["id"], row["task_name"], row["args"])
            for row in self._rows(
                """SELECT id, task_name, args FROM procrastinate_jobs j
                WHERE status = 'todo' AND queue_name <> ALL (%(ours)s) AND NOT EXISTS (
                    SELECT 1 FROM procrastinate_events e
                    WHERE e.job_id = j.id AND e.at > now() - make_interval(secs => %(seconds)s))
                ORDER BY id""",
                ours=list(ours),
                seconds=seconds,
            )
        ]

    def take_off(self, job: int) -> bool:
        """Nobody is to do it any more. False: somebody has begun it."""
        return self._app.job_manager.cancel_job_by_id(job, delete_job=True)

    def do_again(self, job: int) -> None:
        """Its worker is gone: somebody else does it. Where one like it waits already, that will do."""
        import procrastinate
        from procrastinate.utils import utcnow

        try:
            self._app.job_manager.retry_job_by_id(job, utcnow())
        except (procrastinate.exceptions.ConnectorException, procrastinate.exceptions.AlreadyEnqueued):
            self.drop(job)

    def drop(self, job: int) -> None:
        """Its worker is gone, and nobody does it again."""
        from procrastinate.jobs import Status

        self._app.connector.get_sync_connector().execute_query(
            "SELECT procrastinate_finish_job_v1(%(job)s, %(status)s, true)",
            job=job,
            status=Status.FAILED.value,
        )

    def empty(self) -> None:
        """No job waits any more, and none is being done."""
        self._app.connector.get_sync_connector().execute_query("TRUNCATE procrastinate_jobs CASCADE")

    def waiting(self) -> int:
        """How many jobs nobody has begun."""
        return int(self._rows("SELECT count(*) AS n FROM procrastinate_jobs WHERE status = 'todo'")[0]["n"])

    def close(self) -> None:
        self._app.close()

    def _rows(self, sql: str, **parameters: Any) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self._app.connector.get_sync_connector().execute_query_all(
            sql, **parameters
        )
        return found


class _Waits(Exception):
    """Undoes the savepoint, and nothing else."""


def _put(app: App, job: Job, connection: Any) -> bool:
    from procrastinate.exceptions import AlreadyEnqueued

    try:
        app.configure_task(
            job.task,
            allow_unknown=True,
            queue=job.by,
            queueing_lock=job.once,
            lock=job.after,
            priority=job.priority,
            connection=connection,
        ).defer(**job.arguments)
    except AlreadyEnqueued:
        return False
    return True


_MIGRATION = re.compile(r"(\d+)\.(\d+)\.(\d+)_")


def _scripts(installed: str | None) -> list[str]:
    """What brings the queue's tables from one version to ours: everything, or what came since."""
    sql = resources.files("procrastinate.sql")
    if installed is None:
        return [(sql / "schema.sql").read_text(encoding="utf-8")]
    known = tuple(int(part) for part in re.findall(r"\d+", installed)[:3])
    later = sorted(
        one.name
        for one in (sql / "migrations").iterdir()
        if (found := _MIGRATION.match(one.name)) and tuple(map(int, found.groups())) > known
    )
    return [(sql / "migrations" / name).read_text(encoding="utf-8") for name in later]
