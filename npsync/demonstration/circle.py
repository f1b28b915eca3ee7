"""The second half of `npsync demo`: a case is closed, its customer is asked by mail, answers on our own page, and the
answer stands on the case and on the contact."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import requests
import uvicorn

from npsync import opening
from npsync.asking.triggering import ask_once
from npsync.cli import output
from npsync.clock import SystemClock
from npsync.config import Config, load
from npsync.demonstration.toys import SandboxFailed, copied
from npsync.syncing.jobs import run_once, target_of
from npsync.web import listening
from npsync.web.app import app
from npsync.words import asking_text, sync_text
from store.api import Store
from triggers.ledger import accept_empty

EXAMPLE = "examples/survey-after-support.yaml"
SCORE, COMMENT = 4, "Quick, but I had to ask twice"
SECONDS_TO_ANSWER = 30


def show(variables: Mapping[str, str], url: str, folder: Path) -> bool:
    """Whether the answer came round to the records."""
    output.say("\nNow the other way round: an event in the CRM asks for a survey.\n")
    with closing(listening.bind("127.0.0.1:0")) as door:
        address = f"http://127.0.0.1:{door.getsockname()[1]}"
        config = load(copied(EXAMPLE, folder), {**os.environ, **variables, "NPSYNC_URL": address})
        with opening.open_store(config) as store, _pages(config, store, door):
            accept_empty(store, by="demo", why="nobody was ever asked", now=SystemClock().now())
            _turn(config, store, "cases that are closed from now on are noticed")
            case = _closed_case(url)
            output.say(f'\nIn Salesforce, an agent closes case {case["CaseNumber"]}, "{case["Subject"]}".\n')
            _turn(config, store, "what happened since, who may be asked, what is due")
            _answer(_asked(url))
            came = [_written(config, store, name) for name in config.sync]
    return all(came)


@contextmanager
def _pages(config: Config, store: Store, door: socket.socket) -> Iterator[None]:
    """Our own pages, as `npsync serve` shows them, while the block lasts."""
    application = app(config, store, SystemClock(), request_lines=False)  # the story tells who asks for what
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, name="npsync-pages")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _turn(config: Config, store: Store, about: str) -> None:
    output.say(f"$ npsync run   ({about})")
    for line in asking_text.round_lines(ask_once(config, store, SystemClock())):
        output.say(f"  {line}")


def _closed_case(url: str) -> dict[str, Any]:
    """An agent closes the first open case whose contact can be reached."""
    contacts = {one["id"]: one for one in _lines(f"{url}/control/salesforce/Contact")}
    for case in _lines(f"{url}/control/salesforce/Case"):
        contact = contacts.get(case.get("ContactId") or "")
        if case["IsClosed"] or case["Type"] == "Internal" or contact is None:
            continue
        if contact["Email"] and not contact["HasOptedOutOfEmail"]:
            closed: dict[str, Any] = _control(f"{url}/control/salesforce/do/close_case", {"id": case["id"]})
            return closed
    raise SandboxFailed("the sandbox has no open case whose contact can be asked; try another --seed")


def _asked(url: str) -> str:
    """The link of the mail that went out, which is shown."""
    mails = _lines(f"{url}/control/mail/messages")
    if not mails:
        raise SandboxFailed("no mail arrived in the sandbox's inbox; see above")
    mail = mails[-1]
    output.say(f"\nThe customer's inbox ({url}/look/mail/):\n")
    output.say(f"  From: {mail['from']}")
    output.say(f"  Subject: {mail['subject']}\n")
    for line in str(mail["text"]).strip().splitlines():
        output.say(f"  | {line}")
    return next(str(link) for link in mail["links"] if "/s/" in link).partition("?")[0]


def _answer(link: str) -> None:
    """As the customer's browser does: a look records nothing, the button does."""
    requests.get(link, timeout=SECONDS_TO_ANSWER).raise_for_status()
    requests.post(link, {"score": SCORE}, timeout=SECONDS_TO_ANSWER).raise_for_status()
    requests.post(link, {"score": SCORE, "comment": COMMENT}, timeout=SECONDS_TO_ANSWER).raise_for_status()
    output.say(f'\nThe customer opens the link, chooses {SCORE} of 5 and writes "{COMMENT}".\n')


def _written(config: Config, store: Store, name: str) -> bool:
    """Whether the sync wrote the answer onto its record, which is shown."""
    output.say(f"$ npsync run {name}")
    report = run_once(config, store, name)
    target = target_of(config, config.sync[name])
    changes = [change for change, outcome in store.run_changes(report.run) if outcome == "written"]
    for change in changes:
        output.say(f"{target.object}:")
        for line in sync_text.change_lines(change):
            output.say(line)
    return bool(changes)


def _lines(address: str) -> list[dict[str, Any]]:
    reply = requests.get(address, timeout=SECONDS_TO_ANSWER)
    reply.raise_for_status()
    return [orjson.loads(line) for line in reply.content.splitlines() if line]


def _control(address: str, body: Mapping[str, Any]) -> Any:
    reply = requests.post(address, json=body, timeout=SECONDS_TO_ANSWER)
    reply.raise_for_status()
    return reply.json()
