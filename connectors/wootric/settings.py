"""What a Wootric connection says about itself in the YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from connectors.addresses import checked_base_url
from connectors.contract import Settings
from nps.durations import Duration

_HOSTS = {
    "NPS-EU-": "https://api.wootric.eu",
    "NPS-AU-": "https://api.wootric.au",
}
_US = "https://api.wootric.com"


class WootricSettings(Settings):
    """How to sign in, and what to make of what comes back."""

    client_id: str | None = Field(None, description="Client id from the API tab of the account settings.")
    client_secret: SecretStr | None = Field(None, description="Client secret that belongs to the client id.")
    username: str | None = Field(None, description="E-mail of a login, instead of client id and secret.")
    password: SecretStr | None = Field(None, description="Password of that login.")
    account_token: str | None = Field(
        None,
        description="Account token (NPS-…, NPS-EU-…, NPS-AU-…): chooses the region, and the account when the "
        "login owns several.",
    )
    base_url: str | None = Field(None, description="Another address of the API; default is the region's own.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")
    overlap: Duration = Field(
        timedelta(days=7),
        description="How far back each run reads again, to notice comments added and scores changed later.",
    )
    look_up: Literal["when_needed", "always", "never"] = Field(
        "when_needed",
        description="When the person behind an answer is looked up: only where the answer names no e-mail, "
        "always (for phone or external id), or never.",
    )
    channel: str | None = Field(
        None, description="The channel of answers whose channel Wootric does not tell, for example email."
    )
    partial_when_incomplete: bool = Field(
        False, description="Treat an answer that Wootric calls not completed as half-finished: it waits."
    )

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        by_client = (self.client_id, self.client_secret)
        by_login = (self.username, self.password)
        if any(by_client) and any(by_login):
            raise ValueError("give client_id and client_secret, or username and password, not both")
        if not all(by_client) and not all(by_login):
            raise ValueError("needs client_id and client_secret (or username and password)")
        return self

    @model_validator(mode="after")
    def _a_safe_address(self) -> Self:
        if self.base_url is not None:
            try:
                checked_base_url(self.base_url, allow_http=self.allow_http)
            except ValueError as error:
                raise ValueError(f"base_url {error}") from None
        return self

    @property
    def address(self) -> str:
        """Where the API is: base_url, else the host of the account's region."""
        if self.base_url is not None:
            return self.base_url
        token = (self.account_token or "").upper()
        return next((host for prefix, host in _HOSTS.items() if token.startswith(prefix)), _US)
