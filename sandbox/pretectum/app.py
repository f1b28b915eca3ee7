"""Pretectum's addresses. Paths take ids, the search takes names."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.pretectum.books import AREAS, DATASETS, SCHEMAS, Area, Dataset, Schema, Thing
from sandbox.pretectum.words import Refusal, bad_request, not_found
from sandbox.toy import NoSuchRecord, Row, name_call

if TYPE_CHECKING:
    from sandbox.pretectum.tenant import Tenant

_BORN = "2024-01-10T08:15:00.000Z"
_AREA = "/v1/businessareas/{area}"
_SCHEMAS = _AREA + "/schemas"
_DATASETS = _SCHEMAS + "/{schema}/datasets"
_OBJECTS = _DATASETS + "/{dataset}/dataobjects"
_SMALL_PAGE = 100  # of schemas and datasets
_Named = TypeVar("_Named", Area, Schema, Dataset)
Answer = Callable[[Request], Awaitable[tuple[Any, int]]]


def build(tenant: Tenant) -> Starlette:
    books = tenant.books

    def endpoint(kind: str, right: str, answer: Answer) -> Callable[[Request], Any]:
        async def called(request: Request) -> Response:
            name_call(request.scope, kind)
            try:
                tenant.tokens.check(request.headers.get("authorization", ""))
                tenant.tokens.count(tenant.settings.per_minute, tells_wait=tenant.settings.tells_wait)
                if not tenant.rights[right]:
                    raise Refusal(403, "Forbidden")
                body, status = await answer(request)
            except Refusal as refused:
                return refused.reply(as_text=tenant.settings.errors_as_text)
            except NoSuchRecord:
                return not_found("Data object").reply(as_text=tenant.settings.errors_as_text)
            return Response(b"" if body is None else orjson.dumps(body), status, media_type=_type(body))

        return called

    async def token(request: Request) -> Response:
        name_call(request.scope, "token")
        try:
            if request.url.path.removeprefix(request.scope["root_path"]) != tenant.settings.token_path:
                raise not_found("Path")
            told = tenant.tokens.issue(await _document(request), tenant.settings.token_seconds)
        except Refusal as refused:
            return refused.reply(as_text=tenant.settings.errors_as_text)
        return Response(orjson.dumps(told), media_type="application/json")

    async def areas(request: Request) -> tuple[Any, int]:
        rows = [_area(area) for area in AREAS]
        return {"response": rows} if tenant.settings.areas_wrapped else rows, 200

    async def schemas(request: Request) -> tuple[Any, int]:
        area = _known_area(request)
        rows = [_schema(one, tenant) for one in SCHEMAS if one.area is area]
        return _page(enumerate(rows, start=1), request, _SMALL_PAGE), 200

    async def one_schema(request: Request) -> tuple[Any, int]:
        found = _known_schema(request)
        fields = books.fields[found.id].values()
        return {**_schema(found, tenant), "fields": [one.shown(n) for n, one in enumerate(fields, 1)]}, 200

    async def datasets(request: Request) -> tuple[Any, int]:
        schema = _known_schema(request)
        rows = [_dataset(one, tenant) for one in DATASETS if one.schema is schema]
        return _page(enumerate(rows, start=1), request, _SMALL_PAGE), 200

    async def listed(request: Request) -> tuple[Any, int]:
        held = books.of(_known_dataset(request))
        page = _page(((thing.number, thing) for thing in held), request, tenant.settings.page)
        return {**page, "items": [_object(thing, tenant) for thing in page["items"]]}, 200

    async def created(request: Request) -> tuple[Any, int]:
        dataset = _known_dataset(request)
        values = _values(await _document(request), dataset, tenant)
        thing = tenant.add_thing(dataset.name, values)
        _told(tenant, thing, {name: (None, value) for name, value in values.items()})
        return _object(thing, tenant), 200

    async def one(request: Request) -> tuple[Any, int]:
        thing = _known_object(request, tenant)
        if not tenant.settings.get_by_id:
            raise not_found("Path")
        return _object(thing, tenant), 200

    async def updated(request: Request) -> tuple[Any, int]:
        """Only the fields that are sent change, although the verb is PUT."""
        thing, body = _known_object(request, tenant), await _document(request)
        if tenant.room.faults.take("version_conflict", "PUT", thing.id):
            tenant.write(thing, {})  # somebody else was quicker
        if tenant.room.faults.take("refused", "PUT", thing.id):
            raise bad_request("Bad request")
        if body.get("_version") != thing.version:
            raise bad_request("Version conflict")
        values = _values(
            {name: value for name, value in body.items() if name != "_version"}, thing.dataset, tenant
        )
        _told(tenant, thing, tenant.write(thing, values))
        return None, 204

    async def deleted(request: Request) -> tuple[Any, int]:
        books.delete(_known_object(request, tenant))
        return None, 204

    async def search(request: Request) -> tuple[Any, int]:
        query = request.query_params
        wanted = [query.get(name) or "all" for name in ("businessArea", "schema", "dataSet")]

        def among(thing: Thing) -> bool:
            places = (thing.dataset.area.name, thing.dataset.schema.name, thing.dataset.name)
            return all(asked in ("all", place) for asked, place in zip(wanted, places, strict=True))

        known_until = tenant.room.clock.time() - tenant.settings.search_lag
        hits = list(tenant.index.hits(query.get("query", ""), among, known_until))
        shown = [_hit(thing, values, tenant) for thing, values in hits[: tenant.settings.most_hits]]
        return {"hits": shown, "total": len(hits)}, 200

    return Starlette(
        routes=[
            Route("/oauth2/token", token, methods=["POST"]),
            Route("/v1/oauth2/token", token, methods=["POST"]),
            Route("/v1/my/businessareas", endpoint("areas", "read", areas), methods=["GET"]),
            Route(_SCHEMAS, endpoint("schemas", "read", schemas), methods=["GET"]),
            Route(_SCHEMAS + "/{schema}", endpoint("schema", "read", one_schema), methods=["GET"]),
            Route(_DATASETS, endpoint("datasets", "read", datasets), methods=["GET"]),
            Route(_OBJECTS, endpoint("list", "read", listed), methods=["GET"]),
            Route(_OBJECTS, endpoint("create", "create", created), methods=["POST"]),
            Route(_OBJECTS + "/{object}", endpoint("get", "read", one), methods=["GET"]),
            Route(_OBJECTS + "/{object}", endpoint("update", "update", updated), methods=["PUT"]),
            Route(_OBJECTS + "/{object}", endpoint("delete", "delete", deleted), methods=["DELETE"]),
            Route("/dataobjects/search", endpoint("search", "search", search), methods=["GET"]),
        ]
    )


# ------------------------------------------------------------ what a path names


def _known_area(request: Request) -> Area:
    return _known(AREAS, request.path_params["area"], "Business area")


def _known_schema(request: Request) -> Schema:
    area = _known_area(request)
    return _known([one for one in SCHEMAS if one.area is area], request.path_params["schema"], "Schema")


def _known_dataset(request: Request) -> Dataset:
    schema = _known_schema(request)
    return _known(
        [one for one in DATASETS if one.schema is schema], request.path_params["dataset"], "Dataset"
    )


def _known_object(request: Request, tenant: Tenant) -> Thing:
    dataset, thing = _known_dataset(request), tenant.books.thing(request.path_params["object"])
    if thing.dataset is not dataset:
        raise not_found("Data object")
    return thing


def _known(every: Sequence[_Named], id: str, what: str) -> _Named:
    found = next((one for one in every if one.id == id), None)
    if found is None:
        raise not_found(what)
    return found


# ------------------------------------------------------------ what is shown and taken


def _area(area: Area) -> Row:
    who = {"createdBy": "admin@acme.example", "updatedBy": "admin@acme.example"}
    when = {"createdDate": _BORN, "updatedDate": _BORN, "version": 1}
    return {"businessAreaId": area.id, "name": area.name, "description": "", "active": True, **who, **when}


def _schema(schema: Schema, tenant: Tenant) -> Row:
    return {
        "schemaId": schema.id,
        "name": schema.name,
        "active": True,
        "state": "PUBLISHED",
        "fieldsCount": len(tenant.books.fields[schema.id]),
        "dataSetCount": sum(1 for one in DATASETS if one.schema is schema),
        "version": 1,
        "deleted": False,
    }


def _dataset(dataset: Dataset, tenant: Tenant) -> Row:
    held = tenant.books.of(dataset)
    return {
        "dataSetId": dataset.id,
        "dataSetName": dataset.name,
        "recordCount": len(held),
        "erroredRecordsCount": sum(bool(tenant.books.errors(thing)) for thing in held),
        "runningJobsCount": 0,
        "version": 1,
        "deleted": False,
    }


def _object(thing: Thing, tenant: Tenant) -> Row:
    told = {"_dataObjectId": thing.id, "_version": thing.version, "_errors": tenant.books.errors(thing)}
    return {**told, **thing.values}


def _hit(thing: Thing, values: Row, tenant: Tenant) -> Row:
    dataset = thing.dataset
    told: Row = {
        "_dataObjectId": thing.id,
        "_businessAreaName": dataset.area.name,
        "_schemaName": dataset.schema.name,
        "_dataSetName": dataset.name,
        "_businessAreaId": dataset.area.id,
        "_schemaId": dataset.schema.id,
        "_dataSetId": dataset.id,
    }
    if tenant.settings.hits_with_version:
        told["_version"] = thing.version
    return {**told, **values}


def _values(body: Row, dataset: Dataset, tenant: Tenant) -> Row:
    """Names must match the schema exactly; values need not fit."""
    known = tenant.books.fields[dataset.schema.id]
    if unknown := body.keys() - known.keys():
        raise bad_request(f"Unknown field: {sorted(unknown)[0]}")
    return body


def _told(tenant: Tenant, thing: Thing, changes: dict[str, tuple[Any, Any]]) -> None:
    tenant.room.traffic.wrote("pretectum", "customers", thing.id, changes, at=tenant.room.clock.time())


def _page(rows: Iterable[tuple[int, Any]], request: Request, size: int) -> Row:
    """A page key is the number of the row it goes on after, so that removing one loses nothing."""
    after = 0
    if key := request.query_params.get("pageKey"):
        try:
            after = int(base64.urlsafe_b64decode(key))
        except ValueError:
            raise bad_request("pageKey is not one of ours") from None
    rest = list(itertools.islice((row for row in rows if row[0] > after), size + 1))
    last = str(rest[size - 1][0]) if len(rest) > size else None
    key = base64.urlsafe_b64encode(last.encode()).decode() if last else None
    return {"items": [row for _, row in rest[:size]], "nextPageKey": key}


def _type(body: Any) -> str | None:
    return None if body is None else "application/json"


async def _document(request: Request) -> Row:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise bad_request("Malformed JSON") from None
    if not isinstance(body, dict):
        raise bad_request("The body must be an object")
    return body
