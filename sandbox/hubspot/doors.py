"""The addresses of HubSpot's calls: their numbered and dated names, and which scopes open them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.hubspot import calls, creating, defining, linking, lists, owners, schemas
from sandbox.hubspot.account import Account
from sandbox.hubspot.calls import Answerer

DATED_VERSIONS = ("2025-09", "2026-03", "2026-09")

Scopes = Callable[[Account, dict[str, str]], list[str]]


def _read(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["type"]).kind.read_scope]


def _write(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["type"]).kind.write_scope]


def _read_schema(account: Account, path: dict[str, str]) -> list[str]:
    kind = account.table(path["type"]).kind
    return [kind.read_scope, kind.schema_scope.replace(".write", ".read")]


def _write_schema(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["type"]).kind.schema_scope]


def _read_both(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["from"]).kind.read_scope]


def _write_from(account: Account, path: dict[str, str]) -> list[str]:
    return [account.table(path["from"]).kind.write_scope]


def _read_lists(account: Account, path: dict[str, str]) -> list[str]:
    return ["crm.lists.read"]


def _write_lists(account: Account, path: dict[str, str]) -> list[str]:
    return ["crm.lists.write"]


def _read_schemas(account: Account, path: dict[str, str]) -> list[str]:
    return ["crm.schemas.custom.read", "crm.objects.custom.read"]


def _write_schemas(account: Account, path: dict[str, str]) -> list[str]:
    return ["crm.schemas.custom.write"]


def _owners(account: Account, path: dict[str, str]) -> list[str]:
    return ["crm.objects.owners.read"]


def _anybody(account: Account, path: dict[str, str]) -> list[str]:
    return []


def _preferences(account: Account, path: dict[str, str]) -> list[str]:
    return ["communication_preferences.read", "subscriptions-status-read"]


def _change_preferences(account: Account, path: dict[str, str]) -> list[str]:
    return ["communication_preferences.write", "subscriptions-status-write"]


@dataclass(frozen=True)
class Door:
    """One call: its names on the web, who may come in, what answers."""

    method: str
    numbered: str
    dated: str
    kind: str
    scopes: Scopes
    answer: Answerer
    search: bool = False


_OBJECTS, _DATED_OBJECTS = "/crm/v3/objects/{type}", "/crm/objects/{version}/{type}"
_PROPERTIES, _DATED_PROPERTIES = "/crm/v3/properties/{type}", "/crm/properties/{version}/{type}"
_PREFERENCES = "/communication-preferences"


def _object(
    method: str, tail: str, kind: str, scopes: Scopes, answer: Answerer, search: bool = False
) -> Door:
    return Door(method, _OBJECTS + tail, _DATED_OBJECTS + tail, kind, scopes, answer, search)


def _property(method: str, tail: str, kind: str, scopes: Scopes, answer: Answerer) -> Door:
    return Door(method, _PROPERTIES + tail, _DATED_PROPERTIES + tail, kind, scopes, answer)


_RECORDS = (
    _object("POST", "/batch/read", "batch_read", _read, calls.read_batch),
    _object("POST", "/batch/update", "batch_update", _write, calls.update_batch),
    _object("POST", "/search", "search", _read, calls.search_records, search=True),
    _object("GET", "", "list", _read, calls.list_records),
    _object("GET", "/{id}", "get", _read, calls.get_record),
    _object("PATCH", "/{id}", "update", _write, calls.update_record),
    Door(
        "POST",
        "/crm/v4/associations/{from}/{to}/batch/read",
        "/crm/associations/{version}/{from}/{to}/batch/read",
        "associations",
        _read_both,
        calls.associations,
    ),
    _property("GET", "", "properties", _read_schema, calls.list_properties),
    _property("POST", "", "create_property", _write_schema, calls.create_property),
    _property("POST", "/batch/create", "create_property", _write_schema, calls.create_properties),
    _property("GET", "/groups", "properties", _read_schema, calls.list_groups),
    _property("POST", "/groups", "create_property", _write_schema, calls.create_group),
    _property("GET", "/{name}", "properties", _read_schema, calls.get_property),
    Door(
        "GET",
        "/crm/v3/pipelines/{type}",
        "/crm/pipelines/{version}/{type}",
        "pipelines",
        _read,
        calls.list_pipelines,
    ),
    Door(
        "POST",
        _PREFERENCES + "/v3/unsubscribe",
        _PREFERENCES + "/{version}/unsubscribe",
        "unsubscribe",
        _change_preferences,
        calls.unsubscribe,
    ),
    Door(
        "POST",
        _PREFERENCES + "/v4/statuses/{email}/unsubscribe-all",
        _PREFERENCES + "/{version}/statuses/{email}/unsubscribe-all",
        "unsubscribe",
        _change_preferences,
        calls.unsubscribe_from_all,
    ),
    Door(
        "GET",
        "/account-info/v3/details",
        "/account-info/{version}/details",
        "account",
        _anybody,
        calls.account_details,
    ),
    Door(
        "GET",
        "/account-info/v3/api-usage/daily/private-apps",
        "/account-info/{version}/api-usage/daily/private-apps",
        "usage",
        _anybody,
        calls.daily_usage,
    ),
    Door(
        "GET",
        _PREFERENCES + "/v4/statuses/{email}/unsubscribe-all",
        _PREFERENCES + "/{version}/statuses/{email}/unsubscribe-all",
        "preferences",
        _preferences,
        calls.unsubscribed_from_all,
    ),
    Door(
        "GET",
        _PREFERENCES + "/v3/status/email/{email}",
        _PREFERENCES + "/{version}/status/email/{email}",
        "preferences",
        _preferences,
        calls.subscription_status,
    ),
)
_ONE_LINK = "/crm/v4/objects/{from}/{id}/associations"
_LINKS, _DATED_LINKS = "/crm/v4/associations/{from}/{to}", "/crm/associations/{version}/{from}/{to}"
_MADE = (
    _object("POST", "/batch/create", "batch_create", _write, creating.create_batch),
    _object("POST", "/batch/upsert", "batch_upsert", _write, creating.upsert_batch),
    _object("POST", "/batch/archive", "batch_archive", _write, creating.archive_batch),
    _object("POST", "/gdpr-delete", "gdpr_delete", _write, creating.forget_record),
    _object("POST", "", "create", _write, creating.create_record),
    _object("DELETE", "/{id}", "archive", _write, creating.archive_record),
    Door(
        "PUT",
        _ONE_LINK + "/default/{to}/{other}",
        "/crm/objects/{version}/{from}/{id}/associations/default/{to}/{other}",
        "associate",
        _write_from,
        linking.link_by_default,
    ),
    Door(
        "GET",
        _ONE_LINK + "/{to}",
        "/crm/objects/{version}/{from}/{id}/associations/{to}",
        "associations",
        _read_both,
        linking.links_of_one,
    ),
    Door(
        "POST",
        _LINKS + "/batch/create",
        _DATED_LINKS + "/batch/create",
        "associate",
        _write_from,
        linking.link,
    ),
    Door("GET", _LINKS + "/labels", _DATED_LINKS + "/labels", "associations", _read_both, linking.labels),
    Door("GET", "/crm/v3/owners", "/crm/owners/{version}", "owners", _owners, owners.list_owners),
    Door("GET", "/crm/v3/owners/{id}", "/crm/owners/{version}/{id}", "owners", _owners, owners.get_owner),
)


def _list(method: str, tail: str, scopes: Scopes, answer: Answerer, kind: str = "list_members") -> Door:
    return Door(method, "/crm/v3/lists" + tail, "/crm/lists/{version}" + tail, kind, scopes, answer)


def _schema(method: str, tail: str, scopes: Scopes, answer: Answerer) -> Door:
    return Door(
        method,
        "/crm/v3/schemas" + tail,
        "/crm-object-schemas/{version}/schemas" + tail,
        "schema",
        scopes,
        answer,
    )


_LISTS = (
    _list("POST", "", _write_lists, lists.create_list, "create_list"),
    _list("POST", "/search", _read_lists, lists.search_lists, "lists"),
    _list("GET", "/object-type-id/{object}/name/{name}", _read_lists, lists.list_by_name, "lists"),
    _list("GET", "/records/{object}/{id}/memberships", _read_lists, lists.lists_of_record),
    _list("GET", "/{list}", _read_lists, lists.get_list, "lists"),
    _list("DELETE", "/{list}", _write_lists, lists.remove_list, "lists"),
    _list("GET", "/{list}/memberships", _read_lists, lists.members),
    _list("PUT", "/{list}/memberships/add", _write_lists, lists.add_members),
    _list("PUT", "/{list}/memberships/remove", _write_lists, lists.remove_members),
    _list("PUT", "/{list}/memberships/add-and-remove", _write_lists, lists.change_members),
)
_SCHEMAS = (
    _schema("GET", "", _read_schemas, schemas.list_schemas),
    _schema("POST", "", _write_schemas, schemas.create_schema),
    _schema("GET", "/{type}", _read_schemas, schemas.get_schema),
    _schema("DELETE", "/{type}", _write_schemas, schemas.remove_schema),
    _property("GET", "/groups/{name}", "properties", _read_schema, defining.get_group),
    _property("DELETE", "/groups/{name}", "archive_property", _write_schema, defining.archive_group),
    _property("POST", "/batch/archive", "archive_property", _write_schema, defining.archive_properties),
    _property("PATCH", "/{name}", "change_property", _write_schema, defining.change_property),
    _property("DELETE", "/{name}", "archive_property", _write_schema, defining.archive_property),
)
DOORS = (*_MADE, *_RECORDS, *_LISTS, *_SCHEMAS)
