"""The description of a survey tool's HTTP API: what a preset file holds, and what `type: http` takes.

Expressions (`records`, `fields`, …) are JMESPath over one reply or one row: dotted paths, or
`answers[?type=='nps'] | [0].number`. Texts may hold placeholders (`connectors.declared.placeholders`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from connectors.addresses import safe_address
from connectors.auth import Auth, NoAuth
from connectors.cells import known_format, known_zone
from connectors.declared.listing import ByCursor as ByCursor
from connectors.declared.listing import ById as ById
from connectors.declared.listing import ByLastRow as ByLastRow
from connectors.declared.listing import ByMovingStart as ByMovingStart
from connectors.declared.listing import ByNextLink as ByNextLink
from connectors.declared.listing import ByOffset as ByOffset
from connectors.declared.listing import ByPage as ByPage
from connectors.declared.listing import ByTime as ByTime
from connectors.declared.listing import End as End
from connectors.declared.listing import Everything as Everything
from connectors.declared.listing import Expression as Expression
from connectors.declared.listing import NewestFirst as NewestFirst
from connectors.declared.listing import OnePage as OnePage
from connectors.declared.listing import Pages as Pages
from connectors.declared.listing import Part as Part
from connectors.declared.listing import Since as Since
from connectors.declared.listing import TimeFormat as TimeFormat
from connectors.declared.listing import Walls as Walls
from connectors.declared.placeholders import names_in
from connectors.webhook.settings import Auth as Proof
from connectors.webhook.settings import Hmac
from nps.durations import Period
from nps.faults import Fault, Faults

Query = Mapping[str, str | int | bool]


def as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


# ---------------------------------------------------------------- the request


class Request(Part):
    """One listing. A parameter of pagination or cursor that stands as {name} in the path goes there, else into the
    query; {survey} is the survey's id, where the tool lists each survey's answers by themselves."""

    method: Literal["GET", "POST"] = Field("GET", description="POST for tools that list by a search.")
    path: str = Field(description="Below base_url, like /v2/responses or /surveys/{survey}/responses.")
    query: Query = Field(default={}, description="What every call says, like {order: asc}.")
    headers: Mapping[str, str] = Field(default={}, description="Headers beside those of auth.")
    body: Mapping[str, Any] | None = Field(
        None,
        description="With method: POST, what every call posts as JSON; parameters of pagination and cursor are added "
        "to it instead of to the query.",
    )

    @model_validator(mode="after")
    def _a_path(self) -> Self:
        if not self.path.startswith("/") or self.path.startswith("//"):
            raise ValueError("path begins with one /; it is joined to base_url")
        if self.body is not None and self.method == "GET":
            raise ValueError("body needs method: POST")
        return self


# ---------------------------------------------------------------- rows


class Words(Part):
    """What a row tells by the id of a choice, whose text stands in the survey's definition."""

    id: Expression = Field(description="Of the row: the choice's id.")
    among: Annotated[str, Field(pattern=r"^\{[a-z][a-z0-9_]*\}$")] = Field(
        description="{NAME} of one of surveys.values: the list of choices, each with id and text."
    )


class FieldRule(Part):
    """A value, and what to make of it."""

    path: Annotated[Sequence[Expression], BeforeValidator(as_list), Field(min_length=1)] = Field(
        description="Where it stands; of several the first that holds something."
    )
    values: Mapping[str, Any] | None = Field(
        None, description="What stands for what: {good: 1, bad: 0}. What is not listed stays as it is."
    )
    words: Words | None = Field(
        None, description="The text of a choice, which goes before what `path` finds."
    )
    number_in_text: bool = Field(
        False, description="Take the number out of a text like 9 - Extremely likely."
    )


Rule = Expression | FieldRule | tuple[Expression, ...]


