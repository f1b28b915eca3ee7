"""What a Mixpanel connection says about itself in the YAML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.addresses import safe_address
from connectors.contract import Settings
from nps.durations import Duration, Period

_EXPORT = {
    "us": "https://data.mixpanel.com",
    "eu": "https://data-eu.mixpanel.com",
    "in": "https://data-in.mixpanel.com",
}
_INGESTION = {
    "us": "https://api.mixpanel.com",
    "eu": "https://api-eu.mixpanel.com",
    "in": "https://api-in.mixpanel.com",
}
_QUERY = {"us": "https://mixpanel.com", "eu": "https://eu.mixpanel.com", "in": "https://in.mixpanel.com"}

WRITE_ONLY = (
    "without a service account Mixpanel lets nobody look at profiles. Add service_account to the connection "
    "(a Consumer of the project is enough)"
)

Kind = Literal["number", "text", "boolean", "date", "datetime", "list"]


class ServiceAccount(Settings):
    """Who reads the raw export."""

    username: str = Field(min_length=1, pattern=r"^[^:]+$", description="The service account's username.")
    secret: SecretStr = Field(min_length=1, description="Its secret. It may expire, as was chosen there.")


class Hooks(Settings):
    """What a cohort sync says to us at /hooks/CONNECTION: Mixpanel signs nothing, so it has to log in."""

    username: str = Field(min_length=1, pattern=r"^[^:]+$", description="The username set at the webhook.")
    password: SecretStr = Field(min_length=12, description="The password set at the webhook.")
    on_full_sync: Literal["baseline_only", "everybody"] = Field(
        "baseline_only",
        description="What a full list of a cohort means: these people are in it already, and nobody is asked; or "
        "everybody on it entered just now.",
    )


class MixpanelSettings(Settings):
    """Which project, and how it is read."""

    project_id: str = Field(
        min_length=1, pattern=r"^\d+$", description="Project settings, Overview: Project ID."
    )
    residency: Literal["us", "eu", "in"] = Field("us", description="Where the project's data is kept.")
    project_time_zone: str = Field(
        "UTC",
        description="Projects made before 2023 count days and times in their own time zone: Project settings, "
        "Timezone. Leave it for newer ones.",
    )
    service_account: ServiceAccount | None = Field(
        None, description="Who reads: the raw export for feature_used, and profiles before they are written."
    )
    project_token: str | None = Field(
        None,
        min_length=1,
        description="To write profiles: Project settings, Overview: Project Token. No secret, but a wrong one is "
        "never told: updates with it vanish.",
    )
    distinct_id_is: Literal["external_id"] | None = Field(
        None,
        description="Says that the external id of an answer is the distinct id in Mixpanel. To write profiles without "
        "a service account it has to be said: nobody can look whether there is such a profile, and writing makes one.",
    )
    properties: Mapping[Annotated[str, Field(min_length=1, max_length=255)], Kind | tuple[str, ...]] = Field(
        default_factory=dict,
        description="The profile properties that may be written, each with what it holds (number, text, boolean, date, "
        "datetime, list) or the list of its values. Left out: any name is taken as it is, with its typing errors.",
    )
    confirm: Literal["strict", "verbose"] = Field(
        "strict",
        description="How Mixpanel is asked whether it took an update. strict names those it did not take; verbose is "
        "for projects that answer strict otherwise than npsync can read.",
    )
    every: Duration = Field(
        timedelta(minutes=15),
        description="How often the export is asked, at most: 60 queries an hour are the project's, for all tools.",
    )
    look_back: Period = Field(
        timedelta(days=2), description="How late an event may reach Mixpanel and still ask, in whole days."
    )
    overlap: Period = Field(
        timedelta(hours=2),
        description="How much later than it was processed an event may show up in the export.",
    )
    hooks: Hooks | None = Field(None, description="For entered_cohort: how a cohort sync logs in to us.")
    base_url: str | None = Field(None, description="Another address, for all of Mixpanel's hosts.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    @property
    def address(self) -> str:
        """Of the raw export."""
        return self.base_url or _EXPORT[self.residency]

    @property
    def ingestion(self) -> str:
        return self.base_url or _INGESTION[self.residency]

    @property
    def query(self) -> str:
        return self.base_url or _QUERY[self.residency]

    @property
    def write_only(self) -> bool:
        """Whether profiles are written that nobody can look at."""
        return self.project_token is not None and self.service_account is None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.project_time_zone)

    @field_validator("project_time_zone")
    @classmethod
    def _a_known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f'"{name}" is no time zone; write it like "Europe/Berlin"')
        return name

    @model_validator(mode="after")
    def _of_some_use(self) -> Self:
        if self.service_account is None and self.hooks is None and self.project_token is None:
            raise ValueError(
                "say service_account (for feature_used), hooks (for entered_cohort) or project_token (to write "
                "profiles)"
            )
        if self.write_only and self.distinct_id_is is None:
            raise ValueError(
                "without service_account nobody can look for profiles: say it, or say distinct_id_is: external_id if "
                "the external id of an answer is the distinct id (a person without a profile is then given one)"
            )
        return self

    _safe_address = model_validator(mode="after")(safe_address)
