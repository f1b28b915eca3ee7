"""Who sees what was made: two permission sets, one for those who read and one for npsync's own user.

A field that is made through the API is visible to nobody, its maker included, until a permission set grants it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.provisioning import Step, WantedField, WantedGrant, WantedObject
from connectors.salesforce.library import quote
from connectors.salesforce.provisioning.definitions import Definition
from connectors.salesforce.provisioning.setup import SetUp
from nps.errors import RejectedError

READERS, READERS_LABEL = "npsync_read_NPS", "npsync: read NPS"
WRITERS, WRITERS_LABEL = "npsync_write_NPS", "npsync: write NPS"
_READERS_HELP = "Sees what surveys said. For account managers. Made by npsync."
_WRITERS_HELP = "Writes what surveys said. For npsync's own user alone. Made by npsync."

# Activities have no rights of their own in a permission set: who may edit tasks is a permission of the user's.
_WITHOUT_RIGHTS = frozenset({"Task", "Event"})
# Salesforce grants the one only beside the other.
_ASKS_FOR: Mapping[str, str] = {"Contact": "Account"}


def grants(
    readers: str, writers: str, fields: Sequence[WantedField], objects: Sequence[WantedObject], user: str
) -> list[WantedGrant]:
    """Two sets, what they grant, and npsync's own user in one of them (`user` "": nobody)."""
    found = [
        WantedGrant(readers, label=READERS_LABEL, help=_READERS_HELP),
        *_rights(readers, READERS_LABEL, fields, objects, edit=False),
        WantedGrant(writers, label=WRITERS_LABEL, help=_WRITERS_HELP),
        *_rights(writers, WRITERS_LABEL, fields, objects, edit=True),
    ]
    return [*found, WantedGrant(writers, user=user, label=WRITERS_LABEL)] if user else found


def _rights(
    to: str, label: str, fields: Sequence[WantedField], objects: Sequence[WantedObject], *, edit: bool
) -> Iterator[WantedGrant]:
    own = frozenset(one.object for one in objects)
    names = {*(one.object for one in fields), *own}
    for object in sorted({*names, *(_ASKS_FOR[one] for one in names if one in _ASKS_FOR)}):
        seen = tuple(sorted(one.name for one in fields if one.object == object))
        writes = edit and object in names
        yield WantedGrant(to, object, seen, edit=writes, create=writes and object in own, label=label)


@dataclass(frozen=True)
class _Right:
    """One row that grants something; `id` of the row there is, which grants less."""

    table: str
    says: str
    told: Mapping[str, Any]
    id: str = ""


