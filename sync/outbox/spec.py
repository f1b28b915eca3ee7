"""What follows an answer, as the YAML says it: `history:` and `follow_up:` of a sync."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from connectors.contract import Priority
from mapping.names import problem_of_name
from mapping.spec import FieldMapping, Scalar
from mapping.templates import TemplateProblem, names_of, parse_template
from nps.durations import Period

BRIEFING = ("cases", "why", "previous_answered_at")
"""What the body of a task may name beside the names of a mapping."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _template(text: str) -> str:
    return _parsed(text, ())


def _body(text: str) -> str:
    return _parsed(text, BRIEFING)


def _parsed(text: str, also: tuple[str, ...]) -> str:
    try:
        parse_template(text, also)
    except TemplateProblem as problem:
        raise PydanticCustomError(problem.code, "{problem}", {"problem": str(problem)}) from None
    return text


Template = Annotated[str, Field(min_length=1), AfterValidator(_template)]
Body = Annotated[str, Field(min_length=1), AfterValidator(_body)]


class HistorySpec(_Part):
    """Every answer as a record of its own, kept up to date when the answer is edited."""

    object: str = Field(
        min_length=1,
        description="The object of these records, in the vendor's own name: NPS_Response__c; with HubSpot also notes.",
    )
    key: str | None = Field(
        default=None,
        min_length=1,
        description="The field that holds npsync's key of the answer, unique there (Salesforce: an external id). "
        "Notes have none.",
    )
    fields: Mapping[str, FieldMapping] = Field(
        min_length=1,
        description="Field of these records → what it shows, as in the sync's own `fields`; `record.id` and "
        "`account_id` are whom it belongs to.",
    )
    withdrawn: Mapping[str, Scalar] = Field(
        default={},
        description="Field → value for an answer that was withdrawn at its source. Without it the record stays as "
        "it is.",
    )


class TaskSpec(_Part):
    """Something for one colleague to do. An answer gets one task, however many rules it meets: the first one's."""

    subject: Template = Field(
        description="A line, with names in braces: Call {record.Name}, who gave a {score}."
    )
    body: Body | None = Field(
        default=None,
        description="The text, with names in braces; beside those of a mapping also {cases}, {why} and "
        "{previous_answered_at}. Without it: score, comment, the score before, open and recent cases, and where to "
        "see why.",
    )
    due: Period = Field(
        default=timedelta(days=2), description="How long until it is due: calendar days in time_zone."
    )
    owner: str | None = Field(
        default=None,
        description="The name of a field with its owner: record.FIELD or account.FIELD. Without it people.owner, of "
        "the person's record and then of the account.",
    )
    otherwise: tuple[str, ...] = Field(
        default=(),
        description="Who gets it instead, in this order, when that owner has left or there is none: ids or e-mail "
        "addresses of colleagues in the CRM.",
    )
    priority: Priority = Field(default=Priority.NORMAL, description="high, normal or low.")

    @field_validator("owner")
    @classmethod
    def _of_a_record(cls, name: str | None) -> str | None:
        if name is None:
            return None
        problem = problem_of_name(name)
        if problem is None and name.partition(".")[0] not in ("record", "account"):
            problem = (
                f'"{name}" is no field of the record or its account; write record.FIELD or account.FIELD'
            )
        if problem:
            raise PydanticCustomError("unknown_name", "{problem}", {"problem": problem})
        return name


class NotifySpec(_Part):
    """One message for each answer, however often it is edited."""

    connection: str = Field(description="The connection that tells people: Slack, mail, a webhook.")
    text: Template = Field(description="The message, with names in braces.")
    to: str = Field(default="", description="A channel or an address there; without it the connection's own.")
    share_comments: bool = Field(
        default=False, description="true: the customer's comment is in the message too."
    )
    at_most: int = Field(
        default=10,
        ge=1,
        description="When one run has more messages than this, one that counts them goes out instead.",
    )

    @model_validator(mode="after")
    def _says_so(self) -> NotifySpec:
        if not self.share_comments and "comment" in names_of(parse_template(self.text)):
            raise PydanticCustomError(
                "comment_not_shared",
                "the text tells the customer's comment; say share_comments: true, or leave it out",
            )
        return self


class ListSpec(_Part):
    """A place on a list or in a campaign for as long as the record's answer meets the rule."""

    list: str = Field(min_length=1, description="The list or campaign, by its name or id in the CRM.")
    status: str | None = Field(default=None, description="The status of a campaign's new members.")


class FollowUpRule(_Part):
    """What happens after an answer that meets `where`."""

    where: str | None = Field(
        default=None, description='CEL condition over the same names as `where`: segment == "detractor".'
    )
    task: TaskSpec | None = Field(default=None, description="A task in the CRM.")
    notify: NotifySpec | None = Field(default=None, description="A message to people.")
    add_to: ListSpec | None = Field(default=None, description="A list or campaign in the CRM.")

    @model_validator(mode="after")
    def _does_something(self) -> FollowUpRule:
        if self.task is None and self.notify is None and self.add_to is None:
            raise PydanticCustomError(
                "nothing_to_do", "say what happens then: at least one of task, notify, add_to"
            )
        return self
