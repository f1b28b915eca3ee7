"""The objects administrators set permissions with. Everybody may query them, few may write them."""

from __future__ import annotations

from sandbox.salesforce.schema import Field, ObjectType, own_id, system

_RIGHTS = ("Read", "Create", "Edit", "Delete", "ViewAllRecords", "ModifyAllRecords")


def _parent(label: str, to: str, name: str) -> Field:
    return Field(name, "reference", label, 18, nillable=False, create_only=True, to=to, indexed=True)


PERMISSION_SET = ObjectType(
    "PermissionSet",
    "0PS",
    (
        own_id("Permission Set ID"),
        Field("Name", "string", "Permission Set Name", 80, nillable=False, indexed=True),
        Field("Label", "string", "Permission Set Label", 80, nillable=False),
        Field("Description", "string", "Description", 255),
        Field("IsOwnedByProfile", "boolean", "Is Owned By Profile", nillable=False, updateable=False),
        Field("IsCustom", "boolean", "Is Custom", nillable=False, updateable=False),
        Field("CreatedById", "reference", "Created By ID", 18, updateable=False, to="User"),
        *system(),
    ),
    setup=True,
)
FIELD_PERMISSIONS = ObjectType(
    "FieldPermissions",
    "01k",
    (
        own_id("Field Permissions ID"),
        _parent("Parent ID", "PermissionSet", "ParentId"),
        Field("SobjectType", "picklist", "Sobject Type Name", 255, nillable=False, create_only=True),
        Field("Field", "picklist", "Field Name", 255, nillable=False, create_only=True, indexed=True),
        Field("PermissionsRead", "boolean", "Read Access", nillable=False),
        Field("PermissionsEdit", "boolean", "Edit Access", nillable=False),
        *system(),
    ),
    setup=True,
)
OBJECT_PERMISSIONS = ObjectType(
    "ObjectPermissions",
    "110",
    (
        own_id("Object Permissions ID"),
        _parent("Parent ID", "PermissionSet", "ParentId"),
        Field("SobjectType", "picklist", "Sobject Type Name", 255, nillable=False, create_only=True),
        *(Field(f"Permissions{right}", "boolean", f"{right} Access", nillable=False) for right in _RIGHTS),
        *system(),
    ),
    setup=True,
)
PERMISSION_SET_ASSIGNMENT = ObjectType(
    "PermissionSetAssignment",
    "0Pa",
    (
        own_id("Permission Set Assignment ID"),
        _parent("PermissionSet ID", "PermissionSet", "PermissionSetId"),
        _parent("Assignee ID", "User", "AssigneeId"),
        *system(),
    ),
    setup=True,
)
SETUP = (PERMISSION_SET, FIELD_PERMISSIONS, OBJECT_PERMISSIONS, PERMISSION_SET_ASSIGNMENT)
