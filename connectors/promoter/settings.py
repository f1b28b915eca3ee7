"""What a Promoter.io connection says about itself in the YAML."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, model_validator

from connectors.addresses import safe_address
from connectors.contract import Settings


class PromoterSettings(Settings):
    """Which account asks. The campaign stands in the survey's `at`."""

    api_key: SecretStr = Field(description="API key from the account's settings.")
    channel: Literal["email", "sms"] = Field(
        "email", description="How the campaign reaches people: which opt-outs and consents count."
    )
    campaign_field: Literal["campaign_id", "campaign"] = Field(
        "campaign_id",
        description="What the API calls the campaign. Accounts differ; `npsync` says when the other one is meant.",
    )
    external_id_attribute: str | None = Field(
        None,
        description="The contact attribute that holds your own id of a person, to be set with each send.",
    )
    per_minute: int = Field(
        60, ge=1, le=10_000, description="At most so many calls in a minute, by your plan."
    )
    base_url: str = Field("https://app.promoter.io/api", description="Another address of the API.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    _safe_address = model_validator(mode="after")(safe_address)
