"""Sentences in which the commands to copy look like commands."""

from __future__ import annotations

import re
from collections.abc import Container

from markupsafe import Markup, escape

_SAID = re.compile(r"\bnpsync [a-z][a-z-]*")
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
        made += [escape(text[last : found.start()]), Markup("<code>{}</code>").format(command)]
        last = found.start() + len(command)
    return Markup("").join([*made, escape(text[last:])])


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
