"""Who may sign in: the `sign_in:` part of the YAML."""

from __future__ import annotations

import hashlib
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from connectors.addresses import checked_base_url, is_loopback
from npsync.sign_in.roles import Role


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _address(text: str) -> str:
    checked_base_url(text, allow_http=True)
    parts = urlsplit(text.strip())
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must start with https://: whoever answers there says who is admin")
    return text.strip()


def _domain(text: str) -> str:
    if "@" in text or "." not in text:
        raise ValueError("has to be a domain, like acme.com")
    return text.lower()


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Address = Annotated[str, AfterValidator(_address)]
Domain = Annotated[Text, AfterValidator(_domain)]


class RolesSpec(_Part):
    """Which values of a claim make which role. Who has several has the highest; who has none does not come in."""

    claim: Text = Field(
        "groups",
        description="What the provider says of a person that decides. Dots lead into it: realm_access.roles. `email` "
        "names people one by one, where the provider has verified their address.",
    )
    admin: tuple[Text, ...] = Field((), description="Also undo and redo runs.")
    operator: tuple[Text, ...] = Field(
        (), description="Also run, pause, retry, review and release; stop and resume sends."
    )
    viewer: tuple[Text, ...] = Field((), description="See everything, change nothing.")
    reports: tuple[Text, ...] = Field((), description="See figures alone: nobody's name or words.")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not any(values for _, values in self.by_rank):
            raise ValueError("names nobody: give at least one role, like viewer: [revops]")
        return self

    @property
    def by_rank(self) -> tuple[tuple[Role, tuple[str, ...]], ...]:
        """The highest first."""
        return (
            (Role.ADMIN, self.admin),
            (Role.OPERATOR, self.operator),
            (Role.VIEWER, self.viewer),
            (Role.REPORTS, self.reports),
        )


class OidcSpec(_Part):
    """A provider who knows your people (OpenID Connect). It sends them back to public_url/sign-in/oidc/back: register
    this address there."""

    issuer: Address = Field(
        description="The provider's address, as its /.well-known/openid-configuration has it."
    )
    client_id: Text = Field(description="What the provider calls npsync.")
    client_secret: SecretStr = Field(description="What npsync proves itself with there.")
    name: Text | None = Field(
        None,
        max_length=60,
        description="What the button says: Sign in with NAME. Default: the issuer's host.",
    )
    scopes: tuple[Text, ...] = Field(
        ("openid", "email", "profile"),
        description="What is asked of the provider. Some tell groups only to who asks for groups.",
    )
    roles: RolesSpec = Field(description="Who may what.")
    named_by: Text | None = Field(
        None,
        description="The claim that names people here and in the audit: one that they cannot change themselves. "
        "Default: their verified address, else the provider's own id of them.",
    )
    allowed_domains: tuple[Domain, ...] = Field(
        (),
        description="Only people whose verified e-mail address is of one of these domains. Needed where anybody can "
        "have an account at the provider.",
    )

    @property
    def title(self) -> str:
        return self.name or urlsplit(self.issuer).hostname or self.issuer

    @property
    def terms(self) -> str:
        """Another text as soon as anything of it changes; the secret is not in it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class SignInSpec(_Part):
    """How people sign in at the dashboard. Users of `npsync users` always may."""

    tokens: bool = Field(
        default=True, description="Whether tokens of `npsync tokens` open the dashboard, too."
    )
    oidc: OidcSpec | None = Field(
        default=None, description="A provider who knows your people (OpenID Connect)."
    )
