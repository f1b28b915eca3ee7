"""What a file connection says about itself in the YAML."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from connectors.cells import known_format, known_zone
from connectors.contract import Settings


class Columns(BaseModel):
    """Which column (CSV) or dotted path (JSON, JSON Lines) holds what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: str = Field(description="The score as the export has it.")
    answered_at: str = Field(description="When the answer was given.")
    id: str | None = Field(
        None,
        description="The answer's own id. Without one an answer is its content: rows equal in all mapped "
        "columns are one answer, and a row edited later is another one.",
    )
    email: str | None = Field(None, description="E-mail of the person.")
    phone: str | None = Field(None, description="Phone of the person.")
    external_id: str | None = Field(None, description="Your own id of the person.")
    comment: str | None = Field(None, description="What the person wrote.")
    survey: str | None = Field(None, description="Which survey it answers.")
    channel: str | None = Field(None, description="How the person was asked.")
    invited_at: str | None = Field(None, description="When the person was asked.")
    updated_at: str | None = Field(None, description="When the answer was last changed.")
    properties: dict[str, str] = Field(
        default_factory=dict,
        description="Further columns, by the name a mapping calls them (properties.NAME).",
    )


def _known_encoding(name: str) -> str:
    try:
        b"a".decode(name, "ignore")  # LookupError also for what encodes no text, like base64
        return codecs.lookup(name).name
    except (LookupError, UnicodeError):
        raise ValueError(f'"{name}" is no encoding; usual ones are utf-8, latin-1, cp1252, utf-16') from None


def _one_character(text: str) -> str:
    if text == "tab":
        return "\t"
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("must be one character, or tab")
    return text


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class FileSettings(Settings):
    """Where the files are, and how to read them."""

    path: str = Field(
        description="A file, a folder (watched for new files), or a pattern like exports/nps-*.csv; "
        "relative to the YAML file."
    )
    folder: str | None = Field(None, description="Nothing outside this folder is read, wherever path leads.")
    format: Literal["csv", "jsonl", "json"] | None = Field(
        None,
        description="Default: by the file's ending (.csv, .tsv, .jsonl, .ndjson; each also .gz). json is one list of "
        "objects, and never guessed.",
    )
    columns: Columns = Field(description="Which column holds what.")
    delimiter: Annotated[str, AfterValidator(_one_character)] | None = Field(
        None, description='Between the columns of a CSV; default a comma (a tab for .tsv). Often ";" or tab.'
    )
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field(
        "utf-8", description="Of the text; a byte order mark is fine."
    )
    dates: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)] = Field(
        default=["iso"],
        description='How times are written, tried in order: iso, unix, unix_ms, or a pattern like "%d/%m/%Y %H:%M".',
    )
    time_zone: Annotated[str, AfterValidator(known_zone)] | None = Field(
        None, description="Zone of times that name none. Without it such a row is rejected, never guessed."
    )
    channel: str | None = Field(None, description="The channel of every answer, when no column tells it.")

    @model_validator(mode="after")
    def _patterns_are_patterns(self) -> Self:
        for text in self.dates:
            try:
                known_format(text)
            except ValueError as error:
                raise ValueError(f"dates: {error}") from None
        return self

    @property
    def zone(self) -> ZoneInfo | None:
        return None if self.time_zone is None else ZoneInfo(self.time_zone)

    def kind_of(self, path: Path) -> Literal["csv", "jsonl", "json"] | None:
        """How to read this file; None when its ending tells nothing."""
        if self.format is not None:
            return self.format
        match _ending(path):
            case ".csv" | ".tsv" | ".txt":
                return "csv"
            case ".jsonl" | ".ndjson":
                return "jsonl"
            case _:
                return None

    def delimiter_of(self, path: Path) -> str:
        return self.delimiter or ("\t" if _ending(path) == ".tsv" else ",")


def _ending(path: Path) -> str:
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()
