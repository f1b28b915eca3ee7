"""A deployable package: a zip of XML, as the Metadata API takes it, read into what it wants made."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

METADATA = "http://soap.sforce.com/2006/04/metadata"
# A tag that may be repeated is a list, however often it is there.
_LISTS = frozenset({"fields", "value", "fieldPermissions", "objectPermissions", "types", "members"})
_KINDS = {".object": "CustomObject", ".permissionset": "PermissionSet"}


class BadPackage(ValueError):
    """No zip, no manifest, or no XML."""


@dataclass(frozen=True)
class Component:
    """One thing to make; `told` as JSON would say it."""

    type: str  # CustomObject, CustomField, PermissionSet …
    name: str
    told: dict[str, Any]
    file: str = ""


def components(raw: bytes) -> Iterator[Component]:
    """In the order in which they can be made: objects, then their fields, then permission sets."""
    try:
        package = zipfile.ZipFile(io.BytesIO(raw))
    except zipfile.BadZipFile:
        raise BadPackage("the package is no zip file") from None
    files = {name: package.read(name) for name in package.namelist() if not name.endswith("/")}
    manifest = next((name for name in files if PurePosixPath(name).name == "package.xml"), None)
    if manifest is None:
        raise BadPackage("No package.xml found")
    named = _named(_parsed(manifest, files[manifest]))
    found = [one for name, body in sorted(files.items()) for one in _read(name, body)]
    unnamed = [f"{one.type} {one.name}" for one in found if (one.type, one.name) not in named]
    if unnamed:
        raise BadPackage(f"{', '.join(unnamed)}: not in package.xml")
    missing = named - {(one.type, one.name) for one in found}
    if missing:
        listed = ", ".join(f"{type} {name}" for type, name in sorted(missing))
        raise BadPackage(f"In package.xml, but not in the package: {listed}")
    order = ("CustomObject", "CustomField", "PermissionSet")
    yield from sorted(found, key=lambda one: order.index(one.type))


def _read(file: str, body: bytes) -> Iterator[Component]:
    path = PurePosixPath(file)
    kind = _KINDS.get(path.suffix)
    if kind is None:
        return
    told = as_json(_parsed(file, body))
    if kind == "CustomObject" and not path.stem.endswith("__c"):
        # Of a standard object a package only brings the fields.
        for one in told.get("fields", []):
            yield Component("CustomField", f"{path.stem}.{one.get('fullName')}", one, file)
        return
    yield Component(kind, path.stem, told, file)


def _named(manifest: ElementTree.Element) -> set[tuple[str, str]]:
    told = as_json(manifest)
    return {(str(one.get("name")), str(member)) for one in told.get("types", []) for member in one["members"]}


def _parsed(name: str, body: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise BadPackage(f"{name}: a document type is not allowed")
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as problem:
        raise BadPackage(f"{name}: {problem}") from None


def as_json(node: ElementTree.Element) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for child in node:
        tag = child.tag.rpartition("}")[2]
        value: Any = as_json(child) if len(child) else (child.text or "").strip()
        if tag in _LISTS and not (tag == "value" and not len(child)):
            told.setdefault(tag, []).append(value)
        else:
            told[tag] = value
    return told
