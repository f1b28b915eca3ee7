"""Who sees what: a field or object made through the API is visible to nobody until a permission set grants it."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from sandbox.salesforce.tables import Record, Table

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

# The user a call is made for; None is whoever looks in from outside (control and the pages), who sees everything.
CALLER: ContextVar[str | None] = ContextVar("caller", default=None)
_OBJECT_RIGHTS = {
    "read": "PermissionsRead",
    "create": "PermissionsCreate",
    "edit": "PermissionsEdit",
    "delete": "PermissionsDelete",
}


class Sight:
    def __init__(self, org: Org) -> None:
        self._org = org

    def reads(self, object: str, field: str) -> bool:
        return self._allows(object, field, "PermissionsRead")

    def edits(self, object: str, field: str) -> bool:
        return self._allows(object, field, "PermissionsEdit")

    def rights(self, object: str, user: str) -> set[str]:
        """What the user's permission sets let him do with records of an object of the org's own."""
        grants = self._org.tables["ObjectPermissions"]
        found = [row for row in self._of(grants, user) if row[grants.place("SobjectType")] == object]
        return {
            right for right, name in _OBJECT_RIGHTS.items() if any(row[grants.place(name)] for row in found)
        }

    def _allows(self, object: str, field: str, right: str) -> bool:
        user = CALLER.get()
        if user is None:
            return True
        if field.lower().endswith("__pc"):  # a person account shows the contact's field
            object, field = "Contact", f"{field[:-4]}__c"
        grants = self._org.tables["FieldPermissions"]
        wanted, place = f"{object}.{field}".lower(), grants.place("Field")
        rows = (grants.rows[id] for id in grants.indexes[place].find(wanted))
        granting = {
            row[grants.place("ParentId")]
            for row in rows
            if not row[grants.deleted] and row[grants.place(right)]
        }
        return bool(granting & self.sets_of(user))

    def _of(self, grants: Table, user: str) -> Iterator[Record]:
        for set in self.sets_of(user):
            yield from grants.pointing("ParentId", str(set))

    def sets_of(self, user: str) -> set[object]:
        """Ids of the permission sets somebody has."""
        given = self._org.tables["PermissionSetAssignment"]
        return {row[given.place("PermissionSetId")] for row in given.pointing("AssigneeId", user)}
