"""Intercom's addresses: contacts, companies, conversations, data attributes."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.intercom.attributes import MODELS, standard_fits
from sandbox.intercom.search import CONVERSATION_DATES, search
from sandbox.intercom.words import TOKEN, Refusal, bad_request, not_found
from sandbox.toy import NoSuchRecord, Row, name_call

if TYPE_CHECKING:
    from sandbox.intercom.workspace import Workspace

_WRITABLE = frozenset({"email", "phone", "name", "external_id", "owner_id", "unsubscribed_from_emails"})
_COMPANY_WRITABLE = frozenset(
    {"name", "website", "plan", "size", "industry", "monthly_spend", "remote_created_at"}
)
Answer = Callable[[Request], Awaitable[tuple[Any, int]]]


def _merged(request: Request, survivor: str) -> Refusal:
    """Where a contact went, whichever of its ids it is asked for by."""
    base = str(request.base_url).rstrip("/")
    link = {"Link": f'<{base}/contacts/{survivor}>; rel="canonical"'}
    return Refusal(410, "gone", "This contact has been merged into another", link)


def build(workspace: Workspace) -> Starlette:
    books = workspace.books

    def endpoint(kind: str, answer: Answer) -> Callable[[Request], Any]:
        async def called(request: Request) -> Response:
            name_call(request.scope, kind)
            headers: dict[str, str] = {}
            try:
                if not hmac.compare_digest(request.headers.get("authorization", ""), f"Bearer {TOKEN}"):
                    raise Refusal(401, "unauthorized", "Access Token Invalid")
                headers = workspace.limited()
                body, status = await answer(request)
            except Refusal as refused:
                return refused.reply()
            except NoSuchRecord as missing:
                return not_found(str(missing)).reply()
            raw = b"" if body is None else orjson.dumps(body)
            return Response(raw, status, headers, media_type="application/json")

        return called

    async def find_contacts(request: Request) -> tuple[Any, int]:
        known_since = books.now() - workspace.settings.search_lag
        rows = [row for row in books.all("contacts") if row["created_at"] <= known_since]
        body = await document(request)
        days = books.attributes.dates("contact")
        page, paging = search(rows, body, default_page=50, zone=workspace.zone, days=days)
        return {"type": "list", "data": page, **paging}, 200

    async def contact(request: Request) -> tuple[Any, int]:
        wanted = request.path_params["id"]
        if survivor := books.became.get(wanted):
            raise _merged(request, survivor)
        return books.contact(wanted), 200

    async def by_external_id(request: Request) -> tuple[Any, int]:
        wanted = request.path_params["external_id"]
        if row := books.by_external_id(wanted):
            return row, 200
        if survivor := books.merged_into.get(wanted):
            raise _merged(request, survivor)
        raise not_found("User Not Found")

    async def update_contact(request: Request) -> tuple[Any, int]:
        """Only the keys that are sent change."""
        row, body = books.contact(request.path_params["id"]), await document(request)
        insist(row["id"])
        wanted, custom = _split("contact", body, _WRITABLE)
        before = {**{name: row.get(name) for name in wanted}}
        before |= {name: row["custom_attributes"].get(name) for name in custom}
        row |= wanted
        row["custom_attributes"] |= custom
        row["updated_at"] = books.now()
        told("contacts", row, {name: (before[name], value) for name, value in {**wanted, **custom}.items()})
        return row, 200

    async def merge(request: Request) -> tuple[Any, int]:
        """A lead becomes part of a user."""
        body = await document(request)
        lead, user = books.contact(str(body.get("from"))), books.contact(str(body.get("into")))
        if (lead["role"], user["role"]) != ("lead", "user"):
            raise bad_request("only a lead can be merged into a user")
        workspace.merge("contacts", user["id"], lead["id"])
        return user, 200

    async def companies_of(request: Request) -> tuple[Any, int]:
        ids = [one["id"] for one in books.contact(request.path_params["id"])["companies"]["data"]]
        rows = [books.companies.rows[id] for id in ids if id in books.companies.rows]
        return {"type": "list", "data": rows, "total_count": len(rows)}, 200

    async def write_company(request: Request) -> tuple[Any, int]:
        """Creates or updates by company_id; only the keys that are sent change."""
        body = await document(request)
        name = body.pop("company_id", None)
        if not isinstance(name, str) or not name:
            raise bad_request("company_id is required")
        insist(name)
        wanted, custom = _split("company", body, _COMPANY_WRITABLE)
        row, fields = books.companies.written(name, wanted, custom)
        told("companies", row, fields)
        return row, 200

    async def update_company(request: Request) -> tuple[Any, int]:
        """By Intercom's own id; its company_id stays as it is. Nothing is created."""
        row = books.companies.row(request.path_params["id"])
        body = await document(request)
        body.pop("company_id", None)
        insist(row["id"])
        wanted, custom = _split("company", body, _COMPANY_WRITABLE)
        row, fields = books.companies.written(row["company_id"], wanted, custom)
        told("companies", row, fields)
        return row, 200

    async def company(request: Request) -> tuple[Any, int]:
        return books.companies.row(request.path_params["id"]), 200

    async def company_called(request: Request) -> tuple[Any, int]:
        wanted = request.query_params.get("company_id")
        if wanted is None:
            rows = list(books.companies.rows.values())
            return {"type": "list", "data": rows, "total_count": len(rows)}, 200
        if row := books.companies.called(wanted):
            return row, 200
        raise not_found("Company Not Found")

    def insist(id: str) -> None:
        """What a rule of the fault knob refuses: a contact by its id, a company by its company_id."""
        if workspace.room.faults.take("refused", text=id):
            raise bad_request("the record is invalid")

    def told(object: str, row: Row, fields: dict[str, tuple[Any, Any]]) -> None:
        workspace.room.traffic.wrote("intercom", object, row["id"], fields, at=workspace.room.clock.time())

    def _split(model: str, body: Row, writable: frozenset[str]) -> tuple[Row, Row]:
        """What the body says of the fields, and of the custom attributes; a Refusal for what cannot be written."""
        if unknown := body.keys() - writable - {"custom_attributes"}:
            raise bad_request(f"{', '.join(sorted(unknown))} cannot be written")
        custom = body.get("custom_attributes") or {}
        if not isinstance(custom, dict):
            raise bad_request("custom_attributes must be an object")
        books.attributes.check(model, custom)
        wanted = {name: value for name, value in body.items() if name != "custom_attributes"}
        if wrong := next(standard_fits(model, wanted), None):
            raise bad_request(f"{wrong} has the wrong type")
        return wanted, custom

    async def note(request: Request) -> tuple[Any, int]:
        row, body = books.contact(request.path_params["id"]), await document(request)
        if not body.get("body"):
            raise bad_request("body is required")
        id = str(workspace.books.now())
        return {"type": "note", "id": id, "contact": {"id": row["id"]}, "body": body["body"]}, 200

    async def find_conversations(request: Request) -> tuple[Any, int]:
        days = CONVERSATION_DATES if workspace.settings.conversations_by_day else frozenset[str]()
        page, paging = search(
            list(books.all("conversations")),
            await document(request),
            default_page=20,
            zone=workspace.zone,
            days=days,
        )
        return {"type": "conversation.list", "conversations": page, **paging}, 200

    async def conversation(request: Request) -> tuple[Any, int]:
        return books.conversation(request.path_params["id"]), 200

    async def attributes(request: Request) -> tuple[Any, int]:
        query = request.query_params
        archived = query.get("include_archived") == "true"
        models = [query["model"]] if "model" in query else MODELS
        found = [one for model in models for one in books.attributes.of(model, archived=archived)]
        return {"type": "list", "data": [shown(one) for one in found]}, 200

    async def add_attribute(request: Request) -> tuple[Any, int]:
        return shown(books.attributes.create(await document(request))), 200

    def shown(attribute: Row) -> Row:
        return books.attributes.shown(attribute, options_as_sent=workspace.settings.options_as_sent)

    return Starlette(
        routes=[
            Route("/contacts/search", endpoint("search", find_contacts), methods=["POST"]),
            Route(
                "/contacts/find_by_external_id/{external_id}",
                endpoint("contact", by_external_id),
                methods=["GET"],
            ),
            Route("/contacts/merge", endpoint("merge", merge), methods=["POST"]),
            Route("/contacts/{id}", endpoint("contact", contact), methods=["GET"]),
            Route("/contacts/{id}/companies", endpoint("companies_of", companies_of), methods=["GET"]),
            Route("/companies", endpoint("company", company_called), methods=["GET"]),
            Route("/companies", endpoint("write_company", write_company), methods=["POST"]),
            Route("/companies/{id}", endpoint("company", company), methods=["GET"]),
            Route("/companies/{id}", endpoint("update_company", update_company), methods=["PUT"]),
            Route("/contacts/{id}", endpoint("update", update_contact), methods=["PUT"]),
            Route("/contacts/{id}/notes", endpoint("note", note), methods=["POST"]),
            Route(
                "/conversations/search",
                endpoint("search_conversations", find_conversations),
                methods=["POST"],
            ),
            Route("/conversations/{id}", endpoint("conversation", conversation), methods=["GET"]),
            Route("/data_attributes", endpoint("attributes", attributes), methods=["GET"]),
            Route("/data_attributes", endpoint("add_attribute", add_attribute), methods=["POST"]),
        ]
    )


async def document(request: Request) -> Row:
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise bad_request("the body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request("the body must be an object")
    return body
