"""A process that uses a connection beside others on the same store.

python sharing_process.py search FOLDER TIMES    looks at everybody in the HubSpot of FOLDER/npsync.yaml, so often
python sharing_process.py renew FOLDER URL       calls a tool whose refresh token is another one after each use
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pydantic import SecretStr

from connectors.auth import TokenAuth
from connectors.authorising import Authorisation
from connectors.calls import CallPolicy
from connectors.contract import Tools
from connectors.limits import Limiter
from npsync import opening
from npsync.clock import SystemClock
from npsync.config import load
from store import open_store
from store.owners import this_process

ANSWERED = "ready\n"


def search(folder: Path, times: int) -> None:
    config = load(folder / "npsync.yaml")
    with opening.open_store(config) as store, opening.opened(config, store) as connections:
        marketing = connections.destination("marketing")
        wait_for_the_others(folder)
        for _ in range(times):
            assert list(marketing.records("contacts", ["email"], {}))


def renew(folder: Path, url: str) -> None:
    store = open_store(f"sqlite:///{folder / 'npsync.db'}")
    memory = opening.StoredMemory(store, "tool", SystemClock(), this_process())
    tools = Tools(
        connection="tool",
        memory=memory,
        credentials=memory,
        clock=SystemClock(),
        notice=lambda event, **facts: None,
        count_call=lambda: None,
    )
    auth = TokenAuth(
        kind="oauth2",
        token_url="/token",
        client_id="c",
        client_secret=SecretStr("s"),
        grant="refresh_token",
        refresh_token=SecretStr("r-0"),
    )
    http = Authorisation(auth, url, CallPolicy(tools, Limiter(tools)), allow_http=True).http()
    wait_for_the_others(folder)
    for _ in range(5):
        assert http.request("GET", "/x", reads=True).status == 200
    store.close()


def wait_for_the_others(folder: Path) -> None:
    sys.stdout.write(ANSWERED)
    sys.stdout.flush()
    while not (folder / "go").exists():
        time.sleep(0.01)


if __name__ == "__main__":
    what, where, how = sys.argv[1:]
    if what == "search":
        search(Path(where), int(how))
    else:
        renew(Path(where), how)
