"""A process's laborer: takes jobs off the queue and does them, some at a time, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from nps.errors import LeaseLost, NpsyncError
from npsync.clockwork.freeing import free_memory
from npsync.clockwork.hands import AT_ONCE
from npsync.clockwork.rescuing import due_again
from npsync.clockwork.steadily import Trouble
from npsync.clockwork.work import Stop, Work
from npsync.logs import notice
from npsync.opening import opened
from npsync.scale.calling import Called, claim_of
from npsync.scale.queue import ANYBODY, CLAIM, LEND, Queue, conninfo
from npsync.syncing.jobs import build_job, run_once
from npsync.syncing.planfile import mapping_hash
from store.owners import is_gone, this_process
from sync.leasing import LEASE_SECONDS
from sync.options import Options
from sync.report import Report
from sync.sharing.dispatch import Summons
from sync.sharing.lending import lend_a_hand

if TYPE_CHECKING:
    from procrastinate.worker import Worker

    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Store, Tick

UNSEEN = LEASE_SECONDS + 10  # seconds without a heartbeat: by then the lease of what it ran has run out, too
BEATS = 5.0  # seconds
RESCUES = 3.0
POLLS = 1.0  # for jobs whose turn has come without anybody saying so: a lock that is free again
AGAIN = 5.0  # seconds after the database went away
WORKERS = "queue/workers"
LYING = 30.0  # seconds after which what nobody here goes by is given back


class Laborer:
    """Does jobs by the configuration that it has when they begin, and sees none of another mapping. `at_once`: calls of
    one run that are under way at a time. `of_clock`: a clock of the same configuration ticks in this process."""

    def __init__(
        self,
        config: Config,
        store: Store,
        queue: Queue,
        clock: Clock,
        *,
        at_once: int | None = None,
        jobs: int = AT_ONCE,
        of_clock: bool = False,
    ) -> None:
        self._lines: list[str] = []  # where its jobs stand; procrastinate looks at it each time
        self.go_by(config)
        self._of_clock = of_clock
        self._store, self._queue, self._clock = store, queue, clock
        self._at_once, self._jobs = at_once, jobs
        self.owner = this_process()
        self._stopping = threading.Event()
        self._worker: Worker | None = None
        self._lost = Trouble("queue_lost", "queue_found")
        self._lent: set[int] = set()  # runs this process has a hand in
        self._turn = threading.Lock()
        self._threads = [
            threading.Thread(target=self._labor, name="npsync-laborer"),
            threading.Thread(target=self._rescue, name="npsync-rescue", daemon=True),
        ]

    def go_by(self, config: Config) -> None:
        """As this process knows it from now on."""
        self.config = config
        self._lines[:] = [ANYBODY, *sorted({mapping_hash(config, sync) for sync in config.sync})]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing new; what is under way comes to its next step."""
        self._stopping.set()
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        self.stop()
        for thread in self._threads:
            thread.join()

    # ------------------------------------------------------------ jobs

    def do_claim(self, claim: Mapping[str, Any], mapping: str | None = None) -> None:
        """`mapping`: what the clock that took it goes by. Whoever goes by another file hands it back."""
        config = self.config
        known = claim_of(claim)
        work = work_of(config, self._store, self._queue, self._clock, self._stopping.is_set, self._at_once)
        there = known.sync in config.sync
        if not there or mapping not in (None, mapping_hash(config, known.sync)):
            notice("other_mapping", sync=known.sync)
            work.hand_back(known)
        else:
            work.do(known)

    def do_lend(self, summons: Mapping[str, Any], mapping: str) -> None:
        told = msgspec.convert(summons, Summons)
        config = self.config
        if told.sync not in config.sync or mapping_hash(config, told.sync) != mapping:
            notice("other_mapping", sync=told.sync, run=told.run)
            return
        with self._turn:
            if told.run in self._lent:
                return  # one hand of a process is enough; whoever runs it calls again
            self._lent.add(told.run)
        try:
            self._lend(config, told)
        finally:
            with self._turn:
                self._lent.discard(told.run)

    def _lend(self, config: Config, summons: Summons) -> None:
        if summons.lease.owner.startswith(self._own_process()):
            return  # it is our own run: this process works on it already
        try:
            self._store.prove(summons.lease)
            with opened(config, self._store, self._clock, stop=self._stopping.is_set) as connections:
                job = build_job(config, summons.sync, connections)
                shards = lend_a_hand(
                    job,
                    self._store,
                    self._clock,
                    connections.owner,
                    summons,
                    at_once=self._at_once,
                    stop=self._stopping.is_set,
                )
        except LeaseLost:
            return  # it is over
        except NpsyncError as error:
            notice("lending_failed", sync=summons.sync, run=summons.run, problem=str(error))
            return
        notice("lent", sync=summons.sync, run=summons.run, kind=summons.kind, shards=shards)

    def _own_process(self) -> str:
        host, pid, _unique, _life = (*self.owner.split(":", 3), "")[:4]
        return f"{host}:{pid}:"

    # ------------------------------------------------------------ the queue's side

    def _labor(self) -> None:
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)  # ours are told in our own words
        while not self._stopping.is_set():
            try:
                asyncio.run(self._work())
            except Exception as error:  # noqa: BLE001 - the database went away: told, and tried again
                self._lost.is_now(type(error).__name__)
            self._stopping.wait(0 if self._stopping.is_set() else AGAIN)

    async def _work(self) -> None:
        import procrastinate
        from procrastinate.worker import Worker

        app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=conninfo(self.config.store), max_size=6)
        )
        app.task(name=CLAIM)(self._told(self.do_claim))
        app.task(name=LEND)(self._told(self.do_lend))
        async with app.open_async():
            self._worker = worker = Worker(
                app,
                queues=self._lines,
                name=self.owner,
                concurrency=self._jobs,
                fetch_job_polling_interval=POLLS,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=BEATS,
                stalled_worker_timeout=UNSEEN,
            )
            if self._stopping.is_set():
                return
            running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
            while worker.worker_id is None and not running.done():
                await asyncio.sleep(0.01)
            if worker.worker_id is not None:
                await asyncio.to_thread(remember, self._store, self._queue, worker.worker_id, self.owner)
                self._lost.is_now("")
            if self._stopping.is_set():
                worker.stop()  # type: ignore[no-untyped-call]
            await running

    def _told(self, do: Callable[..., None]) -> Callable[..., None]:
        def told(**arguments: Any) -> None:
            try:
                do(**arguments)
            except Exception as error:
                notice("job_crashed", problem=f"{type(error).__name__}: {error}")
                raise
            finally:
                free_memory(self._store)

        return told

    def _rescue(self) -> None:
        trouble = Trouble("rescue_failed", "rescuing_again")
        while not self._stopping.wait(RESCUES):
            try:
                rescue(self._store, self._queue)
                rescue_lost(self._store, self._queue, self._clock.now())
                if self._of_clock:
                    self.give_back()
            except Exception as error:  # noqa: BLE001 - the next look is another try
                trouble.is_now(type(error).__name__)
            else:
                trouble.is_now("")

    def give_back(self) -> None:
        """A due time that was put for a mapping nobody goes by any more is due again, by the mapping that our clock
        goes by; hands are called for again, as long as there is something to do."""
        config = self.config
        for job in self._queue.left_lying(self._lines, seconds=LYING):
            if not self._queue.take_off(job.number):
                continue
            notice("other_mapping", job=job.number, task=job.task)
            if job.task == CLAIM:
                work = work_of(config, self._store, self._queue, self._clock, self._stopping.is_set)
                work.hand_back(claim_of(job.arguments["claim"]))


