"""The description of a survey tool's HTTP API: what a preset file holds, and what `type: http` takes.

Expressions (`records`, `fields`, …) are JMESPath over one reply or one row: dotted paths, or
`answers[?type=='nps'] | [0].number`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.auth import Auth, NoAuth
from nps.durations import Period
from nps.values import Json

Expression = str  # JMESPath; checked when it is read
TimeFormat = Literal["unix_s", "unix_ms", "iso8601", "date"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- the request


class Request(Part):
    """One listing. A parameter of pagination or cursor that stands as {name} in the path goes there, else into the
    query; so does {survey} when the tool lists each survey's answers by themselves."""

    method: Literal["GET", "POST"] = "GET"
    path: str
    query: Mapping[str, str | int | bool] = {}
    headers: Mapping[str, str] = {}
    body: Mapping[str, Json] | None = None  # with POST: parameters go into it instead of the query


# ---------------------------------------------------------------- pages


class OnePage(Part):
    kind: Literal["none"] = "none"


class ByPage(Part):
    """Numbered pages, until an empty one (also one that is shorter, with `short_is_last`) or until `pages` says so."""

    kind: Literal["page"] = "page"
    param: str = "page"
    first: int = 1
    size_param: str | None = None
    size: int | None = None
    pages: Expression | None = None  # the number of pages, as a number or as text
    short_is_last: bool = False


class ByNextLink(Part):
    """The reply holds the address of the next page: of the same scheme and host, or it is not followed."""

    kind: Literal["next_link"] = "next_link"
    next: Expression = "next"


class ByLastRow(Part):
    """The next page begins after the last row of this one."""

    kind: Literal["last_row"] = "last_row"
    param: str
    value: Expression = "id"  # of the last row
    more: Expression | None = None  # of the reply: false is the end


class ByOffset(Part):
    """So many rows are skipped; a page with fewer than `size` is the last."""

    kind: Literal["offset"] = "offset"
    param: str = "offset"
    size_param: str = "limit"
    size: Annotated[int, Field(ge=1)] = 100


class ByMovingStart(Part):
    """The cursor's time is set to the last row's, and what comes twice is told by its id; pages are skipped by `param`
    only while a whole page has one and the same time."""

    kind: Literal["moving_start"] = "moving_start"
    param: str | None = (
        None  # the offset within one moment; None: such a page cannot be passed, which is an error
    )
    size_param: str = "limit"
    size: Annotated[int, Field(ge=1)] = 100


class ByCursor(Part):
    """The reply names the next page by a token."""

    kind: Literal["cursor"] = "cursor"
    param: str
    next: Expression
    more: Expression | None = None


Pages = Annotated[
    OnePage | ByPage | ByNextLink | ByLastRow | ByOffset | ByMovingStart | ByCursor,
    Field(discriminator="kind"),
]


# ---------------------------------------------------------------- reading on


class End(Part):
    """The parameter that bounds the time from above; it is set to when the run began."""

    param: str
    format: TimeFormat | None = None  # default: the cursor's
    plus: Period = timedelta(0)  # added: {plus: 1 days} where a day is exclusive


class ByTime(Part):
    """The tool can be asked for what came (or changed) since a time."""

    kind: Literal["time"] = "time"
    field: Expression  # of a row: what `param` is compared with
    param: str
    format: TimeFormat = "iso8601"
    bound: Literal["inclusive", "exclusive"] = "inclusive"
    overlap: Period = timedelta(days=7)
    until: End | None = None
    window: Period | None = None  # longer spans are read in pieces; needs `until`
    order: Literal["ascending", "descending", "unknown"] = "unknown"


class ById(Part):
    """Ids grow, and the tool lists what comes after one: an append-only cursor. `first`: how an id is made of the time
    of the first read (objectid: of MongoDB); None reads everything."""

    kind: Literal["id"] = "id"
    param: str
    field: Expression = "id"
    first: Literal["objectid"] | None = None


class NewestFirst(Part):
    """No time can be asked for: newest first, until a whole page is older than the cursor less the overlap."""

    kind: Literal["newest_first"] = "newest_first"
    field: Expression
    overlap: Period = timedelta(days=7)


