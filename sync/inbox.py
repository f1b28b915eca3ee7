"""Phase A, first half: answers from every source into the inbox, each page with its cursor in one transaction."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from connectors.contract import Clock
from nps.asking import INVITATION
from nps.errors import Interrupted, NpsyncError, UnavailableError
from nps.keys import person_number
from nps.responses import COMMENTED, Cursor, Page, SurveyResponse
from store.api import Lease, Received, Store
from sync.interruption import heed
from sync.invited import close_answered
from sync.job import Feed
from sync.progress import Progress
from sync.reach import Reach, known, remember

READ_AHEAD = 4  # pages a source may be ahead of the store
GATHER = 1000  # answers stored in one transaction, or what came within
GATHER_SECONDS = 2.0
PULL_LEASE_SECONDS = 120.0
RENEW_SECONDS = 30.0
PATIENCE_SECONDS = 600.0

_OURS = (INVITATION, COMMENTED)


@dataclass
class Pulled:
    """What arrived, and which sources could not be read (connection → what a person has to know). `afresh` are
    those that were read from their beginning."""

    new: int = 0
    edited: int = 0
    repeated: int = 0
    forgotten: int = 0  # answers of people who were forgotten: not stored
    too_old: int = 0  # answers beyond `retention.answers`: not stored either
    failures: dict[str, NpsyncError] = field(default_factory=dict)
    afresh: set[str] = field(default_factory=set)

    def add(self, got: Received) -> None:
        self.new += got.new
        self.edited += got.edited
        self.repeated += got.repeated
        self.forgotten += got.forgotten
        self.too_old += got.too_old


def pull(
    feeds: Sequence[Feed],
    store: Store,
    clock: Clock,
    owner: str,
    pulled: Pulled,
    *,
    region: str | None,
    full: bool,
    stop: Callable[[], bool],
    progress: Progress,
) -> None:
    """Read every source from its cursor (from the beginning with `full`) and store what came; `pulled` is kept up to
    date.

    A source that fails does not stop the others: what arrived before is stored with its cursor, the failure is told.
    """
    progress.phase("pulling", None)
    for feed in feeds:
        if feed.source is None:
            continue
        try:
            with _alone(feed.connection, store, clock, owner, stop) as lease:
                cursor, reach = _start(feed, store, full=full)
                if cursor is None:
                    pulled.afresh.add(feed.connection)
                renewed = clock.monotonic()
                for page in _gathered(_ahead(feed.source.read(cursor, since=feed.since)), clock):
                    heed(stop)
                    pulled.add(_append(feed, page, store, clock, region))
                    # With its first page the cursor leads on from there, also for a run that takes over half-way.
                    if reach is not None:
                        remember(store, feed.connection, reach)
                        reach = None
                    progress.advance(len(page.responses))
                    if clock.monotonic() - renewed > RENEW_SECONDS:
                        store.renew(lease, now=clock.now(), seconds=PULL_LEASE_SECONDS)
                        renewed = clock.monotonic()
                if reach is not None:
                    remember(store, feed.connection, reach)
        except Interrupted:
            raise
        except NpsyncError as error:
            pulled.failures[feed.connection] = error


def _start(feed: Feed, store: Store, *, full: bool) -> tuple[Cursor | None, Reach | None]:
    """Where to read on from, and what the inbox holds of the source once it has been read (None: is known)."""
    needed = Reach.needed(feed)
    cursor = None if full else store.cursor(feed.connection)
    if cursor is None:
        return None, needed
    held = known(store, feed.connection)
    if held is None:
        return cursor, needed
    if not held.covers(needed):
        return None, needed
    left = held.narrowed(needed)
    return cursor, None if left == held else left


def _append(
    feed: Feed, page: Page, store: Store, clock: Clock, region: str | None, *, moves: bool = True
) -> Received:
    responses = tuple([kept(feed, response) for response in page.responses])
    persons = [person_number(response, region) for response in responses]
    close_answered(store, responses)
    found = Page(responses, page.cursor)
    return store.append(feed.connection, found, persons, received_at=clock.now(), moves=moves)


def take_in(
    feed: Feed, responses: Sequence[SurveyResponse], store: Store, clock: Clock, *, region: str | None
) -> Received:
    """Answers that came beside the source's own list, stored as those of a page are; its cursor stays where it is."""
    return _append(feed, Page(tuple(responses), Cursor({})), store, clock, region, moves=False)


