"""The whole circle, for tests: an event at a toy vendor, a mail in the toy inbox, an answer on our own page, a score on
the record. npsync is real: `serve` listens and ticks, `run` does what is due."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from cli_process import Npsync, stop
from townspeople import Person, Town

# Seconds until something that must happen has happened. A vendor whose delivery took too long under load tries again
# after a minute: that is no failure.
PATIENCE = 90.0
ORG = "00DHs0000000001MAA"
FLOW_TOKEN = "a-token-of-the-flow-0001"
OUTBOUND_SECRET = "a-secret-of-the-address-0001"
WORKFLOW_KEY = "a-key-of-the-workflow-0001"
COHORT_LOGIN = {"username": "npsync", "password": "a-password-of-the-sync"}

PEOPLE: dict[str, Any] = {
    "crm": {
        "object": "Contact",
        "match": [
            {"response": "external_id", "record": "Customer_Id__c"},
            {"response": "email", "record": "Email"},
        ],
        "name": "Name",
        "email": "Email",
        "opted_out": "HasOptedOutOfEmail",
    },
    "marketing": {
        "object": "contacts",
        "match": [{"response": "email", "record": "email"}],
        "email": "email",
        "opted_out": "hs_email_optout",
    },
}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def asking(trigger: Mapping[str, Any], url: str, **more: Any) -> dict[str, Any]:
    """A configuration with every connection there is, and this one trigger."""
    config: dict[str, Any] = {
        "time_zone": "America/New_York",
        "phone_region": "US",
        "public_url": url,
        "branding": {"company": "Acme", "postal_address": "1 Main Street, Springfield"},
        "connections": {
            "crm": {
                "type": "salesforce",
                "login_host": "acme.my.salesforce.com",
                "base_url": "${SALESFORCE_URL}",
                "auth": {
                    "flow": "client_credentials",
                    "client_id": "${SF_ID}",
                    "client_secret": "${SF_SECRET}",
                },
                "hooks": {"token": FLOW_TOKEN, "url_secret": OUTBOUND_SECRET, "org_id": ORG},
            },
            "marketing": {
                "type": "hubspot",
                "token": "${HUBSPOT_TOKEN}",
                "base_url": "${HUBSPOT_URL}",
                "hooks": {"client_secret": "${HUBSPOT_CLIENT_SECRET}", "api_key": WORKFLOW_KEY},
            },
            "chat": {
                "type": "intercom",
                "access_token": "${INTERCOM_TOKEN}",
                "base_url": "${INTERCOM_URL}",
                "hooks": {"client_secret": "${INTERCOM_CLIENT_SECRET}"},
            },
            "product": {
                "type": "mixpanel",
                "project_id": "${MIXPANEL_PROJECT}",
                "service_account": {"username": "${MIXPANEL_USER}", "secret": "${MIXPANEL_SECRET}"},
                "base_url": "${MIXPANEL_URL}",
                "every": "0 minutes",
                "hooks": COHORT_LOGIN,
            },
            "mailer": {
                "type": "mail",
                "host": "${SMTP_HOST}",
                "port": "${SMTP_PORT}",
                "security": "plain",
                "username": "${SMTP_USER}",
                "password": "${SMTP_PASSWORD}",
                "sender": "Acme <feedback@acme.com>",
            },
        },
        "people": PEOPLE,
        "surveys": {
            "support": {
                "metric": "nps",
                "kind": "transactional",
                "ask": "How likely are you to recommend Acme after this?",
                "then": "Why?",
                "through": [{"use": "mailer"}],
            }
        },
        "triggers": {"after": {"mode": "on", "survey": "support", **trigger}},
        "sync": {
            "onto-contacts": {
                "every": "5 minutes",
                "survey": "support",
                "to": "crm",
                "fields": {"NPS_Score__c": "score", "NPS_Comment__c": "comment"},
            },
            "onto-leads": {
                "every": "5 minutes",
                "survey": "support",
                "to": "marketing",
                "fields": {"nps_score": "score", "nps_comment": "comment"},
            },
        },
    }
    return config | more


@dataclass(frozen=True)
class Circle:
    town: Town
    npsync: Npsync
    url: str

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self.town.sandbox.control(method, path, body)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """`npsync serve` while the block lasts."""
        place = self.url.removeprefix("http://")
        process = self.npsync.started("serve", "--listen", place)
        try:
            eventually(lambda: listens(self.url), "npsync serve listens")
            yield
        finally:
            ended = stop(process)
        assert ended.code == 0, ended.everything

    def mails_to(self, person: Person) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = self.control("GET", "/mail/messages")
        return [mail for mail in mails if person.email in mail["rcpt_to"]]

    def mail_to(self, person: Person) -> dict[str, Any]:
        """The one mail this person gets."""
        eventually(lambda: self.mails_to(person), "the survey mail arrives", self.story)
        (mail,) = self.mails_to(person)
        return mail

    def story(self) -> str:
        """What was delivered, heard and decided, for whoever reads a failure."""
        told = [self.npsync("events").out, self.npsync("invitations").out]
        return "\n".join([*told, str(self.control("GET", "/deliveries"))])

    def answered(self, mail: Mapping[str, Any], score: int, comment: str) -> None:
        """As a browser does, from the mail's own link."""
        link = next(link for link in mail["links"] if "/s/" in link).partition("?")[0]
        assert re.fullmatch(rf"{re.escape(self.url)}/s/[A-Za-z0-9_-]{{22}}", link), link
        with requests.Session() as browser:
            assert browser.get(link, timeout=10).status_code == 200
            assert browser.post(link, {"score": score}, timeout=10).status_code == 200
            assert browser.post(link, {"score": score, "comment": comment}, timeout=10).status_code == 200


def listens(url: str) -> bool:
    try:
        return requests.get(f"{url}/", timeout=5).ok  # whoever is not signed in sees how to
    except requests.RequestException:  # not yet, or too busy to answer
        return False


def eventually(happened: Any, what: str, story: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"it did not happen that {what}\n{story()}"
        time.sleep(0.1)
