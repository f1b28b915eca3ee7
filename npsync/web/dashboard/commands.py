"""Sentences in which the commands to copy, and words of the YAML in backticks, look like what one types."""

from __future__ import annotations

import re
from collections.abc import Container

from markupsafe import Markup, escape

_SAID = re.compile(r"\bnpsync [a-z][a-z-]*")
_CODE = Markup("<code>{}</code>")
_TYPED = re.compile(r"`([^`\n]{1,100})`")
_BELOW = frozenset(
    (
        *(
            "add",
            "clear",
            "create",
            "describe",
            "discard",
            "export",
            "ignore",
            "link",
            "list",
            "release",
            "remove",
        ),
        *("restore", "resume", "retry", "revoke", "show", "simulate", "stop", "try", "upgrade"),
    )
)
"""What may follow a command's name as a part of it: review list, dead-letters retry."""


def with_commands(text: str, names: Container[str] = ()) -> Markup:
    """The sentence, its commands marked. `names` are those of the YAML: in a sentence a word behind a command is its
    argument when it is a name, an option, a number or a placeholder."""
    made, last = [], 0
    for found in _SAID.finditer(text):
        command = _command(text[found.start() :], names)
        made += [_with_typed(text[last : found.start()]), _CODE.format(command)]
        last = found.start() + len(command)
    return Markup("").join([*made, _with_typed(text[last:])])


def _with_typed(text: str) -> Markup:
    """What stands in backticks looks like what it is; without them."""
    between = _TYPED.split(text)
    return Markup("").join(
        _CODE.format(each) if odd % 2 else escape(each) for odd, each in enumerate(between)
    )


def _command(said: str, names: Container[str]) -> str:
    words = said.split(" ")
    kept = words[:2]
    if kept[1][-1] in ".,;:":
        return " ".join(kept)[:-1]
    for word in words[2:]:
        bare = word.rstrip(".,;:)")
        if not _is_argument(bare, names):
            break
        kept.append(bare)
        if bare != word:
            break
    return " ".join(kept)


def _is_argument(word: str, names: Container[str]) -> bool:
    return (
        word in names
        or word in _BELOW
        or (word[:1] in "-\"'" and len(word) > 1)
        or word.isdecimal()
        or (word.isupper() and len(word) > 1)
    )
