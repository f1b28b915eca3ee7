"""How a described list is paged, and how it is read on from where the last run stopped."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connectors.declared import expressions
from connectors.declared.placeholders import as_if_filled
from nps.durations import Period


def _an_expression(text: str) -> str:
    expressions.checked(as_if_filled(text))
    return text


Expression = Annotated[str, AfterValidator(_an_expression)]
"""A pydantic field: JMESPath, checked when the file is loaded."""

TimeFormat = Literal["unix_s", "unix_ms", "iso8601", "date"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# ---------------------------------------------------------------- pages


class OnePage(Part):
    """One reply holds everything."""

    kind: Literal["none"] = "none"


class ByPage(Part):
    """Numbered pages, until an empty one (also one that is shorter, with `short_is_last`) or until `pages` says so."""

    kind: Literal["page"] = "page"
    param: str = Field("page", description="The parameter that names the page.")
    first: int = Field(1, description="The first page's number.")
    size_param: str | None = Field(None, description="The parameter that says how many rows a page has.")
    size: int | None = Field(None, ge=1, description="Rows per page.")
    pages: Expression | None = Field(
        None, description="Where a reply says how many pages there are, as a number or as text."
    )
    short_is_last: bool = Field(False, description="A page with fewer rows than `size` is the last.")


class ByNextLink(Part):
    """The reply holds the address of the next page: of the same scheme and host, or it is not followed."""

    kind: Literal["next_link"] = "next_link"
    next: Expression = Field("next", description="Where the address stands in a reply; null is the end.")


class ByLastRow(Part):
    """The next page begins after the last row of this one."""

    kind: Literal["last_row"] = "last_row"
    param: str = Field(description="The parameter that takes the last row's value.")
    value: Expression = Field("id", description="Of the last row, what the parameter takes.")
    more: Expression | None = Field(
        None, description="Where a reply says whether there is more: false is the end."
    )


class ByOffset(Part):
    """So many rows are skipped; a page with fewer than `size` is the last."""

    kind: Literal["offset"] = "offset"
    param: str = Field("offset", description="The parameter that says how many rows to skip.")
    size_param: str = Field("limit", description="The parameter that says how many rows a page has.")
    size: int = Field(100, ge=1, description="Rows per page.")


class ByMovingStart(Part):
    """The cursor's time is set to the last row's, and what comes twice is told by its id; rows are skipped by `param`
    only while a whole page has one and the same time."""

    kind: Literal["moving_start"] = "moving_start"
    param: str | None = Field(
        None,
        description="The parameter that skips rows within one moment; without it a page that has only one time is an "
        "error.",
    )
    size_param: str = Field("limit", description="The parameter that says how many rows a page has.")
    size: int = Field(100, ge=1, description="Rows per page.")


class ByCursor(Part):
    """The reply names the next page by a token."""

    kind: Literal["cursor"] = "cursor"
    param: str = Field(description="The parameter that takes the token.")
    next: Expression = Field(
        description="Where a reply holds the next page's token; null or empty is the end."
    )
    more: Expression | None = Field(
        None, description="Where a reply says whether there is more: false is the end."
    )
    size_param: str | None = Field(None, description="The parameter that says how many rows a page has.")
    size: int | None = Field(None, ge=1, description="Rows per page.")


Pages = Annotated[
    OnePage | ByPage | ByNextLink | ByLastRow | ByOffset | ByMovingStart | ByCursor,
    Field(discriminator="kind"),
]


# ---------------------------------------------------------------- reading on


class End(Part):
    """The parameter that bounds the time from above; it is set to when the run began."""

    param: str = Field(description="The parameter.")
    format: TimeFormat | None = Field(None, description="How the time is written; default as the cursor's.")
    plus: Period = Field(
        timedelta(0), description="Added to it: 1 days where the bound is a day and exclusive."
    )


class ByTime(Part):
    """The tool can be asked for what came (or changed) since a time."""

    kind: Literal["time"] = "time"
    field: Expression = Field(description="The time of a row that the parameter is compared with.")
    param: str = Field(description="The parameter that takes the time to read from.")
    format: TimeFormat = Field("iso8601", description="How the parameter's time is written.")
    bound: Literal["inclusive", "exclusive"] = Field(
        "inclusive", description="Whether rows of exactly that time come."
    )
    overlap: Period = Field(
        timedelta(days=7), description="How far back each run reads again, to notice edits and late arrivals."
    )
    until: End | None = Field(None, description="A parameter that bounds the time from above.")
    window: Period | None = Field(None, description="Longer spans are read in pieces; needs `until`.")
    earliest: date | None = Field(
        None, description="No answer is older: where a first read begins that nothing else bounds."
    )
    order: Literal["ascending", "descending", "unknown"] = Field(
        "unknown", description="By the time; unknown: everything is read before the cursor moves."
    )

    @model_validator(mode="after")
    def _windows_end(self) -> Self:
        if self.window is not None and self.until is None:
            raise ValueError("window needs `until`: the parameter that bounds the time from above")
        return self


class ById(Part):
    """Ids grow, and the tool lists what comes after one: an append-only cursor."""

    kind: Literal["id"] = "id"
    param: str = Field(description="The parameter that takes the last id.")
    field: Expression = Field("id", description="The id of a row.")
    first: Literal["objectid"] | None = Field(
        None,
        description="How an id is made of the time of the first read (objectid: of MongoDB); without it the first read "
        "takes everything.",
    )


class NewestFirst(Part):
    """No time can be asked for: newest first, until a whole page is older than the cursor less the overlap."""

    kind: Literal["newest_first"] = "newest_first"
    field: Expression = Field(description="The time of a row.")
    overlap: Period = Field(
        timedelta(days=7), description="How far back each run reads again, to notice edits and late arrivals."
    )


class Everything(Part):
    """No order at all: every run reads everything."""

    kind: Literal["everything"] = "everything"


Since = Annotated[ByTime | ById | NewestFirst | Everything, Field(discriminator="kind")]


class Walls(Part):
    """Where the tool, or we, stop a listing."""

    max_pages: int | None = Field(
        None,
        ge=1,
        description="The tool shows no more pages than this: begin again at page one from the last row's time.",
    )
    page_cap: int = Field(
        10_000, ge=1, description="More pages than this in one listing are an error, not a loop."
    )
    size_cap: int = Field(64, ge=1, le=1024, description="MB of one reply; a larger one is not read.")
