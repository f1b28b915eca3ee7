"""How calls to an API are authorised, as YAML says it: the same for declared sources and for customer masters."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]


class _Auth(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoAuth(_Auth):
    """Nothing is sent."""

    kind: Literal["none"] = "none"


class HeaderAuth(_Auth):
    """A header that never changes: an API key."""

    kind: Literal["header"] = "header"
    header: HeaderName = Field("Authorization", description="The header's name, like X-API-KEY.")
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
    token_field: str = Field(
        "access_token",
        description="Where the reply holds the token: a name, or names with dots between them.",
    )
    expires_field: str = Field("expires_in", description="Where the reply says how many seconds it lives.")
    header: HeaderName = Field("Authorization", description="The header it is sent in.")
    value: str = Field(
        "Bearer {token}", description='The header\'s value; "{token}" where no word precedes it.'
    )

    @field_validator("value")
    @classmethod
    def _holds_the_token(cls, value: str) -> str:
        if "{token}" not in value:
            raise ValueError('has to hold "{token}", where the token goes')
        return value

    @model_validator(mode="after")
    def _enough_for_the_grant(self) -> Self:
        needed = _NEEDED.get(self.grant or "", ())
        if missing := [name for name in needed if getattr(self, name) is None]:
            raise ValueError(f"grant: {self.grant} needs {' and '.join(missing)}")
        if self.client == "basic" and self.client_id is None:
            raise ValueError("client: basic needs client_id")
        if self.grant is None and self.client_id is None and self.username is None:
            raise ValueError("grant: null needs client_id, or username")
        return self


_NEEDED = {
    "client_credentials": ("client_id", "client_secret"),
    "password": ("username", "password"),
    "refresh_token": ("refresh_token",),
}

Auth = Annotated[NoAuth | HeaderAuth | BearerAuth | BasicAuth | TokenAuth, Field(discriminator="kind")]
