"""What an org has of what is wanted, and what it lacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.provisioning import (
    Hindrance,
    Missing,
    Step,
    Thing,
    Wanted,
    WantedField,
    WantedGrant,
    WantedList,
    WantedObject,
    misfit,
)
from connectors.salesforce.campaigns import is_campaign
from connectors.salesforce.ids import long_id
from connectors.salesforce.library import quote
from connectors.salesforce.provisioning import definitions, permissions
from connectors.salesforce.provisioning.definitions import Definition
from connectors.salesforce.provisioning.permissions import Permissions
from connectors.salesforce.provisioning.setup import SetUp
from connectors.salesforce.readers import of_profile
from connectors.salesforce.settings import SalesforceSettings
from nps.errors import ConfigError
from nps.schema import FieldSchema

_WHAT_TO_DO = "npsync alters no field: change it in Setup > Object Manager, or write another one"
_SET_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
_UNKNOWN_USER = "npsync's own user"


@dataclass
class _Found:
    there: list[Wanted] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    hindrances: list[Hindrance] = field(default_factory=list)
    signed: set[Thing] = field(default_factory=set)


class Looking:
    """`user` tells the id of npsync's own user, "" where nobody says."""

    def __init__(
        self, settings: SalesforceSettings, setup: SetUp, permissions: Permissions, user: Callable[[], str]
    ) -> None:
        self._settings = settings
        self._setup = setup
        self._permissions = permissions
        self._everyday_user = user

    def missing(self, wanted: Sequence[Wanted]) -> Missing:
        found = _Found()
        own = [one for one in wanted if isinstance(one, WantedObject)]
        fields = definitions.expanded(wanted)
        durable = self._setup.objects(
            [*dict.fromkeys([*(one.object for one in fields), *(one.object for one in own)])]
        )
        for one in own:
            if one.object in durable:
                found.there.append(one)
            elif not one.object.endswith("__c"):
                found.hindrances.append(
                    Hindrance(one, f"an object of one's own ends in __c: {one.object}__c")
                )
            else:
                found.steps.append(Step(one, f"object {one.object}, labelled {one.label}"))
        made = {step.wanted.object for step in found.steps if isinstance(step.wanted, WantedObject)}
        for object in dict.fromkeys(one.object for one in fields):
            names = [one for one in fields if one.object == object]
            self._fields(found, object, names, durable.get(object), is_made=object in made)
        for campaign in (one for one in wanted if isinstance(one, WantedList)):
            self._campaign(found, campaign)
        self._grants(found, wanted, fields, own)
        return Missing(found.there, found.steps, found.hindrances, frozenset(found.signed))

    def _campaign(self, found: _Found, one: WantedList) -> None:
        named = (
            f"Id = {quote(long_id(one.name))}"
            if is_campaign(one.name)
            else f"Name = {quote(one.name.strip())}"
        )
        query = f"SELECT Id FROM Campaign WHERE {named} AND IsActive = true"
        if self._setup.rows(query, f"look for the campaign {one.name}"):
            found.there.append(one)
        else:
            why = "a campaign needs more than a name: create it in Salesforce, active, then npsync check"
            found.hindrances.append(Hindrance(one, why))

    # ------------------------------------------------------------ fields

    def _fields(
        self,
        found: _Found,
        object: str,
        wanted: Sequence[WantedField],
        durable_id: str | None,
        *,
        is_made: bool,
    ) -> None:
        if durable_id is None and not is_made:
            found.hindrances += [Hindrance(one, f"Salesforce has no object {object}") for one in wanted]
            return
        held = {} if durable_id is None else self._setup.custom_fields(object, durable_id)
        ids = {name.lower(): id for name, id in held.items()}
        for one in wanted:
            told = self._told(one, ids)
            if told is not None:
                schema = _schema(one, told)
                why = _misfit(one, schema, told)
                if why:
                    found.hindrances.append(Hindrance(one, f"{why}; {_WHAT_TO_DO}"))
                else:
                    found.there.append(one)
                    if one.help and _help_of(told) == _help_of(definitions.definition(one)):
                        found.signed.add(one.thing)
            elif why := definitions.why_not(one):
                found.hindrances.append(Hindrance(one, why))
            else:
                found.steps.append(Step(one, f"field {one.object}.{one.name}: {definitions.in_words(one)}"))

    def _told(self, one: WantedField, ids: Mapping[str, str]) -> Definition | FieldSchema | None:
        """What is there under this name: as it is defined, or (a standard field) as describe shows it."""
        if (id := ids.get(one.name.lower())) is not None:
            return self._setup.told(id, f"{one.object}.{one.name}")
        if one.name.endswith("__c") and "__" not in one.name.removesuffix("__c"):
            return None
        column = self._setup.org.table(one.object).columns.get(one.name)
        return column.schema if column is not None else None

    # ------------------------------------------------------------ who sees them

    def _grants(
        self,
        found: _Found,
        wanted: Sequence[Wanted],
        fields: Sequence[WantedField],
        own: Sequence[WantedObject],
    ) -> None:
        stopped = {one.wanted.thing for one in found.hindrances}
        seen = [one for one in fields if one.name.endswith("__c") and one.thing not in stopped]
        asked = [one for one in wanted if isinstance(one, WantedGrant)]
        if seen or own:
            writers = self._writers()
            user = self._user()
            asked += permissions.grants(self._readers(), writers, seen, own, user)
            if not user:
                grant = WantedGrant(writers, user=_UNKNOWN_USER, label=permissions.WRITERS_LABEL)
                why = "who npsync signs in as is not told by this way of signing in: say provision.integration_user"
                found.hindrances.append(Hindrance(grant, why))
        for one in asked:
            step = self._permissions.look(one)
            if step is None:
                found.there.append(one)
            else:
                found.steps.append(step)

    def _readers(self) -> str:
        """The permission set of the account managers; a profile is not touched: they get one of npsync's beside."""
        named = self._settings.account_managers
        if named is None or self._permissions.set_id(named) is not None:
            return named or permissions.READERS
        is_profile = not _SET_NAME.fullmatch(named) or of_profile(self._setup.org, named)
        return permissions.READERS if is_profile else named

    def _writers(self) -> str:
        own = self._settings.provision.permission_set if self._settings.provision is not None else None
        return own or permissions.WRITERS

    def _user(self) -> str:
        """The id of npsync's own user; "" where nobody says."""
        named = self._settings.provision.integration_user if self._settings.provision is not None else None
        if named is None:
            return self._everyday_user()
        query = f"SELECT Id FROM User WHERE Username = {quote(named)} AND IsActive = true"
        rows = self._setup.rows(query, "look for npsync's own user")
        if not rows:
            raise ConfigError(f"there is no active user {named} (provision.integration_user)")
        return str(rows[0]["Id"])


def _schema(one: WantedField, told: Definition | FieldSchema) -> FieldSchema:
    return told if isinstance(told, FieldSchema) else definitions.schema_of(one.name, told)


def _misfit(one: WantedField, held: FieldSchema, told: Definition | FieldSchema) -> str:
    if one.references and not isinstance(told, FieldSchema):
        leads = str(told.get("referenceTo") or "")
        return "" if leads == one.references else f"it is there, and does not lead to {one.references}"
    # A multi-line text is longer than anything: what the vendor cuts is told when it is written.
    return misfit(replace(one, options=() if held.options is None else one.options), held)


def _help_of(told: Definition | FieldSchema) -> str:
    return "" if isinstance(told, FieldSchema) else str(told.get("inlineHelpText") or "")
