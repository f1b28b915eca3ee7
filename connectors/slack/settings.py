"""What a Slack connection says about itself in the YAML."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from connectors.addresses import checked_base_url
from connectors.contract import Settings


class SlackSettings(Settings):
    """Which channel hears of it: an incoming webhook, or a bot's token and a channel."""

    webhook_url: SecretStr | None = Field(
        None,
        description="The address of an incoming webhook. It is a secret: whoever has it can post there.",
    )
    token: SecretStr | None = Field(None, description="A bot token (xoxb-…), instead of webhook_url.")
    channel: str | None = Field(
        None,
        min_length=1,
        description="With a token: the channel's id (C…), unless what alerts says another one.",
    )
    mention_owner: bool = Field(
        False,
        description="With a token: mention the record's owner, found by e-mail (scope users:read.email).",
    )
    per_second: int = Field(1, ge=1, le=50, description="At most so many messages in a second.")
    base_url: str = Field("https://slack.com/api", description="Another address of the API, for a token.")
    allow_http: bool = Field(False, description="Allow an address without TLS on a host you trust.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.webhook_url is None) == (self.token is None):
            raise ValueError("give webhook_url or token, one of them")
        if self.webhook_url is not None and (self.channel is not None or self.mention_owner):
            raise ValueError("channel and mention_owner need a token: a webhook posts to its own channel")
        return self

    @model_validator(mode="after")
    def _safe_addresses(self) -> Self:
        for name, url in self._addresses.items():
            try:
                checked_base_url(url, allow_http=self.allow_http)
            except ValueError:
                # What is wrong with it would quote it, and a webhook's address is a secret.
                raise ValueError(
                    f"{name} is no address npsync may call: it needs https:// and a host, without query or fragment"
                ) from None
        return self

    @property
    def _addresses(self) -> dict[str, str]:
        if self.webhook_url is not None:
            return {"webhook_url": self.webhook_url.get_secret_value()}
        return {"base_url": self.base_url}
