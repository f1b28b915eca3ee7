"""Does the credential have what the YAML needs, and what has it that it needn't?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.contract import Creates, Grant, Needs, Verdict
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
    api: Api,
    table: Callable[[str], Table],
    column: Callable[[str, str], Column],
    needs: Needs,
    key_field: str,
) -> list[Grant]:
    """Every permission, tested by what describe shows this user. AccessError when the credential is
    refused."""
    if not needs.read and not needs.write:
        api.call("GET", "sobjects/", what="list the objects")
    found = [
        grant for object in permissions.objects(needs) for grant in _object(table, column, needs, object)
    ]
    found += _created(table, column, key_field, needs)
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
        if may and object not in needs.history:
            yield Grant(f"Object {object}: {right}", "npsync only updates", Verdict.EXCESS)


def _created(
    table: Callable[[str], Table], column: Callable[[str, str], Column], key_field: str, needs: Needs
) -> Iterator[Grant]:
    for object, names in sorted(needs.history.items()):
        yield from _creatable(table, object, f"Object {object}", "each answer is kept there")
        for name in sorted(names):
            yield _field(column, object, name, edit=True)
    if Creates.TASKS in needs.creates:
        yield from _creatable(table, "Task", permissions.TASKS, "tasks are given there")
        mark = "tasks are told apart by a mark at the end of their comments"
        field = permissions.of_field("Task", key_field, "Read, Edit")
        yield _optional(lambda: column("Task", key_field), field, "tells which answer a task is of", mark)
        yield _readable(table, "User", "who may get a task")
        less = "tasks name no cases"
        yield _optional(lambda: table("Case"), "Object Case: Read", "tasks name the customer's cases", less)
    if Creates.LISTS in needs.creates:
        yield _readable(table, "Campaign", "members are put into campaigns")
        yield from _creatable(table, "CampaignMember", permissions.MEMBERS, "so that segments are lists")


def _creatable(table: Callable[[str], Table], object: str, permission: str, why: str) -> Iterator[Grant]:
    try:
        here = table(object)
    except ConfigError as missing:
        yield Grant(f"{permission}: Read, Create", why, Verdict.MISSING, str(missing))
        return
    detail = "" if here.createable else f"describe says this user cannot create {object} records"
    yield Grant(
        f"{permission}: Read, Create", why, Verdict.OK if here.createable else Verdict.MISSING, detail
    )
    forgetting = "only needed to forget somebody who asks for it"
    if here.deletable:
        yield Grant(f"{permission}: Delete", forgetting, Verdict.OK)
    else:
        detail = f"not granted: {object} records would have to be deleted by hand"
        yield Grant(f"{permission}: Delete", forgetting, Verdict.UNTESTED, detail)


def _readable(table: Callable[[str], Table], object: str, why: str) -> Grant:
    try:
        table(object)
    except ConfigError as missing:
        return Grant(f"Object {object}: Read", why, Verdict.MISSING, str(missing))
    return Grant(f"Object {object}: Read", why, Verdict.OK)


def _optional(look: Callable[[], object], permission: str, why: str, otherwise: str) -> Grant:
    try:
        look()
    except ConfigError:
        return Grant(
            permission, f"optional: {why}", Verdict.UNTESTED, f"not there, or not visible: {otherwise}"
        )
    return Grant(permission, why, Verdict.OK)


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
