"""Taking away what npsync made in an account, and nothing that anybody uses."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.hubspot.account import Account
from connectors.hubspot.provisioning.lists import ListSetUp
from connectors.hubspot.provisioning.setup import SetUp
from connectors.provisioning import Kind, Made, Removal, Thing
from nps.errors import AccessError, ConfigError, RejectedError
from nps.values import Json

_NOT_COUNTED = "the everyday credential does not read it, so its values cannot be counted"


class Remover:
    """Looks with the credential that prepares, and counts with the everyday one."""

    def __init__(self, setup: SetUp, daily: Account, lists: ListSetUp) -> None:
        self._setup = setup
        self._daily = daily
        self._lists = lists

    def removals(self, made: Sequence[Made]) -> list[Removal]:
        """Properties, then their groups, objects and lists."""
        of = {kind: [one for one in made if one.thing.kind is kind] for kind in Kind}
        fields = [self._property(one) for one in of[Kind.FIELD]]
        going = {each.made.thing for each in fields if not each.stays}
        groups = [self._group(one, going) for one in of[Kind.GROUP]]
        objects = [self._object(one, {each.thing for each in of[Kind.FIELD]}) for one in of[Kind.OBJECT]]
        return [*fields, *groups, *objects, *(self._list(one) for one in of[Kind.LIST])]

    def remove(self, removal: Removal) -> None:
        thing = removal.made.thing
        match thing.kind:
            case Kind.FIELD:
                self._still_empty(removal)
                self._setup.delete_property(thing.object, thing.name)
            case Kind.GROUP:
                self._setup.delete_group(thing.object, thing.name)
            case Kind.OBJECT:
                self._still_empty(removal)
                self._setup.delete_object(removal.made.id or thing.object)
            case Kind.LIST:
                if self._lists.has_members(removal.made.id):
                    raise RejectedError(
                        f"{removal.says} stays: it has members", code="IN_USE", field=thing.name
                    )
                self._lists.delete(removal.made.id)
            case _:
                raise ConfigError(f"npsync removes no {thing.kind} in HubSpot")

    def _property(self, one: Made) -> Removal:
        object, name = one.thing.object, one.thing.name
        says = f"property {name} of {object}"
        row = next((row for row in self._setup.properties(object) if row.get("name") == name), None)
        if row is None:
            return Removal(one, says, is_gone=True)
        if one.text and str(row.get("description") or "") != one.text:
            return Removal(one, says, "its description is not as npsync wrote it: it may be somebody else's")
        return Removal(one, says, self._why_used(object, name))

    def _group(self, one: Made, going: set[Thing]) -> Removal:
        object, name = one.thing.object, one.thing.name
        says = f"property group {name} of {object}"
        if name not in self._setup.groups(object):
            return Removal(one, says, is_gone=True)
        held = [
            str(row.get("name")) for row in self._setup.properties(object) if row.get("groupName") == name
        ]
        kept = [each for each in held if Thing(Kind.FIELD, object, each) not in going]
        return Removal(one, says, f"it holds {', '.join(kept)}" if kept else "")

    def _object(self, one: Made, ours: set[Thing]) -> Removal:
        object = one.thing.object
        says = f"object {object}"
        there = self._setup.objects().get(object)
        if there is None:
            return Removal(one, says, is_gone=True)
        if one.id and str(there.get("objectTypeId")) != one.id:
            return Removal(one, says, "the object of that name is another one: somebody made it anew")
        primary = str(there.get("primaryDisplayProperty"))
        others = sorted(
            name
            for row in self._setup.properties(object)
            if (name := str(row.get("name"))) != primary
            and not row.get("hubspotDefined")
            and not name.startswith("hs_")
            and Thing(Kind.FIELD, object, name) not in ours
        )
        if others:
            return Removal(one, says, f"somebody else gave it properties: {', '.join(others)}")
        return Removal(one, says, self._why_used(object, ""))

    def _list(self, one: Made) -> Removal:
        says = f'static list "{one.thing.name}" of {one.thing.object}'
        told = self._lists.named(one.thing.object, one.thing.name)
        if told is None:
            return Removal(one, says, is_gone=True)
        if str(told.get("listId")) != one.id:
            return Removal(one, says, "the list of that name is another one: somebody made it anew")
        return Removal(one, says, "it has members" if self._lists.has_members(one.id) else "")

    # ------------------------------------------------------------ counting

    def _still_empty(self, removal: Removal) -> None:
        thing = removal.made.thing
        if why := self._why_used(thing.object, thing.name):
            raise RejectedError(f"{removal.says} stays: {why}", code="IN_USE", field=thing.name or None)

    def _why_used(self, object: str, name: str) -> str:
        """How many records hold something; "" for none. HubSpot's search may lag some seconds behind."""
        filters: list[Json] = [{"propertyName": name, "operator": "HAS_PROPERTY"}] if name else []
        body: dict[str, Json] = {"limit": 1, "properties": []}
        if filters:
            body["filterGroups"] = [{"filters": filters}]
        try:
            reply = self._daily.wire.search(self._daily.known(object).object_type, body)
        except (AccessError, ConfigError):
            return _NOT_COUNTED
        if reply.status != 200:
            return _NOT_COUNTED
        count = int(reply.json().get("total") or 0)
        records = f"{count:,} record{'s' * (count != 1)}"
        if not count:
            return ""
        return f"{records} hold{'s' * (count == 1)} a value" if name else f"it has {records}"
