"""What a Pulse connection says about itself in the YAML."""

from __future__ import annotations

from pydantic import Field, SecretStr, model_validator

from npsync.connect import Settings, safe_address


class PulseSettings(Settings):
    """Which Pulse, and the key to it."""

    base_url: str = Field(description="The address of your Pulse, like https://pulse.example.com.")
    key: SecretStr = Field(min_length=1, description="An API key with the right to read changes.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    _safe_address = model_validator(mode="after")(safe_address)
