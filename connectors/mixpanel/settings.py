"""What a Mixpanel connection says about itself in the YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, field_validator, model_validator

from connectors.addresses import checked_base_url
from connectors.contract import Settings
from nps.durations import Duration, Period

_HOSTS = {
    "us": "https://data.mixpanel.com",
    "eu": "https://data-eu.mixpanel.com",
    "in": "https://data-in.mixpanel.com",
}


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
        None, description="For feature_used: who reads the raw export."
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
    base_url: str | None = Field(None, description="Another address of the export's host.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    @property
    def address(self) -> str:
        return self.base_url or _HOSTS[self.residency]

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
        if self.service_account is None and self.hooks is None:
            raise ValueError("say service_account (for feature_used) or hooks (for entered_cohort), or both")
        try:
            checked_base_url(self.address, allow_http=self.allow_http)
        except ValueError as error:
            raise ValueError(f"base_url {error}") from None
        return self
