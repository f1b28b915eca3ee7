"""A case is closed, a text message asks, the person texts a score back, and later STOP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from circle import PEOPLE, Circle, asking, eventually, free_port
from cli_process import Npsync
from sandbox_process import RunningSandbox, running_sandbox
from townspeople import Town

PHONE = "+14155550142"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(customers=1, responses=0) as sandbox:
        yield sandbox


@pytest.fixture
def circle(sandbox: RunningSandbox, tmp_path: Path) -> Circle:
    return Circle(Town(sandbox), Npsync(tmp_path, sandbox.env), f"http://127.0.0.1:{free_port()}")


def configured(circle: Circle) -> None:
    config = asking({"event": {"connection": "crm", "kind": "case_closed"}}, circle.url)
    config["connections"]["texts"] = {
        "type": "twilio",
        "account_sid": "${TWILIO_SID}",
        "auth_token": "${TWILIO_TOKEN}",
        "number": "${TWILIO_FROM}",
        "base_url": "${TWILIO_URL}",
        "sender": "Acme",
    }
    config["people"] = {"crm": {**PEOPLE["crm"], "phone": "MobilePhone", "consent": "SMS_Consent__c"}}
    config["sync"] = {"onto-contacts": config["sync"]["onto-contacts"]}
    config["surveys"]["support"]["through"] = [{"use": "texts"}]
    circle.npsync.configured(config)
    circle.npsync("sends", "accept-empty-ledger")
    circle.npsync("run")  # polls for the first time: from now on


def texts(circle: Circle) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = circle.control("GET", "/twilio/messages")
    return [each for each in sent if each["to"] == PHONE]


def texts_back(circle: Circle, words: str) -> None:
    circle.control("POST", "/twilio/do/reply", {"from": PHONE, "body": words})
    circle.control("POST", "/deliveries/settle", {})


def closes_a_case(circle: Circle, contact: str | None) -> None:
    case = circle.control(
        "POST", "/salesforce/Case", {"Subject": "Help", "Status": "New", "ContactId": contact}
    )
    circle.control("POST", "/salesforce/do/close_case", {"id": case["id"]})


def told(circle: Circle, question: str, *values: str) -> list[tuple[str, ...]]:
    with circle.npsync.store() as store:
        return [tuple(row) for row in store.execute(question, values)]


def test_a_text_asks_a_texted_score_reaches_the_contact_and_stop_ends_it(circle: Circle) -> None:
    person = circle.town.person()
    circle.town.somebody_sets(person, MobilePhone=PHONE, SMS_Consent__c=True)
    configured(circle)
    with circle.serving():
        circle.control("POST", "/twilio/do/inbound", {"url": f"{circle.url}/hooks/texts"})
        closes_a_case(circle, person.contact)
        circle.npsync("run")
        eventually(lambda: texts(circle), "the text message arrives")
        [text] = texts(circle)
        assert text["body"].startswith("Acme: How likely are you to recommend Acme after this? ")
        assert text["body"].endswith(" Reply STOP to opt out.")

        texts_back(circle, "9, quick and kind")
        eventually(
            lambda: told(circle, "SELECT state FROM invitation") == [("answered",)], "the reply answers"
        )
        circle.npsync("run", "onto-contacts")
        shown = circle.town.in_salesforce(person)
        assert (shown["NPS_Score__c"], shown["NPS_Comment__c"]) == (9, "quick and kind")

        texts_back(circle, "STOP")
        stop = "SELECT reason, channel FROM suppression WHERE key = ?"
        eventually(
            lambda: told(circle, stop, f"phone:{PHONE}") == [("stop", "sms")], "STOP closes texts alone"
        )
    circle.control("POST", "/twilio/do/inbound", {"url": None})
