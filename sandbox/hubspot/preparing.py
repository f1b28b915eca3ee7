"""What somebody has set up for surveys in the account, and the account as it was before."""

from __future__ import annotations

from datetime import datetime

from sandbox.hubspot.account import Account
from sandbox.hubspot.schemas import make
from sandbox.hubspot.standard import NPS_GROUP

_KEPT = {
    "name": "nps_response",
    "labels": {"singular": "NPS response", "plural": "NPS responses"},
    "primaryDisplayProperty": "response_key",
    "requiredProperties": ["response_key"],
    "associatedObjects": ["CONTACT", "COMPANY"],
    "properties": [
        {"name": "response_key", "label": "Response key", "type": "string", "fieldType": "text"}
        | {"hasUniqueValue": True},
        {"name": "score", "label": "Score", "type": "number", "fieldType": "number"},
        {"name": "segment", "label": "Segment", "type": "string", "fieldType": "text"},
        {"name": "comment", "label": "Comment", "type": "string", "fieldType": "textarea"},
        {"name": "channel", "label": "Channel", "type": "string", "fieldType": "text"},
        {"name": "answered_at", "label": "Answered at", "type": "datetime", "fieldType": "date"},
    ],
}
_LISTS = (
    ("NPS promoters", "MANUAL"),
    ("NPS passives", "MANUAL"),
    ("NPS detractors", "MANUAL"),
    ("All customers", "DYNAMIC"),
)
_OURS = ("nps", "csat_", "npsync_")


def prepare(account: Account, at: datetime) -> None:
    make(account, _KEPT)
    for name, how in _LISTS:
        made = account.lists.put(name, account.contacts, how, at)
        if how == "DYNAMIC":
            made.change((one.id for one in account.contacts.living()), (), made.made_at)


def strip(account: Account) -> list[str]:
    """Every property about surveys, their group, the object of kept answers, and the lists for segments."""
    gone = []
    for table in list(account.tables):
        if table.kind.own:
            account.drop_table(table)
            gone.append(table.kind.name)
            continue
        for name in [one.name for one in table.definitions.values() if _about_surveys(one.name)]:
            table.undefine(name)
            gone.append(f"{table.kind.name}.{name}")
        for group in [name for name in table.groups if name.startswith(NPS_GROUP)]:
            del table.groups[group]
            gone.append(f"{table.kind.name} group {group}")
    for one in [one for one in account.lists.all() if one.name.startswith("NPS")]:
        account.lists.remove(one)
        gone.append(one.name)
    return gone


def _about_surveys(name: str) -> bool:
    return name == "nps" or name.startswith(_OURS)
