"""What a HubSpot connection may say in the YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from connectors.addresses import safe_address
from connectors.by_field import DESCRIPTION, Templates
from connectors.contract import Settings
from connectors.proving import SHORTEST
from nps.durations import Duration, Share


def _digits(value: object) -> object:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        raise ValueError("the account's id is a number, like 12345678 (Hub ID)")
    return text


def _record_url(text: str) -> str:
    if not text.startswith("https://") or "{id}" not in text:
        raise ValueError("give a whole address with {id} in it, like https://…/record/{type}/{id}")
    return text


RecordUrl = Annotated[str, AfterValidator(_record_url)]
PortalId = Annotated[str, BeforeValidator(_digits)]
ApiVersion = Literal["v3", "2026-03", "2026-09"]


class OAuth(Settings):
    """An OAuth app: only needed when one app serves several HubSpot accounts."""

    client_id: str = Field(description="Client id of the app.", min_length=1)
    client_secret: SecretStr = Field(description="Client secret of the app.")
    refresh_token: SecretStr = Field(description="The refresh token the account's admin was given.")


class Limits(Settings):
    """How fast we may call. HubSpot's own answers make these stricter where they have to be, never looser."""

    per_10_seconds: int = Field(
        default=190,
        description="Calls in any 10 seconds: 100 on Free and Starter, 190 on Professional and Enterprise.",
        ge=1,
        le=1000,
    )
    search_per_second: int = Field(
        default=5, description="Search calls per second, shared by the whole account.", ge=1, le=50
    )


class Budget(Settings):
    """How much of the account's daily calls npsync may use."""

    keep_for_others: Share | None = Field(
        default=None, description='Share of the account\'s daily calls left to other apps, like "40%".'
    )
    max_calls_per_day: int | None = Field(
        default=None, description="Calls npsync makes at most per day, in the account's time zone.", ge=1
    )


class Timeouts(Settings):
    """Seconds until a call is given up."""

    connect: float = Field(default=10.0, description="Seconds to reach HubSpot.", gt=0, le=120)
    read: float = Field(default=60.0, description="Seconds to wait for an answer.", gt=0, le=300)


class Events(Settings):
    """How events are polled."""

    overlap: Duration = Field(
        default=timedelta(minutes=5),
        description="How far behind the last record seen each poll begins again: HubSpot's search finds a change only "
        "some moments after it happened.",
    )
    closed_at: str = Field(
        default="closed_date",
        min_length=1,
        description="The tickets' property with the time they were closed. HubSpot empties it when one is reopened "
        "(seen in accounts, not documented).",
    )
    reopened_at: str = Field(
        default="hs_ticket_reopened_at",
        min_length=1,
        description="The tickets' property with the time they were last reopened (seen in accounts, not documented).",
    )


class Hooks(Settings):
    """What HubSpot may push to /hooks/CONNECTION. All of it only names records, which are read again."""

    client_secret: SecretStr | None = Field(
        default=None,
        description="Client secret of the app whose webhooks come here, or whose signature a workflow was told to use.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        description='The key a workflow\'s "Send a webhook" sends in `header`; at least 16 characters.',
    )
    header: str = Field(
        default="X-NPS-Token",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="The header (or query parameter) with the API key.",
    )
    portal_id: PortalId | None = Field(
        default=None, description="The account's id (Hub ID): events of other accounts are left out."
    )
    accept_v1: bool = Field(
        default=False,
        description="Take signatures of version 1 too, which sign neither address nor time: only for an app that "
        "sends no other (a legacy private app may be one).",
    )

    @model_validator(mode="after")
    def _somebody_may_call(self) -> Self:
        if self.client_secret is None and self.api_key is None:
            raise ValueError("give client_secret (of an app), api_key (for a workflow) or both")
        if self.accept_v1 and self.client_secret is None:
            raise ValueError("accept_v1 comes beside client_secret")
        if self.api_key is not None and len(self.api_key.get_secret_value()) < SHORTEST:
            raise ValueError(f"api_key has to have at least {SHORTEST} characters, or it can be guessed")
        return self


class Tasks(Settings):
    """What is known of the account's tasks."""

    completed_at: str = Field(
        default="hs_task_completion_date",
        min_length=1,
        description="The tasks' property with the time they were completed (seen in accounts, not documented). Without "
        "it the time until somebody is called is not known.",
    )


class Provision(Settings):
    """Who prepares the account, for as long as that takes: a credential beside the everyday one."""

    token: SecretStr = Field(
        min_length=1,
        description="Service key with the scopes that npsync connect lists for it; delete it once it was used.",
    )


class HubSpotSettings(Settings):
    """A HubSpot account."""

    token: SecretStr | None = Field(
        default=None,
        description="Service key (Settings > Integrations > Service Keys) or token of a private app.",
    )
    oauth: OAuth | None = Field(default=None, description="An OAuth app, instead of `token`.")
    base_url: str = Field(
        default="https://api.hubapi.com", description="Where HubSpot's API is; change it to use the sandbox."
    )
    allow_http: bool = Field(
        default=False, description="Allow a base_url with plain http on another machine than this one."
    )
    api_version: ApiVersion = Field(
        default="v3",
        description="Version of HubSpot's API. From 2026-09 on HubSpot enforces the rules an admin set for "
        "forms and required properties.",
    )
    limits: Limits = Field(default=Limits(), description="How fast npsync may call.")
    budget: Budget = Field(default=Budget(), description="How many calls npsync may make.")
    timeouts: Timeouts = Field(default=Timeouts(), description="When a call is given up.")
    events: Events = Field(default=Events(), description="Where polls look, and how far back.")
    sends: Templates | None = Field(default=None, description=DESCRIPTION)
    hooks: Hooks | None = Field(default=None, description="What HubSpot may push to us; nothing without it.")
    provision: Provision | None = Field(
        default=None, description="The credential npsync provision uses; without it, the everyday one."
    )
    tasks: Tasks = Field(default=Tasks(), description="Where it is read what became of tasks.")
    record_url: RecordUrl | None = Field(
        default=None,
        description="Where people read a record, for links in tasks and alerts: open a contact in HubSpot, copy its "
        "address, and put {type} for 0-1 and {id} for the number at its end.",
    )

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.token is None) == (self.oauth is None):
            raise ValueError("needs either `token` or `oauth`")
        if self.token is not None and not self.token.get_secret_value().strip():
            raise ValueError("`token` is empty")
        return self

    _safe_address = model_validator(mode="after")(safe_address)
