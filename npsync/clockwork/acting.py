"""Actions that people asked for at a page, through the API or with `npsync syncs run`: taken, done, and told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from nps.errors import LeaseLost, NpsyncError
from npsync.actions.doing import Doer, Outcome
from npsync.actions.wanting import by_hand
from npsync.clockwork.hands import Task, Threads
from npsync.logs import notice
from store.api import Stand
from sync.leasing import Busy

if TYPE_CHECKING:
    from connectors.contract import Clock
    from npsync.config import Config
    from store.api import Action, Store

LEASE_SECONDS = 120.0
RENEWED_EVERY = 30.0
WHILE_BUSY = timedelta(seconds=5)
MOST_STARTS = 3  # that ended without a word
MOST = 8  # taken by one process and not done yet; the others wait for whoever is free
RELOAD = "reload"
ITS_RUN = {"run": "run", "take_up": "run", "verify": "verify", "undo": "undo", "redo": "redo"}


@dataclass
class _Held:
    action: Action
    renewed: float
    run: int | None = None


class Acting:
    """One process's part in them. What a process that died was at is done again: runs, verifications and plans are
    harmless to repeat, and an undo finds what it restored before. A run that is stopped half-way is wanted again. But
    what its processes die of is not done for ever: it has MOST_STARTS, and beside it no other action is begun, so that
    none of them pays for it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        owner: str,
        threads: Threads,
        stop: Callable[[], bool],
        *,
        reload: Callable[[], Outcome] | None = None,
        doer: Callable[[Config], Doer] | None = None,
    ) -> None:
        self._store, self._clock, self._owner = store, clock, owner
        self._threads, self._stop, self._reload = threads, stop, reload
        self._doer = doer or (lambda config: Doer(config, store, clock, stop))
        self._held: dict[int, _Held] = {}
        self._turn = threading.Lock()

    def tick(self, config: Config) -> None:
        """Keep what is held, and take what is wanted."""
        for held in self._all_held():
            self._keep(held)
        while not self._stop() and self._has_room():
            action = self._store.claim_action(self._owner, now=self._clock.now(), seconds=LEASE_SECONDS)
            if action is None:
                return
            if action.starts >= MOST_STARTS:
                self._end(action, Stand.FAILED, {"problem": _died_of(action)})
            elif action.starts and self._all_held():
                self._put_off(action, WHILE_BUSY)
            else:
                self._begin(action, self._doer(config))

    def _has_room(self) -> bool:
        held = self._all_held()
        return len(held) < MOST and not any(one.action.starts for one in held)

    def _all_held(self) -> list[_Held]:
        with self._turn:
            return list(self._held.values())

    def _begin(self, action: Action, doer: Doer) -> None:
        with self._turn:
            self._held[action.number] = _Held(action, self._clock.monotonic())
        if action.kind == RELOAD:
            self._ending(action, self._reloaded)
            return
        try:
            connections = doer.connections(action)
        except Exception as error:  # noqa: BLE001 - however it ends, whoever asked is told
            self._ending(action, partial(_raise, error))
            return
        self._threads.add(
            Task(
                f"action/{action.number}",
                connections,
                lambda: self._ending(action, lambda: doer.do(action)),
                lambda: self._put_off(action, timedelta(0)),
            )
        )

    def _reloaded(self) -> Outcome:
        if self._reload is None:
            raise NpsyncError("this process does not watch its file; restart it")
        return self._reload()

    def _ending(self, action: Action, do: Callable[[], Outcome]) -> None:
        """However it ends, whoever asked is told. A claim that waited too long for its turn is somebody else's now."""
        try:
            self._store.start_action(action, self._owner, now=self._clock.now(), seconds=LEASE_SECONDS)
        except NpsyncError as error:  # or the store is away for a while: the claim lapses
            self._lost(action, error)
            return
        notice("action", action=action.number, kind=action.kind, about=action.about)
        try:
            outcome = do()
        except Busy:
            self._put_off(action, WHILE_BUSY)
        except NpsyncError as error:
            self._end(action, Stand.FAILED, {"problem": str(error)})
        except Exception as error:  # told to whoever asked, and loud in the log
            self._end(
                action, Stand.FAILED, {"problem": f"a bug in npsync: {type(error).__name__}; see its log"}
            )
            raise
        else:
            if self._stop() and outcome.get("status") == "partial":
                self._put_off(action, timedelta(0))
            else:
                self._end(action, Stand.FAILED if outcome.get("status") == "failed" else Stand.DONE, outcome)

    def _end(self, action: Action, stand: Stand, outcome: Outcome) -> None:
        if stand is Stand.FAILED and "problem" not in outcome:
            problems = outcome.get("problems")
            outcome = outcome | {
                "problem": str(problems[0]) if isinstance(problems, list) and problems else ""
            }
        self._let_go(
            action,
            lambda: self._store.end_action(
                action, self._owner, stand, now=self._clock.now(), outcome=outcome
            ),
        )
        notice("action_ended", action=action.number, kind=action.kind, state=stand.value)

    def _put_off(self, action: Action, pause: timedelta) -> None:
        until = self._clock.now() + pause
        self._let_go(action, lambda: self._store.put_off_action(action, self._owner, until=until))

    def _let_go(self, action: Action, told: Callable[[], None]) -> None:
        self._no_longer(action)
        try:
            told()
        except LeaseLost as error:
            self._lost(action, error)

    def _lost(self, action: Action, error: NpsyncError) -> None:
        self._no_longer(action)
        notice("action_lost", action=action.number, problem=str(error))

    def _no_longer(self, action: Action) -> None:
        """Unless this process holds it anew meanwhile."""
        with self._turn:
            held = self._held.get(action.number)
            if held is not None and held.action.token == action.token:
                del self._held[action.number]

    def _keep(self, held: _Held) -> None:
        """Nobody else takes it while this process lives, and pages find the run that it came to."""
        action, now = held.action, self._clock.monotonic()
        try:
            if now - held.renewed >= RENEWED_EVERY:
                held.renewed = now
                self._store.renew_action(action, self._owner, now=self._clock.now(), seconds=LEASE_SECONDS)
            if held.run is None and (run := self._run_of(action)) is not None:
                held.run = run
                self._store.action_began(action, self._owner, run)
        except LeaseLost:
            return  # it ended meanwhile, or is somebody else's now: told where it ends

    def _run_of(self, action: Action) -> int | None:
        kind, sync, undone = (
            ITS_RUN.get(action.kind),
            action.arguments.get("sync"),
            action.arguments.get("run"),
        )
        if isinstance(undone, int) and (run := self._store.run(undone)) is not None:
            sync = run.sync
        if kind is None or not isinstance(sync, str):
            return None
        latest = self._store.runs(sync=sync, kind=kind, limit=1)
        ours = latest and latest[0].status == "running" and latest[0].started_at >= action.wanted_at
        return latest[0].id if ours else None


def _died_of(action: Action) -> str:
    return (
        f"{action.starts} times the process that began it ended before it did: killed, out of memory, or crashed. Its "
        f"log says more. Where nothing else suffers from it: {by_hand(action)}"
    )


def _raise(error: Exception) -> Outcome:
    raise error
