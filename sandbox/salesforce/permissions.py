"""Permission sets: what they may grant, and those the org has already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.lookups import Keeper, Wanted, after, insist_on
from sandbox.salesforce.schema import Field
from sandbox.salesforce.tables import Record
from sandbox.salesforce.values import Stored

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

MANAGERS, INTEGRATION = "NPS_Account_Managers", "NPS_Integration"
# What is granted by itself: an event is beside the task in the real org, with the same fields.
_ACTIVITIES = {"event": "task"}


def permission_keepers(org: Org) -> dict[str, Keeper]:
    return {
        "PermissionSet": Sets(org),
        "FieldPermissions": FieldGrants(org),
        "ObjectPermissions": ObjectGrants(org),
        "PermissionSetAssignment": Assignments(org),
    }


def is_granted(field: Field) -> bool:
    """Whether a permission set says who sees it: not so what every record must have, and no id or name."""
    return field.custom and (field.nillable or field.type == "boolean")


class Sets(Keeper):
    def __init__(self, org: Org) -> None:
        self._table = org.tables["PermissionSet"]
        self._given = org.tables["PermissionSetAssignment"]

    def defaults(self, by: str) -> Mapping[str, Stored]:
        return {"IsCustom": True, "CreatedById": by}

    def check(self, wanted: Wanted, row: Record | None) -> None:
        name = after(self._table, wanted, row, "Name")
        others = self._table.indexes[self._table.place("Name")].find(str(name))
        for other in (self._table.rows[id] for id in others):
            if other is not row and not other[self._table.deleted]:
                raise RecordError("DUPLICATE_DEVELOPER_NAME", f"The name {name} is in use already.", "Name")

    def deleting(self, row: Record) -> None:
        if self._given.pointing("PermissionSetId", str(row[self._table.id])):
            raise RecordError("DELETE_FAILED", "This permission set is assigned to users.")


class FieldGrants(Keeper):
    def __init__(self, org: Org) -> None:
        self._org = org
        self._table = org.tables["FieldPermissions"]

    def check(self, wanted: Wanted, row: Record | None) -> None:
        _insist_on_parents(self._org, wanted)
        told = {name: after(self._table, wanted, row, name) for name in ("SobjectType", "Field", "ParentId")}
        object, name = str(told["SobjectType"]), str(told["Field"])
        if row is None:
            self._insist_on_field(object, name)
            there = self._table.pointing("ParentId", str(told["ParentId"]))
            if any(str(one[self._table.place("Field")]).lower() == name.lower() for one in there):
                raise RecordError(
                    "DUPLICATE_VALUE", f"duplicate value found: {name} is granted already", "Field"
                )
        reads, edits = (
            after(self._table, wanted, row, f"Permissions{right}") is True for right in ("Read", "Edit")
        )
        if edits and not reads:
            raise RecordError(
                "FIELD_INTEGRITY_EXCEPTION", "Edit access is not given without read access", "PermissionsRead"
            )

    def _insist_on_field(self, object: str, told: str) -> None:
        table = self._org.table(_ACTIVITIES.get(object.lower(), object))
        prefix, _, name = told.partition(".")
        column = None if table is None else table.columns.get(name.lower())
        if column is None or prefix.lower() != object.lower() or not is_granted(column.field):
            raise RecordError(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"Field Name: bad value for restricted picklist field: {told}",
                "Field",
            )


class ObjectGrants(Keeper):
    def __init__(self, org: Org) -> None:
        self._org = org
        self._table = org.tables["ObjectPermissions"]

    def check(self, wanted: Wanted, row: Record | None) -> None:
        _insist_on_parents(self._org, wanted)
        object = after(self._table, wanted, row, "SobjectType")
        table = self._org.table(str(object))
        if table is None or table.type.setup:
            raise RecordError(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"Sobject Type Name: bad value for restricted picklist field: {object}",
                "SobjectType",
            )
        there = self._table.pointing("ParentId", str(after(self._table, wanted, row, "ParentId")))
        if row is None and any(one[self._table.place("SobjectType")] == object for one in there):
            raise RecordError("DUPLICATE_VALUE", f"duplicate value found: {object} is granted already")
        rights = {
            name: after(self._table, wanted, row, name) is True
            for name in ("PermissionsRead", "PermissionsCreate", "PermissionsEdit", "PermissionsDelete")
        }
        if not rights["PermissionsRead"] and any(rights.values()):
            raise RecordError(
                "FIELD_INTEGRITY_EXCEPTION", "More than read access needs read access", "PermissionsRead"
            )


class Assignments(Keeper):
    def __init__(self, org: Org) -> None:
        self._org = org
        self._table = org.tables["PermissionSetAssignment"]

    def check(self, wanted: Wanted, row: Record | None) -> None:
        _insist_on_parents(self._org, wanted)
        set, user = (after(self._table, wanted, row, name) for name in ("PermissionSetId", "AssigneeId"))
        if user is None or set is None:
            return  # the table says which required field is missing
        if not self._org.users.rows[str(user)][self._org.users.place("IsActive")]:
            raise RecordError("INACTIVE_OWNER_OR_USER", "the user is not active", "AssigneeId")
        if set in self._org.sight.sets_of(str(user)):
            raise RecordError("DUPLICATE_VALUE", "duplicate value found: the user has this permission set")


def _insist_on_parents(org: Org, wanted: Wanted) -> None:
    for column, value in wanted.items():
        if column.field.to and value is not None:
            insist_on(org, column, str(value))


def furnish_permissions(org: Org, stamps: Mapping[str, Stored]) -> None:
    """An org that somebody has prepared: the integration writes the NPS fields, the account managers read them."""
    people = {INTEGRATION: [org.integration_user], MANAGERS: org.owners}
    for name, users in people.items():
        labelled: dict[str, Stored] = {"Name": name, "Label": name.replace("_", " "), "IsCustom": True}
        set = org.tables["PermissionSet"].insert({**labelled, **stamps})
        for user in users:
            org.tables["PermissionSetAssignment"].insert(
                {"PermissionSetId": set, "AssigneeId": user, **stamps}
            )
        _grant(org, set, edits=name == INTEGRATION, stamps=stamps)


def _grant(org: Org, set: str, *, edits: bool, stamps: Mapping[str, Stored]) -> None:
    for table in list(org.tables.values()):
        own = [column.field.name for column in table.columns.values() if is_granted(column.field)]
        if not own or table.type.setup:
            continue
        rights = {"PermissionsRead": True, "PermissionsEdit": edits, "PermissionsCreate": edits}
        org.tables["ObjectPermissions"].insert(
            {"ParentId": set, "SobjectType": table.name, **rights, **stamps}
        )
        for field in own:
            org.tables["FieldPermissions"].insert(
                {"ParentId": set, "SobjectType": table.name, "Field": f"{table.name}.{field}"}
                | {"PermissionsRead": True, "PermissionsEdit": edits, **stamps}
            )
