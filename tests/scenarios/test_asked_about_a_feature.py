"""A feature was used, Segment or RudderStack tells it: to a mail, an answer on our page, the score on the contact."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from cli_process import Npsync, stop
from townspeople import Person, Town

from store import open_store

PATIENCE = 60.0
CONFIG = """
time_zone: UTC
public_url: http://127.0.0.1:8642
connections:
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    base_url: "${SALESFORCE_URL}"
    auth: {flow: client_credentials, client_id: "${SF_ID}", client_secret: "${SF_SECRET}"}
  mailer:
    type: mail
    host: "${SMTP_HOST}"
    port: "${SMTP_PORT}"
    security: plain
    username: "${SMTP_USER}"
    password: "${SMTP_PASSWORD}"
    sender: Acme <feedback@acme.example>
  product:
    type: webhook
    preset: segment
    auth: {secret: segment-sandbox-shared-secret}
  mobile:
    type: webhook
    preset: rudderstack
    auth: {value: Bearer a-long-random-text}
people:
  crm:
    object: Contact
    match:
      - {response: external_id, record: Customer_Id__c}
      - {response: email, record: Email}
    name: Name
    email: Email
surveys:
  relationship:
    ask: How likely are you to recommend Acme?
    through: [{use: mailer}]
sync:
  nps-to-contacts:
    every: 1 day
    survey: relationship
    to: crm
    fields:
      NPS_Score__c: score
triggers:
  export-used:
    mode: "on"
    event: {connection: product, kind: track, name: Feature Used, properties: {feature: bulk_export}}
    where: event.properties.rows > 100
    people: crm
    survey: relationship
  app-used:
    mode: "on"
    event: {connection: mobile, kind: track, name: App Opened}
    people: crm
    survey: relationship
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def npsync(npsync: Npsync, port: int) -> Npsync:
    (npsync.folder / "npsync.yaml").write_text(CONFIG.replace("8642", str(port)), encoding="utf-8")
    npsync("db", "upgrade")
    store = open_store(f"sqlite:///{npsync.folder / 'npsync.db'}")
    store.switch("ledger", {"accepted": "a new installation"})
    store.close()
    return npsync


def test_a_feature_used_asks_and_the_answer_reaches_the_contact(npsync: Npsync, town: Town, port: int):
    ann, bob, eve = town.person("ann", external_id="C-ann-1"), town.person("bob"), town.person("eve")
    town.sandbox.control("POST", "/segment/do/destination", {"url": f"http://127.0.0.1:{port}/hooks/product"})
    with serving(npsync, port) as serve:
        uses(town, ann, "Feature Used", {"feature": "bulk_export", "rows": 5000})
        uses(town, ann, "Feature Used", {"feature": "bulk_export", "rows": 6000})
        uses(town, bob, "Feature Used", {"feature": "bulk_export", "rows": 3})
        uses(town, eve, "Feature Used", {"feature": "import", "rows": 5000})
        until(lambda: bool(links(town, ann)))
        # Seconds after the mail left, without a comment it would be held.
        said = {"score": "9", "comment": "Exports at last"}
        assert requests.post(links(town, ann)[0].partition("?")[0], data=said, timeout=30).ok
        assert stop(serve).code == 0
    npsync("run", "nps-to-contacts")

    assert town.in_salesforce(ann)["NPS_Score__c"] == 9
    assert len(links(town, ann)) == 1
    assert links(town, bob) == links(town, eve) == []
    assert "not meant" in npsync("invitations", bob.contact or "").out


def test_rudderstack_tells_with_a_header_and_a_stranger_is_refused(npsync: Npsync, town: Town, port: int):
    ann = town.person("ann")
    hook = f"http://127.0.0.1:{port}/hooks/mobile"
    given = {"url": hook, "flavour": "rudderstack", "headers": {"Authorization": "Bearer a-long-random-text"}}
    town.sandbox.control("POST", "/segment/do/destination", given)
    with serving(npsync, port) as serve:
        stranger = requests.post(
            hook, json={"type": "track", "event": "App Opened", "userId": "x"}, timeout=30
        )
        assert (stranger.status_code, stranger.json()["code"]) == (401, "unsigned")
        uses(town, ann, "App Opened", {})
        until(lambda: bool(links(town, ann)))
        until(lambda: "proof of its sender" in npsync("events", "--json").out)
        assert stop(serve).code == 0
    town.sandbox.control("POST", "/segment/do/destination", {"url": None, "flavour": "rudderstack"})


def uses(town: Town, person: Person, event: str, properties: dict[str, Any]) -> None:
    told = {"event": event, "properties": properties, "user_id": person.external_id or f"app-{person.email}"}
    town.sandbox.control("POST", "/segment/do/track", {**told, "email": person.email})


def links(town: Town, person: Person) -> list[str]:
    """The survey links in this person's mails."""
    mails = [mail for mail in town.sandbox.rows("mail", "messages") if person.email in mail["rcpt_to"]]
    return [next(link for link in mail["links"] if "/s/" in link) for mail in mails]


@contextmanager
def serving(npsync: Npsync, port: int) -> Iterator[subprocess.Popen[str]]:
    process = npsync.started("serve", "--listen", f"127.0.0.1:{port}", "--json")
    try:
        until(lambda: answers(port) or process.poll() is not None)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()


def answers(port: int) -> bool:
    try:
        return requests.head(f"http://127.0.0.1:{port}/hooks/product", timeout=30).status_code == 200
    except requests.ConnectionError:
        return False


def until(happened: Callable[[], bool]) -> None:
    """Wait for it; a test that waits in vain fails."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)