class Fields(Part):
    """Our name → where a row holds it: a path, several of which the first that holds something counts, or a block."""

    id: Rule = Field(description="The answer's own id.")
    answered_at: Rule = Field(description="When the answer was given.")
    score: Rule | None = Field(None, description="The score as the tool gives it.")
    comment: Rule | None = Field(None, description="What the person wrote.")
    survey: Rule | None = Field(None, description="Which survey it answers, by its id in the tool.")
    email: Rule | None = Field(None, description="E-mail of the person.")
    phone: Rule | None = Field(None, description="Phone of the person.")
    external_id: Rule | None = Field(None, description="Your own id of the person.")
    channel: Rule | None = Field(None, description="How the person was asked.")
    invited_at: Rule | None = Field(None, description="When the person was asked.")
    updated_at: Rule | None = Field(None, description="When the answer was last changed.")
    properties: Mapping[str, Rule] = Field(
        default={}, description="More of the row, by the name a mapping calls it (properties.NAME)."
    )
    all_properties: Expression | None = Field(None, description="An object whose every key is a property.")


class Rows(Part):
    """What a row means beyond its fields. Each is an expression that is true of such a row: null, false, 0 and what is
    empty are not."""

    only: Expression | None = Field(
        None,
        description="Rows to take; others are of another kind (a CSAT row in an NPS export) and left out.",
    )
    partial: Expression | None = Field(None, description="Half-finished: such an answer waits for the rest.")
    excluded: Expression | None = Field(None, description="The tool says that it must not count.")
    withdrawn: Expression | None = Field(None, description="The answer was deleted.")
    anonymous: Literal["take", "exclude"] = Field(
        "take",
        description="What becomes of an answer without e-mail, phone and external_id: exclude lets it not count, where "
        "many answer as nobody; else each is told as one that cannot be matched.",
    )


WhoFields = Mapping[Literal["email", "phone", "external_id"], Rule]


class Lookup(Part):
    """A second call that names the person behind a row, remembered between runs."""

    key: Expression = Field(description="Of the row: who it is about.")
    path: str = Field(description="Below base_url, with {person}: /people/{person}.")
    record: Expression = Field("@", description="Where the person stands in the reply.")
    fields: WhoFields = Field(description="What the person says that the row does not.")
    per_run: int = Field(
        500, ge=1, description="At most so many calls in a run; who is beyond that is named by a later one."
    )
    fresh_for: Period = Field(timedelta(days=7), description="How long a person is remembered.")

    @model_validator(mode="after")
    def _names_the_person(self) -> Self:
        if "person" not in names_in(self.path):
            raise ValueError("path has to hold {person}")
        return self


class Beside(Part):
    """People who stand in the same reply beside the rows."""

    key: Expression = Field(description="Of the row: who it is about.")
    records: Expression = Field(description="Where the people stand in the reply.")
    id: Expression = Field("id", description="Of a person: what `key` names.")
    fields: WhoFields = Field(description="What the person says that the row does not.")


class Each(Part):
    """One more call per survey, for its definition."""

    path: str = Field(description="Below base_url, with {survey}.")
    query: Query = Field(default={}, description="What the call says.")
    record: Expression = Field("@", description="Where the definition stands in the reply.")

    @model_validator(mode="after")
    def _names_the_survey(self) -> Self:
        if "survey" not in names_in(self.path):
            raise ValueError("path has to hold {survey}")
        return self


class Discovery(Part):
    """Which surveys there are, for {survey} in the request, and what is known of each."""

    named: Annotated[tuple[str, ...], BeforeValidator(as_list)] = Field(
        (), description="The surveys to read, by their ids; then none is looked for."
    )
    path: str | None = Field(None, description="Where the tool lists its surveys, below base_url.")
    query: Query = Field(default={}, description="What that call says.")
    pages: Pages = Field(OnePage(), description="How that list is paged.")
    records: Annotated[Sequence[Expression], BeforeValidator(as_list)] = Field(
        ("@",), description="Where the surveys stand in that reply: the first that is a list."
    )
    id: Expression = Field("id", description="A survey's id.")
    only: Expression | None = Field(None, description="Surveys to take, by what that list says of them.")
    each: Each | None = Field(None, description="Where the definition of one survey is.")
    values: Mapping[str, Expression] = Field(
        default={},
        description="What a survey says of itself (its definition, else its entry in the list): usable as {name:key} "
        "in `fields`. A survey without what the score needs is none of ours.",
    )
    given: Mapping[str, Mapping[str, str]] = Field(
        default={}, description="The same by hand, for surveys by id: it goes before what is found."
    )
    fresh_for: Period = Field(
        timedelta(days=1), description="How long what a survey says of itself is remembered."
    )

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.path is None and not self.named:
            raise ValueError("path or named is missing: which surveys are there?")
        return self


