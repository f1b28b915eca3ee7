"""One row per sender: how the contract suite sets it up, and how it looks at what its vendor took."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from builders_sending import message, recipient
from contract_place import EVIL, NOBODY_LISTENS, WRONG_SECRET, Given, Place
from destination_table import DESTINATIONS
from fake_clock import fake_tools
from vendor_settings import promoter, wootric

from connectors import registry
from connectors.contract import Sender, Sends, Tools
from nps.sending import Message, Recipient

_numbers = count(1)

Row = Mapping[str, Any]

CONNECTION = "asking"


@dataclass(frozen=True)
class SenderRow:
    """`taken` are the messages the vendor holds for one person. `lose_reply` lets the next message be taken and its
    answer get lost; `busy` lets the vendor refuse the next one for now. `nowhere` is a person who can't be reached.
    None: there is no such thing."""

    settings: Callable[[Place], Given]
    taken: Callable[[Place, Recipient], Sequence[Any]]
    message: Given = field(default_factory=dict)
    nowhere: Given | None = None
    lose_reply: Callable[[Place], None] | None = None
    busy: Callable[[Place], None] | None = None
    wrong: Callable[[Given], Given] | None = None
    unreachable: Callable[[Given], Given] | None = None
    hostile: Callable[[Given], Given] | None = None
    learns: bool = False  # `send` itself learns what became of a message whose answer was lost
    meet: Callable[[Place, Given], Given] = lambda place, person: {}  # makes a person known to the vendor


def _mail(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "host": env["SMTP_HOST"],
        "port": int(env["SMTP_PORT"]),
        "security": "plain",
        "hello": "npsync.test",
        "username": env["SMTP_USER"],
        "password": env["SMTP_PASSWORD"],
        "sender": "Acme <feedback@acme.example>",
    }


def _twilio(place: Place) -> Given:
    env = place.sandbox.env
    return {
        "account_sid": env["TWILIO_SID"],
        "auth_token": env["TWILIO_TOKEN"],
        "number": env["TWILIO_FROM"],
        "sender": "Acme",
        "base_url": env["TWILIO_URL"],
    }


def _mails(place: Place, to: Recipient) -> Sequence[Row]:
    return [row for row in place.sandbox.rows("mail", "messages") if to.email in row["rcpt_to"]]


def _texts(place: Place, to: Recipient) -> Sequence[Row]:
    return [row for row in place.sandbox.rows("twilio", "messages") if row["to"] == to.phone]


def _surveys(place: Place, to: Recipient) -> Sequence[Row]:
    return [row for row in place.sandbox.rows("promoter", "surveys") if row["email"] == to.email]


def _asked(place: Place, to: Recipient) -> Sequence[Row]:
    return [row for row in place.sandbox.rows("wootric", "asked") if row["email"] == to.email]


def _lines(place: Place, to: Recipient) -> Sequence[Row]:
    path = place.folder / "links.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["email"] == to.email]


def _crm(vendor: str, object: str, field: str) -> SenderRow:
    """A CRM whose automation waits for a field of the person's record."""
    crm = DESTINATIONS[vendor]

    def meet(place: Place, person: Given) -> Given:
        id = place.sandbox.control(
            "POST", f"/{vendor}/{object}", crm.person(person["email"], person["phone"])
        )["id"]
        return {"connection": CONNECTION, "object": object, "record_id": id}

    def taken(place: Place, to: Recipient) -> Sequence[Any]:
        """What was written to the field; the same text again is no second ask."""
        writes = place.sandbox.control("GET", f"/traffic/writes/{vendor}/{object}")
        texts = [
            write["fields"][field][1]
            for write in writes
            if write["id"] == to.record_id and field in write["fields"]
        ]
        return list(dict.fromkeys(text for text in texts if text))

    def fault(kind: str, **rule: Any) -> Callable[[Place], None]:
        path = "batch/update" if vendor == "hubspot" else "composite/sobjects"
        return lambda place: place.sandbox.fault(vendor, kind, path=path, **rule)

    return SenderRow(
        settings=lambda place: crm.settings(place) | {"sends": {field: "{link}#{step}"}},
        taken=taken,
        meet=meet,
        lose_reply=fault("lost_reply"),
        busy=fault("status", status=429, times=1000) if vendor == "hubspot" else None,
        wrong=crm.wrong,
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        learns=True,
    )


