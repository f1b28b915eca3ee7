"""What an Intercom connection says about itself in the YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from connectors.addresses import checked_base_url
from connectors.contract import Settings
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


class IntercomSettings(Settings):
    """Which workspace, and how it is read."""

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
    hooks: Hooks | None = Field(None, description="What Intercom may push to us; nothing without it.")
    base_url: str | None = Field(None, description="Another address of the API.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    @property
    def address(self) -> str:
        return self.base_url or _HOSTS[self.region]

    @model_validator(mode="after")
    def _a_safe_address(self) -> Self:
        try:
            checked_base_url(self.address, allow_http=self.allow_http)
        except ValueError as error:
            raise ValueError(f"base_url {error}") from None
        return self
