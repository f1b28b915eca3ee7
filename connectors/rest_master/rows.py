"""What a master's replies hold: lists of records, and what one record says about itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connectors.declared.expressions import NotForThis, compiled, holds, true_of
from connectors.declared.placeholders import filled_now
from connectors.rest_master.settings import Records
from nps.errors import ConfigError

_HARMLESS_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


class Row(msgspec.Struct, frozen=True):
    """One record as a reply shows it. `version` is what an update has to name, None where nothing tells it."""

    id: str
    fields: Mapping[str, Any]
    version: Any = None  # JSON
    gone: bool = False
    errors: tuple[tuple[str, str], ...] = ()  # field → what the master says is wrong with it


class Reader:
    """Reads records of one object. `where` is the setting that says so, for messages."""

    def __init__(self, record: Records, connection: str) -> None:
        self._record = record
        self._connection = connection

    def row(self, item: Any, setting: str) -> Row:
        """ConfigError when it is no record at all: then the settings look in the wrong place."""
        fields = self._found(self._record.fields, item, "record.fields") if isinstance(item, dict) else None
        id = id_of(self._found(self._record.id, item, "record.id")) if isinstance(item, dict) else None
        if id is None or not isinstance(fields, dict):
            missing = "record.fields" if id is not None else "record.id"
            raise ConfigError(
                f"{self._connection}: {setting} finds records without {missing}{_keys_of(item)}; check both settings"
            )
        record = self._record
        version = None if record.version is None else self._found(record.version, item, "record.version")
        return Row(
            id,
            fields,
            version,
            record.gone is not None and true_of(record.gone, item),
            () if record.errors is None else errors_of(self._found(record.errors, item, "record.errors")),
        )

    def _found(self, expression: str, item: Any, setting: str) -> Any:
        try:
            return compiled(expression)(item)
        except NotForThis as problem:
            told = str(problem)
        raise ConfigError(f"{self._connection}: {setting} does not fit the records: {told}")


def id_of(value: Any) -> str | None:
    """Ids are texts or whole numbers. A float has lost digits already."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def errors_of(found: Any) -> tuple[tuple[str, str], ...]:
    """[{name, errors}], in the shapes that were seen: errors as a list of texts, or one text."""
    told = []
    for one in found if isinstance(found, list) else ():
        if isinstance(one, str):
            told.append(("", one))
        elif isinstance(one, dict):
            about = one.get("errors") or one.get("message") or one.get("error")
            texts = about if isinstance(about, list) else [about]
            words = "; ".join(str(text) for text in texts if text)
            if words:
                told.append((str(one.get("name") or one.get("field") or ""), words))
    return tuple(told)


def listed(items: str | Sequence[str], body: Any, *, connection: str, setting: str) -> list[Any]:
    """The first of the expressions that finds a list. ConfigError when none does."""
    texts = [items] if isinstance(items, str) else items
    for text in texts:
        try:
            found = compiled(text)(body)
        except NotForThis:
            continue
        if isinstance(found, list):
            return found
    raise ConfigError(
        f"{connection}: the reply holds no list where {setting}.items looks ({', '.join(texts)}){_keys_of(body)}"
    )


def meant(rows: Sequence[Any], only: str | None, values: Mapping[str, str]) -> Iterator[Any]:
    """Those of which `only` is true."""
    if only is None:
        yield from rows
        return
    condition = compiled(filled_now(only, values))
    for row in rows:
        try:
            if holds(condition, row):
                yield row
        except NotForThis:
            continue


def _keys_of(body: Any) -> str:
    """What is there instead, as far as keys give nobody away."""
    if isinstance(body, list):
        return "; it is a list itself (@)"
    keys = [key for key in body if _HARMLESS_KEY.fullmatch(str(key))][:10] if isinstance(body, dict) else []
    return f"; there is {', '.join(keys)}" if keys else ""
