"""One row per connector that creates things beside the customers' records: how the contract suites set it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from contract_place import Given, Place
from vendor_settings import hubspot, salesforce

from connectors.contract import Creates
from nps.values import Json


@dataclass(frozen=True)
class CreatingRow:
    """`person` makes a record of `object`, as the sandbox's control takes it. Tasks are kept as `task`, in whose
    `subject` and `body` our texts stand (`shown` brings the body back to plain text), and are `done` with these fields.
    Answers are kept as records of `history` with `key` (or without one), whose `text` holds what people wrote. `list`
    is one that people made; `unsettable` one, if any, whose members nobody may set. `connector` is the connector's name
    where several rows are of one; `tries` what this row is for, `hides` a field (of an object) that it must not see."""

    settings: Callable[[Place], Given]
    object: str
    person: Callable[[str], Given]
    task: str
    subject: str
    body: str
    done: Mapping[str, str]
    history: str
    key: str
    text: str
    colleague: str  # the address of somebody who works there
    left: Callable[[Place], str]  # the id of somebody who left
    company: tuple[str, Given]  # an object whose records are companies, and what one is made of
    case: Callable[[Place, str], str]  # opens a case of a record, and gives its id
    close: str  # what closes a case
    list: str
    statuses: bool = False  # whether a member has one
    unsettable: str = ""
    connector: str = ""
    tries: frozenset[Creates] = frozenset(Creates)
    hides: tuple[str, str] | None = None
    shown: Callable[[str], str] = field(default=lambda text: text)

    def fields(self, key: str, text: str) -> dict[str, Json]:
        return {self.text: text} | ({self.key: key} if self.key else {})


def _left_salesforce(place: Place) -> str:
    users: list[dict[str, Any]] = place.sandbox.rows("salesforce", "User")
    return next(str(one["Id"]) for one in users if not one["IsActive"])


def _plain(text: str) -> str:
    from html import unescape

    return unescape(text.replace("<br>", "\n"))


def _case(place: Place, person: str) -> str:
    fields = {"Subject": "Help", "Status": "New", "ContactId": person}
    return str(place.sandbox.control("POST", "/salesforce/Case", fields)["id"])


def _ticket(place: Place, person: str) -> str:
    fields = {"subject": "Help", "hs_pipeline": "0", "hs_pipeline_stage": "1"}
    ticket = str(place.sandbox.control("POST", "/hubspot/tickets", fields)["id"])
    place.sandbox.control("POST", "/hubspot/do/associate", {"ticket": ticket, "contact": person})
    return ticket


_SALESFORCE = CreatingRow(
    settings=salesforce,
    object="Contact",
    person=lambda name: {"LastName": name, "Email": f"{name}@acme.example"},
    task="Task",
    subject="Subject",
    body="Description",
    done={"Status": "Completed"},
    history="NPS_Response__c",
    key="Response_Key__c",
    text="Comment__c",
    colleague="alex@acme.example",
    left=_left_salesforce,
    company=("Account", {"Name": "Creating"}),
    case=_case,
    close="close_case",
    list="NPS promoters",
    statuses=True,
)

_HUBSPOT = CreatingRow(
    settings=hubspot,
    object="contacts",
    person=lambda name: {"lastname": name, "email": f"{name}@acme.example"},
    task="tasks",
    subject="hs_task_subject",
    body="hs_task_body",
    done={"hs_task_status": "COMPLETED"},
    history="notes",
    key="",
    text="hs_note_body",
    colleague="alex@acme.example",
    left=lambda place: "64492920",
    company=("companies", {"name": "Creating"}),
    case=_ticket,
    close="close_ticket",
    list="NPS promoters",
    unsettable="All customers",
    shown=_plain,
)

CREATING: Mapping[str, CreatingRow] = {
    "salesforce": _SALESFORCE,
    "salesforce_without_a_key": replace(
        _SALESFORCE,
        connector="salesforce",
        tries=frozenset({Creates.TASKS}),
        hides=("Task", "NPS_Event_Id__c"),
    ),
    "hubspot": _HUBSPOT,
    "hubspot_own_object": replace(
        _HUBSPOT,
        history="nps_response",
        key="response_key",
        text="comment",
        shown=str,
        connector="hubspot",
        tries=frozenset({Creates.HISTORY}),
    ),
}
