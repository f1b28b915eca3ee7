"""The configuration as lines: every key with its value and the line of the file that says it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from npsync.config import Config
from npsync.config.secrets import redact
from npsync.config.shown import HIDDEN

DEEPEST = 8  # of indentation shown
_OF_MACHINES = re.compile(r"-?P[\dTDHMSYW.]+|[01](\.\d+)?|\d+(\.0+)?|\d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Line:
    """`key: value`, so deep; `value` is None where others follow below it. `line` is 0 where the file says nothing of
    it: the value is the one that goes without saying."""

    depth: int
    key: str
    value: str | None
    line: int
    anchor: str
    said: bool


def rows(
    config: Config, told: Any, path: tuple[str | int, ...] = (), *, defaults: bool = False
) -> list[Line]:
    """What was read, below this path of the file. What is empty is left out; with `defaults` also what the file does
    not say is shown."""
    return list(_rows(config, told, path, 0, defaults))


def as_in_the_file(told: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as the file nests it: a connection's settings stand beside its type."""
    connections = {name: in_one_piece(one) for name, one in told["connections"].items()}
    return {**told, "connections": connections}


def in_one_piece(connection: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": connection["type"], **(connection["settings"] or {})}


def _rows(
    config: Config, told: Any, path: tuple[str | int, ...], depth: int, defaults: bool
) -> Iterator[Line]:
    for key, value in _pairs(told):
        below = (*path, key.removesuffix("_") if isinstance(key, str) else key)
        said = config.document.node(below) is not None
        if _is_nothing(value) or not (said or defaults):
            continue
        flat = _as_written(config, below, _flat(value))
        yield Line(
            depth=min(depth, DEEPEST),
            key="–" if isinstance(key, int) else str(below[-1]),
            value=flat,
            line=config.place(below).line if said else 0,
            anchor=".".join(map(str, below)),
            said=said,
        )
        if flat is None:
            yield from _rows(config, value, below, depth + 1, defaults)


def _as_written(config: Config, path: tuple[str | int, ...], value: str | None) -> str | None:
    """A length or a share as the file spells it, not as a machine does: 15 minutes, 40%."""
    raw = config.document.raw(path)
    if value is None or value == HIDDEN or raw is None or not _OF_MACHINES.fullmatch(value) or "${" in raw:
        return value
    return redact(raw)


def _pairs(told: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(told, Mapping):
        yield from told.items()
    elif isinstance(told, list):
        yield from enumerate(told)


def _is_nothing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, Mapping | list) and not value)


def _flat(value: Any) -> str | None:
    """A value that fits behind its key."""
    if isinstance(value, Mapping):
        return None
    if isinstance(value, list):
        plain = all(not isinstance(one, Mapping | list) for one in value)
        return ", ".join(map(_word, value)) if plain else None
    return _word(value)


def _word(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
