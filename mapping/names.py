"""The names a mapping may use about one person or one account (DESIGN 3, "Names"), and how each is read of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from mapping.problems import did_you_mean
from nps.score import segment_of
from nps.standing import Standing

Getter = Callable[[Any], Any]  # of a Standing, an About or an AccountStanding


def _segment(standing: Standing) -> str | None:
    segment = segment_of(standing.score, standing.metric)
    return str(segment) if segment else None


def _previous_segment(standing: Standing) -> str | None:
    segment = segment_of(standing.previous_score, standing.metric)
    return str(segment) if segment else None


PLAIN: Mapping[str, Getter] = {
    "score": attrgetter("score"),
    "segment": _segment,
    "previous_score": attrgetter("previous_score"),
    "previous_segment": _previous_segment,
    "comment": attrgetter("response.comment"),
    "answered_at": attrgetter("response.answered_at"),
    "invited_at": attrgetter("response.invited_at"),
    "survey": attrgetter("survey"),
    "channel": attrgetter("response.channel"),
    "source": attrgetter("response.source"),
    "answers": attrgetter("answers"),
    "record.id": attrgetter("record_id"),
    "account_id": attrgetter("account_id"),
}

# Roots with names of their own below: `record` and `account` are the CRM's, the others came with the answer.
ROOTS: Mapping[str, Getter] = {
    "event": attrgetter("event"),
    "properties": attrgetter("response.properties"),
    "record": attrgetter("record"),
    "account": attrgetter("account"),
}


@dataclass(frozen=True)
class Names:
    """All that a mapping may name: plain names, and roots with names of their own below."""

    plain: Mapping[str, Getter]
    roots: Mapping[str, Getter]

    def problem_of(self, name: str) -> str | None:
        """What is wrong with a name, as a sentence; None if it is known."""
        if name in self.plain:
            return None
        root, dot, rest = name.partition(".")
        if root in self.roots:
            if dot and all(part.strip() for part in rest.split(".")):
                return None
            return f'"{name}" needs a field after the dot, for instance {root}.Name'
        hint = (did_you_mean(root, self.roots) if dot else "") or did_you_mean(name, self.plain)
        known = [*self.plain, *(f"{root}.*" for root in self.roots)]
        return f'there is no name "{name}"{hint or " (known: " + ", ".join(known) + ")"}'

    def getter(self, name: str) -> Getter:
        """A function that reads `name`; what is missing on the way is None, never an error.

        A CRM field or property is looked up by its whole name first ("Account.Name" is one field for the vendor),
        then step by step through nested objects.
        """
        if name in self.plain:
            return self.plain[name]
        root, _, rest = name.partition(".")
        read_root = self.roots[root]
        if "." not in rest:
            return lambda standing: read_root(standing).get(rest)
        return lambda standing: walk(read_root(standing), rest)


PERSON = Names(PLAIN, ROOTS)

ACCOUNT = Names(
    {
        **{
            name: attrgetter(name)
            for name in (
                "nps",
                "responses",
                "promoters",
                "passives",
                "detractors",
                "margin",
                "coverage",
                "previous_nps",
                "last_answered_at",
                "lowest_score",
                "survey",
            )
        },
        "account_id": attrgetter("account_id"),
    },
    {"account": attrgetter("account")},
)


def problem_of_name(name: str) -> str | None:
    """What is wrong with a name that a mapping of a person uses, as a sentence; None if it is known."""
    return PERSON.problem_of(name)


def getter(name: str) -> Getter:
    """A function that reads `name` of a person; what is missing on the way is None, never an error."""
    return PERSON.getter(name)


def root_of(name: str) -> str:
    """The root a name uses: `record` of `record.Name`, `comment` of `comment`."""
    return name.partition(".")[0]


def field_of(name: str, root: str) -> str | None:
    """The CRM field a name reads below `root` ("record" or "account"), or None."""
    if name == "record.id":
        return None
    head, _, rest = name.partition(".")
    return rest if head == root else None


def walk(fields: Mapping[str, Any], path: str) -> Any:
    """The value of a dotted path: one field of that whole name, else step by step through nested objects."""
    if path in fields:
        return fields[path]
    value: Any = fields
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
