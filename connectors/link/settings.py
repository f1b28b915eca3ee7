"""What a link connection says about itself in the YAML."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.addresses import checked_base_url
from connectors.contract import Settings

Column = Literal[
    "at", "invitation", "step", "kind", "survey", "metric", "connection", "object", "record_id", "name", "email",
    "phone", "external_id", "language", "ask", "link", "unsubscribe", "deadline", "why",
]  # fmt: skip
USUAL: tuple[Column, ...] = (
    "at", "invitation", "step", "kind", "survey", "record_id", "name", "email", "link", "unsubscribe", "deadline",
)  # fmt: skip


def _no_repeats(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    if len(set(columns)) < len(columns):
        raise ValueError("a column is listed twice")
    for needed in ("invitation", "step", "link"):
        if needed not in columns:
            raise ValueError(f"{needed} has to be among the columns")
    return columns


class LinkSettings(Settings):
    """Where the survey's link goes, for somebody else to send: a file, an address, or a list to look at."""

    file: str | None = Field(
        None, description="A CSV (or .jsonl) file that gets a line per invitation; relative to the YAML file."
    )
    url: str | None = Field(None, description="An address that gets a JSON POST per invitation.")
    header: str = Field(
        "Authorization", pattern=r"^[A-Za-z0-9-]+$", description="The header `secret` goes into."
    )
    secret: SecretStr | None = Field(None, description="What proves to that address that it is us, whole.")
    columns: Annotated[tuple[Column, ...], Field(min_length=1), AfterValidator(_no_repeats)] = Field(
        USUAL, description="What a line (or POST) holds; nothing else about the person leaves."
    )
    channel: Literal["email", "sms", "in_app", "other"] = Field(
        "other", description="How the other tool reaches people: which opt-outs and consents count."
    )
    needs: Literal["email", "phone", "external_id", "record"] = Field(
        "record", description="What the other tool must know of a person; without it nobody is asked."
    )
    per_minute: int = Field(120, ge=1, le=10_000, description="At most so many in a minute.")
    allow_http: bool = Field(False, description="Allow a url without TLS on a host you trust.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.file is not None and self.url is not None:
            raise ValueError(
                "give file or url, not both (or neither: `npsync invitations --links` lists them)"
            )
        if self.secret is not None and self.url is None:
            raise ValueError("secret belongs to url")
        if self.url is not None:
            try:
                checked_base_url(self.url.partition("?")[0], allow_http=self.allow_http)
            except ValueError as error:
                raise ValueError(f"url {error}") from None
        return self
