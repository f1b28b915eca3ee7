"""Making in an org what it lacks, and taking it away again."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Tools
from connectors.provisioning import (
    Made,
    Missing,
    Package,
    Removal,
    Step,
    Wanted,
    WantedField,
    WantedGrant,
    WantedObject,
)
from connectors.salesforce.org import Org, open_org
from connectors.salesforce.provisioning import definitions, packaging
from connectors.salesforce.provisioning.as_seen import AsSeen
from connectors.salesforce.provisioning.looking import Looking
from connectors.salesforce.provisioning.permissions import Permissions
from connectors.salesforce.provisioning.removing import Remover
from connectors.salesforce.provisioning.setup import SetUp
from connectors.salesforce.settings import SalesforceSettings
from nps.errors import ConfigError


class SalesforceProvisioner:
    """Fulfils `connectors.provisioning.Provisioner`, `Removes` and `Packages`."""

    def __init__(self, settings: SalesforceSettings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._setup = SetUp(settings, tools)
        self._permissions = Permissions(self._setup)
        self._daily: Org | None = None

    def missing(self, wanted: Sequence[Wanted]) -> Missing:
        return self._looking(self._setup, self._permissions).missing(wanted)

    def create(self, step: Step) -> str:
        match step.wanted:
            case WantedObject() as one:
                return self._setup.create_object(one.object, definitions.object_definition(one))
            case WantedField() as one:
                return self._setup.create_field(one.object, one.name, definitions.definition(one))
            case WantedGrant() as one:
                return self._permissions.grant(one)
            case one:
                raise ConfigError(f"npsync creates no {one.thing.kind} in Salesforce")

    def package(self, wanted: Sequence[Wanted]) -> Package:
        if self._settings.provision is not None:
            return packaging.package(self.missing(wanted), self._settings.api_version)
        seen = AsSeen(self._settings, self._tools)
        try:
            missing = self._looking(seen, Permissions(seen)).missing(wanted)
        finally:
            seen.close()
        return packaging.package(missing, self._settings.api_version)

    def removals(self, made: Sequence[Made]) -> Sequence[Removal]:
        return self._remover().removals(made)

    def remove(self, removal: Removal) -> None:
        self._remover().remove(removal)

    def close(self) -> None:
        self._setup.close()
        if self._daily is not None:
            self._tools.shared.give_back()

    def _looking(self, setup: SetUp, permissions: Permissions) -> Looking:
        return Looking(self._settings, setup, permissions, lambda: self._everyday().user())

    def _remover(self) -> Remover:
        return Remover(self._setup, self._everyday(), self._permissions)

    def _everyday(self) -> Org:
        """The org as npsync's own user sees it."""
        if self._daily is None:
            self._daily = open_org(self._settings, self._tools)
        return self._daily
