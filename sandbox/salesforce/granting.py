"""Permission sets as components: a whole set at once, or gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.org import Org
from sandbox.salesforce.values import from_json

_OBJECT_RIGHTS = ("Read", "Create", "Edit", "Delete")


class Granting:
    def __init__(self, org: Org) -> None:
        self._org = org

    def make(self, name: str, told: Mapping[str, Any]) -> None:
        """Everything it grants, or nothing of it. One that is there already is told anew."""
        if not told.get("label"):
            raise RecordError("REQUIRED_FIELD_MISSING", "Required field is missing: label", "label")
        made: list[tuple[str, str]] = []
        there = self._named(name)
        try:
            parent = there or self._put(made, "PermissionSet", Name=name, Label=str(told["label"]))
            if there:
                self._forget_grants(parent)
            for one in told.get("objectPermissions", []):
                rights = {
                    f"Permissions{right}": one.get(f"allow{right}") == "true" for right in _OBJECT_RIGHTS
                }
                self._put(made, "ObjectPermissions", ParentId=parent, SobjectType=one.get("object"), **rights)
            for one in told.get("fieldPermissions", []):
                field = str(one.get("field"))
                rights = {"PermissionsRead": _yes(one, "readable"), "PermissionsEdit": _yes(one, "editable")}
                object = field.partition(".")[0]
                self._put(
                    made, "FieldPermissions", ParentId=parent, SobjectType=object, Field=field, **rights
                )
        except RecordError:
            for table, id in made:
                self._org.tables[table].forget(id)
            raise

    def remove(self, name: str) -> None:
        id = self._named(name)
        if id is None:
            raise RecordError("INVALID_CROSS_REFERENCE_KEY", f"no PermissionSet named: {name} found")
        table = self._org.tables["PermissionSet"]
        self._org.delete(table, table.rows[id])
        self._forget_grants(id)

    def _named(self, name: str) -> str | None:
        table = self._org.tables["PermissionSet"]
        ids = table.indexes[table.place("Name")].find(name)
        return next((id for id in ids if not table.rows[id][table.deleted]), None)

    def _put(self, made: list[tuple[str, str]], object: str, **fields: Any) -> str:
        table = self._org.tables[object]
        wanted = table.stored(fields, from_json)
        id = self._org.create(table, wanted, by=self._org.administrator, count=False)
        made.append((object, id))
        return id

    def _forget_grants(self, parent: str) -> None:
        for grants in ("ObjectPermissions", "FieldPermissions"):
            table = self._org.tables[grants]
            for row in table.pointing("ParentId", parent):
                table.forget(str(row[table.id]))


def _yes(told: Mapping[str, Any], name: str) -> bool:
    return told.get(name) == "true"
