"""Looking at what an account has of what is wanted, and making the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.contract import Tools
from connectors.hubspot.account import Account
from connectors.hubspot.opening import open_account
from connectors.hubspot.properties import object_type, properties
from connectors.hubspot.provisioning import definitions
from connectors.hubspot.provisioning.definitions import GROUP, GROUP_LABEL
from connectors.hubspot.provisioning.lists import ListSetUp
from connectors.hubspot.provisioning.removing import Remover
from connectors.hubspot.provisioning.setup import SetUp
from connectors.hubspot.settings import HubSpotSettings
from connectors.provisioning import (
    Hindrance,
    Made,
    Missing,
    Removal,
    Step,
    Thing,
    Wanted,
    WantedField,
    WantedGroup,
    WantedList,
    WantedObject,
    misfit,
)
from nps.errors import AccessError, ConfigError, RejectedError

_NO_OBJECTS = (
    "objects of one's own are in HubSpot's Enterprise plans alone; with any other keep answers as notes "
    "(history: object: notes)"
)
_WHAT_TO_DO = "npsync alters no property: change it in Settings > Properties, or write another one"


@dataclass
class _Found:
    there: list[Wanted] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    hindrances: list[Hindrance] = field(default_factory=list)
    signed: set[Thing] = field(default_factory=set)

    def missing(self) -> Missing:
        return Missing(self.there, self.steps, self.hindrances, frozenset(self.signed))


class HubSpotProvisioner:
    """Fulfils `connectors.provisioning.Provisioner` and `Removes`."""

    def __init__(self, settings: HubSpotSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._setup = SetUp(settings, tools)
        self._daily: Account | None = None

    def missing(self, wanted: Sequence[Wanted]) -> Missing:
        found = _Found()
        made = self._objects(found, [one for one in wanted if isinstance(one, WantedObject)])
        fields = [one for one in wanted if isinstance(one, WantedField)]
        for object in dict.fromkeys(one.object for one in fields):
            asked = [one for one in fields if one.object == object]
            if object in made:
                # What is made with its object is no step of its own.
                rest = [one for one in asked if one != made[object].key]
                self._fields(found, object, rest, (), frozenset())
            else:
                self._looked_up(found, object, asked)
        for one in wanted:
            if isinstance(one, WantedList):
                self._list(found, one)
            elif isinstance(one, WantedGroup):
                there = one.name in self._setup.groups(one.object)
                if there:
                    found.there.append(one)
                else:
                    found.steps.append(_group_step(one))
        return found.missing()

    def create(self, step: Step) -> str:
        match step.wanted:
            case WantedObject() as one:
                return self._object_made(one)
            case WantedGroup() as one:
                self._setup.create_group(one.object, one.name, one.label)
                return ""
            case WantedField() as one:
                return self._setup.create_property(one.object, definitions.definition(one))
            case WantedList() as one:
                return self._lists().create(one.object, one.name)
            case one:
                raise ConfigError(f"npsync creates no {one.thing.kind} in HubSpot")

    def removals(self, made: Sequence[Made]) -> Sequence[Removal]:
        return self._remover().removals(made)

    def remove(self, removal: Removal) -> None:
        self._remover().remove(removal)

    def close(self) -> None:
        self._setup.close()
        if self._daily is not None:
            self._tools.shared.give_back()

    def _object_made(self, one: WantedObject) -> str:
        """An account whose plan has no objects of its own may have all the rest."""
        try:
            return self._setup.create_object(definitions.object_definition(one))
        except AccessError as error:
            raise RejectedError(f"{error}; {_NO_OBJECTS}", code="NO_ACCESS", field=one.object) from None

    def _remover(self) -> Remover:
        return Remover(self._setup, self._everyday(), self._lists())

    def _lists(self) -> ListSetUp:
        return ListSetUp(self._everyday())

    def _everyday(self) -> Account:
        """The account as npsync sees it every day."""
        if self._daily is None:
            self._daily = open_account(self._settings, self._tools)
        return self._daily

    # ------------------------------------------------------------ looking

    def _objects(self, found: _Found, wanted: Sequence[WantedObject]) -> dict[str, WantedObject]:
        """Those that are to be made, by name."""
        own = [one for one in wanted if definitions.is_own(one.object)]
        made: dict[str, WantedObject] = {}
        try:
            there = self._setup.objects() if own else {}
        except AccessError as error:
            found.hindrances += [Hindrance(one, f"{error}; {_NO_OBJECTS}") for one in own]
            found.there += [one for one in wanted if one not in own]
            return made
        for one in wanted:
            if one not in own or one.object in there or definitions.plain_name(one.object) in there:
                found.there.append(one)
            elif why := definitions.why_no_object(one):
                found.hindrances.append(Hindrance(one, why))
            else:
                assert one.key is not None  # see why_no_object
                key = f"with {one.key.name}: {definitions.in_words(one.key)}"
                found.steps.append(Step(one, f"object {one.object}, labelled {one.label}, {key}"))
                made[one.object] = one
        return made

    def _looked_up(self, found: _Found, object: str, wanted: Sequence[WantedField]) -> None:
        rows = self._setup.properties(object)
        if not rows:
            found.hindrances += [Hindrance(one, f"HubSpot has no object {object}") for one in wanted]
            return
        self._fields(found, object, wanted, rows, self._setup.groups(object))

    def _fields(
        self,
        found: _Found,
        object: str,
        wanted: Sequence[WantedField],
        rows: Sequence[Mapping[str, Any]],
        groups: frozenset[str],
    ) -> None:
        known = properties(object, rows).schema.fields
        told = {str(row.get("name")): str(row.get("description") or "") for row in rows}
        steps: list[Step] = []
        for one in wanted:
            held = known.get(one.name)
            if held is not None and (why := misfit(one, held)):
                found.hindrances.append(Hindrance(one, f"{why}; {_WHAT_TO_DO}"))
            elif held is not None:
                found.there.append(one)
                if one.help and told.get(one.name) == definitions.definition(one)["description"]:
                    found.signed.add(one.thing)
            elif why := definitions.why_not(one):
                found.hindrances.append(Hindrance(one, why))
            else:
                says = f"property {one.name} of {object}: {definitions.in_words(one)}"
                steps.append(Step(one, says))
        if steps and GROUP not in groups:
            found.steps.append(_group_step(WantedGroup(object_type(object), GROUP, GROUP_LABEL)))
        found.steps += steps

    def _list(self, found: _Found, one: WantedList) -> None:
        told = self._lists().named(one.object, one.name)
        if told is None and one.name.strip().isdigit():
            found.hindrances.append(
                Hindrance(one, "there is no list with this id; say the name of one to be made")
            )
        elif told is None:
            found.steps.append(Step(one, f'static list "{one.name}" of {one.object}'))
        elif self._lists().is_settable(told):
            found.there.append(one)
        else:
            why = "HubSpot fills this list itself, so that nobody may set its members: name another one"
            found.hindrances.append(Hindrance(one, why))


def _group_step(one: WantedGroup) -> Step:
    return Step(one, f'property group "{one.label}" ({one.name}) of {one.object}')
