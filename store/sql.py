"""The store on a SQL database: its rooms put together, and the schema's care."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nps.errors import ConfigError
from store import schema
from store.acting import Acting
from store.api import Store
from store.backups import new_file, opened_copy, partly
from store.claims import Claims
from store.comparing import Comparing
from store.database import Database
from store.decisions import Decisions
from store.dump import dump
from store.events import Events
from store.figures import Figures
from store.gauges import Gauges
from store.history import History
from store.holding import Holding
from store.inbox import Inbox
from store.invitations import Invitations
from store.journal import Journal
from store.leases import Leases
from store.ledger import Ledger
from store.letters import Letters
from store.listing import Listing
from store.looking import Looking
from store.members import Members
from store.messages import Messages
from store.outbox import Outbox
from store.pacing import Paces
from store.planning import Planning
from store.privacy import Privacy
from store.pruning import Pruning
from store.queues import Queues
from store.reasons import Reasons
from store.remarks import Remarks
from store.replies import Replies
from store.retention import Retention
from store.runs import Runs
from store.scheduling import Scheduling
from store.sending import Sending
from store.shadow import Shadow
from store.sharing import Sharings
from store.signing import Signing
from store.sqlite import SQLite
from store.subjects import Subjects
from store.suppressions import Suppressions
from store.switches import Switches
from store.taking import Taking
from store.tallies import Tallies
from store.tokens import Tokens
from store.undoing import Undoing
from store.wrong_clocks import WrongClocks


class SqlStore(
    Inbox,
    Taking,
    Planning,
    Members,
    Journal,
    Undoing,
    Letters,
    Decisions,
    Runs,
    Leases,
    Scheduling,
    Paces,
    Holding,
    Comparing,
    History,
    Outbox,
    Messages,
    Events,
    Invitations,
    Claims,
    Sending,
    Ledger,
    Shadow,
    Suppressions,
    Reasons,
    Pruning,
    Privacy,
    Retention,
    Subjects,
    Switches,
    Remarks,
    Tallies,
    Figures,
    Gauges,
    Queues,
    Tokens,
    Sharings,
    Replies,
    Signing,
    Acting,
    Listing,
    Looking,
    WrongClocks,
):
    """A `store.api.Store`. Opening it touches nothing; `migrate` makes it ready."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.handed_out = {}
        self.opened = {}

    def migrate(self) -> None:
        schema.migrate(self.database)

    def revision(self) -> str | None:
        """The version of the schema that is there; None for an empty database."""
        return schema.revision(self.database)

    def is_ready(self) -> bool:
        """Whether the store is there, with this version's schema. Makes and changes nothing."""
        if isinstance(self.database, SQLite) and not self.database.path.exists():
            return False
        return self.revision() == self.head()

    def head(self) -> str:
        """The version of the schema this npsync works with."""
        return schema.HEAD

    def at_one_moment(self) -> AbstractContextManager[None]:
        return self.database.at_one_moment()

    @contextmanager
    def overlay(self) -> Iterator[SqlStore]:
        with self.database.overlay() as database:
            yield SqlStore(database)

    def dump(self) -> Iterator[str]:
        return dump(self.database)

    def backup(self, path: Path, told: Callable[[int], None] = lambda rows: None) -> None:
        if path.exists():
            raise ConfigError(f"store: {path} exists already; name a new file for the backup")
        if isinstance(self.database, SQLite):
            with partly(path) as partial:
                self.database.backup(partial)
            return
        from store.copying import copy

        with new_file(path) as made:
            schema.migrate(made)
            copy(self.database, made, told)

    def restore(
        self,
        path: Path,
        told: Callable[[int], None] = lambda rows: None,
        prepare: Callable[[Store], None] = lambda store: None,
    ) -> int:
        from store.copying import copy, let_go

        with opened_copy(path) as backup:
            schema.migrate(backup)
            let_go(backup)
            prepare(SqlStore(backup))
            return copy(backup, self.database, told)

    def is_empty(self) -> bool:
        from store.copying import is_empty

        return is_empty(self.database)

    def at_work(self, now: datetime) -> list[str]:
        from store.copying import at_work

        return at_work(self.database, now)

    def rest(self) -> None:
        self.database.rest()

    def close(self) -> None:
        self.database.close()


if TYPE_CHECKING:
    _fulfils: type[Store] = SqlStore
