"""One update as a master takes it, and what its answer says of the record.

Pure: bodies and answers, no calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors import one_by_one
from connectors.declared.expressions import found_in
from connectors.replies import Reply
from connectors.rest_master.encoding import live, refusal
from connectors.rest_master.fields import Table
from connectors.rest_master.master import filled_body
from connectors.rest_master.replies import words_of
from connectors.rest_master.rows import Row, errors_of
from connectors.rest_master.settings import RestMasterSettings, Update
from nps.changes import Cause, Change, Deferred, Outcome, Rejected, Unknown, Written
from nps.errors import ConfigError
from nps.masking import without
from nps.values import Json, JsonFields


class Wanted(msgspec.Struct, frozen=True):
    """What one record is to show, and what it showed when that was decided. `version` is what the update names."""

    id: str
    before: JsonFields
    after: JsonFields
    version: Json = None


class Conflict(msgspec.Struct, frozen=True):
    """The master may have refused because the version moved; `words` are its own."""

    status: int
    words: str


def wanted(changes: Sequence[Change]) -> dict[str, Wanted]:
    """One update for each record."""
    return {id: Wanted(id, before, after) for id, before, after in one_by_one.wanted(changes)}


def problem_of(known: Table, one: Wanted) -> Rejected | None:
    """Why the master would refuse it, or store it and call it wrong: told before anything is sent."""
    for name, value in one.after.items():
        problem = refusal(known.field(name), value)
        if problem is not None:
            return Rejected(one.id, problem.code, str(problem), name, Cause.MAPPING)
    return None


# ---------------------------------------------------------------- what is sent


def body(update: Update, one: Wanted, values: Mapping[str, str]) -> dict[str, Any]:
    fields = {name: _sent(update, value) for name, value in one.after.items()}
    whole: dict[str, Any] = filled_body(update.also, values)
    inner = whole
    for key in update.under.split(".") if update.under else ():
        held = inner.get(key)
        inner[key] = inner = dict(held) if isinstance(held, Mapping) else {}
    inner |= fields
    if update.version == "body":
        whole[update.version_name] = one.version
    return whole


def headers(update: Update, one: Wanted) -> dict[str, str]:
    if update.version != "if_match" or one.version is None:
        return {}
    return {"If-Match": str(one.version)}


def _sent(update: Update, value: Json) -> Json:
    return "" if value is None and update.empty == "text" else value


# ---------------------------------------------------------------- what comes back


def told(settings: RestMasterSettings, one: Wanted, reply: Reply) -> Outcome | Conflict:
    """What the answer to an update says. ConfigError when it speaks against all updates alike."""
    update, status = settings.update, reply.status
    if status in update.success:
        return _stored(settings, one, reply)
    if status in (404, 410):
        return Rejected(one.id, "gone", "the record was deleted after it was read", cause=Cause.GONE)
    words = words_of(reply, [one.id, *one.after.values(), *one.before.values()])
    if status in update.conflict:
        return Conflict(status, words)
    if 200 <= status < 300:
        return Unknown(one.id, f"the master answered {status}, which update.success does not name")
    if status in (405, 501) or 300 <= status < 400:
        raise ConfigError(
            f"{reply.what}: the master answers {status} to {update.method}; check update.method and update.path"
        )
    return refused(one, status, words)


def refused(one: Wanted, status: int, words: str, more: str = "") -> Rejected:
    return Rejected(
        one.id, f"status_{status}", f"the master refuses it ({status}): {words or 'no reason given'}{more}",
        cause=Cause.MAPPING if status in (400, 422) else Cause.RECORD,
    )  # fmt: skip


def _stored(settings: RestMasterSettings, one: Wanted, reply: Reply) -> Outcome:
    """An answer that shows the record may say that a value was stored, and is wrong."""
    errors = settings.record.errors
    if errors is None or not reply.body or not reply.is_json:
        return Written(one.id)
    for name, words in errors_of(found_in(errors, reply.json())):
        if not name or name in one.after:
            about = without(words, one.after.values())
            return Rejected(
                one.id,
                "stored_with_errors",
                f"the master stored it and marks it as wrong: {f'{name}: ' if name else ''}{about}",
                name or None,
                Cause.MAPPING,
                in_doubt=True,
            )
    return Written(one.id)


def version_in(settings: RestMasterSettings, reply: Reply) -> Json:
    """The version that an answer tells of the record as it is now, if it tells one."""
    if settings.update.version == "if_match" and (etag := reply.headers.get("etag")):
        return etag
    expression = settings.record.version
    if expression is None or not reply.body or not reply.is_json:
        return None
    found: Json = found_in(expression, reply.json())
    return found


# ---------------------------------------------------------------- a record that was read again


def compared(known: Table, one: Wanted, row: Row | None) -> Outcome | Wanted:
    """What to do about a record as it is now: written already, to be planned anew because somebody changed what we
    were about to, or to be written with the version it has."""
    if row is None:
        return Rejected(one.id, "gone", "the record was deleted after it was read", cause=Cause.GONE)
    shown = {name: live(known.field(name))(row.fields.get(name)) for name in one.after}
    if all(shown[name] == value for name, value in one.after.items()):
        return Written(one.id)
    if moved := sorted(name for name in one.after if shown[name] != one.before.get(name)):
        return Deferred(
            one.id, f"{', '.join(moved)} changed after it was read; the next run plans it anew", tried=False
        )
    return Wanted(one.id, one.before, one.after, row.version)
