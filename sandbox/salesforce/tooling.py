"""The Tooling API: fields are made, read, changed and removed; objects and fields are queried as records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.salesforce.api import Api
from sandbox.salesforce.auth import Client
from sandbox.salesforce.customizing import Customizing
from sandbox.salesforce.errors import ApiError, RecordError, json_reply
from sandbox.salesforce.query import run
from sandbox.salesforce.records import object_body
from sandbox.salesforce.schema import Field, ObjectType, own_id, system
from sandbox.salesforce.tables import Table
from sandbox.salesforce.values import Stored


def _text(name: str) -> Field:
    return Field(name, "string", length=255)


CUSTOM_FIELD = ObjectType(
    "CustomField",
    "00N",
    (
        own_id("Custom Field ID"),
        _text("DeveloperName"),
        _text("TableEnumOrId"),
        _text("NamespacePrefix"),
        _text("FullName"),
        Field("Length", "double", precision=8),
        _text("InlineHelpText"),
        Field("CreatedById", "reference", "", 18, to="User"),
        *system(),
    ),
)
ENTITY_DEFINITION = ObjectType(
    "EntityDefinition",
    "4ie",
    (
        own_id("Entity Definition ID"),
        _text("DurableId"),
        _text("QualifiedApiName"),
        _text("DeveloperName"),
        _text("Label"),
        _text("PluralLabel"),
        _text("KeyPrefix"),
        Field("IsCustomizable", "boolean"),
        *system(),
    ),
)
_SELECT = re.compile(r"\s*SELECT\s+(.*?)\s+FROM\s", re.IGNORECASE | re.DOTALL)
_METADATA = re.compile(r"(,\s*Metadata\b|\bMetadata\s*,)", re.IGNORECASE)


class Tooling:
    def __init__(self, api: Api, customizing: Customizing) -> None:
        self._api = api
        self._customizing = customizing
        self._org = api.org

    async def create(self, request: Request, client: Client) -> Response:
        self._insist(client)
        body = await object_body(request)
        told = body.get("Metadata")
        if not isinstance(body.get("FullName"), str) or not isinstance(told, Mapping):
            raise RecordError("REQUIRED_FIELD_MISSING", "Required fields are missing: [FullName, Metadata]")
        id = self._customizing.add_field(body["FullName"], told)
        return json_reply({"id": id, "success": True, "errors": [], "warnings": [], "infos": []}, 201)

    async def single(self, request: Request, client: Client) -> Response:
        """GET, PATCH or DELETE tooling/sobjects/CustomField/{id}."""
        self._insist(client)
        name = self._named(request.path_params["id"])
        if request.method == "GET":
            return json_reply(self._shown(name))
        if request.method == "DELETE":
            self._customizing.remove_field(name)
        else:
            told = (await object_body(request)).get("Metadata")
            if not isinstance(told, Mapping):
                raise RecordError("REQUIRED_FIELD_MISSING", "Required fields are missing: [Metadata]")
            self._customizing.change_field(name, told)
        return Response(status_code=204)

    async def query(self, request: Request, client: Client) -> Response:
        """Metadata and FullName may be asked for one row only."""
        self._insist(client)
        text = request.query_params.get("q", "")
        chosen = _SELECT.match(text)
        names = chosen[1].lower() if chosen else ""
        heavy = bool(re.search(r"\b(metadata|fullname)\b", names))
        result = run(_Shelf(self), _METADATA.sub("", text, 1), deleted=False, version="v64.0")
        if isinstance(result, int):
            return json_reply({"size": result, "totalSize": result, "done": True, "records": []})
        if heavy and len(result.ids) > 1:
            raise ApiError(
                400,
                "MALFORMED_QUERY",
                "When retrieving results with Metadata or FullName fields, the query qualifications must specify "
                f"no more than one row for retrieval. Result size: {len(result.ids)}",
            )
        rows = result.records(0, len(result.ids))
        if "metadata" in names and rows:
            rows[0]["Metadata"] = dict(self._customizing.told_of(self._named(result.ids[0])))
        page = {"size": len(rows), "totalSize": len(rows), "done": True, "queryLocator": None}
        return json_reply({**page, "entityTypeName": result.table.name, "records": rows})

    def _insist(self, client: Client) -> None:
        if not client.may_customize:
            raise ApiError(
                403,
                "INSUFFICIENT_ACCESS_OR_READONLY",
                "insufficient access rights: this needs the permission Customize Application",
                (),
            )

    def _named(self, id: str) -> str:
        self._tables()  # so that every field has its id
        name = self._customizing.named(id)
        if name is None or "." not in name:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return name

    def _shown(self, name: str) -> dict[str, Any]:
        table = self._tables()["CustomField"]
        row = table.rows[self._customizing.id_of(name)]
        fields = {column.field.name: row[column.place] for column in table.columns.values()}
        return {**fields, "FullName": name, "Metadata": dict(self._customizing.told_of(name))}

    def _tables(self) -> dict[str, Table]:
        """As the org is now."""
        fields, objects = Table(CUSTOM_FIELD), Table(ENTITY_DEFINITION)
        then = str(next(self._org.users.live())[self._org.users.place("CreatedDate")])
        for table in list(self._org.tables.values()):
            if not table.type.setup:
                self._put_object(objects, table)
            for column in table.columns.values():
                if column.field.name.endswith("__c"):
                    self._put_field(fields, table, column.field, then)
        return {"CustomField": fields, "EntityDefinition": objects, "User": self._org.users}

    def _put_field(self, fields: Table, table: Table, field: Field, then: str) -> None:
        name = f"{table.name}.{field.name}"
        own = table.name.endswith("__c")
        made = self._customizing.made_at.get(name, then)
        by = self._org.administrator if name in self._customizing.made else self._org.owners[0]
        row: dict[str, Stored] = {
            "DeveloperName": field.name.removesuffix("__c"),
            "TableEnumOrId": self._customizing.id_of(table.name) if own else _enum(table.name),
            "FullName": name,
            "Length": float(field.length) if field.length else None,
            "InlineHelpText": field.help,
            "CreatedById": by,
        }
        row |= {"CreatedDate": made, "LastModifiedDate": made, "SystemModstamp": made}
        fields.insert(row, id=self._customizing.id_of(name))

    def _put_object(self, objects: Table, table: Table) -> None:
        own = table.name.endswith("__c")
        row: dict[str, Stored] = {
            "DurableId": self._customizing.id_of(table.name) if own else table.name,
            "QualifiedApiName": table.name,
            "DeveloperName": table.name.removesuffix("__c"),
            "Label": table.type.label or table.name.removesuffix("__c").replace("_", " "),
            "PluralLabel": table.type.plural or table.name.removesuffix("__c").replace("_", " "),
            "KeyPrefix": table.type.prefix,
            "IsCustomizable": True,
        }
        objects.insert(row)


class _Shelf:
    """What a query of the Tooling API runs on."""

    def __init__(self, tooling: Tooling) -> None:
        self.tables = tooling._tables()
        self.room = tooling._org.room

    def table(self, name: str) -> Table | None:
        return next((table for known, table in self.tables.items() if known.lower() == name.lower()), None)


def _enum(object: str) -> str:
    """A custom field of tasks is one of activities."""
    return "Activity" if object == "Task" else object
