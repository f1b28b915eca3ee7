"""The calls by which an account's properties, objects and lists are seen and made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.contract import Tools
from connectors.hubspot.account import Account
from connectors.hubspot.opening import separate_account
from connectors.hubspot.properties import object_type
from connectors.hubspot.replies import TO_GRANT, answer_of, refusal
from connectors.hubspot.settings import HubSpotSettings
from connectors.replies import Reply
from nps.errors import AccessError, ConfigError, RejectedError
from nps.values import Json


class Calls:
    """Calls of an account under one credential; a refusal says which one it was."""

    def __init__(self, account: Account, whose: str, connection: str) -> None:
        self.account = account
        self._whose = whose
        self._connection = connection

    def make(self, method: str, path: str, body: Json, what: str, name: str) -> Mapping[str, Any]:
        reply = self.ask(method, path, body=body, what=what)
        if reply.status == 204:
            return {}
        if reply.status < 300:
            return answer_of(reply)
        reason = refusal(answer_of(reply))
        raise RejectedError(
            f"{self._connection}: {what}: HubSpot refuses ({reply.status} {reason.code}: {reason.message})",
            code=reason.code,
            field=name,
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        what: str,
        body: Json = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        try:
            return self.account.http.request(
                method, path, json=body, params=params, what=what, idempotent=method != "POST"
            )
        except AccessError as error:
            lists = f"npsync connect {self._connection} lists its scopes"
            said = str(error).removesuffix(TO_GRANT)
            raise AccessError(f"{said}. That is the credential of `{self._whose}`; {lists}") from None

    def said(self, reply: Reply, what: str) -> Mapping[str, Any]:
        if reply.status < 300:
            return answer_of(reply)
        reason = self.account.noted(reply, what)
        raise ConfigError(f"{self._connection}: HubSpot refuses to {what} ({reason.code}: {reason.message})")


class SetUp:
    """An account under the credential that prepares it."""

    def __init__(self, settings: HubSpotSettings, tools: Tools) -> None:
        own = settings.provision
        whose = "provision.token" if own is not None else "token" if settings.token else "oauth"
        changed = {"token": own.token, "oauth": None} if own is not None else {}
        account = separate_account(settings.model_copy(update=changed), tools)
        self._calls = Calls(account, whose, tools.connection)
        version = settings.api_version
        is_dated = version != "v3"
        self._properties = f"/crm/properties/{version}" if is_dated else "/crm/v3/properties"
        self._schemas = f"/crm-object-schemas/{version}/schemas" if is_dated else "/crm/v3/schemas"

    def close(self) -> None:
        self._calls.account.close()

    # ------------------------------------------------------------ looking

    def properties(self, object: str) -> Sequence[Mapping[str, Any]]:
        """Its definitions; none where there is no such object."""
        reply = self._calls.ask(
            "GET", f"{self._properties}/{_segment(object)}", what=f"properties of {object}"
        )
        return (
            () if reply.status == 404 else self._calls.said(reply, "read the properties").get("results") or ()
        )

    def groups(self, object: str) -> frozenset[str]:
        reply = self._calls.ask(
            "GET", f"{self._properties}/{_segment(object)}/groups", what=f"groups of {object}"
        )
        rows = () if reply.status == 404 else self._calls.said(reply, "read the groups").get("results") or ()
        return frozenset(str(row.get("name")) for row in rows)

    def objects(self) -> dict[str, Mapping[str, Any]]:
        """The account's own, by each name that leads to one."""
        said = self._calls.said(
            self._calls.ask("GET", self._schemas, what="objects of the account"), "read the objects"
        )
        found: dict[str, Mapping[str, Any]] = {}
        for row in said.get("results") or ():
            for name in ("name", "fullyQualifiedName", "objectTypeId"):
                found[str(row.get(name))] = row
            found[f"p_{row.get('name')}"] = row
        return found

    # ------------------------------------------------------------ changing

    def create_group(self, object: str, name: str, label: str) -> None:
        body: Json = {"name": name, "label": label, "displayOrder": -1}
        path = f"{self._properties}/{_segment(object)}/groups"
        self._calls.make("POST", path, body, f"create the property group {name} of {object}", name)

    def create_property(self, object: str, body: Mapping[str, Json]) -> str:
        name = str(body["name"])
        path = f"{self._properties}/{_segment(object)}"
        self._calls.make("POST", path, dict(body), f"create the property {name} of {object}", name)
        return name

    def create_object(self, body: Mapping[str, Json]) -> str:
        name = str(body["name"])
        return str(
            self._calls.make("POST", self._schemas, dict(body), f"create the object {name}", name).get(
                "objectTypeId"
            )
            or ""
        )

    def delete_property(self, object: str, name: str) -> None:
        path = f"{self._properties}/{_segment(object)}/{_segment(name)}"
        self._calls.make("DELETE", path, None, f"remove the property {name} of {object}", name)

    def delete_group(self, object: str, name: str) -> None:
        path = f"{self._properties}/{_segment(object)}/groups/{_segment(name)}"
        self._calls.make("DELETE", path, None, f"remove the property group {name} of {object}", name)

    def delete_object(self, type: str) -> None:
        self._calls.make(
            "DELETE", f"{self._schemas}/{_segment(type)}", None, f"remove the object {type}", type
        )


def _segment(text: str) -> str:
    return quote(object_type(text), safe="")