class Permissions:
    """What is granted already, and granting what is not."""

    def __init__(self, setup: SetUp) -> None:
        self._setup = setup
        self._sets: dict[str, str] = {}

    def look(self, one: WantedGrant) -> Step | None:
        """None when it is granted."""
        set = self.set_id(one.to)
        if one.user:
            is_given = set is not None and one.user in self.assigned(set).values()
            return None if is_given else Step(one, f'permission set "{one.to}": given to npsync\'s own user')
        if not one.object:
            return None if set else Step(one, f'permission set "{one.to}", labelled "{one.label}"')
        return None if set is not None and not list(self._lacking(set, one)) else Step(one, _says(one))

    def grant(self, one: WantedGrant) -> str:
        """The vendor's id of the set or the assignment; "" for rights, which go by what they grant."""
        if not one.object and not one.user:
            told = {"Name": one.to, "Label": one.label, "Description": one.help}
            return self._setup.create("PermissionSet", told, f"create the permission set {one.to}")
        set = self.set_id(one.to)
        if set is None:
            said = f"there is no permission set {one.to} to put it into"
            raise RejectedError(said, code="NO_PERMISSION_SET", field=one.to)
        if one.user:
            given = {"PermissionSetId": set, "AssigneeId": one.user}
            return self._setup.create(
                "PermissionSetAssignment", given, f"give the permission set {one.to} away"
            )
        refused = [why for right in self._lacking(set, one) if (why := self._tried(right))]
        if refused:
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            raise RejectedError(f"{refused[0]}{more}", code="NOT_GRANTED", field=one.object)
        return ""

    def set_id(self, name: str) -> str | None:
        if name not in self._sets:
            query = f"SELECT Id FROM PermissionSet WHERE Name = {quote(name)} AND IsOwnedByProfile = false"
            for row in self._setup.rows(query, f"look for the permission set {name}"):
                self._sets[name] = str(row["Id"])
        return self._sets.get(name)

    def assigned(self, set: str) -> dict[str, str]:
        """Assignment → user."""
        query = f"SELECT Id, AssigneeId FROM PermissionSetAssignment WHERE PermissionSetId = {quote(set)}"
        rows = self._setup.rows(query, "see who has the permission set")
        return {str(row["Id"]): str(row["AssigneeId"]) for row in rows}

    # ------------------------------------------------------------ rights

    def _lacking(self, set: str, one: WantedGrant) -> Iterator[_Right]:
        """The object before its fields."""
        where = f"WHERE ParentId = {quote(set)} AND SobjectType = {quote(one.object)}"
        if one.object not in _WITHOUT_RIGHTS:
            query = f"SELECT Id, {', '.join(_OBJECT_RIGHTS)} FROM ObjectPermissions {where}"
            rows = self._setup.rows(query, f"see who may do what with {one.object}")
            says = f"grant rights on {one.object} in {one.to}"
            told = {"ParentId": set, "SobjectType": one.object}
            rights = dict(zip(_OBJECT_RIGHTS, (True, one.edit, one.create, one.create), strict=True))
            yield from _needed("ObjectPermissions", says, told, rights, rows)
        if not one.fields:
            return
        query = f"SELECT Id, Field, {', '.join(_FIELD_RIGHTS)} FROM FieldPermissions {where}"
        held = self._setup.rows(query, f"see who reads which fields of {one.object}")
        for name in one.fields:
            field = f"{one.object}.{name}"
            told = {"ParentId": set, "SobjectType": one.object, "Field": field}
            rights = dict(zip(_FIELD_RIGHTS, (True, one.edit), strict=True))
            rows = [row for row in held if str(row["Field"]).lower() == field.lower()]
            yield from _needed("FieldPermissions", f"grant {field} in {one.to}", told, rights, rows)

    def _tried(self, right: _Right) -> str:
        """Why it was refused; "" when it is granted."""
        try:
            if right.id:
                self._setup.update(right.table, right.id, right.told, right.says)
            else:
                self._setup.create(right.table, right.told, right.says)
        except RejectedError as error:
            return str(error)
        return ""


_FIELD_RIGHTS = ("PermissionsRead", "PermissionsEdit")
# Whoever keeps answers deletes those of somebody who wants to be forgotten.
_OBJECT_RIGHTS = (*_FIELD_RIGHTS, "PermissionsCreate", "PermissionsDelete")


def _needed(
    table: str,
    says: str,
    told: Mapping[str, Any],
    rights: Mapping[str, bool],
    rows: Sequence[Mapping[str, Any]],
) -> Iterator[_Right]:
    """Nothing is ever taken back: a row that grants more stays as it is."""
    if not rows:
        yield _Right(table, says, {**told, **rights})
    elif less := {name: True for name, right in rights.items() if right and not rows[0][name]}:
        yield _Right(table, says, less, str(rows[0]["Id"]))


def _says(one: WantedGrant) -> str:
    told = (("read", True), ("create", one.create), ("edit", one.edit), ("delete", one.create))
    rights = [word for word, granted in told if granted]
    fields = f", {len(one.fields)} field{'s' * (len(one.fields) != 1)}" if one.fields else ""
    return f'permission set "{one.to}": {", ".join(rights)} {one.object}{fields}'


# ---------------------------------------------------------------- in a package


def set_definition(parts: Sequence[WantedGrant]) -> Definition:
    """One permission set with all that it grants."""
    head = next(one for one in parts if not one.object and not one.user)
    rights = [one for one in parts if one.object]
    return {
        "label": head.label,
        "description": head.help,
        "hasActivationRequired": False,
        "fieldPermissions": [
            {"field": f"{one.object}.{name}", "readable": True, "editable": one.edit}
            for one in rights
            for name in one.fields
        ],
        "objectPermissions": [
            {
                "object": one.object,
                "allowRead": True,
                "allowEdit": one.edit,
                "allowCreate": one.create,
                "allowDelete": one.create,
                "viewAllRecords": False,
                "modifyAllRecords": False,
            }
            for one in rights
            if one.object not in _WITHOUT_RIGHTS
        ],
    }
