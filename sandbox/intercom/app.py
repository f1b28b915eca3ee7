"""Intercom's addresses: contacts, conversations, data attributes."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.intercom.search import search
from sandbox.intercom.words import TOKEN, Refusal, bad_request, not_found
from sandbox.toy import NoSuchRecord, Row, name_call

if TYPE_CHECKING:
    from sandbox.intercom.workspace import Workspace

_WRITABLE = frozenset({"email", "phone", "name", "external_id", "owner_id", "unsubscribed_from_emails"})
_TYPES = ("string", "integer", "float", "boolean", "datetime", "date", "options")
Answer = Callable[[Request], Awaitable[tuple[Any, int]]]


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
        page, told = search(rows, body, default_page=50, zone=workspace.zone, by_day=True)
        return {"type": "list", "data": page, **told}, 200

    async def contact(request: Request) -> tuple[Any, int]:
        return books.contact(request.path_params["id"]), 200

    async def by_external_id(request: Request) -> tuple[Any, int]:
        wanted = request.path_params["external_id"]
        if row := books.by_external_id(wanted):
            return row, 200
        if survivor := books.merged_into.get(wanted):
            base = str(request.base_url).rstrip("/")
            link = {"Link": f'<{base}/contacts/{survivor}>; rel="alternate"'}
            raise Refusal(410, "gone", "This contact has been merged into another", link)
        raise not_found("User Not Found")

    async def update_contact(request: Request) -> tuple[Any, int]:
        """Only the keys that are sent change."""
        row, body = books.contact(request.path_params["id"]), await document(request)
        if unknown := body.keys() - _WRITABLE - {"custom_attributes"}:
            raise bad_request(f"{', '.join(sorted(unknown))} cannot be written")
        custom = body.get("custom_attributes") or {}
        defined = {one["name"] for one in books.attributes}
        if missing := custom.keys() - defined - row["custom_attributes"].keys():
            raise bad_request(f"Custom attribute '{sorted(missing)[0]}' does not exist")
        wanted = {name: value for name, value in body.items() if name != "custom_attributes"}
        before = {**{name: row.get(name) for name in wanted}}
        before |= {name: row["custom_attributes"].get(name) for name in custom}
        row |= wanted
        row["custom_attributes"] |= custom
        row["updated_at"] = books.now()
        fields = {name: (before[name], value) for name, value in {**wanted, **custom}.items()}
        workspace.room.traffic.wrote(
            "intercom", "contacts", row["id"], fields, at=workspace.room.clock.time()
        )
        return row, 200

    async def note(request: Request) -> tuple[Any, int]:
        row, body = books.contact(request.path_params["id"]), await document(request)
        if not body.get("body"):
            raise bad_request("body is required")
        id = str(workspace.books.now())
        return {"type": "note", "id": id, "contact": {"id": row["id"]}, "body": body["body"]}, 200

    async def find_conversations(request: Request) -> tuple[Any, int]:
        page, told = search(
            list(books.all("conversations")),
            await document(request),
            default_page=20,
            zone=workspace.zone,
            by_day=workspace.settings.conversations_by_day,
        )
        return {"type": "conversation.list", "conversations": page, **told}, 200

    async def conversation(request: Request) -> tuple[Any, int]:
        return books.conversation(request.path_params["id"]), 200

    async def attributes(request: Request) -> tuple[Any, int]:
        model = request.query_params.get("model", "contact")
        found = [one for one in books.attributes if one["model"] == model]
        return {"type": "list", "data": found}, 200

    async def add_attribute(request: Request) -> tuple[Any, int]:
        body = await document(request)
        if body.get("model") == "conversation":
            raise Refusal(422, "unprocessable_entity", "use /conversations/attributes")
        if body.get("model") not in ("contact", "company") or body.get("data_type") not in _TYPES:
            raise bad_request("model or data_type is not one of ours")
        if any(one["name"] == body.get("name") for one in books.attributes):
            raise bad_request(f"You already have '{body.get('name')}' in your company data")
        made: Row = {"type": "data_attribute", "api_writable": True, "custom": True, **body}
        books.attributes.append(made)
        return made, 200

    return Starlette(
        routes=[
            Route("/contacts/search", endpoint("search", find_contacts), methods=["POST"]),
            Route(
                "/contacts/find_by_external_id/{external_id}",
                endpoint("contact", by_external_id),
                methods=["GET"],
            ),
            Route("/contacts/{id}", endpoint("contact", contact), methods=["GET"]),
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
