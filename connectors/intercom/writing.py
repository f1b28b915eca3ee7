"""Updates of contacts and companies: a call for each, with as many under way as the settings allow.

Only what is sent changes, and nothing is ever created: both are updated by Intercom's own id (PUT /companies/{id}: the
vendor's OpenAPI description and its API reference; POST /companies would create one that is gone).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.intercom import replies
from connectors.intercom.attributes import COMPANIES, OWN, Attributes, value_of
from connectors.intercom.encoding import live, refusal, sent
from connectors.intercom.replies import Row
from connectors.intercom.workspace import Workspace
from connectors.one_by_one import wanted
from connectors.replies import Reply
from nps.changes import Cause, Change, Outcome, Rejected, Unknown, Written
from nps.values import Json, JsonFields


class Wanted(msgspec.Struct, frozen=True):
    """What one record is to show."""

    id: str
    after: JsonFields


class Writing:
    """Updates of one object. Thread-safe."""

    def __init__(self, workspace: Workspace, known: Attributes) -> None:
        self._workspace = workspace
        self._known = known
        self._external_ids: dict[str, str] = {}

    def outcomes(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        """One for each record; then what concerns all of them, if anything does."""
        waiting: dict[str, Wanted] = {}
        for id, _, after in wanted(changes):
            one = Wanted(id, after)
            if problem := problem_of(self._known, one):
                yield problem
            else:
                waiting[id] = one
        self._workspace.note_writing([*waiting])
        try:
            for _, outcome in self._workspace.updates(self._updated, waiting):
                yield outcome
        finally:
            self._workspace.note_written(self._external_ids)

    def _updated(self, one: Wanted) -> Outcome:
        object = self._known.schema.name
        reply = self._workspace.http.request(
            "PUT",
            f"/{object}/{quote(one.id, safe='')}",
            json=body(self._known, one),
            what="update a company" if object == COMPANIES else "update a contact",
            idempotent=True,  # absolute values: a second time changes nothing
        )
        outcome = said(self._known, one, reply)
        if isinstance(outcome, Written) and isinstance(
            external := replies.mapped(reply.json()).get("external_id"), str
        ):
            self._external_ids[one.id] = external
        return outcome


def problem_of(known: Attributes, one: Wanted) -> Rejected | None:
    """Why Intercom would refuse it: told before anything is sent."""
    for name, value in one.after.items():
        if (problem := refusal(known.field(name), value)) is not None:
            return Rejected(one.id, problem.code, str(problem), name, Cause.MAPPING)
    return None


def body(known: Attributes, one: Wanted) -> dict[str, Json]:
    after = {name: sent(known.field(name), value) for name, value in one.after.items()}
    standard = {name: value for name, value in after.items() if not name.startswith(OWN)}
    own: dict[str, Json] = {
        name.removeprefix(OWN): value for name, value in after.items() if name.startswith(OWN)
    }
    return {**standard, "custom_attributes": own} if own else standard


def said(known: Attributes, one: Wanted, reply: Reply) -> Outcome:
    """What the answer to an update says."""
    if reply.status in (404, 410):
        return _gone(one)
    if reply.status in (200, 201, 202):
        return _stored(known, one, replies.mapped(reply.json()))
    if reply.status in (400, 409, 422):
        return Rejected(
            one.id,
            replies.code(reply),
            f"Intercom refuses it ({replies.told(reply, [one.id, *one.after.values()])})",
            _named(one, replies.words(reply)),
            Cause.MAPPING if reply.status in (400, 422) else Cause.RECORD,
        )
    return Unknown(one.id, f"Intercom answered {replies.told(reply, [one.id, *one.after.values()])}")


def _stored(known: Attributes, one: Wanted, row: Row) -> Outcome:
    """The answer shows the record as it is now; a value that it does not show was dropped or cut."""
    if row.get("id") != one.id:
        return Unknown(one.id, "Intercom answered with another record, or with none")
    for name, value in one.after.items():
        shown = live(known.field(name))(value_of(row, name))
        if shown != value:
            return Rejected(
                one.id,
                "stored_otherwise",
                f"Intercom took the update and shows another value in {name}: {_difference(value, shown)}",
                name,
                Cause.MAPPING,
                in_doubt=True,
            )
    return Written(one.id)


def _difference(value: Json, shown: Json) -> str:
    """Without the values: they may be what a customer wrote."""
    if shown is None:
        return "it is empty"
    if isinstance(value, str) and isinstance(shown, str) and len(shown) < len(value):
        return f"{len(shown):,} of {len(value):,} characters; add `truncate: {len(shown)}`"
    return "it was changed on the way"


def _named(one: Wanted, words: str) -> str | None:
    """The field that an error quotes, where it quotes one."""
    names: Callable[[str], Any] = lambda name: f"'{name.removeprefix(OWN)}'" in words  # noqa: E731
    return next((name for name in one.after if names(name)), None)


def _gone(one: Wanted) -> Rejected:
    return Rejected(
        one.id, "gone", "it was deleted or merged into another after it was read", cause=Cause.GONE
    )
