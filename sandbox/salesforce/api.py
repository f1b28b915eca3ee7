"""The REST resources below /services/data/vXX.X, read: query, describe, limits; and who may call."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.salesforce.auth import Client, Gate
from sandbox.salesforce.errors import ApiError, RecordError, json_reply
from sandbox.salesforce.org import Org
from sandbox.salesforce.query import Result, run
from sandbox.salesforce.sight import CALLER
from sandbox.salesforce.tables import Column, Table
from sandbox.toy import name_call

MAX_URI = 16_384
_PAGE = 2_000
_LOCATOR_LIVES = 2 * 24 * 3600
_DAY = 24 * 3600
_NEWEST_VERSION = 68.0
# A customer is never deleted; what was made for an answer may be.
_OURS_TO_DELETE = ("Task", "CampaignMember", "NPS_Response__c")

_CLIENT: ContextVar[Client] = ContextVar("client")  # who makes this call
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
        for name in _OURS_TO_DELETE:
            self.permissions[name].add("delete")
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
        CALLER.set(client.user)
        _CLIENT.set(client)
        self._count_call(request)
        return client

    def admit(self, token: str, request: Request) -> Client:
        """For calls that carry their token in the body."""
        client = self.gate.admit(token, request.method, request.url.path)
        CALLER.set(client.user)
        _CLIENT.set(client)
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
        if faults.take("quota_spent", request.method, request.url.path):
            self.allowance.used = self.allowance.daily  # another integration took what was left
        spent = faults.take("daily_quota", request.method, request.url.path)
        if spent or self.allowance.used >= self.allowance.daily:
            if not spent:
                self.org.room.traffic.limit_met("salesforce", "daily")
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if faults.take("concurrent_limit", request.method, request.url.path):
            raise ApiError(
                403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
            )
        self.allowance.used += 1

    def may(self, client: Client, table: Table, what: str) -> bool:
        if table.type.setup:
            return what == "read" or client.may_customize
        return what in self._rights(client, table) and (what == "read" or client.may_write)

    def _rights(self, client: Client, table: Table) -> set[str]:
        """An object made through the API is there for whom a permission set says so, and for administrators."""
        if table.name in self.permissions:
            return self.permissions[table.name]
        if client.may_customize:
            return {"read", "edit", "create", "delete"}
        return self.org.sight.rights(table.name, client.user)

    def insist(self, client: Client, table: Table, what: str) -> None:
        if not self.may(client, table, what):
            raise RecordError(
                "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on cross-reference id"
            )

    def _caller(self) -> Client:
        return _CLIENT.get()

    def table(self, name: object) -> Table:
        table = self.org.table(name) if isinstance(name, str) else None
        if table is None or not self.may(self._caller(), table, "read"):
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return table

    # ------------------------------------------------------------ reading

    async def query(self, request: Request, client: Client) -> Response:
        return self._first_page(request, client, deleted=False)

    async def query_all(self, request: Request, client: Client) -> Response:
        return self._first_page(request, client, deleted=True)

    def _first_page(self, request: Request, client: Client, *, deleted: bool) -> Response:
        text = request.query_params.get("q")
        if text is None:
            raise ApiError(400, "MALFORMED_QUERY", "A query string has to be specified")
        version = f"v{request.path_params['version']}"
        result = run(self.org, text, deleted=deleted, version=version)
        if isinstance(result, int):
            return json_reply({"totalSize": result, "done": True, "records": []})
        if not self.may(client, result.table, "read"):
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
        if rule := self.org.room.faults.take("schema_drift", text=table.name):
            table.drift(**rule.detail)
        may_edit = self.may(client, table, "edit")
        fields = [
            column.field.describe(may_edit=may_edit and table.may_edit(column)) for column in table.visible()
        ]
        return json_reply(
            {**self._object(table, client), "fields": fields, "recordTypeInfos": [], "childRelationships": []}
        )

    def _object(self, table: Table, client: Client) -> dict[str, Any]:
        return {
            "name": table.name,
            "label": table.type.label or table.name,
            "labelPlural": table.type.plural or table.name,
            "keyPrefix": table.type.prefix,
            "custom": table.name.endswith("__c"),
            "queryable": True,
            "createable": self.may(client, table, "create"),
            "updateable": self.may(client, table, "edit"),
            "deletable": self.may(client, table, "delete"),
        }

    def is_parent(self, table: Table, name: str) -> bool:
        """Whether it is what a reference of this object is called as a relation: Contact__r."""
        return self._reference(table, name) is not None

    def _reference(self, table: Table, name: str) -> Column | None:
        named = (one for one in table.visible() if (one.field.relationship or "").lower() == name.lower())
        return next(named, None)

    def relation(self, table: Table, name: str, parent: Any) -> tuple[str, str | None]:
        """The reference field and the id of the parent that `{external id field: value}` names."""
        column = self._reference(table, name)
        if column is None:
            raise ApiError(
                400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {table.name}", (name,)
            )
        if parent is None:
            return column.field.name, None
        there = self.org.tables[str(column.field.to)]
        told = (
            [pair for pair in parent.items() if pair[0] != "attributes"] if isinstance(parent, dict) else []
        )
        key = there.column(told[0][0]) if len(told) == 1 else None
        if key is None or not key.field.external_id:
            raise RecordError("INVALID_FIELD", f"{name}: name the parent by one external id field", name)
        rows = there.by_key(key, str(told[0][1]))
        if len(rows) != 1:
            raise RecordError(
                "INVALID_FIELD" if not rows else "DUPLICATE_EXTERNAL_ID",
                f"Foreign key external ID: {told[0][1]} not found for field {key.field.name} in entity {there.name}"
                if not rows
                else f"{key.field.name}: more than one record found",
                name,
            )
        return column.field.name, str(rows[0][there.id])

    def left_out(self, id: str) -> bool:
        """Neither written nor mentioned: what nobody promises, and a client must notice."""
        faults = self.org.room.faults
        return bool(faults) and faults.take("missing_row", text=id) is not None

    def whole_request(self, ids: Iterable[str]) -> None:
        """One value the parser cannot take refuses all of them, and the message does not say whose it was."""
        faults = self.org.room.faults
        for id in ids if faults else ():
            if faults.take("batch_refused", text=id):
                raise ApiError(400, "JSON_PARSER_ERROR", "A value of this request cannot be deserialized")

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
