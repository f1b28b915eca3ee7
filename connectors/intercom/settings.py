"""What an Intercom connection says about itself in the YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from connectors.addresses import safe_address
from connectors.contract import Settings
from connectors.declared.expressions import checked
from nps.durations import Period

_HOSTS = {
    "us": "https://api.intercom.io",
    "eu": "https://api.eu.intercom.io",
    "au": "https://api.au.intercom.io",
}


class Hooks(Settings):
    """What Intercom may push to /hooks/CONNECTION. It only names conversations, which are read again."""

    client_secret: SecretStr = Field(
        min_length=1, description="The app's client secret (Developer Hub): it signs every notification."
    )


Place = Annotated[str, AfterValidator(checked)]


class Answers(Settings):
    """Answers to Intercom's own surveys, which only its notifications tell. Where their keys stand is not documented:
    each is a JMESPath of the notification's item, to be set where yours differs."""

    score: str = Field(min_length=1, description="The id of the question whose answer is the score.")
    comment: str | None = Field(None, description="The id of the question whose answer is the comment.")
    kind: Place = Field(
        "content_stat.stat_type || stat_type", description="Whether it is an answer or a completion."
    )
    survey: Place = Field("content_stat.content_id || content_id", description="The survey's id, for at:.")
    contact: Place = Field("content_stat.contact.id || contact.id", description="The id of who answered.")
    entries: Place = Field("content_stat.answers || answers", description="All answers of a completion.")
    entry: Place = Field(
        "(content_stat.question_id && content_stat) || @", description="The one of an answer."
    )
    question: Place = Field("question_id", description="Of an answer, the question's id.")
    response: Place = Field("response", description="Of an answer, what was said.")
    answered_at: Place = Field("answered_at", description="Of an answer, when it was given, in Unix seconds.")


class Limits(Settings):
    """How fast npsync calls. Intercom allows an app 10,000 calls a minute, counted in ten seconds, and a workspace
    25,000 for all of its apps together."""

    per_10_seconds: int = Field(1_500, ge=1, le=1_666, description="Calls in any ten seconds.")
    parallel: int = Field(8, ge=1, le=32, description="Calls under way at a time.")


class Provision(Settings):
    """Who creates data attributes. The token of every day needs no such right."""

    access_token: SecretStr = Field(
        min_length=1,
        description="Access token of an app that may write data attributes, used by npsync provision.",
    )


class IntercomSettings(Settings):
    """Which workspace, and how it is read and written to."""

    access_token: SecretStr = Field(min_length=1, description="Access token of an app in your workspace.")
    region: Literal["us", "eu", "au"] = Field(
        "us", description="Where the workspace is hosted; it cannot change."
    )
    version: str = Field(
        "2.16",
        pattern=r"^\d+\.\d+$",
        description="The API's version that is asked for; payloads differ between versions.",
    )
    overlap: Period = Field(
        timedelta(hours=1),
        description="How far back each poll looks again: new conversations can be missing from search for minutes.",
    )
    search_lag: Period = Field(
        timedelta(minutes=10),
        description="How long Intercom's search may show a contact as it was before npsync wrote it: those contacts "
        "are read by their ids meanwhile.",
    )
    time_zone: str | None = Field(
        None, description="The workspace's time zone, where it is not the file's: dates are taken there."
    )
    hooks: Hooks | None = Field(None, description="What Intercom may push to us; nothing without it.")
    answers: Answers | None = Field(
        None, description="Answers to Intercom's own surveys, of what is pushed (hooks)."
    )
    provision: Provision | None = Field(
        None,
        description="Another credential for npsync provision; without it, access_token creates attributes.",
    )
    limits: Limits = Field(default=Limits.model_validate({}), description="How fast npsync calls.")
    base_url: str | None = Field(None, description="Another address of the API.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    @property
    def address(self) -> str:
        return self.base_url or _HOSTS[self.region]

    def zone(self, usual: str) -> ZoneInfo:
        """Where dates are taken; `usual` is the file's time zone."""
        return _zone(self.time_zone or usual) or ZoneInfo("UTC")

    @field_validator("time_zone")
    @classmethod
    def _a_known_zone(cls, name: str | None) -> str | None:
        if name is not None and _zone(name) is None:
            raise ValueError(f'there is no time zone "{name}"; write it like America/New_York')
        return name

    _safe_address = model_validator(mode="after")(safe_address)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
