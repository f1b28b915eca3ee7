"""What a Salesforce connection's YAML may say."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from connectors.addresses import checked_base_url
from connectors.by_field import DESCRIPTION, Templates
from connectors.contract import Settings
from connectors.proving import SHORTEST
from connectors.salesforce.ids import long_id
from nps.durations import Duration, Share

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+", re.IGNORECASE)
VENDOR_HOSTS = (".salesforce.com", ".salesforce.mil", ".sfcrmproducts.cn")
_SHARED_HOSTS = ("login.salesforce.com", "test.salesforce.com")
OLDEST_VERSION, NEWEST_VERSION = 59, 67
USUAL_TASK_KEY = "NPS_Event_Id__c"


def _login_host(text: str) -> str:
    host = text.strip().lower()
    if "/" in host or ":" in host or not _HOST.fullmatch(host):
        raise ValueError(
            f'"{text}" is not a host name; write it without https://, like acme.my.salesforce.com'
        )
    if host.endswith(".lightning.force.com"):
        raise ValueError(
            f'"{host}" is the address of the user interface; '
            f"use {host.removesuffix('.lightning.force.com')}.my.salesforce.com"
        )
    return host


def _url(text: str) -> str:
    return checked_base_url(text, allow_http=True)  # allow_http is asked for below, where all keys are known


def _version(text: str) -> str:
    if not re.fullmatch(r"\d{2,3}\.0", text):
        raise ValueError(f'"{text}" is not an API version; write it like "64.0", in quotes')
    if not OLDEST_VERSION <= int(text[:-2]) <= NEWEST_VERSION:
        raise ValueError(
            f'API version "{text}" is not supported; use "{OLDEST_VERSION}.0" to "{NEWEST_VERSION}.0"'
        )
    return text


def _secret(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SHORTEST:
        raise ValueError(f"the secret has to have at least {SHORTEST} characters, or it can be guessed")
    return secret


def _org_id(text: str) -> str:
    if (full := long_id(text)) is None or not full.startswith("00D"):
        raise ValueError(f'"{text}" is not an org id; it begins with 00D (Setup > Company Information)')
    return full


def _api_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,79}", text):
        raise ValueError(
            f'"{text}" is not an API name: letters, digits and underscores, like NPS_Account_Managers'
        )
    return text


Secret = Annotated[SecretStr, AfterValidator(_secret)]
OrgId = Annotated[str, AfterValidator(_org_id)]
Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Host = Annotated[str, AfterValidator(_login_host)]
Url = Annotated[str, AfterValidator(_url)]
ApiName = Annotated[str, AfterValidator(_api_name)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClientCredentials(_Part):
    """The External Client App acts as its "Run As" user. The usual choice."""

    flow: Literal["client_credentials"]
    client_id: SecretStr = Field(description="Consumer key of the External Client App.")
    client_secret: SecretStr = Field(description="Consumer secret of the External Client App.")


class JwtBearer(_Part):
    """npsync signs in as a pre-authorised user with a certificate; no secret leaves this machine."""

    flow: Literal["jwt_bearer"]
    client_id: SecretStr = Field(description="Consumer key of the app the certificate was uploaded to.")
    username: str = Field(min_length=1, description="The integration user, pre-authorised for the app.")
    private_key: SecretStr | None = Field(
        None, description="The certificate's private key (PEM), from a variable."
    )
    private_key_file: str | None = Field(
        None, description="Path of the private key (PEM), relative to the YAML file; instead of private_key."
    )
    audience: Url | None = Field(
        None, description="Audience of the assertion, if it is not https:// and the login_host."
    )

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if (self.private_key is None) == (self.private_key_file is None):
            raise ValueError("give either private_key or private_key_file")
        return self


class AccessToken(_Part):
    """A token somebody already has. It cannot be renewed: for trying things out, and for sandboxes."""

    flow: Literal["access_token"]
    access_token: SecretStr = Field(description="A session id or OAuth access token.")
    instance_url: Url = Field(description="The org's address, like https://acme.my.salesforce.com.")


Auth = Annotated[ClientCredentials | JwtBearer | AccessToken, Field(discriminator="flow")]


class Provision(_Part):
    """Who prepares the org, for as long as that takes: an administrator's credential beside the everyday one."""

    auth: Auth = Field(
        description="How npsync provision signs in: as `auth` of the connection, with another user."
    )
    integration_user: str | None = Field(
        None,
        min_length=1,
        description="Username of npsync's own user, who is given the permission set that may write. Needed where "
        "`auth` of the connection is an access_token: Salesforce tells it with every other.",
    )
    permission_set: ApiName | None = Field(
        None,
        description="The permission set of npsync's own user that new fields are added to; without it "
        "npsync_write_NPS, which is created.",
    )


class Timeouts(_Part):
    connect: float = Field(10, gt=0, le=120, description="Seconds to wait for a connection.")
    read: float = Field(60, gt=0, le=600, description="Seconds to wait for an answer.")


class Write(_Part):
    chunk_size: int = Field(200, ge=1, le=200, description="Records per call; Salesforce takes up to 200.")
    bulk_threshold: int | Literal["auto", "never"] = Field(
        "auto",
        description="Changes of one object from which Bulk API 2.0 is used: a number, auto (10000; fewer when "
        "too few calls are left for the usual way; and only where it saves calls) or never.",
    )
    bulk_deadline: int = Field(
        3600,
        ge=10,
        le=86_400,
        description="Seconds to wait for one bulk job, counted from its "
        "creation. A run that it outlives ends, and the next one asks for its results.",
    )
    allow_duplicate_save: bool = Field(
        False, description="Save although a duplicate rule of kind Alert objects (Block rules still hold)."
    )

    @model_validator(mode="after")
    def _threshold_is_a_count(self) -> Self:
        if isinstance(self.bulk_threshold, int) and self.bulk_threshold < 1:
            raise ValueError("bulk_threshold must be at least 1, auto or never")
        return self


