"""Between our values and the columns: times as milliseconds, JSON as text, a response as a row and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
import orjson

from nps.changes import Change
from nps.responses import ResponseStatus, SurveyResponse
from nps.values import Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_STATUS = {status.value: status for status in ResponseStatus}


# ------------------------------------------------------------ times and JSON


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970. A naive time raises TypeError: nothing here guesses a zone."""
    return (moment - _EPOCH) // _MILLISECOND


def moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(0, 0, 0, milliseconds)  # by position, which is twice as quick


def maybe_milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND


def maybe_moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else moment(milliseconds)


def to_json(value: Any) -> str:
    """Compact JSON, keys in the order given."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number beyond 64 bits, or a lone surrogate
        return json.dumps(value, separators=(",", ":"))


def from_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:  # a float out of range, or a lone surrogate
        return json.loads(text)


def json_object(mapping: Mapping[str, Json]) -> str:
    return to_json(mapping if type(mapping) is dict else dict(mapping))


# ------------------------------------------------------------ responses

# What a stored response is read back from; `source`, `source_id` first.
RESPONSE = (
    "r.source, r.source_id, r.answered_at, r.survey, r.score, r.raw_score, r.comment, r.email, r.phone, "
    "r.external_id, r.channel, r.invited_at, r.updated_at, r.status, r.properties, r.problem"
)
INBOX = (
    "source, source_id, version, newest, person, digest, received_at, survey, score, raw_score, answered_at, "
    "updated_at, invited_at, email, phone, external_id, channel, comment, status, problem, properties"
)
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


_encode = msgspec.json.Encoder().encode


def content(response: SurveyResponse) -> tuple[tuple[Any, ...], int]:
    """The columns that say what was answered, from `survey` to the end of INBOX, and their digest: a signed 64-bit
    fingerprint, for which the order of properties does not matter."""
    score, raw = _score(response.score)
    properties = response.properties
    columns: tuple[Any, ...] = (
        response.survey,
        score,
        raw,
        (response.answered_at - _EPOCH) // _MILLISECOND,
        maybe_milliseconds(response.updated_at),
        maybe_milliseconds(response.invited_at),
        response.email,
        response.phone,
        response.external_id,
        response.channel,
        response.comment,
        response.status.value,
        response.problem,
        json_object(properties) if properties else "{}",
    )
    try:
        encoded = _encode(columns)
        can_be_stored = b"\\u0000" not in encoded
    except UnicodeEncodeError:
        can_be_stored = False
    if not can_be_stored:
        columns = tuple(storable(value) if type(value) is str else value for value in columns)
        encoded = _encode(columns)
    if len(properties) > 1:
        encoded = _encode((*columns[:-1], to_json(dict(sorted(properties.items())))))
    return columns, int.from_bytes(blake2b(encoded, digest_size=8).digest(), "big", signed=True)


def storable(value: str) -> str:
    """PostgreSQL holds no NUL, and neither database a lone surrogate."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _score(score: int | float | str | None) -> tuple[int | None, str | None]:
    if score is None:
        return None, None
    if type(score) is int and _SMALLEST <= score <= _LARGEST:
        return score, None
    return None, json.dumps(score)  # beside plain numbers: "9", 9.5, "Extremely likely - 10", true, NaN


def score_of(score: int | None, raw: str | None) -> int | float | str | None:
    if raw is None:
        return score
    vendors: int | float | str = json.loads(raw)
    return vendors


def response_of(row: tuple[Any, ...]) -> SurveyResponse:
    """A response from the columns RESPONSE."""
    return SurveyResponse(
        source=row[0],
        id=row[1],
        answered_at=_EPOCH + timedelta(0, 0, 0, row[2]),
        survey=row[3],
        score=row[4] if row[5] is None else json.loads(row[5]),
        comment=row[6],
        email=row[7],
        phone=row[8],
        external_id=row[9],
        channel=row[10],
        invited_at=maybe_moment(row[11]),
        updated_at=maybe_moment(row[12]),
        status=_STATUS[row[13]],
        properties={} if row[14] == "{}" else from_json(row[14]),
        problem=row[15],
    )


# ------------------------------------------------------------ changes

CHANGE = "c.id, c.object, c.record_id, c.key, c.before, c.after, c.response, c.rank, c.account, c.undoes"
PLANNED = "run, connection, object, record_id, key, before, after, response, rank, account, undoes, person"


def change_of(row: tuple[Any, ...]) -> Change:
    """A change from the columns CHANGE."""
    return Change(
        id=row[0],
        object=row[1],
        record_id=row[2],
        key=row[3],
        before=from_json(row[4]),
        after=from_json(row[5]),
        response=row[6],
        rank=row[7],
        account=row[8],
        undoes=row[9],
    )


def planned_row(run: int, connection: str, change: Change, person: int | None) -> tuple[Any, ...]:
    return (
        run,
        connection,
        change.object,
        change.record_id,
        change.key,
        json_object(change.before),
        json_object(change.after),
        change.response,
        int(change.rank),
        change.account,
        change.undoes,
        person,
    )
