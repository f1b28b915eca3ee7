"""How calls to an API are authorised, as YAML says it: the same for declared sources and for customer masters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class _Auth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Auth):
    """Nothing is sent."""

    kind: Literal["none"] = "none"


class HeaderAuth(_Auth):
    """A header that never changes: an API key."""

    kind: Literal["header"] = "header"
    header: str = Field("Authorization", description="The header's name, like X-API-KEY.")
    value: SecretStr = Field(description='The whole value, like "Token ${KEY}".')


class BearerAuth(_Auth):
    """`Authorization: Bearer TOKEN`, with a token that lives for ever."""

    kind: Literal["bearer"] = "bearer"
    token: SecretStr = Field(description="The access token.")


class BasicAuth(_Auth):
    """HTTP Basic; many vendors take an API key as the user and no password."""

    kind: Literal["basic"] = "basic"
    username: SecretStr = Field(description="The user, or an API key.")
    password: SecretStr = Field(SecretStr(""), description="The password; often none.")


class TokenAuth(_Auth):
    """A token that is asked for, renewed a minute early, and once more when it is refused."""

    kind: Literal["oauth2"] = "oauth2"
    grant: Literal["client_credentials", "password", "refresh_token"] | None = Field(
        "client_credentials", description="The OAuth2 grant; null leaves grant_type out."
    )
    token_url: str = Field("/oauth/token", description="Where the token is: a path, or a whole address.")
    body: Literal["form", "json"] = Field("form", description="How the request for it is written.")
    client: Literal["body", "basic"] = Field("body", description="Where the client's id and secret go.")
    client_id: str | None = Field(None, description="The client's id.")
    client_secret: SecretStr | None = Field(None, description="The client's secret.")
    username: str | None = Field(None, description="With grant: password.")
    password: SecretStr | None = Field(None, description="With grant: password.")
    refresh_token: SecretStr | None = Field(
        None, description="With grant: refresh_token. A new one that comes back is remembered."
    )
    scope: str | None = Field(None, description="Scopes to ask for, with blanks between them.")
    token_field: str = Field("access_token", description="Where the reply holds the token.")
    expires_field: str = Field("expires_in", description="Where the reply says how many seconds it lives.")
    header: str = Field("Authorization", description="The header it is sent in.")
    value: str = Field(
        "Bearer {token}", description='The header\'s value; "{token}" where no word precedes it.'
    )


Auth = Annotated[NoAuth | HeaderAuth | BearerAuth | BasicAuth | TokenAuth, Field(discriminator="kind")]