class Budget(_Part):
    """Daily API calls belong to the whole org. npsync stops before it takes other integrations' share."""

    keep_for_others: Share = Field(
        Decimal("0.2"), description="Share of the org's daily calls that npsync leaves untouched, like 40%."
    )
    max_calls_per_day: int | None = Field(
        None, ge=1, description="Calls npsync may make per UTC day at most."
    )


class Events(_Part):
    """How events are polled."""

    overlap: Duration = Field(
        timedelta(minutes=10),
        description="How far behind the last record seen each poll begins again: a record shows up when its "
        "transaction ends, under the time it began.",
    )


class Hooks(_Part):
    """What Salesforce may push to /hooks/CONNECTION. All of it only names records, which are read again."""

    token: Secret | None = Field(
        None, description="The secret a flow's callout sends in `header`; at least 16 characters."
    )
    header: Header = Field("X-NPS-Token", description="The header with the token.")
    hmac_secret: Secret | None = Field(
        None,
        description="Demand a signature of the body too: HMAC-SHA256 with this secret, in hex or base64. Whether a "
        "credential's formula can sign a callout in your org is to be tried out.",
    )
    hmac_header: Header = Field("X-NPS-Signature", description="The header with the signature.")
    url_secret: Secret | None = Field(
        None, description="The secret at the end of an outbound message's endpoint, as ?secret=…"
    )
    org_id: OrgId | None = Field(
        None,
        description="The org's id (00D…): what another org pushes is refused. Outbound messages need it.",
    )

    @model_validator(mode="after")
    def _somebody_may_call(self) -> Self:
        if self.token is None and self.url_secret is None:
            raise ValueError("give token (for a flow's callout), url_secret (for outbound messages) or both")
        if self.hmac_secret is not None and self.token is None:
            raise ValueError("hmac_secret comes beside token")
        if self.url_secret is not None and self.org_id is None:
            raise ValueError("outbound messages are not signed: say org_id too, the org's id (00D…)")
        return self


class SalesforceSettings(Settings):
    """A Salesforce org."""

    login_host: Host | None = Field(
        None, description="The org's My Domain, like acme.my.salesforce.com (no https://)."
    )
    auth: Auth = Field(description="How npsync signs in: client_credentials, jwt_bearer or access_token.")
    api_version: Annotated[str, AfterValidator(_version)] = Field(
        "64.0", description="REST API version, in quotes."
    )
    base_url: Url | None = Field(
        None, description="Send every call here instead (a proxy, or npsync's sandbox). May have a path."
    )
    allow_http: bool = Field(False, description="Allow plain http to other machines than this one.")
    timeouts: Timeouts = Field(
        default_factory=lambda: Timeouts(connect=10, read=60), description="Time-outs."
    )
    write: Write = Field(
        default_factory=lambda: Write.model_validate({}), description="How changes are written."
    )
    budget: Budget = Field(
        default_factory=lambda: Budget.model_validate({}),
        description="What of the daily calls npsync may use.",
    )
    events: Events = Field(
        default_factory=lambda: Events.model_validate({}), description="How far back polls look."
    )
    sends: Templates | None = Field(default=None, description=DESCRIPTION)
    hooks: Hooks | None = Field(None, description="What Salesforce may push to us; nothing without it.")
    task_key_field: ApiName | None = Field(
        None,
        description="The text field of tasks that holds which answer a task is of: an external id, unique. Without it "
        "NPS_Event_Id__c where the org has that, else a mark at the end of the task's comments.",
    )
    account_managers: str | None = Field(
        None,
        min_length=1,
        max_length=80,
        description="Whose fields these are to read: a permission set (its API name) or a profile. npsync provision "
        "adds new fields to that permission set, and check warns of those it does not read. Else npsync_read_NPS.",
    )
    provision: Provision | None = Field(
        None, description="The credential npsync provision uses; without it, the everyday one."
    )
    person_account_tasks: Literal["person", "account"] = Field(
        "person",
        description="What a task about a person account names: the person (Name, its PersonContactId) or the account "
        "(Related To). Try it out in your org.",
    )

    @model_validator(mode="after")
    def _addresses_fit_together(self) -> Self:
        own_address = self.auth.instance_url if isinstance(self.auth, AccessToken) else None
        if self.login_host is None and self.base_url is None and own_address is None:
            raise ValueError("login_host is missing: the org's My Domain, like acme.my.salesforce.com")
        for name, address in (("base_url", self.base_url), ("instance_url", own_address)):
            if address:
                _check(name, address, allow_http=self.allow_http)
        if self.base_url is not None:
            return self
        if self.login_host and not self.login_host.endswith(VENDOR_HOSTS):
            raise ValueError(f'"{self.login_host}" is not a Salesforce host; it ends with .my.salesforce.com')
        if self.login_host in _SHARED_HOSTS and isinstance(self.auth, ClientCredentials):
            raise ValueError(
                f"client_credentials does not work with {self.login_host}; use the org's My Domain, "
                "like acme.my.salesforce.com"
            )
        return self

    @property
    def login_url(self) -> str:
        """Where tokens are fetched."""
        if self.base_url:
            return self.base_url
        if self.login_host:
            return f"https://{self.login_host}"
        assert isinstance(self.auth, AccessToken)  # the validator saw to it
        return self.auth.instance_url


def _check(name: str, address: str, *, allow_http: bool) -> None:
    try:
        checked_base_url(address, allow_http=allow_http)
    except ValueError as problem:
        raise ValueError(f"{name} {problem}") from None