def kept(feed: Feed, response: SurveyResponse) -> SurveyResponse:
    """Only what a mapping uses is kept, of an anonymous answer not even whose it is: what is not stored cannot leak."""
    if feed.anonymous is not None and feed.anonymous.covers(response.survey):
        return feed.anonymous.kept(response)
    drop_comment = not feed.keep_comment and response.comment is not None
    keep = feed.keep_properties
    drop_properties = keep is not None and not keep.issuperset(response.properties)
    if not drop_comment and not drop_properties:
        return response
    properties = response.properties
    if drop_comment and response.channel is not None and response.channel.lower() in feed.holds:
        # Programs write no comments: whether there was one tells a person's answer from theirs.
        properties = {**properties, COMMENTED: True}
    if drop_properties and keep is not None:
        # What leads back to the invitation is no fact about a person, and without it the answer may find no record.
        properties = {name: value for name, value in properties.items() if name in keep or name in _OURS}
    return msgspec.structs.replace(
        response, comment=None if drop_comment else response.comment, properties=properties
    )


def reading(connection: str, store: Store, clock: Clock, owner: str) -> Lease | None:
    """The right to read this source; None while another process has it."""
    return store.acquire(f"pull/{connection}", owner, now=clock.now(), seconds=PULL_LEASE_SECONDS)


@contextmanager
def _alone(
    connection: str, store: Store, clock: Clock, owner: str, stop: Callable[[], bool]
) -> Iterator[Lease]:
    """One process reads a source at a time: two would move its cursor against each other."""
    deadline = clock.monotonic() + PATIENCE_SECONDS
    while True:
        lease = reading(connection, store, clock, owner)
        if lease is not None:
            break
        heed(stop)
        if clock.monotonic() > deadline:
            raise UnavailableError(
                f"{connection}: another run has been reading this source for ten minutes; this run goes on without it"
            )
        clock.sleep(0.5)
    try:
        yield lease
    finally:
        store.release(lease)


def _gathered(pages: Iterator[Page], clock: Clock) -> Iterator[Page]:
    """Small pages joined: a transaction of 1,000 answers costs hardly more than one of 50.

    What came before a failure is handed out first: a source that always fails at some point still gets further.
    """
    waiting: list[SurveyResponse] = []
    cursor = None
    since = clock.monotonic()
    failure: NpsyncError | None = None
    try:
        for page in pages:
            waiting.extend(page.responses)
            cursor = page.cursor
            if len(waiting) >= GATHER or clock.monotonic() - since > GATHER_SECONDS:
                yield Page(tuple(waiting), cursor)
                waiting, cursor, since = [], None, clock.monotonic()
    except NpsyncError as error:
        failure = error
    if cursor is not None:
        yield Page(tuple(waiting), cursor)
    if failure is not None:
        raise failure


class _End(msgspec.Struct, frozen=True):
    error: BaseException | None = None


def _ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """The same pages, read by a thread of their own so that reading and storing overlap."""
    waiting: queue.Queue[Page | _End] = queue.Queue(READ_AHEAD)
    stop = threading.Event()

    def put(item: Page | _End) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def read() -> None:
        try:
            for page in pages:
                put(page)
                if stop.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that consumes
            put(_End(error))
        else:
            put(_End())

    reader = threading.Thread(target=read, name="npsync-read-ahead", daemon=True)
    reader.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        reader.join()