# ---------------------------------------------------------------- what goes wrong


class Failure(Part):
    """A reply with status 200 that is none."""

    when: Expression = Field(description="True of such a reply.")
    message: Expression | None = Field(None, description="Where the reply says why, in a short text.")
    retry: bool = Field(False, description="Whether the same call may succeed a moment later.")


class Budget(Part):
    """A limit of the tool."""

    calls: int = Field(ge=1, description="At most so many calls")
    seconds: float = Field(60.0, gt=0, description="in so many seconds.")


class Throttle(Part):
    """How often the tool may be called, and how it tells when to call again beside Retry-After."""

    calls: int | None = Field(None, ge=1, description="At most so many calls")
    seconds: float = Field(60.0, gt=0, description="in so many seconds.")
    also: Sequence[Budget] = Field(default=(), description="More limits that hold at once.")
    per_day: int | None = Field(
        None,
        ge=1,
        description="Calls a day (UTC): when they are spent a run ends cleanly, and the next day goes on.",
    )
    left_header: str | None = Field(
        None, description="A header that says how many calls are left: at 0 we wait for the reset."
    )
    reset_header: str | None = Field(None, description="A header that says when calls are allowed again.")
    reset_is: Literal["unix_s", "seconds"] = Field("unix_s", description="What that header holds.")
    daily_header: str | None = Field(
        None, description="A header that says what is left of the day's calls: at 0 a run ends cleanly."
    )
    wait: float = Field(60.0, gt=0, description="Seconds to wait after a 429 that names no time.")


# ---------------------------------------------------------------- what is pushed


class Push(Part):
    """What the tool posts to /hooks/CONNECTION when somebody answers. Whoever signs is believed; whoever only knows a
    secret header or address says that there is something to read."""

    auth: Proof = Field(description="How the tool proves who it is.")
    events: Expression = Field(
        "@", description="Where in a body the events stand: one object, or a list of them."
    )
    only: Expression | None = Field(
        None, description="Events that tell of an answer; others are answered and left alone."
    )
    deleted: Expression | None = Field(
        None, description="Events that tell that an answer was deleted. Believed only of a tool that signs."
    )
    row: Expression | None = Field(
        None,
        description="Where an event holds the answer as the list would show it; then it need not be read again.",
    )
    same: tuple[str, ...] = Field(
        (),
        description="The keys of `row` that are exactly what the list has. An answer whose fields need others is read.",
    )
    id: Expression | None = Field(None, description="The answer's id in an event; default: that of `row`.")
    survey: Expression | None = Field(None, description="The survey's id in an event.")
    key: Expression | None = Field(
        None, description="The event's own id: the same again is the same event. Default: its content."
    )
    list_after: Period = Field(
        timedelta(minutes=1),
        description="Where only the list tells more: how long after the last run it is read again at the earliest.",
    )

    @property
    def is_signed(self) -> bool:
        """Whether every event of a body is proved: a signature over the first of them says nothing of the others."""
        return isinstance(self.auth, Hmac) and self.auth.signed != "first_batch_item"

    @model_validator(mode="after")
    def _only_who_signs_is_believed(self) -> Self:
        if self.row is not None and not self.is_signed:
            raise ValueError(
                "row needs auth of kind hmac over the whole body: what is not signed is read again, never believed"
            )
        if (self.row is None) != (not self.same):
            raise ValueError("row and same belong together: which of its keys are what the list has?")
        return self


