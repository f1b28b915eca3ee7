"""What a Qualtrics connection says about itself in the YAML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connectors.addresses import safe_address
from connectors.auth import Auth, HeaderAuth, TokenAuth
from connectors.cells import known_format, known_zone
from connectors.contract import Settings
from nps.durations import Duration

_SHORTEST_POLL = timedelta(minutes=1)


class SurveyFields(Settings):
    """Which columns of one survey's export are the answer: Qualtrics does not tell."""

    score_field: str = Field(
        min_length=1,
        description="The column of the 0 to 10 question, as the export calls it: QID1, for example.",
    )
    comment_field: str | None = Field(
        description="The column of the text that explains it: QID2_TEXT, for example; null where there is none."
    )
    phone_field: str | None = Field(None, description="The column (embedded data) that holds a phone number.")


class Columns(Settings):
    """How the export calls what it says of every answer. Default: the names of its format, csv or json."""

    id: str | None = Field(None, description="The answer's id. Default: ResponseId, responseId in JSON.")
    recorded: str | None = Field(
        None, description="When it was recorded. Default: RecordedDate, recordedDate."
    )
    status: str | None = Field(None, description="Its status. Default: Status, status.")
    finished: str | None = Field(None, description="Whether it was finished. Default: Finished, finished.")
    email: str | None = Field(None, description="The e-mail. Default: RecipientEmail, recipientEmail.")
    external_id: str | None = Field(
        None, description="Your own id of a person. Default: ExternalReference, externalDataReference."
    )
    channel: str | None = Field(
        None, description="How it was asked. Default: DistributionChannel, distributionChannel."
    )


class QualtricsSettings(Settings):
    """Which account and surveys, and what their exports look like."""

    data_center: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9-]+$",
        description='Where the account lives, from "Qualtrics IDs" in its settings: fra1, for example.',
    )
    api_token: SecretStr | None = Field(None, description="API token of a user who may export these surveys.")
    oauth: TokenAuth | None = Field(None, description="A client's sign-in, instead of api_token.")
    surveys: Mapping[str, SurveyFields] = Field(
        min_length=1, description="The surveys to read by their ids (SV_…), and their columns."
    )
    format: Literal["csv", "json"] = Field(
        "csv", description="The format of exports. The names of columns differ between the two."
    )
    columns: Columns = Field(
        default_factory=lambda: Columns.model_validate({}),
        description="Other names of columns, where your export has them.",
    )
    normal_status: tuple[str, ...] = Field(
        ("0", "IP Address"),
        description="What the status says of an answer that counts; previews, tests and spam have another and are kept "
        "as excluded.",
    )
    finished_says: tuple[str, ...] = Field(
        ("1", "true"),
        description="What an answer says that was finished; others are half-finished and wait.",
    )
    dates: tuple[Annotated[str, AfterValidator(known_format)], ...] = Field(
        ("iso",), min_length=1, description="How times are written: iso, unix, unix_ms or a pattern."
    )
    time_zone: Annotated[str, AfterValidator(known_zone)] = Field(
        "UTC", description="The time zone exports are asked for in."
    )
    overlap: Duration = Field(
        timedelta(hours=1),
        description="How far back each run reads again, for answers that show up late.",
    )
    window: Duration = Field(
        timedelta(days=365),
        description="A first read is exported in pieces of this length; each may have 1.8 GB.",
    )
    earliest: str = Field(
        "2015-01-01",
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="No answer is older: where a first read begins that nothing else bounds.",
    )
    patience: Duration = Field(
        timedelta(minutes=30),
        description="How long a run waits for an export. One that takes longer is waited for by the next run.",
    )
    base_url: str | None = Field(
        None, description="Another address of the API; default is the data centre's own."
    )
    allow_http: bool = Field(False, description="Allow a base_url without TLS on a host you trust.")

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        if (self.api_token is None) == (self.oauth is None):
            raise ValueError("needs api_token or oauth, one of them")
        return self

    @model_validator(mode="after")
    def _an_address(self) -> Self:
        if self.base_url is None and self.data_center is None:
            raise ValueError('needs data_center (from "Qualtrics IDs" in the account settings), or base_url')
        return self

    _safe_address = model_validator(mode="after")(safe_address)

    @model_validator(mode="after")
    def _room_to_move(self) -> Self:
        if self.window < timedelta(hours=1):
            raise ValueError("window is at least 1 hour")
        if self.patience < _SHORTEST_POLL:
            raise ValueError("patience is at least 1 minute")
        return self

    @property
    def address(self) -> str:
        return self.base_url or f"https://{self.data_center}.qualtrics.com/API/v3"

    @property
    def auth(self) -> Auth:
        if self.oauth is not None:
            return self.oauth
        assert self.api_token is not None
        return HeaderAuth(header="X-API-TOKEN", value=self.api_token)
