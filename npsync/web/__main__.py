"""The web's own process. `npsync serve` starts it; nobody else does."""

from __future__ import annotations

import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from nps.errors import NpsyncError
from npsync import logs, opening
from npsync.clock import SystemClock
from npsync.clockwork.freeing import give_back, keep_what_is_built, share_one_heap
from npsync.config import Config, load
from npsync.web.app import Web, app
from npsync.web.intake import opened_intake
from npsync.web.patience import Places, placed, proxies
from store.api import Store

SECONDS_OF_A_TURN = 0.0005  # callers do not wait for a thread that carries events into the store
MOST_CALLERS = 1_000
SHARE = 250  # of them, for one address
SECONDS_IDLE = 30
SECONDS_TO_ANSWER = 10  # what is under way when it is told to end
GIVES_BACK_EVERY = 300.0  # seconds: what the largest pages needed for a moment


def main(arguments: Sequence[str]) -> int:
    share_one_heap()
    path, listening, alive, how = arguments
    logs.set_up(json=how == "json")
    logs.pass_on("uvicorn", "uvicorn.error", "asyncio")
    try:
        config = load(
            Path(path), content=sys.stdin.buffer.read()
        )  # what serve goes by, not what stands there now
        with opening.open_store(config) as store:
            return _serve(config, store, socket.socket(fileno=int(listening)), int(alive))
    except NpsyncError as error:
        logs.notice("web_failed", problem=str(error))
        return 1


def _serve(config: Config, store: Store, listening: socket.socket, alive: int) -> int:
    clock = SystemClock()
    sys.setswitchinterval(SECONDS_OF_A_TURN)
    with opened_intake(config, store, clock) as intake:
        made = app(config, store, clock, intake=intake)
        server = uvicorn.Server(settings(made))
        keep_what_is_built()
        crashed = end_with(server, alive, meanwhile=lambda: give_back(store))
        # uvicorn raises the signal that ended it once more when it is done: then there is nothing left to end.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        signal.signal(signal.SIGINT, lambda number, frame: None)
        server.run(sockets=[listening])
        made.site.refusals.close()
    return 1 if crashed.is_set() else 0


def settings(made: Web) -> uvicorn.Config:
    """How the web is served."""
    config = uvicorn.Config(
        made,
        log_config=None,
        ws="none",
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=MOST_CALLERS,
        timeout_keep_alive=SECONDS_IDLE,
        timeout_graceful_shutdown=SECONDS_TO_ANSWER,
    )
    # One place is left free: the server refuses whoever takes the last.
    config.http = placed(Places(MOST_CALLERS - 1, SHARE, proxies(config.forwarded_allow_ips)))
    return config


def end_with(
    server: uvicorn.Server, alive: int, *, meanwhile: Callable[[], None], every: float = GIVES_BACK_EVERY
) -> threading.Event:
    """End when `serve` is gone, and when a thread of ours died: `serve` starts everything anew. `meanwhile`: now and
    then, `every` so many seconds."""
    crashed = threading.Event()

    def watch() -> None:
        # Nothing is ever written there: there is something to read when nobody could write any more.
        while not select.select([alive], [], [], every)[0]:
            meanwhile()
        server.should_exit = True

    def crash(died: threading.ExceptHookArgs) -> None:
        trace = traceback.extract_tb(died.exc_traceback)
        where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in trace]
        logs.notice(
            "web_crashed", place=died.thread and died.thread.name, problem=[died.exc_type.__name__, *where]
        )
        crashed.set()
        server.should_exit = True

    threading.excepthook = crash
    threading.Thread(target=watch, name="npsync-alive", daemon=True).start()
    return crashed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