def _after(vendor: str, path: str, kind: str, **rule: Any) -> Callable[[Place], None]:
    def play(place: Place) -> None:
        place.sandbox.fault(vendor, kind, method="POST", path=path, **rule)

    return play


SENDERS: Mapping[str, SenderRow] = {
    "mail": SenderRow(
        settings=_mail,
        taken=_mails,
        nowhere={"email": "nobody at home"},
        lose_reply=lambda place: place.sandbox.fault("mail", "drop_after_data"),
        busy=lambda place: place.sandbox.fault("mail", "defer_recipient"),
        wrong=lambda given: given | {"password": WRONG_SECRET},
        unreachable=lambda given: given | {"port": 9},
        hostile=lambda given: given | {"host": "relay.evil.example"},
    ),
    "twilio": SenderRow(
        settings=_twilio,
        taken=_texts,
        nowhere={"phone": "555 01"},
        lose_reply=_after("twilio", "Messages.json", "lost_reply"),
        busy=_after("twilio", "Messages.json", "status", status=429, times=9),
        wrong=lambda given: given | {"auth_token": WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
        learns=True,
    ),
    "promoter": SenderRow(
        settings=promoter,
        taken=_surveys,
        message={"vendor_survey": "99"},
        nowhere={"email": "nobody at home"},
        lose_reply=_after("promoter", "/survey/", "lost_reply"),
        busy=_after("promoter", "/survey/", "status", status=429, times=9),
        wrong=lambda given: given | {"api_key": WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
    ),
    "wootric": SenderRow(
        settings=wootric,
        taken=_asked,
        nowhere={"email": "nobody at home"},
        lose_reply=_after("wootric", "email_survey", "lost_reply"),
        busy=_after("wootric", "email_survey", "status", status=429, times=9),
        wrong=lambda given: given | {"client_secret": WRONG_SECRET},
        unreachable=lambda given: given | {"base_url": NOBODY_LISTENS},
        hostile=lambda given: given | {"base_url": EVIL},
    ),
    "hubspot": _crm("hubspot", "contacts", "nps_comment"),
    "salesforce": _crm("salesforce", "Contact", "NPS_Comment__c"),
    "link": SenderRow(
        settings=lambda place: {"file": str(place.folder / "links.csv")},
        taken=_lines,
        unreachable=lambda given: {"file": f"{given['file']}/nowhere.csv"},
        hostile=lambda given: {"url": EVIL},
    ),
}


def somebody(row: SenderRow, place: Place, **more: Any) -> Recipient:
    """A person no other test has asked."""
    number = next(_numbers)
    usual = {
        "name": f"Olga Petrova{number}",
        "email": f"olga.petrova{number}@contract.example",
        "phone": f"+1510555{number:04d}",  # of an area no other test texts
        "external_id": None,
        "record_id": f"003{number}",
    }
    person = usual | more
    return recipient(**(person | row.meet(place, person)))


def asked(row: SenderRow, to: Recipient, **more: Any) -> Message:
    number = next(_numbers)
    invitation = f"contract-invitation-{number:04d}"
    own = {"link": f"https://nps.acme.example/s/{invitation}", "invitation": invitation, "to": to}
    return message(**(dict(row.message) | own | more))


def open_sender(name: str, given: Given, tools: Tools | None = None) -> Sender:
    connector = registry.load(name)
    assert connector.sender is not None
    return connector.sender(connector.settings.model_validate(given), tools or fake_tools(CONNECTION))


def sends(name: str, given: Given) -> Sends:
    connector = registry.load(name)
    declared = connector.sends(connector.settings.model_validate(given))
    assert declared is not None
    return declared
