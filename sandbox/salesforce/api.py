"""The REST resources below /services/data/vXX.X, Bulk apart: query, describe, collections, records."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.salesforce.auth import Client, Gate
from sandbox.salesforce.errors import ApiError, RecordError, json_reply
from sandbox.salesforce.ids import canonical
from sandbox.salesforce.org import Org
from sandbox.salesforce.query import Result, run
from sandbox.salesforce.tables import Column, Record, Table
from sandbox.salesforce.values import from_json
from sandbox.toy import name_call

MAX_URI = 16_384
MAX_RECORDS = 200
_PAGE = 2_000
_LOCATOR_LIVES = 2 * 24 * 3600
_DAY = 24 * 3600
_NEWEST_VERSION = 68.0
_NOT_FIELDS = frozenset({"attributes", "id", "Id"})

Resource = Callable[[Request, Client], Awaitable[Response]]


@dataclass
class Locator:
    result: Result
    size: int
    expires: float


@dataclass
class Allowance:
    """What the org may call in 24 hours, and what of it is used."""

    daily: int
    used: int = 0
    since: float = 0.0
    batches: int = 15_000
    batches_used: int = 0


class Api:
    def __init__(self, org: Org, gate: Gate) -> None:
        self.org = org
        self.gate = gate
        self.allowance = Allowance(org.room.limits.get("daily", 100_000), since=org.room.clock.time())
        self.permissions = {name: {"read", "edit", "create"} for name in org.tables}
        self._page = org.room.limits.get("page", _PAGE)
        self._locators: dict[str, Locator] = {}
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------ what every call passes

    def endpoint(self, kind: str, resource: Resource) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            name_call(request.scope, kind)
            try:
                client = self._admit(request)
                reply = await resource(request, client)
            except ApiError as refused:
                reply = refused.reply()
            except RecordError as refused:
                reply = refused.alone().reply()
            reply.headers["Sforce-Limit-Info"] = f"api-usage={self.allowance.used}/{self.allowance.daily}"
            return reply

        return answer

    def _admit(self, request: Request) -> Client:
        scope = request.scope
        uri = len(scope["raw_path"]) + 1 + len(scope["query_string"])
        if uri > MAX_URI:
            raise ApiError(414, "URI_TOO_LONG", "The URI is too long")
        if uri + sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > MAX_URI:
            raise ApiError(431, "HEADERS_TOO_LONG", "The request header fields and URI are too long")
        self._supported(request.path_params.get("version", "64.0"))
        client = self.gate.enter(request)
        self._count_call(request)
        return client

    def _supported(self, version: str) -> None:
        try:
            number = float(version)
        except ValueError:
            number = 0.0
        if 0 < number < 31:
            raise ApiError(410, "UNSUPPORTED_API_VERSION", f"API version {version} is retired")
        if not 31 <= number <= _NEWEST_VERSION:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")

    def _count_call(self, request: Request) -> None:
        now, faults = self.org.room.clock.time(), self.org.room.faults
        if now - self.allowance.since >= _DAY:
            self.allowance.since, self.allowance.used, self.allowance.batches_used = now, 0, 0
        spent = faults.take("daily_quota", request.method, request.url.path)
        if spent or self.allowance.used >= self.allowance.daily:
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if faults.take("concurrent_limit", request.method, request.url.path):
            raise ApiError(
                403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
            )
        self.allowance.used += 1

    def may(self, client: Client, table: Table, what: str) -> bool:
        return what in self.permissions[table.name] and (what == "read" or client.may_write)

    def _insist(self, client: Client, table: Table, what: str) -> None:
        if not self.may(client, table, what):
            raise RecordError(
                "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on cross-reference id"
            )

    def table(self, name: object) -> Table:
        table = self.org.table(name) if isinstance(name, str) else None
        if table is None or "read" not in self.permissions[table.name]:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return table

    # ------------------------------------------------------------ reading

    async def query(self, request: Request, client: Client) -> Response:
        return self._first_page(request, deleted=False)

    async def query_all(self, request: Request, client: Client) -> Response:
        return self._first_page(request, deleted=True)

    def _first_page(self, request: Request, *, deleted: bool) -> Response:
        text = request.query_params.get("q")
        if text is None:
            raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
        version = f"v{request.path_params['version']}"
        result = run(self.org, text, deleted=deleted, version=version)
        if isinstance(result, int):
            return json_reply({"totalSize": result, "done": True, "records": []})
        if "read" not in self.permissions[result.table.name]:
            raise ApiError(400, "INVALID_TYPE", f"sObject type '{result.table.name}' is not supported.")
        size = self._page_size(request)
        number = ""
        if len(result.ids) > size:
            number = f"0r8Hs{next(self._numbers):010d}AAA"
            self._locators[number] = Locator(result, size, self.org.room.clock.time() + _LOCATOR_LIVES)
        return self._page_reply(result, number, 0, size)

    def _page_size(self, request: Request) -> int:
        for option in request.headers.get("sforce-query-options", "").split(","):
            name, _, value = option.strip().partition("=")
            if name.lower() == "batchsize" and value.isdigit():
                return min(max(int(value), 200), self._page)
        return self._page

    async def next_page(self, request: Request, client: Client) -> Response:
        number, _, start = request.path_params["locator"].rpartition("-")
        locator = self._locators.get(number)
        if (
            locator is None
            or not start.isdigit()
            or locator.expires <= self.org.room.clock.time()
            or self.org.room.faults.take("lost_locator", text=number)
        ):
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page_reply(locator.result, number, int(start), locator.size)

    def _page_reply(self, result: Result, number: str, start: int, size: int) -> Response:
        stop = start + size
        page: dict[str, Any] = {"totalSize": len(result.ids), "done": stop >= len(result.ids)}
        if not page["done"]:
            page["nextRecordsUrl"] = f"/services/data/{result.version}/query/{number}-{stop}"
        page["records"] = result.records(start, stop)
        return json_reply(page)

    async def limits(self, request: Request, client: Client) -> Response:
        calls, batches = self.allowance, self.allowance.batches
        return json_reply(
            {
                "DailyApiRequests": {"Max": calls.daily, "Remaining": max(0, calls.daily - calls.used)},
                "DailyBulkApiBatches": {"Max": batches, "Remaining": max(0, batches - calls.batches_used)},
            }
        )

    async def objects(self, request: Request, client: Client) -> Response:
        shown = [
            self._object(table, client)
            for table in self.org.tables.values()
            if self.may(client, table, "read")
        ]
        return json_reply({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": shown})

    async def describe(self, request: Request, client: Client) -> Response:
        table = self.table(request.path_params["object"])
        may_edit = self.may(client, table, "edit")
        fields = [column.field.describe(may_edit=may_edit) for column in table.visible()]
        return json_reply(
            {**self._object(table, client), "fields": fields, "recordTypeInfos": [], "childRelationships": []}
        )

    def _object(self, table: Table, client: Client) -> dict[str, Any]:
        return {
            "name": table.name,
            "label": table.name,
            "keyPrefix": table.type.prefix,
            "custom": False,
            "queryable": True,
            "createable": self.may(client, table, "create"),
            "updateable": self.may(client, table, "edit"),
            "deletable": self.may(client, table, "delete"),
        }

    # ------------------------------------------------------------ collections of 200

    async def update_many(self, request: Request, client: Client) -> Response:
        body = await _object_body(request)
        records = _records(body)
        types = [_type_of(record) for record in records]
        if sum(1 for _ in itertools.groupby(types)) > 10:
            raise ApiError(400, "INVALID_FIELD", "too many chunks: at most 10 runs of one type in a request")
        self._insist_on_names(records)
        return self._many(body, records, lambda record: self._update_one(record, client))

    async def create_many(self, request: Request, client: Client) -> Response:
        body = await _object_body(request)
        records = _records(body)
        self._insist_on_names(records)
        return self._many(body, records, lambda record: self._create_one(record, client))

    async def upsert_many(self, request: Request, client: Client) -> Response:
        body = await _object_body(request)
        records = _records(body)
        table = self.table(request.path_params["object"])
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
        table = self.table(request.path_params["object"])
        if request.method == "POST":
            body = await _object_body(request)
            ids, names = list(body.get("ids", [])), list(body.get("fields", []))
        else:
            ids = request.query_params.get("ids", "").split(",")
            names = request.query_params.get("fields", "Id").split(",")
        _no_more_than_200(ids)
        columns = [table.writable(name) for name in names]
        return json_reply([self._read(table, id, columns) for id in ids])

    def _insist_on_names(self, records: list[dict[str, Any]]) -> None:
        """An unknown field refuses the whole request, before anything is written."""
        for type, names in {(_type_of(record), tuple(record)) for record in records}:
            table = self.table(type)
            for name in names:
                if name not in _NOT_FIELDS:
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
            self.org.hold()
        results = []
        for record in records:
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
        self.org.settle(happened=happened)
        if happened:
            return results
        for table, row, before in undo:
            self.org.restore(table, row, before)
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
        table = self.table(request.path_params["object"])
        fields = await _object_body(request)
        return json_reply(self._create(table, fields, client), 201)

    async def single(self, request: Request, client: Client) -> Response:
        """GET, PATCH or DELETE sobjects/Contact/{id}."""
        table = self.table(request.path_params["object"])
        id = request.path_params["id"]
        if request.method == "GET":
            return self._single_read(table, id, request)
        if request.method == "DELETE":
            self._delete(id, client)
        else:
            self._update(table, id, await _object_body(request), client)
        return Response(status_code=204)

    async def single_by_key(self, request: Request, client: Client) -> Response:
        """GET or PATCH (upsert) sobjects/Contact/{external id field}/{value}."""
        table = self.table(request.path_params["object"])
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
        id, created = self._upsert(table, key, value, await _object_body(request), client)
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
        table = self.table(_type_of(record))
        if "id" not in record and "Id" not in record:
            raise RecordError("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        id = self._update(table, record.get("id", record.get("Id")), _fields(record), client)
        return {"id": id, "success": True, "errors": []}

    def _create_one(self, record: dict[str, Any], client: Client) -> dict[str, Any]:
        return self._create(self.table(_type_of(record)), _fields(record), client)

    def _update(self, table: Table, id: object, fields: Mapping[str, Any], client: Client) -> str:
        row = table.existing(id)
        full = str(row[table.id])
        wanted = table.stored(fields, from_json, id=full)
        self._insist(client, table, "edit")
        self.scripted(full)
        self.org.update(table, row, wanted, by=self.org.integration_user)
        return full

    def _create(self, table: Table, fields: Mapping[str, Any], client: Client) -> dict[str, Any]:
        wanted = table.stored(fields, from_json)
        self._insist(client, table, "create")
        id = self.org.create(table, wanted, by=self.org.integration_user)
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
        return str(self._create(table, {**rest, key.field.name: value}, client)["id"]), True

    def _delete(self, id: str, client: Client) -> dict[str, Any]:
        table = self._table_of(id)
        if table is None:
            raise RecordError("MALFORMED_ID", f"malformed id {id}")
        row = table.existing(id)
        self._insist(client, table, "delete")
        table.delete(row, now=self.org.now())
        return {"id": row[table.id], "success": True, "errors": []}

    def scripted(self, id: str) -> None:
        """Record-level faults control asked for: locked_row, validation, record_error."""
        faults = self.org.room.faults
        if not faults:
            return
        if faults.take("locked_row", text=id):
            raise RecordError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        if rule := faults.take("validation", text=id):
            message = rule.detail.get("message", "The score may not change this quarter")
            raise RecordError("FIELD_CUSTOM_VALIDATION_EXCEPTION", message)
        if rule := faults.take("record_error", text=id):
            raise RecordError(rule.detail["statusCode"], rule.detail.get("message", "refused"))

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
        return next((t for t in self.org.tables.values() if id.startswith(t.type.prefix)), None)


async def _object_body(request: Request) -> dict[str, Any]:
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