class Everything(Part):
    """No order at all: every run reads everything."""

    kind: Literal["everything"] = "everything"


Since = Annotated[ByTime | ById | NewestFirst | Everything, Field(discriminator="kind")]


class Walls(Part):
    """Where the tool, or we, stop a listing."""

    max_pages: Annotated[int | None, Field(ge=1)] = (
        None  # the tool's: begin again at page one from the last row's time
    )
    page_cap: Annotated[int, Field(ge=1)] = (
        10_000  # ours: more pages than this in one listing are an error, not a loop
    )
    size_cap: Annotated[int, Field(ge=1, le=1024)] = 64  # MB of one reply


# ---------------------------------------------------------------- rows


class FieldRule(Part):
    """A value, and what to make of it."""

    path: Expression | Sequence[Expression]  # the first that holds something
    values: Mapping[str, Json] | None = None  # "good" → 1; what is not listed stays as it is
    number_in_text: bool = False  # "9 - Extremely likely" → 9


Rule = Expression | FieldRule


class Fields(Part):
    """Our name → where a row holds it."""

    id: Rule
    score: Rule | None = None
    answered_at: Rule
    comment: Rule | None = None
    survey: Rule | None = None
    email: Rule | None = None
    phone: Rule | None = None
    external_id: Rule | None = None
    channel: Rule | None = None
    invited_at: Rule | None = None
    updated_at: Rule | None = None
    properties: Mapping[str, Rule] = {}
    all_properties: Expression | None = None  # an object whose every key is a property


class Rows(Part):
    """What a row means beyond its fields. Each of these is an expression that is true of such a row."""

    only: Expression | None = None  # others are of another kind and left out (a CSAT row in an NPS export)
    partial: Expression | None = None
    excluded: Expression | None = None
    withdrawn: Expression | None = None


class Lookup(Part):
    """A second call that names the person behind a row, remembered between runs."""

    key: Expression  # of the row
    path: str  # with {key}
    record: Expression = "@"
    fields: Mapping[Literal["email", "phone", "external_id"], Rule]
    per_run: Annotated[int, Field(ge=1)] = 500
    fresh_for: Period = timedelta(days=7)


class Beside(Part):
    """People who stand in the same reply beside the rows."""

    key: Expression  # of the row
    records: Expression  # of the reply
    id: Expression = "id"
    fields: Mapping[Literal["email", "phone", "external_id"], Rule]


class Discovery(Part):
    """How the tool lists its surveys, where the YAML names none."""

    path: str
    query: Mapping[str, str | int | bool] = {}
    records: Expression | Sequence[Expression] = "@"
    id: Expression = "id"
    only: Expression | None = None


# ---------------------------------------------------------------- what goes wrong


class Failure(Part):
    """A reply with status 200 that is none."""

    when: Expression  # of the reply
    message: Expression | None = None  # shown to people only if it is a short text without an address
    retry: bool = False


class Throttle(Part):
    """How the tool tells when to call again, beside Retry-After."""

    calls: int | None = None  # at most so many
    seconds: float = 60.0  # in so long
    reset_header: str | None = None
    reset_is: Literal["unix_s", "seconds"] = "unix_s"
    daily_header: str | None = None  # what is left of the day's budget: at 0 the run ends cleanly
    wait: float = 60.0  # after a 429 that names no time


class Description(Part):
    """How answers are read out of one tool."""

    base_url: str
    allow_http: bool = False
    auth: Auth = NoAuth()
    request: Request
    records: Expression | Sequence[Expression] = "@"  # the first that is a list
    pages: Pages = OnePage()
    since: Since = Everything()
    walls: Walls = Walls()
    fields: Fields
    rows: Rows = Rows()
    dates: Sequence[str] = ("iso",)  # iso, unix, unix_ms or a pattern; tried in order
    time_zone: str | None = None  # of times that name none
    channel: str | None = None
    surveys: Discovery | None = None  # with {survey} in the request
    look_up: Lookup | None = None
    beside: Beside | None = None
    failures: Sequence[Failure] = ()
    throttle: Throttle = Throttle()
