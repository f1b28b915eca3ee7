"""What a Wootric connection says about itself in the YAML."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.addresses import safe_address
from connectors.contract import Settings
from nps.durations import Duration

_HOSTS = {
    "NPS-EU-": "https://api.wootric.eu",
    "NPS-AU-": "https://api.wootric.au",
}
_US = "https://api.wootric.com"


def _whole_days(length: timedelta) -> timedelta:
    if length % timedelta(days=1):
        raise ValueError("Wootric counts in whole days")
    return length


Days = Annotated[Duration, AfterValidator(_whole_days)]


class EmailSurvey(Settings):
    """How a survey mail of Wootric's looks, and how long Wootric itself holds one back."""

    response_throttle: Days = Field(
        timedelta(days=7),
        description="Not again so soon after an answer, by Wootric's own count: a net below contact_policy. Keep it "
        "below your rests: what Wootric holds back it tells nobody.",
    )
    decline_throttle: Days | None = Field(
        None, description="The same after a decline. Default: what the account says."
    )
    first_survey_delay: Days | None = Field(
        None, description="Not so soon after the sign-up date. Default: what the account says."
    )
    registered_percent: int | None = Field(
        None,
        ge=1,
        le=100,
        description="The share of people Wootric lets through. Default: what the account says.",
    )
    survey_immediately: bool = Field(False, description="Skip Wootric's own eligibility check altogether.")
    subject: str | None = Field(None, description="Subject of the mail. Default: the account's.")
    intro: str | None = Field(None, description="What stands before the question.")
    senders_name: str | None = Field(None, description="The name the mail comes from.")
    reply_to_email: str | None = Field(None, description="Where replies go.")
    product_name: str | None = Field(None, description="What the question names.")
    audience_text: str | None = Field(None, description="To whom one would recommend it.")
    logo_url: str | None = Field(None, description="The logo in the mail.")
    pass_language: bool = Field(
        False, description="Send the person's language along; Wootric has to have the survey in it."
    )


class Hooks(Settings):
    """What Wootric may push to /hooks/CONNECTION: answers as they are given and changed."""

    secret: SecretStr = Field(
        min_length=1,
        description="The secret of Wootric's webhook settings page, which signs what it sends.",
    )


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

    hooks: Hooks | None = Field(None, description="What Wootric may push to us; nothing without it.")

    send: Literal["email", "web", "mobile"] = Field(
        "email",
        description="How this connection asks: a survey mail, or the web or mobile survey made due for the next visit.",
    )
    email_survey: EmailSurvey = Field(
        default_factory=lambda: EmailSurvey.model_validate({}),
        description="With send: email, how the mail looks.",
    )
    token_in_body: bool = Field(
        False, description="Send the access token in the form as well, for accounts that want it there."
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

    _safe_address = model_validator(mode="after")(safe_address)

    @property
    def address(self) -> str:
        """Where the API is: base_url, else the host of the account's region."""
        if self.base_url is not None:
            return self.base_url
        token = (self.account_token or "").upper()
        return next((host for prefix, host in _HOSTS.items() if token.startswith(prefix)), _US)
