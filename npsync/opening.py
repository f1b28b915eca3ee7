"""Wiring: opens what the YAML names and hands it to the engines by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from connectors.contract import (
    Alerter,
    Clock,
    Destination,
    EventSource,
    Memory,
    Provisioner,
    Sender,
    Source,
    Tools,
)
from connectors.sharing import Shared
from nps.errors import ConfigError
from npsync.clock import SystemClock, UntilStopped
from npsync.operating.calls import CallCounter, keeper, remember_allowance
from npsync.operating.connection_health import Vitals
from npsync.operating.connection_health import keeper as health_keeper
from store.owners import this_process

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store

T = TypeVar("T")


class StoredMemory:
    """A connection's durable memory in the store."""

    def __init__(self, store: Store, connection: str, clock: Clock, owner: str) -> None:
        self._store, self._connection, self._clock, self._owner = store, connection, clock, owner

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        return self._store.recall(self._connection, keys)

    def put(self, items: Mapping[str, str]) -> None:
        self._store.memorize(self._connection, items)

    def forget(self, keys: Sequence[str]) -> None:
        self._store.forget(self._connection, keys)

    @contextmanager
    def lease(self, name: str, seconds: float) -> Iterator[bool]:
        held = self._store.acquire(
            f"{self._connection}/{name}", self._owner, now=self._clock.now(), seconds=seconds
        )
        try:
            yield held is not None
        finally:
            if held is not None:
                self._store.release(held)


