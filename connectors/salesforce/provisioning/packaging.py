"""What is missing as a package in the Metadata API's own format: for who deploys instead of lending a credential."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.provisioning import Missing, Package, Step, WantedField, WantedGrant, WantedObject
from connectors.salesforce.provisioning import xml
from connectors.salesforce.provisioning.definitions import definition, full_name, object_definition
from connectors.salesforce.provisioning.permissions import set_definition


def package(missing: Missing, version: str) -> Package:
    """The files, and the steps that fit into none: deploying a permission set that is there would replace it, and who
    has one is no metadata."""
    steps = missing.steps
    objects = {step.wanted.object: step.wanted for step in steps if isinstance(step.wanted, WantedObject)}
    fields: defaultdict[str, list[WantedField]] = defaultdict(list)
    for step in steps:
        if isinstance(step.wanted, WantedField):
            fields[full_name(step.wanted.object, "").rstrip(".")].append(step.wanted)
    sets = _sets(steps)
    files = {
        Path("objects", f"{name}.object"): xml.document(
            "CustomObject", _object(objects.get(name), fields[name])
        )
        for name in sorted({*objects, *fields})
    }
    for name, parts in sets.items():
        files[Path("permissionsets", f"{name}.permissionset")] = xml.document(
            "PermissionSet", set_definition(parts)
        )
    if files:
        files[Path("package.xml")] = xml.document("Package", _manifest(objects, fields, sets, version))
    left = [step for step in steps if isinstance(one := step.wanted, WantedGrant) and _is_left(one, sets)]
    return Package(missing, files, left)


def _is_left(one: WantedGrant, sets: Mapping[str, object]) -> bool:
    return bool(one.user) or one.to not in sets


def _sets(steps: Sequence[Step]) -> dict[str, list[WantedGrant]]:
    """Those that are made anew, with all that they grant."""
    grants = [step.wanted for step in steps if isinstance(step.wanted, WantedGrant)]
    new = dict.fromkeys(one.to for one in grants if not one.object and not one.user)
    return {name: [one for one in grants if one.to == name] for name in new}


def _object(own: WantedObject | None, fields: Sequence[WantedField]) -> dict[str, Any]:
    told = dict(object_definition(own)) if own is not None else {}
    if fields:
        told["fields"] = [{"fullName": one.name, **definition(one)} for one in fields]
    return told


def _manifest(
    objects: Mapping[str, WantedObject],
    fields: Mapping[str, Sequence[WantedField]],
    sets: Mapping[str, object],
    version: str,
) -> dict[str, Any]:
    # The fields of an object that is made with them come with it.
    alone = [f"{name}.{one.name}" for name, listed in fields.items() if name not in objects for one in listed]
    types = {"CustomField": alone, "CustomObject": list(objects), "PermissionSet": list(sets)}
    listed = [{"members": sorted(members), "name": name} for name, members in types.items() if members]
    return {"types": listed, "version": version}
