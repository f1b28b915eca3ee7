"""Pretectum: its customer master as a preset of the REST master. What its documents leave open can be set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, SecretStr, model_validator

from connectors.auth import Auth, NoAuth, TokenAuth
from connectors.rest_master.settings import Find, Read, RestMasterSettings, Update

_AREA = "/v1/businessareas/{business_area_id}"
_SCHEMA = f"{_AREA}/schemas/{{schema_id}}"
_RECORDS = f"{_SCHEMA}/datasets/{{dataset_id}}/dataobjects"
_PAGES = {"kind": "cursor", "param": "pageKey", "next": "nextPageKey"}

# Whichever words a schema uses for its types: they are not listed in what is public.
_TYPES = {
    "text": ("string", "text", "str", "varchar", "char", "longtext", "email", "phone", "url", "uuid", "name"),
    "integer": ("integer", "int", "long", "bigint", "smallint", "wholenumber", "whole number"),
    "number": ("number", "decimal", "double", "float", "numeric", "currency", "percent"),
    "boolean": ("boolean", "bool", "checkbox"),
    "date": ("date",),
    "datetime": ("datetime", "timestamp", "date time", "date_time"),
    "choice": ("picklist", "list", "enum", "select", "dropdown", "choice"),
}

DEFAULTS: Mapping[str, Any] = {
    "base_url": "https://api.pretectum.io",
    "names": [
        {
            "scope": "business_area",
            "gives": "business_area_id",
            "path": "/v1/my/businessareas",
            # The documents show a bare list in one place and a wrapper in another.
            "items": ["@", "response", "items"],
            "name": "name",
            "id": "businessAreaId",
            "only": "active != `false`",
        },
        {
            "scope": "schema",
            "gives": "schema_id",
            "path": f"{_AREA}/schemas",
            "items": ["items", "@"],
            "pages": _PAGES,
            "name": "name",
            "id": "schemaId",
            "only": "deleted != `true`",
        },
        {
            "scope": "dataset",
            "gives": "dataset_id",
            "path": f"{_SCHEMA}/datasets",
            "items": ["items", "@"],
            "pages": _PAGES,
            "name": "dataSetName",
            "id": "dataSetId",
            "only": "deleted != `true`",
        },
    ],
    "schema_at": {
        "path": _SCHEMA,
        "items": ["fields", "response.fields"],
        "only": "active != `false`",
        "type": "dataType",
        "types": {word: ours for ours, words in _TYPES.items() for word in words},
        "multiple": "isMultivalue",
        "required": "isRequired",
        "personal": "isPII",
        "read_only": "isPrimaryKey || isSortKey",
        "least": "min",
        "most": "max",
        "options": "staticPicklist[].code",
        "booleans": "allowedBooleanValues",
        "date_format": "dateFormat",
        "date_separator": "dateSeparator",
    },
    "record": {"id": "_dataObjectId", "version": "_version", "errors": "_errors", "gone": "deleted"},
    "list": {"path": _RECORDS, "items": "items", "pages": _PAGES},
    "find": {
        "path": "/dataobjects/search",
        "query": {
            "query": "{terms}",
            "businessArea": "{business_area}",
            "schema": "{schema}",
            "dataSet": "{dataset}",
        },
        "items": "hits",
        "total": "total",
        "only": "_dataSetId == null || _dataSetId == {dataset_id:text}",
        "term": '{field}:"{value}"',
        "join": " OR ",
        # How these are written in a search is not documented, so none is asked with them.
        "refuse": '"\\*:',
        "words": ["AND", "OR", "NOT"],
        "lag": "10 minutes",
    },
    # No way to read one record is documented. Where a tenant answers, {by: id} saves reading the list.
    "read": {"by": "list", "path": f"{_RECORDS}/{{id}}"},
    "update": {
        "method": "PUT",
        "path": f"{_RECORDS}/{{id}}",
        "version": "body",
        "version_name": "_version",
        "conflict": [400, 409, 412],
        "success": [200, 204],
        "probe": True,
    },
}


class PretectumSettings(RestMasterSettings):
    """A Pretectum tenant. Every other key of a REST master can be given as well, and replaces what is preset."""

    client_id: str = Field(description="The application client's id, from the tenant's administrator.")
    client_secret: SecretStr = Field(description="The application client's secret.")
    scope: Mapping[str, str] = Field(
        description="business_area, schema and dataset, by their names in Pretectum. The dataset is the object that "
        "`people` and `to` name."
    )
    base_url: str = Field("https://api.pretectum.io", description="Where the API is.")
    token_path: str = Field(
        "/oauth2/token", description="Where tokens are asked for; some documents say /v1/oauth2/token."
    )
    auth: Auth = Field(
        NoAuth(), description="How calls are let in, instead of client_id, client_secret and token_path."
    )
    find: Find = Field(Find.model_validate({}), description="How records are found.")
    read: Read = Field(Read.model_validate({}), description="How records are read by their ids.")
    update: Update = Field(Update.model_validate({}), description="How a record is changed.")

    @property
    def signs_in_at(self) -> str:
        own = TokenAuth.model_validate(_client(self.client_id, self.client_secret, self.token_path))
        return "" if self.auth == own else "auth"

    @model_validator(mode="before")
    @classmethod
    def _over_the_preset(cls, given: Any) -> Any:
        return merged(given) if isinstance(given, Mapping) else given


def merged(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, over the preset: a part's keys one by one, each as a whole."""
    whole = dict(given)
    for name, preset in DEFAULTS.items():
        own = given.get(name, preset)
        whole[name] = {**preset, **own} if isinstance(preset, Mapping) and isinstance(own, Mapping) else own
    if "auth" not in given and given.get("client_id") and given.get("client_secret"):
        token_path = given.get("token_path", "/oauth2/token")
        whole["auth"] = _client(given["client_id"], given["client_secret"], token_path)
    whole["objects"] = _objects(given)
    return whole


def _client(id: Any, secret: Any, token_path: Any) -> dict[str, Any]:
    return {
        "kind": "oauth2",
        "grant": None,
        "token_url": token_path,
        "body": "json",
        "client_id": id,
        "client_secret": secret,
        # The token alone, although the answer calls it a Bearer token.
        "value": "{token}",
    }


def _objects(given: Mapping[str, Any]) -> Any:
    """A dataset is an object, by its name; others may be named beside it."""
    scope, others = given.get("scope"), given.get("objects", {})
    if not isinstance(scope, Mapping) or not isinstance(others, Mapping):
        return others
    named: dict[Any, Any] = {scope["dataset"]: {}} if isinstance(scope.get("dataset"), str) else {}
    for name, one in {**named, **others}.items():
        own = one.get("scope", {}) if isinstance(one, Mapping) else None
        named[name] = {**one, "scope": {"dataset": name, **own}} if isinstance(own, Mapping) else one
    return named
