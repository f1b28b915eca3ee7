"""Does the credential have what the YAML needs, and what has it that it needn't?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.contract import Grant, Needs, Verdict
from connectors.salesforce import permissions
from connectors.salesforce.errors import Refused
from connectors.salesforce.library import Api
from connectors.salesforce.schema import Column, Table
from nps.errors import AccessError, ConfigError

_TOO_MUCH = {
    "PermissionsModifyAllData": "System permission: Modify All Data",
    "PermissionsViewAllData": "System permission: View All Data",
}


def tested(
    api: Api, table: Callable[[str], Table], column: Callable[[str, str], Column], needs: Needs
) -> list[Grant]:
    """Every permission, tested by what describe shows this user. AccessError when the credential is
    refused."""
    if not needs.read and not needs.write:
        api.call("GET", "sobjects/", what="list the objects")
    found = [
        grant for object in permissions.objects(needs) for grant in _object(table, column, needs, object)
    ]
    enabled = Grant(permissions.API_ENABLED, "every call needs it", Verdict.OK)
    return [enabled, *found, _limits(api), *_system(api)]


def _object(
    table: Callable[[str], Table], column: Callable[[str, str], Column], needs: Needs, object: str
) -> Iterator[Grant]:
    writes = needs.write.get(object, frozenset())
    try:
        here = table(object)
    except ConfigError as missing:
        yield Grant(f"Object {object}: Read", "records are read there", Verdict.MISSING, str(missing))
        return
    yield Grant(f"Object {object}: Read", "records are read there", Verdict.OK)
    if writes:
        yield Grant(
            f"Object {object}: Edit",
            "scores are written there",
            Verdict.OK if here.updateable else Verdict.MISSING,
            "" if here.updateable else "describe says this user cannot update it",
        )
    if object == "Contact" and writes and here.person_accounts:
        detail = (
            "person accounts are on: say only: {IsPersonAccount: false}, "
            "or write their fields on Account, where they end in __pc"
        )
        yield Grant("Person accounts", "one row is both Account and Contact", Verdict.OK, detail)
    if object == "Lead" and writes and "IsConverted" not in needs.read.get(object, frozenset()):
        detail = "say only: {IsConverted: false}, or answers of people who became contacts are rejected"
        yield Grant("Converted leads", "Salesforce never writes them again", Verdict.OK, detail)
    for _, field, rights in (line for line in permissions.fields(needs) if line[0] == object):
        yield _field(column, object, field, edit="Edit" in rights)
    for may, right in ((here.createable, "Create"), (here.deletable, "Delete")):
        if may:
            yield Grant(f"Object {object}: {right}", "npsync only updates", Verdict.EXCESS)


def _field(column: Callable[[str, str], Column], object: str, field: str, *, edit: bool) -> Grant:
    permission = permissions.of_field(object, field, "Read, Edit" if edit else "Read")
    why = "the YAML writes it" if edit else "the YAML reads it"
    try:
        schema = column(object, field).schema
    except ConfigError as missing:
        return Grant(permission, why, Verdict.MISSING, str(missing))
    if edit and not schema.writable:
        return Grant(
            permission, why, Verdict.MISSING, "visible, but this user cannot edit it (or it is a formula)"
        )
    return Grant(permission, why, Verdict.OK)


def _limits(api: Api) -> Grant:
    permission = "System permission: View Setup and Configuration"
    why = "optional: shows the org's limits"
    try:
        api.call("GET", "limits/", what="read the org's limits")
    except (Refused, AccessError):
        return Grant(
            permission, why, Verdict.UNTESTED, "not granted, and not needed: usage comes with every answer"
        )
    return Grant(permission, why, Verdict.OK)


def _system(api: Api) -> Iterator[Grant]:
    """Rights over everything; Salesforce tells them to users who may read their own permissions."""
    query = f"SELECT {', '.join(_TOO_MUCH)} FROM UserPermissionAccess LIMIT 1"
    try:
        rows = list(api.query(query, what="read the user's own permissions"))
    except (Refused, AccessError):
        rows = []
    for name, permission in _TOO_MUCH.items():
        why = "npsync needs only its own objects and fields"
        if not rows or rows[0].get(name) is None:
            yield Grant(permission, why, Verdict.UNTESTED, "Salesforce does not show it to this user")
        elif rows[0][name]:
            yield Grant(permission, why, Verdict.EXCESS)
