"""Whose an answer is, decided at the dashboard: the CRM asked on demand, the link done as an action, the record as why
tells it afterwards."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from asgi_caller import Caller, Replied
from cli_process import Npsync
from dashboard_desk import Desk, text_of
from townspeople import Town

from npsync.actions.doing import Doer
from npsync.clock import SystemClock
from npsync.config import load
from npsync.web.app import app
from store import open_store
from store.api import Stand


class Page(Desk):
    """The dashboard over the configuration that the command line uses."""

    def __init__(self, npsync: Npsync) -> None:
        self.config = load(npsync.folder / "npsync.yaml", npsync.env)
        url = str(self.config.store).replace(
            "sqlite:///npsync.db", f"sqlite:///{npsync.folder / 'npsync.db'}"
        )
        self.store = open_store(url)
        self.web = app(self.config, self.store, SystemClock())
        self.caller = Caller(self.web, headers={"host": "127.0.0.1:8642"})
        self.cookies = {}

    def do(self) -> None:
        """What `npsync serve` does with what was asked for."""
        now = SystemClock().now()
        action = self.store.claim_action("test", now=now, seconds=60)
        assert action is not None
        came_to = Doer(self.config, self.store, SystemClock(), lambda: False).do(action)
        self.store.end_action(action, "test", Stand.DONE, now=now, outcome=came_to)


def said(replied: Replied) -> str:
    return unescape(text_of(replied))


def score(town: Town, contact: str | None) -> Any:
    return town.sandbox.control("GET", f"/salesforce/Contact/{contact}")["NPS_Score__c"]


def test_an_answer_of_two_records_is_compared_linked_and_explained_at_the_dashboard(
    npsync: Npsync, town: Town
):
    ann = town.person()
    assert ann.email is not None
    assert ann.contact is not None
    twin = town.contact(ann.email)
    town.answers(ann, 4, "Who am I?")
    npsync("run", "contacts", exits=3)
    page = Page(npsync)
    page.sign_in(page.token("read", "apply"))
    inbox = page.get("/review").body.decode()
    number = re.findall(r'href="/review/answers/(\d+)"', inbox)[0]
    assert "Adler" not in inbox  # nobody asked the CRM yet
    compared = said(page.get(f"/review/answers/{number}?live=1"))
    assert compared.count("Adler") >= 2
    assert ann.contact in compared
    assert twin in compared
    assert "email = Email" in compared

    page.act(f"/review/answers/{number}/link", {"record": twin, "sync": "contacts"})
    assert score(town, twin) is None
    page.do()
    assert (score(town, twin), score(town, ann.contact)) == (4, None)
    assert "→ " + twin + ": done" in said(page.get("/review/doing"))

    story = said(page.get(f"/customers/crm/Contact/{twin}?live=1"))
    assert "The CRM still shows all of it" in story or "The CRM still shows it" in story
    assert "a person decided that" in story
    town.sandbox.control("PATCH", f"/salesforce/Contact/{twin}", {"NPS_Score__c": 9})
    assert "set by somebody" in said(page.get(f"/customers/crm/Contact/{twin}?live=1"))

    page.act("/decisions/links", {"scope": "crm.Contact", "value": ann.email})
    page.do()
    assert score(town, twin) == 9  # what a colleague set is theirs
    assert "detractor " + ann.email in said(page.get("/review"))
    page.store.close()
