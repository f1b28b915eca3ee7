"""An org as it was before anybody prepared it for surveys."""

from __future__ import annotations

from sandbox.salesforce.api import Api
from sandbox.salesforce.org import Org

_OURS = ("NPS_", "CSAT_")
_HISTORY = "NPS_Response__c"


def strip(org: Org, api: Api) -> dict[str, list[str]]:
    """What is gone: every field about surveys, the object of kept answers, and all permission sets."""
    gone = []
    for table in list(org.tables.values()):
        if table.name == _HISTORY:
            org.drop_table(_HISTORY)
            api.permissions.pop(_HISTORY, None)
            gone.append(_HISTORY)
            continue
        names = [column.field.name for column in table.columns.values() if _about_surveys(column.field.name)]
        for name in names:
            table.drop_field(name)
        gone += [f"{table.name}.{name}" for name in names]
    sets = org.tables["PermissionSet"]
    for row in list(sets.live()):
        _forget(org, str(row[sets.id]))
        gone.append(str(row[sets.place("Name")]))
    return {"gone": gone}


def _about_surveys(name: str) -> bool:
    return name == "NPS__c" or (name.startswith(_OURS) and name.endswith(("__c", "__pc")))


def _forget(org: Org, set: str) -> None:
    for name, by in (
        ("FieldPermissions", "ParentId"),
        ("ObjectPermissions", "ParentId"),
        ("PermissionSetAssignment", "PermissionSetId"),
    ):
        table = org.tables[name]
        for row in table.pointing(by, set):
            table.forget(str(row[table.id]))
    org.tables["PermissionSet"].forget(set)
