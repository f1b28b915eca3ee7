"""A receiver described in YAML: how its sender proves who it is, and where in a body what stands."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from connectors.contract import Settings
from connectors.webhook.presets import PRESETS, Preset
from nps.durations import Duration, Period

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_STEP = re.compile(r"[^.{}\s][^.{}]*")
_PLACES = re.compile(r"\{([^{}]*)\}")
SHORTEST_SECRET = 8
SHORTEST_PATH = 20


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        raise ValueError(f'"{name}" is not the name of a header; write it like X-Signature')
    return name


def _path(text: str) -> str:
    if not text or not all(_STEP.fullmatch(step) for step in text.split(".")):
        raise ValueError(f'"{text}" is not a path; write it with dots, like context.traits.email')
    return text


def _path_or_template(text: str) -> str:
    if "{" not in text and "}" not in text:
        return _path(text)
    if "{" in _PLACES.sub("", text) or "}" in _PLACES.sub("", text):
        raise ValueError(f'"{text}" has a brace too many; write it like "{{cohort.id}}/{{user.id}}"')
    for place in _PLACES.findall(text):
        _path(place)
    return text


def as_list(given: object) -> object:
    return given if isinstance(given, list | tuple) else [given]


def _long_enough(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        text = secret.get_secret_value()
        if len(text) < SHORTEST_SECRET and not text.startswith("${"):
            raise ValueError(
                f"a secret has at least {SHORTEST_SECRET} characters; anybody can guess this one"
            )
    return secrets


def _long_enough_for_a_path(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        text = secret.get_secret_value()
        if not text.startswith("${") and not re.fullmatch(rf"[A-Za-z0-9_-]{{{SHORTEST_PATH},}}", text):
            raise ValueError(
                f"the secret part of an address has at least {SHORTEST_PATH} letters, digits, - or _; "
                "`openssl rand -hex 16` makes one"
            )
    return secrets


Header = Annotated[str, AfterValidator(_header)]
Path = Annotated[str, AfterValidator(_path)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(as_list)]
IdPaths = Annotated[tuple[Annotated[str, AfterValidator(_path_or_template)], ...], BeforeValidator(as_list)]
Secrets = Annotated[
    tuple[SecretStr, ...], BeforeValidator(as_list), Field(min_length=1), AfterValidator(_long_enough)
]
PathSecrets = Annotated[
    tuple[SecretStr, ...],
    BeforeValidator(as_list),
    Field(min_length=1),
    AfterValidator(_long_enough_for_a_path),
]
Plain = str | int | float | bool | None


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hmac(_Part):
    """The sender signs what it sends with a secret that both know."""

    kind: Literal["hmac"]
    secret: Secrets = Field(
        description="The shared secret; a list while it is being changed: each of them is accepted."
    )
    header: Header = Field("X-Signature", description="The header that holds the signature.")
    algorithm: Literal["sha1", "sha256", "sha512"] = Field("sha256", description="The hash.")
    encoding: Literal["hex", "base64"] = Field("hex", description="How the signature is written.")
    prefix: str = Field("", description="What stands before the signature, like sha256=.")
    secret_is: Literal["text", "base64"] = Field(
        "text", description="Whether the secret signs as it is written, or what it says in base64."
    )
    secret_prefix: str = Field(
        "", description="What stands before the secret and is no part of it, like whsec_."
    )
    several: bool = Field(
        False,
        description="The header may hold several signatures with blanks between them; one has to be right.",
    )
    signed: Literal["body", "first_batch_item", "timestamp_dot_body", "id_dot_timestamp_dot_body"] = Field(
        "body",
        description="What is signed: the body as it is sent; of a JSON array its first element (Segment); the time in "
        "timestamp_header, a dot and the body; the same after the id in id_header and a dot (Standard Webhooks).",
    )
    timestamp_header: Header | None = Field(
        None, description="The header that holds the time (Unix seconds)."
    )
    id_header: Header | None = Field(None, description="The header that holds the delivery's id.")
    tolerance: Period = Field(
        timedelta(minutes=5), description="How far that time may be off. Older requests are replays."
    )

    @model_validator(mode="after")
    def _a_time_to_sign(self) -> Self:
        timed = self.signed in ("timestamp_dot_body", "id_dot_timestamp_dot_body")
        if timed != (self.timestamp_header is not None):
            raise ValueError("timestamp_header and signed: timestamp_dot_body belong together")
        if (self.signed == "id_dot_timestamp_dot_body") != (self.id_header is not None):
            raise ValueError("id_header and signed: id_dot_timestamp_dot_body belong together")
        return self

    @model_validator(mode="after")
    def _secrets_that_can_be_read(self) -> Self:
        for secret in self.secret:
            if not secret.get_secret_value().startswith("${"):
                self.key_of(secret)
        return self

    def key_of(self, secret: SecretStr) -> bytes:
        """What signs. ValueError when it is not written as secret_is says."""
        text = secret.get_secret_value().removeprefix(self.secret_prefix)
        if self.secret_is == "text":
            return text.encode()
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise ValueError("the secret is no base64: copy all of it, as the tool shows it") from None


class StaticHeader(_Part):
    """The sender adds a header whose value nobody else knows."""

    kind: Literal["header"]
    value: Secrets = Field(description="The whole value (Bearer and all); a list while it is being changed.")
    name: Header = Field("Authorization", description="The header's name.")


class Basic(_Part):
    """The sender signs in with a user name and a password (HTTP Basic)."""

    kind: Literal["basic"]
    username: str = Field(min_length=1, description="The user name.")
    password: Secrets = Field(description="The password; a list while it is being changed.")


class SecretPath(_Part):
    """The address itself is the secret, for a sender that can do nothing else: /hooks/CONNECTION/SECRET. It may turn up
    in logs of proxies on the way."""

    kind: Literal["path"]
    secret: PathSecrets = Field(description="The last part of the address; a list while it is being changed.")


Auth = Annotated[Hmac | StaticHeader | Basic | SecretPath, Field(discriminator="kind")]


class Fields(_Part):
    """Where in an event what stands: a path with dots, or a list of which the first that holds something counts. A path
    that leads nowhere in the event is looked up in what surrounds it (`items`)."""

    event: Paths = Field(description="What happened: the name that a trigger gives.")
    id: IdPaths = Field(
        (),
        description="The event's own id: the same again is the same event. A text with {PATH} puts one together; "
        "{received.date} is today. Without one the whole content is its id.",
    )
    external_id: Paths = Field((), description="Your own id of the person.")
    email: Paths = Field((), description="An address to find the person by. Nothing is sent to it.")
    phone: Paths = Field((), description="A number to find the person by. Nothing is sent to it.")
    account: Paths = Field((), description="The person's company: event.account.")
    occurred_at: Paths = Field(
        (), description="When it happened: ISO 8601 with a zone, or Unix time. Default: when it arrives."
    )
    properties: Paths = Field((), description="A map of further facts: event.properties.NAME.")


class Reply(_Part):
    """What a sender wants to read in the answer (JSON)."""

    repeat: Paths = Field(default=(), description="Keys of the body that the answer repeats.")
    add: Mapping[str, Plain] = Field(default_factory=dict, description="Keys and values it adds.")


class WebhookSettings(Settings):
    """A tool that tells of events by posting JSON to /hooks/CONNECTION. One connection is one sender."""

    preset: Preset | None = Field(
        None, description="Defaults for all the other keys: " + ", ".join(sorted(PRESETS)) + "."
    )
    auth: Annotated[tuple[Auth, ...], BeforeValidator(as_list), Field(min_length=1)] = Field(
        description="How the sender proves who it is. Of a list, all must hold."
    )
    fields: Fields = Field(description="Where in an event what stands.")
    items: Path | None = Field(
        None, description="The list of events in the body. Default: the body is one event, or a list of them."
    )
    only: Mapping[Path, Annotated[tuple[Plain, ...], BeforeValidator(as_list)]] = Field(
        default_factory=dict,
        description="Values by path: what has others is answered and left alone. A value or a list of values.",
    )
    erasure: Mapping[Path, Annotated[tuple[Plain, ...], BeforeValidator(as_list)]] = Field(
        default_factory=dict,
        description="Values by path of a request to delete a person: it is kept for you to look at (npsync events).",
    )
    max_event_age: Period = Field(
        timedelta(days=1),
        description="What happened longer ago is refused: replays, and old events loaded again, ask nobody.",
    )
    max_event_lead: Duration = Field(
        timedelta(hours=1), description="How far in the future an event may be, for clocks that are wrong."
    )
    reply: Reply = Field(Reply(), description="What the answer says. Default: {}.")

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        """A preset is nothing but keys that the YAML need not say."""
        if not isinstance(given, dict) or not isinstance(name := given.get("preset"), str):
            return given
        preset = PRESETS.get(name)
        return given if preset is None else {**preset, **given, **_merged(preset, given)}

    @model_validator(mode="after")
    def _somebody_to_find(self) -> Self:
        if not (self.fields.external_id or self.fields.email or self.fields.phone):
            raise ValueError("fields needs external_id, email or phone: nobody could be found by an event")
        return self


def _merged(preset: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """`auth` (of the preset's kind) and `fields` are filled in key by key."""
    merged: dict[str, Any] = {}
    if isinstance(fields := given.get("fields"), dict):
        merged["fields"] = {**preset["fields"], **fields}
    auth, usual = given.get("auth"), preset["auth"]
    if isinstance(auth, dict) and auth.get("kind", usual["kind"]) == usual["kind"]:
        merged["auth"] = {**usual, **auth}
    if "auth" not in given:
        merged["auth"] = dict(usual)
    return merged
