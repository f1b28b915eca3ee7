"""One row of Wootric's answers, turned into one of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec
import orjson

from nps.responses import ResponseStatus, SurveyResponse
from nps.values import Json

# A row whose date cannot be read still needs one; the same each time, so that what repeats is identical.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]


class Person(msgspec.Struct, frozen=True):
    """Who an end user is, and through which channels the latest answers came (answer id → channel)."""

    email: str | None = None
    external_id: str | None = None
    phone: str | None = None
    channels: Mapping[str, str] = {}


NOBODY = Person()


class Moments:
    """Reads Wootric's three ways to write a time, always into UTC.

    `2016-12-16 09:05:00 -0800`, the same without an offset, and ISO 8601 with milliseconds. `naive` is called
    for each one without an offset, which is taken as UTC.
    """

    def __init__(self, naive: Callable[[], None]) -> None:
        self._naive = naive

    def read(self, text: str) -> datetime:
        """ValueError or TypeError when it is no time."""
        if text[19:20] == " ":
            text = text[:19] + text[20:]
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            self._naive()
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)

    def second(self, text: object) -> int | None:
        """UNIX seconds, None when it is no time."""
        try:
            return int(self.read(text).timestamp())  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            return None


def response(
    row: Row,
    person: Person,
    *,
    source: str,
    moments: Moments,
    channel: str | None,
    partial_when_incomplete: bool,
) -> SurveyResponse:
    """The answer of one row. A row that cannot be read carries a `problem`."""
    get = row.get
    number = get("id")
    if not is_id(number):
        return unreadable(row, source, "an answer came without an id")
    try:
        created = row["created_at"]
        answered_at = moments.read(created)
        updated = get("updated_at")
        if updated is None:
            updated_at = None
        else:
            updated_at = answered_at if updated == created else moments.read(updated)
    except (KeyError, TypeError, ValueError, OverflowError):
        return unreadable(row, source, f"answer {number} has no readable date")

    end_user = get("end_user")
    if not isinstance(end_user, dict):
        end_user = {}
    if get("excluded_from_calculations"):
        status = ResponseStatus.EXCLUDED
    elif partial_when_incomplete and get("completed") is False:
        status = ResponseStatus.PARTIAL
    else:
        status = ResponseStatus.COMPLETE
    name = str(number)
    return SurveyResponse(
        source=source,
        id=name,
        answered_at=answered_at,
        survey=_text(get("survey_id")),
        score=_score(get("score")),
        comment=_text(get("text")),
        email=_text(end_user.get("email")) or person.email,
        phone=_text(end_user.get("phone_number")) or person.phone,
        external_id=_text(end_user.get("external_id")) or person.external_id,
        channel=person.channels.get(name, channel),
        updated_at=updated_at,
        status=status,
        properties=_properties(end_user.get("properties"), get("tags")),
    )


def is_id(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool) and value != ""


def unreadable(row: Row, source: str, problem: str) -> SurveyResponse:
    """A row that is no answer, under its own id where it has one, else under one made of its content."""
    number = row.get("id")
    if not is_id(number):
        content = orjson.dumps(row, option=orjson.OPT_SORT_KEYS)
        number = f"unreadable-{blake2b(content, digest_size=8).hexdigest()}"
    return SurveyResponse(source=source, id=str(number), answered_at=LONG_AGO, problem=problem)


def person(row: Row, known: Person = NOBODY) -> Person:
    """Who an end user row names. Channels already `known` stay: Wootric only shows that of the latest answer,
    and an earlier one must not change when it is read again."""
    channels = dict(known.channels)
    last = row.get("last_response")
    if isinstance(last, dict) and last.get("id") is not None:
        told = last.get("survey")
        channel = told.get("channel") if isinstance(told, dict) else None
        if channel:
            # "mobile:ios": the device is the vendor's detail.
            channels[str(last["id"])] = str(channel).split(":")[0]
    while len(channels) > _CHANNELS_KEPT:
        del channels[next(iter(channels))]
    return Person(
        email=_text(row.get("email")),
        external_id=_text(row.get("external_id")),
        phone=_text(row.get("phone_number")),
        channels=channels,
    )


_CHANNELS_KEPT = 8


def _score(score: object) -> int | float | str | None:
    if score is None or (isinstance(score, int | float | str) and not isinstance(score, bool)):
        return score
    return orjson.dumps(score).decode()


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _properties(properties: object, tags: object) -> Mapping[str, Json]:
    """The end user's properties (Wootric sometimes sends them as a string of JSON) and the answer's tags."""
    if isinstance(properties, str):
        try:
            properties = orjson.loads(properties)
        except orjson.JSONDecodeError:
            properties = None
    found: dict[str, Json] = properties if isinstance(properties, dict) else {}
    if isinstance(tags, list) and tags:
        return {**found, "tags": tags}
    return found
