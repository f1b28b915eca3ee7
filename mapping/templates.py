"""Text with names in braces: `{record.Name} scored {score}`. Names only, no format or index."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from zoneinfo import ZoneInfo

from mapping.convert import as_text, is_empty
from mapping.names import PERSON, Names
from nps.standing import AccountStanding, Standing

_PARTS = re.compile(r"(\{\{|\}\}|\{[^{}]*\}|\{|\})")

Parts = tuple[tuple[str, bool], ...]  # (text, False) as it stands, (name, True) to fill in


class TemplateProblem(Exception):
    """Why a template is refused at load."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_template(source: str, also: Collection[str] = (), known: Names = PERSON) -> Parts:
    """Raises TemplateProblem for an unknown name, a stray brace, or anything but a name in braces. `also` are names
    that are known only here."""
    parts: list[tuple[str, bool]] = []
    for piece in _PARTS.split(source):
        if piece in ("{{", "}}"):
            parts.append((piece[0], False))
        elif piece in ("{", "}"):
            raise TemplateProblem("bad_template", f'a single "{piece}": write {piece * 2} for a brace')
        elif piece.startswith("{"):
            parts.append((_name(piece[1:-1].strip(), also, known), True))
        elif piece:
            parts.append((piece, False))
    return tuple(parts)


def _name(name: str, also: Collection[str], known: Names) -> str:
    if not name:
        raise TemplateProblem("bad_template", "empty braces: write a name in them, for instance {score}")
    if any(sign in name for sign in ":!["):
        raise TemplateProblem(
            "bad_template", f"{{{name}}}: only a name goes in braces, without a format or index"
        )
    if name not in also and (problem := known.problem_of(name)):
        raise TemplateProblem("unknown_name", problem)
    return name


def names_of(parts: Parts) -> tuple[str, ...]:
    return tuple(text for text, is_name in parts if is_name)


def compile_template(
    source: str, zone: ZoneInfo, known: Names = PERSON
) -> Callable[[Standing | AccountStanding], str | None]:
    """Fills in the values of one person or account. An empty one leaves a gap; when all names are empty
    there is nothing to say and the whole text is null."""
    parts = parse_template(source, known=known)
    pieces = [(text, known.getter(text) if is_name else None) for text, is_name in parts]
    has_names = any(get for _, get in pieces)

    def fill(standing: Standing | AccountStanding) -> str | None:
        said: list[str] = []
        anything = not has_names
        for text, get in pieces:
            if get is None:
                said.append(text)
                continue
            value = get(standing)
            if not is_empty(value):
                anything = True
                said.append(as_text(value, zone))
        return "".join(said) if anything else None

    return fill


def compile_text(
    source: str, zone: ZoneInfo, also: Collection[str] = ()
) -> Callable[[Standing, Mapping[str, str]], str]:
    """The same for a text that is sent whatever is in it, with the values of the names that are known only here."""
    pieces = [
        (text, PERSON.getter(text) if is_name and text not in also else None, is_name)
        for text, is_name in parse_template(source, also)
    ]

    def fill(standing: Standing, given: Mapping[str, str]) -> str:
        said: list[str] = []
        for text, get, is_name in pieces:
            if not is_name:
                said.append(text)
            elif get is None:
                said.append(given.get(text, ""))
            elif not is_empty(value := get(standing)):
                said.append(as_text(value, zone))
        return "".join(said)

    return fill
