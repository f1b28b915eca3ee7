"""Writing records: collections of up to 200, single records, upserts by external id."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.salesforce.api import Api
from sandbox.salesforce.auth import Client
from sandbox.salesforce.errors import ApiError, RecordError, json_reply
from sandbox.salesforce.ids import canonical
from sandbox.salesforce.tables import Column, Record, Table
from sandbox.salesforce.values import from_json

MAX_RECORDS = 200
_NOT_FIELDS = frozenset({"attributes", "id", "Id"})


class Records:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._org = api.org

    # ------------------------------------------------------------ collections of 200

    async def update_many(self, request: Request, client: Client) -> Response:
        body = await object_body(request)
        records = _records(body)
        self._insist_on_names(records)
        self._api.whole_request(_ids(records))
        return self._many(body, records, lambda record: self._update_one(record, client))

    async def create_many(self, request: Request, client: Client) -> Response:
        body = await object_body(request)
        records = _records(body)
        self._insist_on_names(records)
        return self._many(body, records, lambda record: self._create_one(record, client))

    async def upsert_many(self, request: Request, client: Client) -> Response:
        body = await object_body(request)
        records = _records(body)
        table = self._api.table(request.path_params["object"])
        key = self._key(table, request.path_params["field"])
        if any(_type_of(record) != table.name for record in records):
            raise ApiError(400, "INVALID_TYPE", f"all records must be of type {table.name}")
        self._insist_on_names(records)
        keys = [str(record.get(key.field.name)).lower() for record in records]

        def upsert(record: Mapping[str, Any]) -> dict[str, Any]:
            value = record.get(key.field.name)
            if keys.count(str(value).lower()) > 1:
                raise RecordError(
                    "DUPLICATE_VALUE", f"Duplicate external id specified: {value}", key.field.name
                )
            id, created = self._upsert(table, key, value, _fields(record), client)
            return {"id": id, "success": True, "created": created, "errors": []}

        return self._many(body, records, upsert)

    async def delete_many(self, request: Request, client: Client) -> Response:
        ids = [id for id in request.query_params.get("ids", "").split(",") if id]
        _no_more_than_200(ids)
        records = [{"id": id} for id in ids]
        flags = {"allOrNone": request.query_params.get("allOrNone", "false").lower() == "true"}
        return self._many(flags, records, lambda record: self._delete(str(record["id"]), client))

    async def read_many(self, request: Request, client: Client) -> Response:
        """GET with ?ids=&fields=; unknown ids answer with null, in their place."""
        table = self._api.table(request.path_params["object"])
        if request.method == "POST":
            body = await object_body(request)
            ids, names = list(body.get("ids", [])), list(body.get("fields", []))
        else:
            ids = request.query_params.get("ids", "").split(",")
            names = request.query_params.get("fields", "Id").split(",")
        _no_more_than_200(ids)
        columns = [table.writable(name) for name in names]
        return json_reply([self._read(table, id, columns) for id in ids])

    def _insist_on_names(self, records: list[dict[str, Any]]) -> None:
        """An unknown field, or more than ten runs of one type, refuses the whole request before anything is
        written."""
        if sum(1 for _ in itertools.groupby(map(_type_of, records))) > 10:
            raise ApiError(400, "INVALID_FIELD", "too many chunks: at most 10 runs of one type in a request")
        for type, names in {(_type_of(record), tuple(record)) for record in records}:
            table = self._api.table(type)
            for name in names:
                if name not in _NOT_FIELDS and not is_relation(name):
                    table.writable(name)

    def _many(
        self,
        body: Mapping[str, Any],
        records: list[dict[str, Any]],
        write: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> Response:
        """One result per record, in order; HTTP 200 even if every one failed."""
        undo = None
        if body.get("allOrNone"):
            undo = self._remember(records)
            self._org.hold()
        results = []
        for record in records:
            if self._api.left_out(str(record.get("id", ""))):
                continue
            try:
                results.append(write(record))
            except RecordError as refused:
                results.append(refused.in_collection())
        if undo is not None:
            results = self._all_or_none(results, undo)
        return json_reply(results)

    def _all_or_none(
        self, results: list[dict[str, Any]], undo: list[tuple[Table, Record, Record]]
    ) -> list[dict[str, Any]]:
        happened = all(result["success"] for result in results)
        self._org.settle(happened=happened)
        if happened:
            return results
        known = {row[table.id] for table, row, _ in undo}
        for id in (result["id"] for result in results if result["success"]):
            table_of_id = self._table_of(id)
            if table_of_id is not None and id not in known:
                table_of_id.forget(id)
        for table, row, before in undo:
            self._org.restore(table, row, before)
        taken_back = RecordError("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back").in_collection()
        return [taken_back if result["success"] else result for result in results]

    def _remember(self, records: list[dict[str, Any]]) -> list[tuple[Table, Record, Record]]:
        known = []
        for record in records:
            id = canonical(str(record.get("id", "")))
            table = self._table_of(id) if id else None
            if table is not None and id in table.rows:
                known.append((table, table.rows[id], list(table.rows[id])))
        return known

    # ------------------------------------------------------------ one record

    async def create(self, request: Request, client: Client) -> Response:
        table = self._api.table(request.path_params["object"])
        fields = await object_body(request)
        return json_reply(self._create(table, fields, client), 201)

    async def single(self, request: Request, client: Client) -> Response:
        """GET, PATCH or DELETE sobjects/Contact/{id}."""
        table = self._api.table(request.path_params["object"])
        id = request.path_params["id"]
        if request.method == "GET":
            return self._single_read(table, id, request)
        if request.method == "DELETE":
            self._delete(id, client)
        else:
            self._update(table, id, await object_body(request), client)
        return Response(status_code=204)

    async def single_by_key(self, request: Request, client: Client) -> Response:
        """GET or PATCH (upsert) sobjects/Contact/{external id field}/{value}."""
        table = self._api.table(request.path_params["object"])
        key = self._key(table, request.path_params["field"])
        value = request.path_params["value"]
        rows = table.by_key(key, value)
        if len(rows) > 1:
            urls = [
                f"{request.scope['path'].split('/sobjects/')[0]}/sobjects/{table.name}/{row[table.id]}"
                for row in rows
            ]
            return json_reply(urls, 300)
        if request.method == "GET":
            if not rows:
                raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
            return self._single_read(table, str(rows[0][table.id]), request)
        if not rows and request.query_params.get("updateOnly", "").lower() == "true":
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        id, created = self._upsert(table, key, value, await object_body(request), client)
        return json_reply(
            {"id": id, "success": True, "errors": [], "created": created}, 201 if created else 200
        )

    def _single_read(self, table: Table, id: str, request: Request) -> Response:
        row = table.rows.get(canonical(id) or "")
        if row is None or row[table.deleted]:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        asked = request.query_params.get("fields")
        columns = [table.writable(name) for name in asked.split(",")] if asked else table.visible()
        return json_reply(self._read(table, id, columns))

    # ------------------------------------------------------------ writing one, whatever the way in

    def _update_one(self, record: dict[str, Any], client: Client) -> dict[str, Any]:
        table = self._api.table(_type_of(record))
        if "id" not in record and "Id" not in record:
            raise RecordError("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        id = self._update(table, record.get("id", record.get("Id")), _fields(record), client)
        return {"id": id, "success": True, "errors": []}

    def _create_one(self, record: dict[str, Any], client: Client) -> dict[str, Any]:
        return self._create(self._api.table(_type_of(record)), _fields(record), client)

    def _update(self, table: Table, id: object, fields: Mapping[str, Any], client: Client) -> str:
        row = table.existing(id)
        full = str(row[table.id])
        wanted = table.stored(self._looked_up(table, fields), from_json, id=full)
        self._api.insist(client, table, "edit")
        self._api.scripted(full)
        self._org.update(table, row, wanted, by=client.user)
        return full

    def _create(
        self, table: Table, fields: Mapping[str, Any], client: Client, key: str = ""
    ) -> dict[str, Any]:
        wanted = table.stored(self._looked_up(table, fields), from_json)
        self._api.insist(client, table, "create")
        self._api.scripted(f"{table.name}/{key}")
        id = self._org.create(table, wanted, by=client.user)
        return {"id": id, "success": True, "errors": []}

    def _upsert(
        self, table: Table, key: Column, value: object, fields: Mapping[str, Any], client: Client
    ) -> tuple[str, bool]:
        if not isinstance(value, str) or not value:
            raise RecordError("MISSING_ARGUMENT", f"{key.field.name} not specified", key.field.name)
        rows = table.by_key(key, value)
        if len(rows) > 1:
            raise RecordError(
                "DUPLICATE_EXTERNAL_ID", f"{key.field.name}: more than one record found", key.field.name
            )
        rest = {name: given for name, given in fields.items() if name.lower() != key.field.name.lower()}
        if rows:
            return self._update(table, rows[0][table.id], rest, client), False
        made = self._create(table, {**rest, key.field.name: value}, client, key=value)
        return str(made["id"]), True

    def _looked_up(self, table: Table, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """`"Contact__r": {"Customer_Id__c": "C-1"}` names the parent by its external id."""
        if not any(map(is_relation, fields)):
            return fields
        return dict(
            self._api.relation(table, *pair) if is_relation(pair[0]) else pair for pair in fields.items()
        )

    def _delete(self, id: str, client: Client) -> dict[str, Any]:
        table = self._table_of(id)
        if table is None:
            raise RecordError("MALFORMED_ID", f"malformed id {id}")
        row = table.existing(id)
        self._api.insist(client, table, "delete")
        self._org.delete(table, row)
        return {"id": row[table.id], "success": True, "errors": []}

    def _read(self, table: Table, id: str, columns: list[Column]) -> dict[str, Any] | None:
        row = table.rows.get(canonical(id) or "")
        if row is None or row[table.deleted]:
            return None
        url = f"/services/data/v64.0/sobjects/{table.name}/{row[table.id]}"
        shown: dict[str, Any] = {"attributes": {"type": table.name, "url": url}, "Id": row[table.id]}
        shown.update((column.field.name, row[column.place]) for column in columns)
        return shown

    def _key(self, table: Table, name: str) -> Column:
        column = table.column(name)
        if column is None or not column.field.external_id:
            raise ApiError(
                404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}"
            )
        return column

    def _table_of(self, id: str) -> Table | None:
        return next((t for t in self._org.tables.values() if id.startswith(t.type.prefix)), None)


def is_relation(name: str) -> bool:
    return name.lower().endswith("__r")


async def object_body(request: Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as problem:
        raise ApiError(400, "JSON_PARSER_ERROR", str(problem)) from None
    if not isinstance(body, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be an object")
    return body


def _records(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "records must be a list of objects")
    _no_more_than_200(records)
    return records


def _ids(records: list[dict[str, Any]]) -> list[str]:
    return [str(record.get("id", record.get("Id", ""))) for record in records]


def _no_more_than_200(records: list[Any]) -> None:
    if len(records) > MAX_RECORDS:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call",
        )


def _type_of(record: Mapping[str, Any]) -> str:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("type"), str):
        raise ApiError(400, "INVALID_INPUT", "every record needs attributes.type")
    return str(attributes["type"])


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in _NOT_FIELDS}
