"""Taking away what npsync made in an org, and nothing that anybody uses."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote_plus

from connectors.provisioning import Kind, Made, Removal, Thing
from connectors.salesforce.errors import Refused
from connectors.salesforce.org import Org
from connectors.salesforce.provisioning.permissions import Permissions
from connectors.salesforce.provisioning.setup import SetUp
from connectors.wire import FateUnknown
from nps.errors import AccessError, ConfigError, RejectedError

_NOT_COUNTED = (
    "npsync's own user does not see it, so its values cannot be counted; grant it to that user first"
)


class Remover:
    """Looks with the administrator's credential, and counts with the everyday one: an administrator does not see the
    values of a field that nobody granted him."""

    def __init__(self, setup: SetUp, daily: Org, permissions: Permissions) -> None:
        self._setup = setup
        self._daily = daily
        self._permissions = permissions

    def removals(self, made: Sequence[Made]) -> list[Removal]:
        """Fields, then objects, then who could see them."""
        things = [one for one in made if one.thing.kind in (Kind.FIELD, Kind.OBJECT)]
        durable = self._setup.objects(list(dict.fromkeys(one.thing.object for one in things)))
        ours = {one.thing for one in things if one.thing.kind is Kind.FIELD}
        fields = [
            self._field(one, durable.get(one.thing.object)) for one in things if one.thing.kind is Kind.FIELD
        ]
        objects = [
            self._object(one, durable.get(one.thing.object), ours)
            for one in things
            if one.thing.kind is Kind.OBJECT
        ]
        kept = [each for each in (*fields, *objects) if each.stays]
        grants = [one for one in made if one.thing.kind is Kind.GRANT]
        return [*fields, *objects, *self._grants(grants, is_in_use=bool(kept))]

    def remove(self, removal: Removal) -> None:
        one = removal.made
        match one.thing.kind:
            case Kind.FIELD:
                self._still_empty(removal)
                id = self._id(one)
                self._setup.delete_field(id, f"{one.thing.object}.{one.thing.name}")
            case Kind.OBJECT:
                self._still_empty(removal)
                self._setup.delete_object(one.thing.object)
            case Kind.GRANT if one.thing.object.startswith("user "):
                self._setup.delete("PermissionSetAssignment", one.id, f"take back {one.thing.name}")
            case Kind.GRANT if not one.thing.object:
                self._setup.delete("PermissionSet", one.id, f"remove the permission set {one.thing.name}")
            case _:
                return  # it went with its permission set

    # ------------------------------------------------------------ fields and objects

    def _field(self, one: Made, durable_id: str | None) -> Removal:
        object, name = one.thing.object, one.thing.name
        says = f"field {object}.{name}"
        held = self._setup.custom_fields(object, durable_id) if durable_id is not None else {}
        id = held.get(name)
        if id is None:
            return Removal(one, says, is_gone=True)
        if one.id and id != one.id:
            return Removal(one, says, "the field of that name is another one: somebody made it anew")
        if not one.id and str(self._setup.definition(id, says).get("inlineHelpText") or "") != one.text:
            return Removal(one, says, "its help text is not as npsync wrote it: it may be somebody else's")
        return Removal(one, says, self._why_used(object, name))

    def _object(self, one: Made, durable_id: str | None, ours: set[Thing]) -> Removal:
        object = one.thing.object
        says = f"object {object}"
        if durable_id is None:
            return Removal(one, says, is_gone=True)
        held = self._setup.custom_fields(object, durable_id)
        others = sorted(name for name in held if Thing(Kind.FIELD, object, name) not in ours)
        if others:
            return Removal(one, says, f"somebody else gave it fields: {', '.join(others)}")
        return Removal(one, says, self._why_used(object, ""))

    def _still_empty(self, removal: Removal) -> None:
        thing = removal.made.thing
        if why := self._why_used(thing.object, thing.name):
            raise RejectedError(f"{removal.says} stays: {why}", code="IN_USE", field=thing.name or None)

    def _why_used(self, object: str, field: str) -> str:
        """How many records hold something; "" for none."""
        try:
            count = self._count(object, field)
        except (ConfigError, AccessError):
            return _NOT_COUNTED
        if not count:
            return ""
        records = f"{count:,} record{'s' * (count != 1)}"
        return f"{records} hold{'s' * (count == 1)} a value" if field else f"it has {records}"

    def _count(self, object: str, field: str) -> int:
        what = f"count what {object}.{field} holds" if field else f"count {object}"
        if not field:
            self._daily.table(object)
            return self._counted(f"SELECT COUNT() FROM {object}", object, what)
        column = self._daily.column(object, field)
        if column.filterable:
            empty = "= true" if column.kind == "boolean" else "!= null"
            return self._counted(f"SELECT COUNT() FROM {object} WHERE {field} {empty}", object, what)
        # No condition is taken on a long text: its records are read.
        pages = self._daily.pages(f"SELECT Id, {field} FROM {object}", object, what=what)
        return sum(row[field] not in (None, "") for page in pages for row in page)

    def _counted(self, query: str, object: str, what: str) -> int:
        try:
            answer = self._daily.api.call("GET", f"query/?q={quote_plus(query)}", what=what)
        except Refused as refused:
            raise refused.as_error(object) from None
        return int(answer["totalSize"])

    def _id(self, one: Made) -> str:
        if one.id:
            return one.id
        durable = self._setup.objects([one.thing.object])
        held = self._setup.custom_fields(one.thing.object, durable.get(one.thing.object, ""))
        if (id := held.get(one.thing.name)) is None:
            raise FateUnknown(f"{one.thing.object}.{one.thing.name} is not there any more")
        return id

    # ------------------------------------------------------------ who could see them

    def _grants(self, made: Sequence[Made], *, is_in_use: bool) -> list[Removal]:
        own = {one.thing.name: one for one in made if not one.thing.object}
        given = [one for one in made if one.thing.object.startswith("user ")]
        rights = [one for one in made if one.thing.object and one not in given]
        return [
            *(self._given(one, own, is_in_use) for one in given),
            *(self._set(one, given, is_in_use) for one in own.values()),
            *(self._rights(one, own, is_in_use) for one in rights),
        ]

    def _given(self, one: Made, own: dict[str, Made], is_in_use: bool) -> Removal:
        says = f'permission set "{one.thing.name}": given to npsync\'s own user'
        if one.thing.name not in own:
            return Removal(one, says, "npsync did not make this permission set; take it back by hand")
        if is_in_use:
            return Removal(one, says, "what stays is still seen by it")
        set = self._permissions.set_id(one.thing.name)
        is_gone = set is None or not one.id or one.id not in self._permissions.assigned(set)
        return Removal(one, says, is_gone=is_gone)

    def _set(self, one: Made, given: Sequence[Made], is_in_use: bool) -> Removal:
        says = f'permission set "{one.thing.name}"'
        set = self._permissions.set_id(one.thing.name)
        if set is None:
            return Removal(one, says, is_gone=True)
        if one.id and set != one.id:
            return Removal(one, says, "the one of that name is another one: somebody made it anew")
        if is_in_use:
            return Removal(one, says, "what stays is still seen by it")
        others = self._permissions.assigned(set).keys() - {each.id for each in given}
        if others:
            people = f"{len(others)} user{'s' * (len(others) != 1)}"
            return Removal(one, says, f"{people} still {'have' if len(others) > 1 else 'has'} it")
        return Removal(Made(one.thing, set, one.text), says)

    def _rights(self, one: Made, own: dict[str, Made], is_in_use: bool) -> Removal:
        if one.thing.name in own:
            return Removal(one, "", "what stays is still seen by it" if is_in_use else "")
        says = f'permission set "{one.thing.name}": rights on {one.thing.object}'
        why = "npsync did not make this permission set; fields that go take their rights along"
        return Removal(one, says, why)
