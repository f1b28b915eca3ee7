"""The description of the API as a page for people: docs/reference/api.md is written from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from npsync.web.api import described


def parts() -> Iterator[str]:
    """Paragraphs and tables in Markdown."""
    found = described()
    yield "# The API"
    yield found["info"]["description"].strip()
    yield "Examples: [how to use the API](../how-to/use-the-api.md)."
    for tag in found["tags"]:
        yield f"## {tag['name'].capitalize()}"
        yield tag["description"]
        for path, methods in found["paths"].items():
            for method, told in methods.items():
                if tag["name"] == told["tags"][-1]:
                    yield from _operation(method, path, told, found["components"]["schemas"])


def _operation(method: str, path: str, told: Any, schemas: Any) -> Iterator[str]:
    yield f"### {told['summary']}"
    yield f"```http\n{method.upper()} {path}\n```"
    yield told["description"].replace("\n\nScope:", " Scope:")
    given = [
        (f"`{one['name']}`", one["in"], _is(one["schema"]), one.get("description", ""))
        for one in told.get("parameters", ())
    ]
    if given:
        yield _table(("parameter", "in", "is", ""), given)
    if "requestBody" in told:
        body = _resolved(told["requestBody"]["content"]["application/json"]["schema"], schemas)
        rows = [
            (
                f"`{name}`" + (" *" if name in body.get("required", ()) else ""),
                _is(one),
                one.get("description", ""),
            )
            for name, one in body.get("properties", {}).items()
        ]
        if rows:
            yield _table(("field of the body (* has to be there)", "is", ""), rows)
    for status, answer in told["responses"].items():
        if status.startswith("2"):
            shape = answer.get("content", {}).get("application/json", {}).get("schema")
            answered = "nothing" if shape is None else _is(shape)
            yield f"Answers {status} with {answered}. {_fields_of(shape, schemas)}".strip()
    refused = ", ".join(status for status in sorted(told["responses"]) if not status.startswith("2"))
    yield f"Else: {refused}."


def _fields_of(shape: Any, schemas: Any) -> str:
    """The names of what is answered; of a list, of one of its items."""
    found = _resolved(shape or {}, schemas)
    items = found.get("properties", {}).get("items")
    if items is not None and "$ref" in items.get("items", {}):
        found = _resolved(items["items"], schemas)
    names = ", ".join(f"`{name}`" for name in found.get("properties", {}))
    return f"Its fields: {names}." if names else ""


def _resolved(shape: Any, schemas: Any) -> Any:
    for one in (shape, *shape.get("anyOf", ()), *shape.get("allOf", ())):
        if "$ref" in one:
            return schemas[one["$ref"].rpartition("/")[2]]
    return shape


def _is(shape: Any) -> str:
    """What a value is, in a few words."""
    if "anyOf" in shape:
        return " or ".join(dict.fromkeys(_is(one) for one in shape["anyOf"] if one.get("type") != "null"))
    if "$ref" in shape:
        return str(shape["$ref"].rpartition("/")[2]).replace("_", " ").strip()
    if "enum" in shape:
        return ", ".join(map(str, shape["enum"]))
    if shape.get("type") == "array":
        return f"list of {_is(shape['items'])}" if shape.get("items") else "list"
    said = {"date-time": "time", "date": "day"}.get(shape.get("format", ""), shape.get("type", "anything"))
    low, high = shape.get("minimum"), shape.get("maximum")
    return f"{said} {low} to {high}" if low is not None and high is not None and high < 10**6 else str(said)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(columns), "|" + "---|" * len(columns), *map(line, rows)])
