"""`{name}` in the texts of a description: filled from a preset's parameters before anything is checked, or later, with
what is known only when calls are made.

`{name}` stands for the value as it is, `{name:key}` for the value as a name in a JMESPath path (whatever characters it
has), `{name:text}` for the value as a text in a JMESPath expression.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

import orjson

from nps.faults import Fault
from nps.values import Json

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)(?::(key|text))?\}")

# Known only when calls are made: the survey that is asked for, the person that is looked up, an access token.
ALWAYS_LATER = frozenset({"survey", "person", "token"})


@dataclass(frozen=True)
class Filled:
    """Data with its placeholders filled in, and what could not be."""

    value: Any = field(repr=False)  # it may hold secrets
    faults: tuple[Fault, ...] = ()


def fill(data: Json, values: Mapping[str, Json], *, later: Collection[str] = ()) -> Filled:
    """A text that is nothing but `{name}` becomes the value itself, a number or a list, too. Where a parameter has no
    value (None), what names it is left out. `later` names are left as they are, unless there is a value."""
    faults: list[Fault] = []
    filled = _Filling(values, frozenset(later), faults).of(data, ())
    return Filled(None if filled is _LEFT_OUT else filled, tuple(faults))


def filled_now(text: str, values: Mapping[str, str]) -> str:
    """A text with what became known; other placeholders stay."""
    return _PLACEHOLDER.sub(
        lambda found: _written(values[found[1]], found[2]) if found[1] in values else found[0], text
    )


def filled_path(path: str, values: Mapping[str, str]) -> str:
    """The same for a path of an address: whatever a value holds stays within its segment."""
    return _PLACEHOLDER.sub(
        lambda found: quote(values[found[1]], safe="") if found[1] in values else found[0], path
    )


def is_segment(value: str) -> bool:
    """Whether a value can stand in a path at all: these lead elsewhere, however they are written."""
    return value not in ("", ".", "..")


def names_in(data: Any) -> Iterator[str]:
    """Every placeholder's name in the texts of some data."""
    if isinstance(data, str):
        yield from (found[1] for found in _PLACEHOLDER.finditer(data))
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from names_in(value)
    elif isinstance(data, Sequence):
        for value in data:
            yield from names_in(value)


def as_if_filled(text: str) -> str:
    """An expression with something in the place of every placeholder, to check the rest of it."""
    return _PLACEHOLDER.sub(lambda found: _written("x", found[2]), text)


_LEFT_OUT: Any = object()


@dataclass(frozen=True)
class _Filling:
    values: Mapping[str, Json]
    later: frozenset[str]
    faults: list[Fault]

    def of(self, data: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(data, str):
            return self._text(data, path)
        if isinstance(data, Mapping):
            found = {key: self.of(value, (*path, key)) for key, value in data.items()}
            return {key: value for key, value in found.items() if value is not _LEFT_OUT}
        if isinstance(data, list | tuple):
            items = [self.of(value, (*path, at)) for at, value in enumerate(data)]
            kept = [item for item in items if item is not _LEFT_OUT]
            return kept if kept or not items else _LEFT_OUT
        return data

    def _text(self, text: str, path: tuple[str | int, ...]) -> Any:
        named = [found[1] for found in _PLACEHOLDER.finditer(text)]
        if not named:
            return text
        if unknown := [name for name in named if name not in self.values and name not in self.later]:
            self.faults.extend(Fault(path, self._unknown(name)) for name in dict.fromkeys(unknown))
            return text
        mine = [name for name in named if self._has(name)]
        if any(name not in self.later and not self._has(name) for name in named):
            return _LEFT_OUT
        if mine and text == f"{{{mine[0]}}}":
            return self.values[mine[0]]
        listed = [name for name in mine if isinstance(self.values[name], list | dict)]
        if listed:
            self.faults.append(
                Fault(
                    path,
                    f"{{{listed[0]}}} is a {_kind(self.values[listed[0]])}: it has to stand alone",
                )
            )
            return text
        return filled_now(text, {name: _as_text(self.values[name]) for name in mine})

    def _has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def _unknown(self, name: str) -> str:
        known = sorted({*self.values, *self.later})
        close = get_close_matches(name, known, n=1)
        if close:
            return f"{{{name}}} is no parameter; did you mean {{{close[0]}}}?"
        listed = f"known: {', '.join(known)}; " if known else ""
        return f"{{{name}}} is no parameter; {listed}a brace that is meant as one has a blank after it"


def _kind(value: Json) -> str:
    return "list" if isinstance(value, list) else "map"


def _as_text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _written(value: str, form: str | None) -> str:
    if form is None:
        return value
    quoted = orjson.dumps(value).decode()
    if form == "key":
        return quoted
    return f"`{quoted.replace('`', chr(92) + '`')}`"
