"""Reading a listing page by page, on from where the last run stopped, so that no answer is lost.

Pure but for `fetch`: pagination, walls and cursors of a description, without a word of HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.declared.description import Description
from nps.values import Json

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """One page to fetch: values of the parameters that pagination and cursor set (they go into the query, the path or
    the body, as the request says), or a whole address that a reply named (`next_link`)."""

    values: Mapping[str, str]
    link: str | None = None


Fetch = Callable[[Asked], Json]
"""The reply's body. It raises what the call policy raises; a link to another host is an UnavailableError there."""


@dataclass(frozen=True)
class Piece:
    """Rows of one page, in the order they came, and where to read on once they are stored (any JSON object)."""

    rows: tuple[Row, ...]
    place: Mapping[str, Json]
    body: Json  # the whole reply, for what stands beside the rows


def read(
    description: Description,
    fetch: Fetch,
    place: Mapping[str, Json] | None,
    *,
    since: datetime | None,
    now: datetime,
) -> Iterator[Piece]:
    """Pieces of one listing. `place` is the last one stored, None for a first read, which `since` bounds from below.

    Reading on from the place of any piece, together with what came up to that piece, loses nothing; what repeats is
    identical. UnavailableError when the tool breaks a promise that everything rests on: the order, a page that comes
    twice, more pages than the cap, rows without the time the cursor needs.
    """
    raise NotImplementedError
