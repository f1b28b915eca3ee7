"""What a company promises about people's data: `privacy:` and `retention:` of the YAML."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nps.durations import Period, in_words

SMALLEST_GROUP = 3
DEFAULT_GROUP = 5


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfCrm(StrEnum):
    CLEAR = "clear"
    KEEP = "keep"


class EraseSpec(_Part):
    """What `npsync subject erase` does outside its own store."""

    crm: OfCrm = Field(
        default=OfCrm.CLEAR,
        description="clear: the fields npsync wrote are emptied where they still show what it wrote, and the history "
        "records, tasks and places on lists it made are taken away. keep: the CRM stays as it is.",
    )


class PrivacySpec(_Part):
    """Anonymous programmes, and what is done for somebody who wants to be forgotten."""

    anonymous: tuple[str, ...] = Field(
        default=(),
        description="Surveys (of `surveys:`) whose answers are kept without who gave them: the identity is dropped "
        "before anything is stored, and no record is written.",
    )
    min_group: int = Field(
        default=DEFAULT_GROUP,
        ge=SMALLEST_GROUP,
        le=1000,
        description="Figures of an anonymous survey are told for so many answers at once at least, and move on only "
        "when so many new ones came.",
    )
    safe: tuple[str, ...] = Field(
        default=(),
        description="Properties of anonymous answers that name nobody and are kept, like product or country; comment "
        "for the comment.",
    )
    read_every: Period = Field(
        default=timedelta(hours=1), description="How often anonymous surveys are read: no sync does it."
    )
    erase: EraseSpec = Field(
        default=EraseSpec(), description="What erasing somebody does outside npsync's own store."
    )


class RetentionSpec(_Part):
    """How long what is kept. What is not named is kept until somebody is erased."""

    answers: Period | None = Field(
        default=None,
        description="Answers older than this become anonymous monthly counts: how many gave which score.",
    )
    comments: Period | None = Field(
        default=None, description="Comments older than this are deleted; the score stays."
    )
    before_values: Period | None = Field(
        default=None,
        description="What records showed before a write is deleted after this; `undo` of such a run says expired.",
    )
    events: Period | None = Field(
        default=None, description="Events, what triggers said about them, and invitations that are over."
    )
    receipts: Period | None = Field(
        default=None,
        description="Who read, exported or erased what, and who did what at a page. At least 30 days.",
    )

    @property
    def is_set(self) -> bool:
        return any(getattr(self, name) is not None for name in type(self).model_fields)

    @model_validator(mode="after")
    def _sensible(self) -> RetentionSpec:
        if self.answers and self.comments and self.comments > self.answers:
            raise ValueError(
                f"comments cannot be kept longer ({in_words(self.comments)}) than the answers they are part of "
                f"({in_words(self.answers)})"
            )
        if self.receipts and self.receipts < timedelta(days=30):
            raise ValueError("receipts are proof of what was done for people: keep them for 30 days at least")
        return self
