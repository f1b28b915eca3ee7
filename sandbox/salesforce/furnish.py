"""Who and what the org has beside its customers: colleagues who left, a queue, campaigns, and tasks of before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.salesforce.values import Stored, shown_datetime
from sandbox.world import Company

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

Stamps = Mapping[str, Stored]
_EVERY_LEFT = 15  # every so many customers is still owned by somebody who left
_EVERY_TASK = 30
_CAMPAIGNS = (
    ("NPS promoters", "Advocacy"),
    ("NPS passives", "Other"),
    ("NPS detractors", "Other"),
    ("Spring newsletter", "Email"),
)
_SUBJECTS = ("Renewal call", "Send the new price list", "Ask about the rollout")


def owner_of(org: Org, customer: int) -> str:
    """Mostly one of the owners, now and then a colleague who left."""
    if customer % _EVERY_LEFT == 7:
        return org.left[customer // _EVERY_LEFT % len(org.left)]
    return org.owners[customer % len(org.owners)]


def account_facts(company: Company) -> dict[str, Stored]:
    """What reports weigh and group by; some companies never told their revenue."""
    number = company.number
    return {
        "Type": ("Customer", "Customer", "Customer", "Partner")[number % 4],
        "AnnualRevenue": None if number % 9 == 4 else float(50_000 * (1 + number * 7 % 40)),
        "Plan__c": ("Starter", "Team", "Team", "Enterprise")[number % 4],
        "Product_Line__c": ("Analytics", "Payments", "Support")[number % 3],
    }


def furnish(org: Org, until: datetime, stamps: Stamps) -> None:
    _queue(org, stamps)
    _campaigns(org, stamps)
    _tasks(org, until, stamps)


def _queue(org: Org, stamps: Stamps) -> None:
    for name, kind in (("NPS follow-up", "Queue"), ("Everybody", "Regular")):
        plain = name.replace(" ", "_").replace("-", "_")
        org.tables["Group"].insert({"Name": name, "DeveloperName": plain, "Type": kind, **stamps})


def _campaigns(org: Org, stamps: Stamps) -> None:
    for name, kind in _CAMPAIGNS:
        fields: dict[str, Stored] = {"Name": name, "Type": kind, "Status": "In Progress", "IsActive": True}
        id = org.tables["Campaign"].insert({**fields, "OwnerId": org.owners[0], **stamps})
        org.keepers["Campaign"].saved(org.tables["Campaign"].rows[id])


def _tasks(org: Org, until: datetime, stamps: Stamps) -> None:
    contacts = org.contacts
    for number, contact in enumerate(contacts.live()):
        if number % _EVERY_TASK:
            continue
        due = until + timedelta(days=number % 14)
        done = number // _EVERY_TASK % 3 == 2
        org.tables["Task"].insert(
            {
                "Subject": _SUBJECTS[number // _EVERY_TASK % len(_SUBJECTS)],
                "WhoId": contact[contacts.id],
                "AccountId": contact[contacts.place("AccountId")],
                "OwnerId": contact[contacts.place("OwnerId")],
                "ActivityDate": f"{due:%Y-%m-%d}",
                "Status": "Completed" if done else "Not Started",
                "Priority": "Normal",
                "TaskSubtype": "Task",
                "IsClosed": done,
                "CompletedDateTime": shown_datetime(until) if done else None,
                "CreatedById": org.owners[0],
                **stamps,
            }
        )
