"""The org as npsync's own user sees it: what a package is made from where no administrator lends a credential."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Tools
from connectors.salesforce.provisioning.definitions import Definition
from connectors.salesforce.provisioning.setup import SetUp
from connectors.salesforce.settings import SalesforceSettings
from nps.errors import ConfigError
from nps.schema import FieldSchema


class AsSeen(SetUp):
    """Describe shows this user what it was granted, and no more: what it does not see counts as missing."""

    def __init__(self, settings: SalesforceSettings, tools: Tools) -> None:
        super().__init__(settings.model_copy(update={"provision": None}), tools)

    def objects(self, names: Sequence[str]) -> dict[str, str]:
        return {name: name for name in names if self._is_seen(name)}

    def custom_fields(self, object: str, durable_id: str) -> dict[str, str]:
        seen = self.org.table(object).columns
        return {name: f"{object}.{name}" for name in seen if name.endswith("__c")}

    def told(self, id: str, name: str) -> Definition | FieldSchema:
        object, _, field = name.partition(".")
        return self.org.column(object, field).schema

    def _is_seen(self, object: str) -> bool:
        try:
            self.org.table(object)
        except ConfigError:
            return False
        return True
