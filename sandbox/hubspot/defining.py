"""Changing and putting away the properties of an object, and the groups they are in."""

from __future__ import annotations

from dataclasses import replace

from sandbox.hubspot import batches
from sandbox.hubspot.batches import Reply
from sandbox.hubspot.calls import Asked
from sandbox.hubspot.definitions import Property, from_request
from sandbox.hubspot.records import Table
from sandbox.hubspot.refusals import invalid, not_found


def change_property(asked: Asked) -> Reply:
    """Label, description, group and options; `options` replaces all there were."""
    table, body = asked.table(), asked.document()
    before = _own(table, asked.path["name"])
    if "name" in body and body["name"] != before.name:
        raise invalid("The name of a property never changes")
    told = {**before.as_json(), **body}
    wanted = from_request(told, groups=list(table.groups), unique_so_far=0)
    if wanted.type != before.type:
        raise invalid("The type of a property with values stays")
    table.define(replace(wanted, unique=before.unique))
    return Reply(200, table.definitions[before.name].as_json())


def archive_property(asked: Asked) -> Reply:
    """Its values are gone with it."""
    table = asked.table()
    table.undefine(_own(table, asked.path["name"]).name)
    return Reply(204, {})


def archive_properties(asked: Asked) -> Reply:
    table = asked.table()
    names = [str(one.get("name")) for one in batches.inputs_of(asked.document())]
    for one in [_own(table, name) for name in names if name in table.definitions]:
        table.undefine(one.name)
    return Reply(204, {})


def get_group(asked: Asked) -> Reply:
    name, groups = asked.path["name"], asked.table().groups
    if name not in groups:
        raise not_found(f"Property group {name} does not exist")
    return Reply(200, {"name": name, "label": groups[name], "displayOrder": -1, "archived": False})


def archive_group(asked: Asked) -> Reply:
    table, name = asked.table(), asked.path["name"]
    if name not in table.groups:
        raise not_found(f"Property group {name} does not exist")
    if held := [one.name for one in table.definitions.values() if one.group == name]:
        raise invalid(f"Property group {name} still has {', '.join(held)}")
    del table.groups[name]
    return Reply(204, {})


def _own(table: Table, name: str) -> Property:
    """Of HubSpot's own properties none is changed."""
    found = table.definitions.get(name)
    if found is None:
        raise not_found(f'Property "{name}" does not exist')
    if found.hubspot_defined:
        raise invalid(f'"{name}" is a property of HubSpot\'s own, which stays as it is')
    return found
