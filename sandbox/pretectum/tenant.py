"""The tenant as the sandbox sees it: its API, and what people and administrators do in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.faults import Fault
from sandbox.knobs import Knob, turn
from sandbox.pretectum import app
from sandbox.pretectum.books import DATASETS, US, Books, Thing
from sandbox.pretectum.faces import FACES
from sandbox.pretectum.index import Index
from sandbox.pretectum.tokens import Tokens
from sandbox.pretectum.words import CLIENT_ID, CLIENT_SECRET, Refusal
from sandbox.switches import switched
from sandbox.toy import Room, Row, Show

OBJECT = "customers"  # what control and the pages call data objects
_RIGHTS = ("read", "create", "update", "delete", "search")
_BY_NAME = {dataset.name: dataset for dataset in DATASETS}


@dataclass(frozen=True)
class Settings:
    """What control may switch: limits, and every place where the vendor's documents leave a choice."""

    token_seconds: int = 3600
    token_path: str = "/oauth2/token"  # other pages of the documents say /v1/oauth2/token
    areas_wrapped: bool = False  # {"response": […]}; the schema shows it, the example does not
    page: int = 50  # data objects of one page of a list
    most_hits: int = 100  # of one search; not documented
    hits_with_version: bool = False  # documented without `_version`
    get_by_id: bool = False  # no such endpoint was found
    search_lag: float = 0.0  # seconds until the search knows of a write
    version_step: int = 1  # how much `_version` grows is not stated
    date_format: str = "MM/DD/YYYY"  # of date fields
    per_minute: int = 0  # calls; the numbers are not published
    tells_wait: bool = True  # a 429 carries Retry-After
    errors_as_text: bool = False  # the shape of an error's body is not documented


class Tenant:
    """Its own fault kinds: expired_token; version_conflict (somebody else saved the object a moment ago: 400);
    refused (400 for this object, whatever the version)."""

    title = "Pretectum"
    faces = FACES
    fault_kinds = frozenset({"expired_token", "version_conflict", "refused"})

    def __init__(self, room: Room) -> None:
        self.room = room
        self.settings = Settings()
        self.books = Books(room, self.settings.date_format)
        self.index = Index(self.books)
        self.tokens = Tokens(room)
        self.rights = dict.fromkeys(_RIGHTS, True)
        self.app: ASGIApp = app.build(self)
        self._commands: dict[str, Knob] = {
            "set": self._set,
            "permit": self._permit,
            "expire_tokens": lambda given: {"expired": self.tokens.expire()},
            "hide_field": lambda given: self.books.hide(str(given["name"])),
            "show_field": lambda given: self.books.show(str(given["name"])),
        }

    def env(self, url: str) -> dict[str, str]:
        return {
            "PRETECTUM_URL": url,
            "PRETECTUM_CLIENT_ID": CLIENT_ID,
            "PRETECTUM_CLIENT_SECRET": CLIENT_SECRET,
        }

    def refusal(self, fault: Fault) -> Response:
        words = {401: "Unauthorized", 403: "Forbidden", 429: "Too many requests"}
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        refused = Refusal(fault.status, words.get(fault.status, "Internal server error"), headers)
        return refused.reply(as_text=self.settings.errors_as_text)

    # ------------------------------------------------------------ writing, by the API and by people

    def add_thing(self, dataset_name: str, values: Row) -> Thing:
        thing = self.books.add(_BY_NAME[dataset_name], values)
        self.index.learn(thing)
        return thing

    def write(self, thing: Thing, values: Row) -> dict[str, tuple[Any, Any]]:
        changes = self.books.write(thing, values, step=self.settings.version_step)
        self.index.learn(thing)
        return changes

    # ------------------------------------------------------------ state, for control and the pages

    def objects(self) -> Mapping[str, int]:
        return {OBJECT: self.books.how_many}

    def rows(self, object: str) -> Iterator[Row]:
        """Deleted ones too: the flag says so."""
        return (thing.row(self.books.errors(thing)) for thing in list(self.books.things.values()))

    def row(self, object: str, id: str) -> Row:
        thing = self.books.things.get(id) or self.books.thing(id)
        return thing.row(self.books.errors(thing))

    def change(self, object: str, id: str, fields: Row) -> None:
        thing = self.books.thing(id)
        self._named(thing.dataset.schema.id, fields)
        self.write(thing, fields)

    def add(self, object: str, fields: Row) -> str:
        """{"dataset": "US Customers", …fields by their names}"""
        values = {name: value for name, value in fields.items() if name != "dataset"}
        dataset = str(fields.get("dataset", US.name))
        if dataset not in _BY_NAME:
            raise ValueError(f"no dataset {dataset}; there are: {', '.join(_BY_NAME)}")
        self._named(_BY_NAME[dataset].schema.id, values)
        return self.add_thing(dataset, values).id

    def remove(self, object: str, id: str) -> None:
        self.books.delete(self.books.thing(id))

    def merge(self, object: str, winner: str, loser: str) -> None:
        raise ValueError("data objects do not merge by the API; remove one")

    def command(self, name: str, arguments: Row) -> Any:
        return turn(self._commands, name, arguments)

    def looks(self, show: Show) -> list[Route]:
        async def listed(request: Request) -> Response:
            sets = [
                {
                    "dataset": dataset.name,
                    "schema": dataset.schema.name,
                    "objects": len(held := self.books.of(dataset)),
                    "with errors": sum(bool(self.books.errors(thing)) for thing in held),
                }
                for dataset in DATASETS
            ]
            fields = [
                {
                    "schema": dataset.schema.name,
                    "field": field.name,
                    "type": field.type,
                    "takes": ", ".join(code for code, _ in field.codes) or field.date_format,
                }
                for dataset in (US, DATASETS[-1])
                for field in self.books.fields[dataset.schema.id].values()
            ]
            tables = [
                ("datasets", ("dataset", "schema", "objects", "with errors"), sets),
                ("fields", ("schema", "field", "type", "takes"), fields),
            ]
            return show("shelves.html", title=self.title, tables=tables)

        return [Route("/", listed)]

    # ------------------------------------------------------------ knobs

    def _set(self, given: Row) -> Row:
        self.settings = switched(self.settings, given)
        self.books.shape(self.settings.date_format)
        return dict(vars(self.settings))

    def _permit(self, given: Row) -> Row:
        """{"update": false}: what the application client may do; the rest is a 403"""
        if unknown := given.keys() - self.rights.keys():
            raise ValueError(f"no right {', '.join(sorted(unknown))}; there are: {', '.join(_RIGHTS)}")
        self.rights |= {name: bool(value) for name, value in given.items()}
        return self.rights

    def _named(self, schema_id: str, values: Row) -> None:
        known = self.books.fields[schema_id]
        if unknown := values.keys() - known.keys():
            raise ValueError(f"no field {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
