"""A survey response, and the page it arrives on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from nps.values import Json

COMMENTED = "npsync_commented"
"""The property that says that there was a comment, where it is not kept (any more)."""


class ResponseStatus(StrEnum):
    """What a source says about one answer, beyond its content."""

    COMPLETE = "complete"
    PARTIAL = "partial"  # half-finished: it waits until the rest arrives
    EXCLUDED = "excluded"  # the survey tool says: must not count
    WITHDRAWN = "withdrawn"  # a tombstone: the answer was deleted at its source


class SurveyResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One answer a person gave, as its source tells it. Identity is (source, id).

    A source hands over `score` as the vendor gave it (9, "9", "", "Extremely likely - 10", None): what it means is
    decided by the survey's metric (`nps.score.parse_score`), not by the connector. `answered_at` is aware; so are the
    others. A row that could not be read at all carries `problem` (a sentence for people) under a synthetic id, so that
    it becomes a rejection instead of vanishing.
    """

    source: str  # the connection's name in the YAML
    id: str
    answered_at: datetime
    survey: str | None = None  # this survey's id in the source's own words
    score: int | float | str | None = None
    comment: str | None = None
    email: str | None = None
    phone: str | None = None
    external_id: str | None = None
    channel: str | None = None
    invited_at: datetime | None = None
    updated_at: datetime | None = None
    status: ResponseStatus = ResponseStatus.COMPLETE
    properties: Mapping[str, Json] = {}
    problem: str | None = None


class Cursor(msgspec.Struct, frozen=True):
    """Where to read on from: any JSON object a source likes. Stored with the answers, in one transaction."""

    state: Mapping[str, Json]


class Page(msgspec.Struct, frozen=True):
    """Some answers in reading order, and the cursor that is right once all of them are stored."""

    responses: tuple[SurveyResponse, ...]
    cursor: Cursor