class Description(Part):
    """How answers are read out of one tool."""

    base_url: str = Field(description="The address of the API.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")
    auth: Auth = Field(NoAuth(), description="How calls are authorised.")
    request: Request = Field(description="The listing of answers.")
    records: Annotated[Sequence[Expression], BeforeValidator(as_list), Field(min_length=1)] = Field(
        ("@",), description="Where the rows stand in a reply; of several paths the first that is a list."
    )
    pages: Pages = Field(OnePage(), description="How to come to the next page.")
    since: Since = Field(Everything(), description="How to read on from where the last run stopped.")
    walls: Walls = Field(Walls.model_validate({}), description="Where a listing stops.")
    fields: Fields = Field(description="What of a row is what.")
    rows: Rows = Field(Rows.model_validate({}), description="Which rows are answers, and which count.")
    dates: Annotated[Sequence[Annotated[str, AfterValidator(known_format)]], BeforeValidator(as_list)] = (
        Field(
            ("iso",),
            description='How times are written, tried in order: iso, unix, unix_ms, or a pattern like "%d/%m/%Y".',
        )
    )
    time_zone: Annotated[str, AfterValidator(known_zone)] | None = Field(
        None, description="Zone of times that name none. Without it such a row is rejected, never guessed."
    )
    channel: str | None = Field(None, description="The channel of every answer, when no field tells it.")
    surveys: Discovery | None = Field(None, description="The tool's surveys, where each is listed by itself.")
    look_up: Lookup | None = Field(None, description="Who gave an answer, where only another call says it.")
    beside: Beside | None = Field(None, description="Who gave an answer, where it stands beside the rows.")
    push: Push | None = Field(None, description="What the tool posts when somebody answers.")
    failures: Sequence[Failure] = Field(default=(), description="Replies with status 200 that are none.")
    throttle: Throttle = Field(Throttle.model_validate({}), description="How often the tool may be called.")

    _safe_address = model_validator(mode="after")(safe_address)

    @model_validator(mode="after")
    def _everything_is_named(self) -> Self:
        if faults := list(self._unnamed()):
            raise Faults(faults)
        return self

    def _unnamed(self) -> Iterator[Fault]:
        request = self.request
        asked = set(names_in([request.path, request.query, request.body or {}, request.headers]))
        if "survey" in asked and self.surveys is None:
            yield Fault(("request",), "{survey} is named, and `surveys` does not say which there are")
        if self.surveys is not None and "survey" not in asked and not self.surveys.values:
            yield Fault(("surveys",), "request names no {survey}, so nothing is asked of each survey")
        in_path = set(names_in(request.path)) - self.later() - {"survey"}
        yield from (
            Fault(("request", "path"), f"{{{name}}} is no parameter of `pages` or `since`")
            for name in sorted(in_path)
        )
        known = set(self.surveys.values) if self.surveys is not None else set()
        for part, used in (("fields", self.fields), ("rows", self.rows), ("records", self.records)):
            data = used.model_dump() if isinstance(used, BaseModel) else list(used)
            for name in sorted(set(names_in(data)) - known):
                yield Fault((part,), f"{{{name}}} is not among surveys.values")

    @property
    def earliest(self) -> datetime | None:
        """Where a first read begins that nothing else bounds."""
        day = self.since.earliest if isinstance(self.since, ByTime) else None
        return None if day is None else datetime.combine(day, time(), UTC)

    def later(self) -> frozenset[str]:
        """Names of parameters that pagination and cursor set: they may stand in the path."""
        return later_names(self.model_dump(include={"pages", "since"}))


def later_names(data: Mapping[str, Any]) -> frozenset[str]:
    """What a description's texts may name that is known only when calls are made, of data that may still be wrong."""
    pages, since, surveys = (data.get(key) for key in ("pages", "since", "surveys"))
    found: list[Any] = []
    for block in (pages, since):
        if isinstance(block, Mapping):
            found += [block.get("param"), block.get("size_param")]
            until = block.get("until")
            found += [until.get("param")] if isinstance(until, Mapping) else []
    if isinstance(surveys, Mapping) and isinstance(surveys.get("values"), Mapping):
        found += surveys["values"]
    return frozenset(each for each in found if isinstance(each, str))
