"""What pydantic found, in words for the person who wrote the file; nothing that may be a secret is quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from nps.faults import Faults
from npsync.config.aswritten import AsWritten
from npsync.config.document import Document
from npsync.config.later import comes_later
from npsync.config.problems import Path, meant_or_known
from npsync.config.secrets import redact

_WANTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a map of keys",
    "mapping": "a map of keys",
    "model": "a map of keys",
    "date": "a day like 2025-01-31",
    "datetime": "a time like 2025-01-31T09:00:00Z",
    "none_required": "nothing",
}
_TYPE_ERROR = re.compile(
    r"(string|int|float|decimal|bool|list|tuple|set|frozen_set|dict|mapping|model|datetime|date)"
    r"(_type|_parsing|_from_float|_from_date_parsing|_from_datetime_parsing|_from_datetime_inexact"
    r"|_attributes_type|_object_invalid|_parsing_size)"
)
_CHOICES = ("literal_error", "enum")
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


@dataclass(frozen=True)
class Found:
    """One problem of a block; `path` is absolute."""

    path: Path
    code: str
    message: str


def tell(error: ValidationError, document: Document, prefix: Path, model: type[BaseModel]) -> list[Found]:
    """Every problem of one block, at most one for each place where a union could not decide."""
    told: dict[Path, list[tuple[str, Mapping[str, Any]]]] = {}
    for each in error.errors(include_url=False):
        loc = (*prefix, *each["loc"])
        path = document.known_part(loc)
        if each["type"] == "missing":
            path = (*document.known_part(loc[:-1]), loc[-1])
        told.setdefault(path, []).append((each["type"], each))
    return [
        found
        for path, errors in told.items()
        if not _is_shadowed(path, errors, told)
        for found in _told(path, errors, document, prefix, model)
    ]


def _is_shadowed(path: Path, errors: list[Any], told: Iterable[Path]) -> bool:
    """The branch of a union that fits got further down; what the other branches say is noise."""
    only_types = all(_TYPE_ERROR.fullmatch(kind) for kind, _ in errors)
    return only_types and any(len(other) > len(path) and other[: len(path)] == path for other in told)


def _told(
    path: Path,
    errors: list[tuple[str, Mapping[str, Any]]],
    document: Document,
    prefix: Path,
    model: type[BaseModel],
) -> Iterator[Found]:
    node = document.node(path)
    if id(node) in document.unset:
        return  # the variable that is not set is the problem
    wanted = [word for kind, _ in errors if (word := _wanted(kind))]
    if wanted and len(wanted) == len(errors):
        yield Found(path, "wrong_type", _wrong_type(wanted, errors[0][1]["input"]))
        return
    if wanted and (listed := [each["ctx"]["expected"] for kind, each in errors if kind in _CHOICES]):
        choices = ", ".join(re.findall(r"'([^']*)'", " ".join(listed)))
        message = f"has to be {' or '.join(dict.fromkeys(wanted))}, or one of {choices}"
        yield Found(path, "unknown_choice", message)
        return
    for kind, error in errors:
        if _wanted(kind) and len(errors) > 1:
            continue
        if kind == "too_short" and error["input"]:
            continue  # it has items, none of them valid: those are told one by one
        if isinstance(several := error.get("ctx", {}).get("error"), Faults):
            yield from _each(several, path, document)
            continue
        found = _one(path, kind, error, document, prefix, model)
        if id(document.node(found.path)) not in document.unset:
            yield found


def _each(several: Faults, path: Path, document: Document) -> Iterator[Found]:
    """A validator that looked at a whole block and knows where in it each fault is."""
    for fault in several.faults:
        place = document.known_part((*path, *fault.path))
        if id(document.node(place)) not in document.unset:
            yield Found(place, "bad_value", fault.message)


def _one(
    path: Path, kind: str, error: Mapping[str, Any], document: Document, prefix: Path, model: type[BaseModel]
) -> Found:
    ctx = error.get("ctx", {})
    relative = path[len(prefix) :]
    if kind == "missing":
        about = description_at(model, relative)
        return Found(path, "missing_key", f'"{path[-1]}" is missing{": " + about if about else ""}')
    if kind == "extra_forbidden":
        if later := comes_later(path):
            return Found(path, "not_yet", later)
        known = keys_at(model, relative[:-1])
        return Found(
            path, "unknown_key", f'there is no key "{path[-1]}" here{meant_or_known(str(path[-1]), known)}'
        )
    if word := _wanted(kind):
        return Found(path, "wrong_type", _wrong_type([word], error["input"]))
    if kind in _CHOICES:
        return Found(path, "unknown_choice", _choice(error["input"], ctx["expected"]))
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key = str(ctx["discriminator"]).strip("'")
        where = document.known_part((*path, key))
        if kind == "union_tag_not_found":
            return Found(
                (*path, key),
                "missing_key",
                f'"{key}" is missing{_one_of(keys_of_tags(error, model, relative))}',
            )
        return Found(where, "unknown_choice", _choice(ctx["tag"], ctx["expected_tags"]))
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return Found(path, "bad_value", f"has to be {words} {ctx[name]}")
    if kind in ("too_short", "string_too_short"):
        return Found(
            path, "too_few", "is empty" if ctx["min_length"] == 1 else f"needs at least {ctx['min_length']}"
        )
    if kind == "value_error":
        message = str(ctx["error"])
        return Found(_key_named_first(message, path, document), "bad_value", message)
    if kind in _PYDANTICS_OWN:
        message = error["msg"].replace("Input should", "has to")
        return Found(path, "bad_value", message)
    return Found(path, kind, error["msg"])


_PYDANTICS_OWN = frozenset(
    ("string_pattern_mismatch", "string_too_long", "too_long", "url_parsing", "url_scheme", "url_type",
     "finite_number", "multiple_of", "invalid_key", "timezone_aware", "date_from_datetime_inexact",
     "decimal_max_digits", "needs_python_object", "time_delta_type", "path_type", "bytes_type")
)  # fmt: skip


def _wanted(kind: str) -> str | None:
    found = _TYPE_ERROR.fullmatch(kind)
    return _WANTED[found[1]] if found else None


def _wrong_type(wanted: list[str], given: object) -> str:
    *others, last = dict.fromkeys(wanted)
    if len(others) > 2:  # a union of all scalars: listing them helps nobody
        return f"has to be one value{' or a list of them' if last == 'a list' else ''}; it is {_kind(given)}"
    words = f"{', '.join(others)} or {last}" if others else last
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if "text" in wanted and (number or isinstance(given, bool)):
        return f"has to be {words}, but reads as {_kind(given)}; quote it"
    return f"has to be {words}; it is {_kind(given)}"


def _kind(given: object) -> str:
    if given is None:
        return "empty"
    if isinstance(given, bool):
        return "true or false"
    if isinstance(given, int | float):
        return "a number"
    if isinstance(given, str):
        return "text"
    return "a list" if isinstance(given, list) else "a map"


def _choice(given: object, expected: str) -> str:
    names = re.findall(r"'([^']*)'", expected)
    said = f'"{given}" is' if isinstance(given, str | int | float) else "this is"
    return f"{said} none of {', '.join(names)}{_closest(given, names)}"


def _closest(given: object, names: list[str]) -> str:
    hint = meant_or_known(given, names) if isinstance(given, str) else ""
    return hint if "mean" in hint else ""


def _one_of(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"; one of {listed}" if listed else ""


def _key_named_first(message: str, path: Path, document: Document) -> Path:
    """A block's own validator begins with the key it means: that key's line is the one to show."""
    word = message.split(" ", 1)[0].strip("`\"':")
    return document.known_part((*path, word))


def without_values(message: str, path: Path, document: Document) -> str:
    """A message may quote what the file gave: the variable's name then stands for its value."""
    for reference, value in sorted(_values_below(path, document), key=lambda pair: -len(pair[1])):
        message = message.replace(f'"{value}"', f'"{reference}"')
        if len(value) >= 3:  # shorter ones would tear words apart
            message = message.replace(value, reference)
    return redact(message)


