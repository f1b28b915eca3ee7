"""The calls by which an administrator looks at an org's set-up and changes it: Tooling API for fields, Metadata API for
objects, plain records for permissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_plus

from connectors.contract import Tools
from connectors.salesforce import soql
from connectors.salesforce.errors import LONGEST_MESSAGE, TO_GRANT, Refused
from connectors.salesforce.library import quote
from connectors.salesforce.org import Org
from connectors.salesforce.provisioning import xml
from connectors.salesforce.provisioning.definitions import Definition, full_name
from connectors.salesforce.settings import SalesforceSettings
from nps.errors import AccessError, RejectedError
from nps.schema import FieldSchema

RIGHTS = (
    "Customize Application, Modify Metadata Through Metadata API Functions, Manage Profiles and Permission Sets, "
    "Assign Permission Sets, View Setup and Configuration"
)
_MAY_NOT = (
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
)


class SetUp:
    """An org under an administrator's credential."""

    def __init__(self, settings: SalesforceSettings, tools: Tools) -> None:
        auth = settings.provision.auth if settings.provision is not None else settings.auth
        self.org = Org(settings.model_copy(update={"auth": auth}), tools)
        self._whose = "provision.auth" if settings.provision is not None else "auth"
        self._connection = tools.connection
        self._version = settings.api_version

    def close(self) -> None:
        self.org.close()

    # ------------------------------------------------------------ looking

    def objects(self, names: Sequence[str]) -> dict[str, str]:
        """Name → the id by which the Tooling API knows it, of those that are there."""
        if not names:
            return {}
        listed = ", ".join(quote(soql.checked_name(name)) for name in names)
        rows = self._tooling(
            f"SELECT QualifiedApiName, DurableId FROM EntityDefinition WHERE QualifiedApiName IN ({listed})",
            "look for objects",
        )
        return {str(row["QualifiedApiName"]): str(row["DurableId"]) for row in rows}

    def custom_fields(self, object: str, durable_id: str) -> dict[str, str]:
        """Name (X__c) → id, of the object's custom fields that belong to no package."""
        table = full_name(object, "").rstrip(".") if "__" not in object else durable_id
        rows = self._tooling(
            f"SELECT Id, DeveloperName, NamespacePrefix FROM CustomField WHERE TableEnumOrId = {quote(table)}",
            f"list the custom fields of {object}",
        )
        return {f"{row['DeveloperName']}__c": str(row["Id"]) for row in rows if not row["NamespacePrefix"]}

    def definition(self, id: str, name: str) -> Definition:
        """What a custom field is defined as."""
        with self._as_administrator(f"read the definition of {name}"):
            answer = self.org.api.call(
                "GET", f"tooling/sobjects/CustomField/{id}", what=f"read the definition of {name}"
            )
        told: Definition = answer.get("Metadata") or {}
        return told

    def told(self, id: str, name: str) -> Definition | FieldSchema:
        """What there is to compare with."""
        return self.definition(id, name)

    def rows(self, query: str, what: str) -> list[dict[str, Any]]:
        with self._as_administrator(what):
            return list(self.org.api.query(query, what=what))

    def _tooling(self, query: str, what: str) -> list[dict[str, Any]]:
        with self._as_administrator(what):
            page = self.org.api.call("GET", f"tooling/query/?q={quote_plus(query)}", what=what)
            rows: list[dict[str, Any]] = list(page["records"])
            while not page["done"]:
                link = str(page["nextRecordsUrl"]).partition("/tooling/")[2]
                page = self.org.api.call("GET", f"tooling/{link}", what=what)
                rows += page["records"]
            return rows

    # ------------------------------------------------------------ changing

    def create_field(self, object: str, name: str, told: Definition) -> str:
        body = {"FullName": full_name(object, name), "Metadata": told}
        return self._created("tooling/sobjects/CustomField/", body, f"create the field {object}.{name}")

    def delete_field(self, id: str, name: str) -> None:
        self._changed("DELETE", f"tooling/sobjects/CustomField/{id}", None, f"remove the field {name}")

    def create_object(self, name: str, told: Definition) -> str:
        what = f"{self._connection}: create the object {name}"
        self._metadata(lambda session: xml.create_call(session, "CustomObject", name, told), what, name)
        return ""  # the Metadata API goes by names

    def delete_object(self, name: str) -> None:
        what = f"{self._connection}: remove the object {name}"
        self._metadata(lambda session: xml.delete_call(session, "CustomObject", name), what, name)

    def create(self, object: str, record: Mapping[str, Any], what: str) -> str:
        return self._created(f"sobjects/{object}/", record, what)

    def update(self, object: str, id: str, record: Mapping[str, Any], what: str) -> None:
        self._changed("PATCH", f"sobjects/{object}/{id}", record, what)

    def delete(self, object: str, id: str, what: str) -> None:
        self._changed("DELETE", f"sobjects/{object}/{id}", None, what)

    def _created(self, path: str, body: Mapping[str, Any], what: str) -> str:
        with self._as_administrator(what), _refusable(what):
            answer = self.org.api.call("POST", path, body=body, what=what, idempotent=False)
        return str(answer.get("id") or "")

    def _changed(self, method: str, path: str, body: Mapping[str, Any] | None, what: str) -> None:
        with self._as_administrator(what), _refusable(what):
            self.org.api.call(method, path, body=body, what=what, idempotent=True)

    def _metadata(self, call: Any, what: str, name: str) -> None:
        path = f"/services/Soap/m/{self._version}"
        with self._as_administrator(what):
            said = xml.said(self.org.api.post_xml(path, call, what=what), what)
        if said.code in _MAY_NOT:
            raise AccessError(self._lacking(f"{what}: access was refused ({said.code})"))
        if said.code == "INVALID_SESSION_ID":
            raise AccessError(f"{what}: the session ended ({said.code}); run it once more")
        if said.code:
            message = said.message[:LONGEST_MESSAGE]
            raise RejectedError(
                f"{what}: Salesforce refuses ({said.code}: {message})", code=said.code, field=name
            )

    @contextmanager
    def _as_administrator(self, what: str) -> Iterator[None]:
        try:
            yield
        except AccessError as error:
            raise AccessError(self._lacking(str(error).removesuffix(TO_GRANT))) from None
        except Refused as refused:
            raise refused.as_error() from None

    def _lacking(self, said: str) -> str:
        """Which credential may not do it, and what it would need."""
        return (
            f"{said}. That is the credential of `{self._whose}` (npsync provision alone uses it if `provision:` is "
            f"there); it needs: {RIGHTS}. See npsync connect {self._connection}"
        )


@contextmanager
def _refusable(what: str) -> Iterator[None]:
    """A refused change concerns one thing: the others go on. Its message holds names of the set-up alone."""
    try:
        yield
    except Refused as refused:
        message = refused.message[:LONGEST_MESSAGE]
        field = refused.fields[0] if refused.fields else None
        raise RejectedError(
            f"{what}: Salesforce refuses ({refused.code or refused.status}: {message})",
            code=refused.code,
            field=field,
        ) from None
