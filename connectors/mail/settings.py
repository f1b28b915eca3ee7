"""What a mail connection says about itself in the YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from connectors.addresses import is_loopback
from connectors.contract import Settings
from connectors.webhook.settings import Auth, Path, Paths, Plain, as_list
from nps.durations import Period
from nps.events import SignalKind
from nps.keys import email_key

Security = Literal["starttls", "tls", "plain"]

_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "plain": 25}


def _mailbox(text: str) -> str:
    """A name and an address, as they stand in From."""
    if "\r" in text or "\n" in text:
        raise ValueError("an address stands on one line")
    name, address = parseaddr(text)
    if not address or email_key(address) is None:
        raise ValueError(f'"{text}" is no mail address; write it like Acme <feedback@acme.com>')
    if not address.isascii():
        raise ValueError("the address itself has to be ASCII (the name before it may be anything)")
    if not name and "<" in text:
        raise ValueError(f'"{text}": the name before the address cannot be read; put it in quotes')
    return text


def _bare_address(text: str) -> str:
    if _mailbox(text) != parseaddr(text)[1]:
        raise ValueError("write the address alone, without a name")
    return text


Mailbox = Annotated[str, AfterValidator(_mailbox)]
BareAddress = Annotated[str, AfterValidator(_bare_address)]


class TemplateFiles(BaseModel):
    """An operator's own templates, instead of ours. What is left out stays ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    html: str | None = Field(
        default=None, description="A Jinja2 file for the HTML part, relative to this file."
    )
    text: str | None = Field(default=None, description="A Jinja2 file for the plain text part.")
    subject: str | None = Field(
        default=None, description='The subject itself, with Jinja2: "One question, {{ name }}".'
    )
    _texts: dict[str, str] = PrivateAttr(default_factory=dict)

    def text_of(self, part: str, read: Callable[[], str]) -> str:
        """Read once: mails keep the words that were checked with this configuration, whatever the file says since."""
        if part not in self._texts:
            self._texts[part] = read()
        return self._texts[part]


_TOLD = (
    SignalKind.DELIVERED,
    SignalKind.SOFT_BOUNCE,
    SignalKind.BOUNCE,
    SignalKind.COMPLAINT,
    SignalKind.UNSUBSCRIBE,
    SignalKind.FAILED,
)
Values = Annotated[tuple[Plain, ...], BeforeValidator(as_list), Field(min_length=1)]


def _kinds_we_know(
    kinds: Mapping[SignalKind, Mapping[str, Values]],
) -> Mapping[SignalKind, Mapping[str, Values]]:
    for kind, values in kinds.items():
        if kind not in _TOLD:
            raise ValueError(f'"{kind}" is nothing a mail service tells; known: {", ".join(_TOLD)}')
        if not values:
            raise ValueError(
                f"{kind}: {{}} is known by nothing; say by which values, like {{event: bounced}}"
            )
    return kinds


class BounceHook(BaseModel):
    """What your mail service posts to /hooks/CONNECTION about single mails (JSON), or the reports a mail server hands
    over as they are (Content-Type: message/rfc822)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    auth: Annotated[tuple[Auth, ...], BeforeValidator(as_list), Field(min_length=1)] = Field(
        description="How the service proves who it is. Of a list, all must hold."
    )
    kinds: Annotated[Mapping[SignalKind, Mapping[Path, Values]], AfterValidator(_kinds_we_know)] = Field(
        default_factory=dict,
        description="What a post means, by values in it; the first that fits counts: bounce (hard: the address is not "
        "written to again), soft_bounce, complaint, unsubscribe, delivered, failed (for another reason).",
    )
    items: Path | None = Field(
        None, description="The list in the body. Default: the body is one, or a list of them."
    )
    message: Paths = Field(
        (), description="Where our Message-ID (or X-Npsync-Message) stands, or the headers it is among."
    )
    address: Paths = Field((), description="Where the person's address stands, when no message is named.")
    id: Paths = Field((), description="The post's own id: the same again is the same. Default: its content.")
    at: Paths = Field((), description="When it happened. Default: when it arrives.")
    code: Paths = Field((), description="The service's code or status, to be shown.")


class MailSettings(Settings):
    """Which relay takes our mail, and what stands in it beside the survey."""

    host: str = Field(
        min_length=1, description="The relay (SMTP submission) that signs and delivers your mail."
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="Default: 587 for starttls, 465 for tls, 25 for plain."
    )
    security: Security = Field(
        "starttls", description="starttls or tls. plain only towards this machine, or with allow_plain."
    )
    allow_plain: bool = Field(
        False, description="Allow security: plain towards a host you trust; the password would be readable."
    )
    username: str | None = Field(None, description="Login at the relay; none when it knows this machine.")
    password: SecretStr | None = Field(None, description="Password of that login.")
    sender: Mailbox = Field(
        description="From: a name and an address of a domain the relay signs for, like Acme <feedback@acme.com>."
    )
    reply_to: Mailbox | None = Field(
        None, description="Where replies go; somebody should read it. Default: the sender."
    )
    bounce_to: BareAddress | None = Field(
        None,
        description="A mailbox for bounces, like bounces@acme.com. The envelope then names the message "
        "(bounces+inv-…@acme.com), so that its bounce finds it; the mail server has to deliver such addresses.",
    )
    unsubscribe_mailto: BareAddress | None = Field(
        None, description="An address for unsubscribing by mail, offered beside our own page."
    )
    templates: TemplateFiles | None = Field(None, description="Your own templates, instead of ours.")
    per_minute: int = Field(60, ge=1, le=100_000, description="At most so many mails in a minute.")
    per_minute_and_domain: int | None = Field(
        None, ge=1, description="At most so many in a minute to one domain of recipients; default no limit."
    )
    mails_per_connection: int = Field(
        100, ge=1, description="After so many mails the connection is opened anew."
    )
    bounces: BounceHook | None = Field(
        None, description="What comes back about mails, posted to /hooks/CONNECTION."
    )
    timeout: Period = Field(timedelta(minutes=1), description="How long the relay may take for one answer.")
    hello: str | None = Field(
        None, pattern=r"^[A-Za-z0-9.\-\[\]:]+$", description="The name we greet with; default this machine's."
    )

    @model_validator(mode="after")
    def _not_in_the_clear(self) -> Self:
        if self.security == "plain" and not self.allow_plain and not is_loopback(self.host):
            raise ValueError(
                "security: plain would send every survey link unencrypted; use starttls or tls, "
                "or say allow_plain: true when the network is yours"
            )
        return self

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give username and password together, or neither")
        return self

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port or _PORTS[self.security]

    @property
    def from_(self) -> Address:
        return as_address(self.sender)

    @property
    def domain(self) -> str:
        return self.from_.domain


def as_address(text: str) -> Address:
    """A checked mailbox of the settings."""
    name, address = parseaddr(text)
    return Address(display_name=name, addr_spec=address)
