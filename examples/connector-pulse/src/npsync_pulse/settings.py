"""What a Pulse connection says about itself in the YAML."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from npsync.connect import Settings, checked_base_url


class PulseSettings(Settings):
    """Which Pulse, and the key to it."""

    base_url: str = Field(description="The address of your Pulse, like https://pulse.example.com.")
    key: SecretStr = Field(min_length=1, description="An API key with the right to read changes.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    @model_validator(mode="after")
    def _a_safe_address(self) -> Self:
        try:
            checked_base_url(self.base_url, allow_http=self.allow_http)
        except ValueError as error:
            raise ValueError(f"base_url {error}") from None
        return self
