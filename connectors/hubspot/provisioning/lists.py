"""Static lists, made by the everyday credential: it sets their members anyway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from connectors.hubspot.account import Account
from connectors.hubspot.properties import object_type, type_id
from connectors.hubspot.provisioning.setup import Calls
from nps.values import Json

_SETTABLE = ("MANUAL", "SNAPSHOT")


class ListSetUp:
    def __init__(self, account: Account) -> None:
        self._calls = Calls(account, "token or oauth", account.tools.connection)
        version = account.version
        self._root = "/crm/v3/lists" if version == "v3" else f"/crm/lists/{version}"

    def named(self, object: str, name: str) -> Mapping[str, Any] | None:
        kind = type_id(object_type(object))
        ways = [f"/object-type-id/{quote(kind, safe='')}/name/{quote(name.strip(), safe='')}"]
        ways += [f"/{name.strip()}"] if name.strip().isdigit() else []
        for way in ways:
            reply = self._calls.ask("GET", f"{self._root}{way}", what="find a list")
            if reply.status != 404:
                told = self._calls.said(reply, "find a list").get("list")
                return told if isinstance(told, Mapping) else {}
        return None

    @staticmethod
    def is_settable(told: Mapping[str, Any]) -> bool:
        return told.get("processingType") in _SETTABLE

    def has_members(self, list: str) -> bool:
        reply = self._calls.ask(
            "GET", f"{self._root}/{list}/memberships", params={"limit": "1"}, what="read a list"
        )
        return reply.status != 404 and bool(self._calls.said(reply, "read a list").get("results"))

    def create(self, object: str, name: str) -> str:
        body: Json = {
            "name": name,
            "objectTypeId": type_id(object_type(object)),
            "processingType": "MANUAL",
        }
        said = self._calls.make("POST", self._root, body, f'create the list "{name}"', name)
        told = said.get("list")
        return str(told.get("listId") or "") if isinstance(told, Mapping) else ""

    def delete(self, id: str) -> None:
        self._calls.make("DELETE", f"{self._root}/{quote(id, safe='')}", None, "remove a list", id)