def _values_below(path: Path, document: Document) -> Iterator[tuple[str, str]]:
    node = document.node(path)
    waiting = [node] if node is not None else []
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if resolved := document.references.get(id(node)):
            yield from resolved.values
        if isinstance(node.value, list):
            for child in node.value:
                waiting.extend(child if isinstance(child, tuple) else (child,))


# ---------------------------------------------------------------- what the model knows about a place


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(schema_generator=AsWritten)


def _schemas_at(model: type[BaseModel], path: Path) -> list[dict[str, Any]]:
    """Every branch of the model's schema that describes `path`."""
    whole = _schema(model)
    here = _branches(whole, whole)
    for step in path:
        below: list[dict[str, Any]] = []
        for schema in here:
            if isinstance(step, int):
                nexts = [schema.get("items")]
            elif step in schema.get("properties", {}):
                nexts = [schema["properties"][step]]
            else:
                nexts = [schema.get("additionalProperties")]
            for each in nexts:
                if isinstance(each, dict):
                    below.extend(_branches(each, whole))
        here = below
    return here


def _branches(schema: dict[str, Any], whole: dict[str, Any]) -> list[dict[str, Any]]:
    found = [schema]
    if "$ref" in schema:
        found.extend(_branches(whole["$defs"][schema["$ref"].rsplit("/", 1)[-1]], whole))
    for several in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(several, ()):
            found.extend(_branches(each, whole))
    return found


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys the model knows at a place."""
    return list(
        dict.fromkeys(key for schema in _schemas_at(model, path) for key in schema.get("properties", ()))
    )


def description_at(model: type[BaseModel], path: Path) -> str:
    return next(
        (str(schema["description"]) for schema in _schemas_at(model, path) if "description" in schema), ""
    )


def keys_of_tags(error: Mapping[str, Any], model: type[BaseModel], path: Path) -> list[str]:
    """The values a discriminator may take, from the schema."""
    for schema in _schemas_at(model, path):
        if "discriminator" in schema:
            return list(schema["discriminator"].get("mapping", ()))
    return []