def remember(store: Store, queue: Queue, worker: int, owner: str) -> None:
    """Whose process this worker of the queue is; those that the queue has forgotten are forgotten here, too."""
    known = store.recall_below(WORKERS, "")
    there = {
        str(number) for number in queue.workers()
    }  # asked afterwards: they are there before they are known
    store.forget(WORKERS, sorted(known.keys() - there))
    store.memorize(WORKERS, {str(worker): owner})


def rescue(store: Store, queue: Queue) -> list[int]:
    """Jobs whose worker is gone are done again by somebody else: at once where that is known, else when it has said
    nothing for longer than any lease lasts. What two workers died of goes: its due time comes again (`rescue_lost`
    finds it), and rests if that goes on."""
    doing = queue.doing()
    if not doing:
        return []
    owners = store.recall(WORKERS, sorted({str(one.worker) for one in doing if one.worker is not None}))
    dead = [
        one
        for one in doing
        if one.worker is None
        or is_gone(owners.get(str(one.worker), ""))
        or (one.ago is not None and one.ago > UNSEEN)
    ]
    for one in dead:
        if one.rescued and one.due_again:
            queue.drop(one.job)
        else:
            queue.do_again(one.job)
        notice("job_rescued", job=one.job)
    return [one.job for one in dead]


def rescue_lost(store: Store, queue: Queue, now: datetime) -> list[Tick]:
    """Due times that the queue was to keep and does not: the database with the queue is another one since a backup was
    restored, or the job ended and could not say so."""
    left = [tick for tick in store.open_ticks() if tick.owner is None]
    kept = (
        queue.kept_ticks() if left else set()
    )  # asked afterwards: a job is there before its tick is nobody's
    return due_again([tick for tick in left if tick.number not in kept], store, now)


def work_of(
    config: Config, store: Store, queue: Queue, clock: Clock, stop: Stop, at_once: int | None = None
) -> Work:
    """What a claim stands for, with other hands to share it."""
    return Work(
        config,
        store,
        clock,
        stop,
        run=partial(_run, queue, at_once, True),
        take_up=partial(_run, queue, at_once, False),
    )


def _run(
    queue: Queue,
    at_once: int | None,
    read: bool,
    config: Config,
    store: Store,
    name: str,
    clock: Clock,
    stop: Stop,
) -> Report:
    options = Options(stop=stop, read=read, at_once=at_once)
    return run_once(config, store, name, clock=clock, options=options, dispatch=Called(config, queue))
