"""/api/v1 of one configuration in this process, and tokens to call it with. Every answer is held against the
description: one that is not as described is a failed test, whatever it was about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
from answered import NOW, YAML, config_in
from asgi_caller import Caller, Replied
from fake_clock import FakeClock
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from npsync.sign_in import tokens
from npsync.web.api import described
from npsync.web.app import app
from store import open_store
from store.sql import SqlStore

EVERY_SCOPE = tuple(tokens.SCOPES)


class ApiDesk:
    """`desk.get("/runs?limit=2").json`, with a token for everything unless one is given."""

    def __init__(self, folder: Path, yaml: str = YAML) -> None:
        self.config = config_in(folder, yaml)
        self.store: SqlStore = open_store(self.config.store)
        self.store.migrate()
        self.clock = FakeClock(NOW)
        self.web = app(self.config, self.store, self.clock)
        self._tokens: dict[tuple[str, ...], str] = {}

    def token(self, *scopes: str, name: str = "") -> str:
        named = name or "-".join(scopes) or "nothing"
        if (scopes, named) not in self._tokens:
            self._tokens[scopes, named] = tokens.create(self.store, named, scopes, now=NOW)
        return self._tokens[scopes, named]

    def get(self, path: str, *scopes: str, **headers: str) -> Replied:
        return self.call("GET", path, None, scopes or EVERY_SCOPE, headers)

    def post(self, path: str, body: Any = None, *scopes: str, key: str = "", **headers: str) -> Replied:
        given = {"idempotency-key": key} if key else {}
        return self.call("POST", path, body, scopes or EVERY_SCOPE, given | headers)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        scopes: tuple[str, ...] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Replied:
        given = {"authorization": f"Bearer {self.token(*scopes)}"} if scopes is not None else {}
        chunks = []
        if body is not None:
            chunks = [body if isinstance(body, bytes) else json.dumps(body).encode()]
            given |= {"content-type": "application/json", "content-length": str(len(chunks[0]))}
        replied = Caller(self.web, headers={"host": "127.0.0.1:8642"}).call(
            method, f"/api/v1{path}", chunks, given | dict(headers or {})
        )
        self.check(method, path, replied)
        return replied

    @property
    def description(self) -> dict[str, Any]:
        return described()

    def check(self, method: str, path: str, replied: Replied) -> None:
        """Raises AssertionError for an answer that the description does not tell of."""
        kind = replied.headers.get("content-type", "")
        if replied.status >= 400:
            assert kind == "application/problem+json", (path, replied)
            assert replied.json["status"] == replied.status
        found = self._operation(method.lower(), path.partition("?")[0])
        if found is None or replied.status in (304, 405):
            return
        place, operation = found
        assert str(replied.status) in operation["responses"], (method, path, replied.status, replied.body)
        told = operation["responses"][str(replied.status)].get("content", {}).get(kind.partition(";")[0])
        if told is not None:
            pointer = f"#/paths/{place.replace('~', '~0').replace('/', '~1')}/{method.lower()}"
            where = f"{pointer}/responses/{replied.status}/content/{kind.replace('/', '~1')}/schema"
            self._validator(where).validate(replied.json)

    def _validator(self, pointer: str) -> Any:
        resource = Resource.from_contents(self.description, default_specification=DRAFT202012)
        registry: Any = Registry().with_resource("urn:npsync", resource)
        return jsonschema.Draft202012Validator({"$ref": f"urn:npsync{pointer}"}, registry=registry)

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        steps = f"/api/v1{path}".split("/")
        for place, methods in self.description["paths"].items():
            names = place.split("/")
            same = len(names) == len(steps) and all(
                name.startswith("{") or name == step for name, step in zip(names, steps, strict=True)
            )
            if same and method in methods:
                return place, methods[method]
        return None
