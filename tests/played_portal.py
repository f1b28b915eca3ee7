"""A HubSpot account that keeps tasks, notes and objects of its own, with everything its answers may leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from scripted_hubspot import Asked, Said, ScriptedHubSpot, definition, validation_error

from connectors.contract import Entry, Priority, Task

ANN, ACME, OLGA = "101", "555", "64492917"

Refuse = Callable[[Mapping[str, str]], Said | None]


def task(key: str = "nps/1", **changes: Any) -> Task:
    usual: dict[str, Any] = {
        "key": key,
        "subject": "Call Ann",
        "body": "Scored 3",
        "due": date(2026, 11, 24),
        "object": "contacts",
        "record_id": ANN,
        "account": ACME,
        "owner": OLGA,
        "priority": Priority.HIGH,
    }
    return Task(**usual | changes)


def note(key: str = "nps/1", about: Mapping[str, str] | None = None, **fields: str) -> Entry:
    told = {"contacts": ANN, "companies": ACME} if about is None else about
    return Entry(key, {"hs_note_body": "Scored 3", **fields}, told)


def answer(key: str = "nps/1", **fields: str) -> Entry:
    return Entry(key, {"answer_key": key, "score": "3", **fields}, {"contacts": ANN})


@dataclass
class Portal:
    """`rows` by type and id; `ends` are what each is attached to. The knobs below make answers say less."""

    rows: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    ends: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    owners: list[dict[str, Any]] = field(default_factory=list)
    lists: list[dict[str, str]] = field(default_factory=list)
    members: dict[str, set[str]] = field(default_factory=dict)
    nobodies: tuple[str, ...] = ()
    refuse: Refuse = lambda properties: None
    attachable: bool = True
    associated: bool = True  # whether there is a usual association
    traces: bool = True  # answers repeat the trace
    shows: bool = True  # answers repeat the properties
    by_trace: bool = False  # refusals name the record, and the others are taken
    lose: int = 0
    _numbers: int = 1000

    def __call__(self, asked: Asked) -> Said:
        path = urlsplit(asked.path).path
        if "/properties/" in path:
            return Said({"results": _definitions(path.split("/")[-1])})
        if "/pipelines/" in path:
            stages = [{"id": "1", "label": "New", "metadata": {"ticketState": "OPEN"}}]
            stages.append({"id": "4", "label": "Done", "metadata": {"ticketState": "CLOSED"}})
            return Said({"results": [{"id": "0", "stages": stages}]})
        if "/owners" in path:
            return self._owners(parse_qs(urlsplit(asked.path).query))
        if "/lists" in path:
            return self._listed(asked, path.split("/lists")[1].removeprefix("/2026-09"))
        if "/associations/" in path:
            types = [part for part in path.split("/associations/")[1].split("/") if not part.startswith("20")]
            if path.endswith("/labels"):
                kinds = [{"category": "USER_DEFINED", "typeId": 7, "label": "Boss"}]
                kinds.append({"category": "USER_DEFINED", "typeId": 101, "label": None})
                return Said({"results": kinds if self.associated else kinds[:1]})
            reads = path.endswith("/batch/read")
            return self._attached(*types[:2], asked.json) if reads else self._attach(types[1], asked.json)
        type, _, verb = path.split("/")[-3:]
        said = getattr(self, f"_{verb}")(type, asked.json["inputs"])
        if self.lose and verb in ("create", "upsert", "update"):
            self.lose -= 1
            return Said(drop=True)
        assert isinstance(said, Said)
        return said

    def _create(self, type: str, inputs: list[Any]) -> Said:
        return self._take(type, inputs, lambda one: None)

    def _upsert(self, type: str, inputs: list[Any]) -> Said:
        def held(one: Any) -> str | None:
            name = one["idProperty"]
            return next((id for id, row in self.rows.get(type, {}).items() if row[name] == one["id"]), None)

        return self._take(type, inputs, held)

    def _update(self, type: str, inputs: list[Any]) -> Said:
        return self._take(type, inputs, lambda one: str(one["id"]))

    def _take(self, type: str, inputs: list[Any], held: Callable[[Any], str | None]) -> Said:
        refused = {
            one["objectWriteTraceId"]: said for one in inputs if (said := self.refuse(one["properties"]))
        }
        if refused and not self.by_trace:
            return next(iter(refused.values()))
        results, errors = [], []
        for one in inputs:
            trace = one["objectWriteTraceId"]
            if trace in refused:
                errors.append(dict(refused[trace].body) | {"context": {"objectWriteTraceId": [trace]}})  # type: ignore[call-overload]
                continue
            id = held(one) or self._number()
            shelf = self.rows.setdefault(type, {})
            shelf[id] = shelf.get(id, {}) | one["properties"]
            for end in one.get("associations") or ():
                self.ends.setdefault(id, set()).add(
                    (str(end["types"][0]["associationTypeId"]), end["to"]["id"])
                )
            result: dict[str, Any] = {"id": id, "properties": one["properties"] if self.shows else {}}
            results.append(result | ({"objectWriteTraceId": trace} if self.traces else {}))
        body: dict[str, Any] = {"status": "COMPLETE", "results": results[::-1]}
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        return Said(body, status=207 if errors else 201)

    def _read(self, type: str, inputs: list[Any]) -> Said:
        shelf = self.rows.get(type, {})
        by_key = {row.get("answer_key"): id for id, row in shelf.items()}
        ids = [by_key.get(one["id"], one["id"]) for one in inputs]
        return Said({"results": [{"id": id, "properties": shelf[id]} for id in ids if id in shelf]})

    def _archive(self, type: str, inputs: list[Any]) -> Said:
        gone = [one["id"] for one in inputs if self.rows.get(type, {}).pop(one["id"], None) is None]
        if gone:
            return Said(
                {"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": gone}}, status=404
            )
        return Said(b"", status=204)

    def _attached(self, type: str, to: str, body: Any) -> Said:
        results = []
        for one in body["inputs"]:
            ends = [
                {"toObjectId": int(id), "associationTypes": []}
                for id, attached in self.ends.items()
                if to in self.rows and id in self.rows[to] and any(end == one["id"] for _, end in attached)
            ]
            own = [
                {"toObjectId": int(end), "associationTypes": []} for _, end in self.ends.get(one["id"], ())
            ]
            results.append({"from": {"id": one["id"]}, "to": ends or own})
        return Said({"results": results})

    def _attach(self, to: str, body: Any) -> Said:
        if not self.attachable:
            return Said({"category": "VALIDATION_ERROR", "message": "no such association"}, status=400)
        for one in body["inputs"]:
            assert one["types"] == [{"associationCategory": "USER_DEFINED", "associationTypeId": 101}]
        nobody = [one["to"]["id"] for one in body["inputs"] if one["to"]["id"] in self.nobodies]
        taken = [one for one in body["inputs"] if one["to"]["id"] not in nobody]
        for one in taken:
            self.ends.setdefault(one["from"]["id"], set()).add((to, one["to"]["id"]))
        results = [
            {"fromObjectId": int(one["from"]["id"]), "toObjectId": int(one["to"]["id"])} for one in taken
        ]
        gone = {"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": nobody}}
        return Said({"results": results, "errors": [gone] if nobody else []}, status=207 if nobody else 201)

    def _listed(self, asked: Asked, path: str) -> Said:
        match path.strip("/").split("/"):
            case ["object-type-id", kind, "name", name]:
                named = [
                    one for one in self.lists if one["name"] == unquote(name) and one["objectTypeId"] == kind
                ]
            case ["records", _, id, "memberships"]:
                on = [{"listId": list} for list, members in self.members.items() if id in members]
                return Said({"total": len(on), "results": on})
            case [list, "memberships"]:
                rows = [{"recordId": id} for id in sorted(self.members.get(list, ()))]
                start = int(parse_qs(urlsplit(asked.path).query).get("after", ["0"])[0])
                paging = {"paging": {"next": {"after": str(start + 2)}}} if start + 2 < len(rows) else {}
                return Said({"total": len(rows), "results": rows[start : start + 2], **paging})
            case [list, "memberships", "add-and-remove"]:
                adds, removes = asked.json["recordIdsToAdd"], asked.json["recordIdsToRemove"]
                missing = [id for id in (*adds, *removes) if id in self.nobodies]
                held = self.members.setdefault(list, set())
                held |= {*adds} - {*missing}
                held -= {*removes}
                body = {"recordsIdsAdded": adds, "recordIdsRemoved": removes, "recordIdsMissing": missing}
                return Said(drop=True) if self.lose else Said(body)
            case [id]:
                named = [one for one in self.lists if one["listId"] == id]
            case _:
                raise AssertionError(path)
        missing_list = Said({"category": "OBJECT_NOT_FOUND", "message": "no list"}, status=404)
        return Said({"list": named[0]}) if named else missing_list

    def _owners(self, asked: Mapping[str, list[str]]) -> Said:
        gone = asked["archived"] == ["true"]
        email = asked.get("email")
        named = [
            one for one in self.owners if one["archived"] == gone and (not email or one["email"] in email)
        ]
        start = int(asked.get("after", ["0"])[0])
        paging = {"paging": {"next": {"after": str(start + 1)}}} if start + 1 < len(named) else {}
        return Said({"results": named[start : start + 1], **paging})

    def _number(self) -> str:
        self._numbers += 1
        return str(self._numbers)


def _definitions(type: str) -> list[dict[str, Any]]:
    if type == "answers":
        return [
            definition("answer_key", hasUniqueValue=True),
            definition("score", "number"),
            definition("plain"),
        ]
    return [definition("hs_object_id", "number", hasUniqueValue=True)]


def no_owner(properties: Mapping[str, str]) -> Said | None:
    said = validation_error("hubspot_owner_id", "Owner is not active", code="INVALID_OWNER_ID")
    return said if properties.get("hubspot_owner_id") == OLGA else None


@contextmanager
def portal() -> Iterator[tuple[Portal, ScriptedHubSpot]]:
    played = Portal()
    server = ScriptedHubSpot(played)
    try:
        yield played, server
    finally:
        server.close()
