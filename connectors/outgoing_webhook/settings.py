"""What an outgoing webhook says about itself in the YAML."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.addresses import checked_base_url
from connectors.contract import Settings

_PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # bytes, as the specification wants a symmetric key


def _key(secret: SecretStr) -> SecretStr:
    try:
        size = len(key_of(secret))
    except binascii.Error:
        size = 0
    if not _LEAST <= size <= _MOST:
        raise ValueError("is no signing secret: it is whsec_ and then 24 to 64 random bytes as base64")
    return secret


def key_of(secret: SecretStr) -> bytes:
    """The bytes that sign. Raises binascii.Error for what is no base64."""
    return base64.b64decode(secret.get_secret_value().removeprefix(_PREFIX), validate=True)


class OutgoingWebhookSettings(Settings):
    """Which program hears of it."""

    url: SecretStr = Field(
        description="Where alerts are posted. It may hold a secret, so it is treated as one."
    )
    secret: Annotated[SecretStr, AfterValidator(_key)] | None = Field(
        None,
        description="Signs every request as Standard Webhooks asks (webhook-signature): whsec_ and base64.",
    )
    per_minute: int = Field(60, ge=1, le=10_000, description="At most so many requests in a minute.")
    allow_http: bool = Field(False, description="Allow an address without TLS on a host you trust.")

    @model_validator(mode="after")
    def _safe_address(self) -> Self:
        try:
            checked_base_url(self.url.get_secret_value().partition("?")[0], allow_http=self.allow_http)
        except ValueError:
            raise ValueError(
                "url is no address npsync may call: it needs https:// and a host, without login or fragment"
            ) from None
        return self
