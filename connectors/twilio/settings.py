"""What a Twilio connection says about itself in the YAML."""

from __future__ import annotations

import re
from datetime import timedelta
from string import Formatter
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.addresses import safe_address
from connectors.contract import Settings
from nps.durations import Period
from nps.keys import phone_key

NAMES = ("sender", "ask", "link", "deadline", "name")
_LONGEST_VALIDITY = timedelta(hours=10)


def _text(template: str) -> str:
    try:
        names = [name for _, name, spec, conversion in Formatter().parse(template) if name is not None]
        plain = not any(spec or conversion for _, _, spec, conversion in Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"the text cannot be read: {error}") from None
    unknown = [name for name in names if name not in NAMES]
    if unknown or not plain:
        raise ValueError(
            f"{{{unknown[0] if unknown else names[0]}}} is no name here; known: {', '.join(NAMES)}"
        )
    for name in ("sender", "link"):
        if name not in names:
            raise ValueError(
                f"the text has to hold {{{name}}}: people must see who asks, and where to answer"
            )
    return template


def _e164(number: str) -> str:
    if phone_key(number, None) != number:
        raise ValueError(f'"{number}" is no number in E.164; write it like "+12025550143"')
    return number


SmsText = Annotated[str, AfterValidator(_text)]


class TwilioSettings(Settings):
    """Which account sends text messages, and what they say around the link."""

    account_sid: str = Field(pattern=r"^AC[0-9A-Za-z]{32}$", description="Account SID (AC…).")
    auth_token: SecretStr | None = Field(
        None,
        description="Primary auth token: signs what Twilio posts to us, and sends unless an API key does.",
    )
    former_auth_token: SecretStr | None = Field(
        None, description="The auth token before a change: accepted beside the new one while both are in use."
    )
    api_key_sid: str | None = Field(None, description="SID of an API key (SK…) to send with instead.")
    api_key_secret: SecretStr | None = Field(None, description="Secret of that API key.")
    number: Annotated[str, AfterValidator(_e164)] | None = Field(
        None, description="The number texts come from, in E.164; or messaging_service."
    )
    messaging_service: str | None = Field(
        None,
        pattern=r"^MG[0-9A-Za-z]{32}$",
        description="SID of a messaging service (MG…): it picks the number and shares opt-outs over its pool.",
    )
    sender: str = Field(min_length=1, description="Who asks: each text names it.")
    text: SmsText = Field(
        "{sender}: {ask} {link}",
        description="The text; {sender} and {link} have to stand in it, {ask}, {name} and {deadline} may.",
    )
    reminder: SmsText = Field(
        "{sender}, a reminder: {ask} {link}", description="The text of a reminder, with the same names."
    )
    opt_out: str = Field(
        "Reply STOP to opt out.",
        min_length=4,
        description="How to get no more of them: stands at the end of every text, in your customers' language.",
    )
    thanks: str | None = Field(
        None, max_length=320, description="What to text back to a reply that is a score; default nothing."
    )
    valid_for: Period = Field(
        timedelta(hours=4),
        description="A text that could not be delivered for so long is given up (10 hours at most), "
        "so that none rings at night.",
    )
    report_status: bool = Field(
        True, description="Let Twilio tell us what became of each text; needs public_url."
    )
    obfuscate_address: bool = Field(False, description="Twilio keeps no whole numbers (AddressRetention).")
    discard_content: bool = Field(
        False,
        description="Twilio keeps no texts (ContentRetention). An interrupted send can then not be looked up.",
    )
    bad_number_codes: tuple[int, ...] = Field(
        (21211, 21614), description="Twilio's error codes that mean: this number cannot get texts at all."
    )
    per_minute: int = Field(60, ge=1, le=10_000, description="At most so many texts in a minute.")
    base_url: str = Field("https://api.twilio.com", description="Another address of the API.")
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.number is None) == (self.messaging_service is None):
            raise ValueError("give number or messaging_service, one of them")
        return self

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("give api_key_sid and api_key_secret together, or neither")
        if self.auth_token is None and self.api_key_sid is None:
            raise ValueError("needs auth_token (or api_key_sid and api_key_secret)")
        return self

    _safe_address = model_validator(mode="after")(safe_address)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.valid_for > _LONGEST_VALIDITY:
            raise ValueError("valid_for: Twilio tries for 10 hours at most")
        if re.search(r"[{}]", self.sender + self.opt_out):
            raise ValueError("sender and opt_out are plain text, without { }")
        return self

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of HTTP Basic."""
        if self.api_key_sid is not None and self.api_key_secret is not None:
            return self.api_key_sid, self.api_key_secret.get_secret_value()
        assert self.auth_token is not None
        return self.account_sid, self.auth_token.get_secret_value()

    @property
    def signing_tokens(self) -> tuple[str, ...]:
        """The tokens Twilio may sign with; none when only an API key is known."""
        held = (self.auth_token, self.former_auth_token)
        return tuple(each.get_secret_value() for each in held if each is not None)