class StoredPacing:
    """How often connections are called, kept in the store for all processes that use it.

    By the database's time where machines share it; a clock that is not the system's is everybody's."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._by_database = isinstance(clock, SystemClock)
        self._ends: list[Callable[[], None]] = []

    def change(self, name: str, change: Callable[[bytes | None, int], tuple[bytes, T]]) -> T:
        now = None if self._by_database else self._clock.now()
        return self._store.change_pace(name, change, now=now)

    def at_end(self, tell: Callable[[], None]) -> None:
        self._ends.append(tell)

    def end(self) -> None:
        for tell in self._ends:
            tell()
        self._ends.clear()


class PassingMemory:
    """A memory for commands that have no store: it lasts as long as the process."""

    def __init__(self) -> None:
        self._items: dict[str, str] = {}

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self._items[key] for key in keys if key in self._items}

    def put(self, items: Mapping[str, str]) -> None:
        self._items.update(items)

    def forget(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._items.pop(key, None)

    @contextmanager
    def lease(self, name: str, seconds: float) -> Iterator[bool]:
        yield True


class Opened:
    """The connections of one configuration, opened when first asked for."""

    def __init__(
        self,
        config: Config,
        store: Store | None,
        clock: Clock,
        books: Store | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self.config = config
        self.store = store
        self.books = books
        self.clock = clock
        self._calling = clock if stop is None else UntilStopped(clock, stop)
        self.owner = this_process()
        self.calls = CallCounter(keeper(books, clock, config.time_zone))
        self.vitals = Vitals(health_keeper(books), clock)
        self._sources: dict[str, Source] = {}
        self._destinations: dict[str, Destination] = {}
        self._event_sources: dict[str, EventSource] = {}
        self._senders: dict[str, Sender] = {}
        self._alerters: dict[str, Alerter] = {}
        self._provisioners: dict[str, Provisioner] = {}
        self._tools_of: dict[str, Tools] = {}
        self._pacing = None if books is None else StoredPacing(books, clock)

    def source(self, name: str) -> Source:
        if name not in self._sources:
            connection = self.config.connections[name]
            if connection.connector.source is None:
                raise ConfigError(f"connection {name}: {connection.type} is not a source of answers")
            self._sources[name] = connection.connector.source(connection.settings, self._tools(name))
        return self._sources[name]

    def destination(self, name: str) -> Destination:
        if name not in self._destinations:
            connection = self.config.connections[name]
            if connection.connector.destination is None:
                raise ConfigError(f"connection {name}: {connection.type} has no records to write to")
            self._destinations[name] = connection.connector.destination(
                connection.settings, self._tools(name)
            )
        return self._destinations[name]

    def event_source(self, name: str) -> EventSource | None:
        """None where what is pushed cannot be read again anywhere."""
        connection = self.config.connections[name]
        if connection.connector.events is None:
            return None
        if name not in self._event_sources:
            self._event_sources[name] = connection.connector.events(connection.settings, self._tools(name))
        return self._event_sources[name]

    def sender(self, name: str) -> Sender:
        if name not in self._senders:
            connection = self.config.connections[name]
            if connection.connector.sender is None:
                raise ConfigError(f"connection {name}: {connection.type} cannot ask anybody")
            self._senders[name] = connection.connector.sender(connection.settings, self._tools(name))
        return self._senders[name]

    def alerter(self, name: str) -> Alerter:
        if name not in self._alerters:
            connection = self.config.connections.get(name)
            if connection is None:  # a message may be wanted for longer than its connection is there
                raise ConfigError(f"connection {name}: it is not in the YAML any more")
            if connection.connector.alerter is None:
                from connectors import registry

                can = ", ".join(registry.tellers())
                said = f"{connection.type} cannot tell anybody anything; these types can: {can}"
                raise ConfigError(f"connection {name}: {said}")
            self._alerters[name] = connection.connector.alerter(connection.settings, self._tools(name))
        return self._alerters[name]

    def provisioner(self, name: str) -> Provisioner:
        if name not in self._provisioners:
            connection = self.config.connections[name]
            if connection.connector.provisioner is None:
                raise ConfigError(f"connection {name}: npsync cannot create fields in {connection.type}")
            self._provisioners[name] = connection.connector.provisioner(
                connection.settings, self._tools_beside(name)
            )
        return self._provisioners[name]

    def close(self) -> None:
        if isinstance(self._calling, UntilStopped):
            self._calling.closing()
        try:
            self._keep_books()
        finally:
            self._close_connections()
            if self._pacing is not None:
                self._pacing.end()

    def _keep_books(self) -> None:
        self.calls.flush()
        if self.books is None:
            return
        called = self.calls.seen()
        for name, destination in self._destinations.items():
            if called.get(name) and (allowance := destination.allowance()) is not None:
                remember_allowance(self.books, name, allowance, self.clock.now())

    def _close_connections(self) -> None:
        for source in self._sources.values():
            source.close()
        for destination in self._destinations.values():
            destination.close()
        for events in self._event_sources.values():
            events.close()
        for sender in self._senders.values():
            sender.close()
        for alerter in self._alerters.values():
            alerter.close()
        for provisioner in self._provisioners.values():
            provisioner.close()

    def _tools(self, name: str) -> Tools:
        """One for all parts of a connection: they share its session."""
        if name not in self._tools_of:
            self._tools_of[name] = self._made(name)
        return self._tools_of[name]

    def _tools_beside(self, name: str) -> Tools:
        """Of a session of its own, whose calls tell nothing of the connection's health: what they are refused for
        may be no need of what it does every day."""
        return replace(self._tools(name), went=lambda error: None, shared=Shared())

    def _made(self, name: str) -> Tools:
        from npsync.logs import notice

        return Tools(
            connection=name,
            memory=self._memory(name),
            clock=self._calling,
            notice=_notice_of(notice, name),
            count_call=lambda: self.calls.count(name),
            went=lambda error: self.vitals.note(name, error),
            time_zone=str(self.config.time_zone),
            folder=self.config.file.absolute().parent,
            look=self.config.branding,
            public_url=self.config.public_url,
            credentials=self._stored(name, self.books),
            pacing=self._pacing,
        )

    def _memory(self, name: str) -> Memory:
        if self.config.is_anonymous(name):
            return PassingMemory()
        return self._stored(name, self.store) or PassingMemory()

    def _stored(self, name: str, store: Store | None) -> StoredMemory | None:
        return None if store is None else StoredMemory(store, name, self.clock, self.owner)


def _notice_of(notice: Any, connection: str) -> Any:
    def tell(event: str, /, **facts: Any) -> None:
        notice(event, connection=connection, **facts)

    return tell


@contextmanager
def opened(
    config: Config,
    store: Store | None = None,
    clock: Clock | None = None,
    *,
    books: Store | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Opened]:
    """Connections of `config`; with a store their memory is durable, without one it lasts as long as the process.

    Calls are counted in `books`, else in the store: a plan works in a copy that vanishes, but its calls were made.
    Once `stop` says so no call waits any more: it is not made, and Interrupted is raised.
    """
    connections = Opened(config, store, clock or SystemClock(), books or store, stop)
    try:
        yield connections
    finally:
        connections.close()


@contextmanager
def open_store(config: Config) -> Iterator[Store]:
    """The store the YAML names, brought to this version's schema."""
    from store import open_store as open_url

    store = open_url(config.store, config.forgetting, keeps_answers=config.retention.answers)
    try:
        store.migrate()
        store.check_pepper()
        yield store
    finally:
        store.close()
