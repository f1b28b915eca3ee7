"""What one sync is told: the `sync:` part of the YAML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from mapping.spec import FieldMapping, FieldTest, MatchRule, Scalar
from nps.durations import Multiple, Period, Share, Spread, Times
from sync.accounts.spec import AccountSpec
from sync.crontab import Cron
from sync.outbox.spec import FollowUpRule, HistorySpec


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _day(value: object) -> date:
    """A day and nothing else: a bare number would silently be seconds since 1970."""
    if isinstance(value, datetime) or not isinstance(value, str | date):
        raise ValueError(f'"{value}" is not a day; write it like 2025-01-31')
    try:
        return value if isinstance(value, date) else date.fromisoformat(value)
    except ValueError:
        raise ValueError(f'"{value}" is not a day; write it like 2025-01-31') from None


Day = Annotated[date, BeforeValidator(_day)]


class Target(_Part):
    """Records that are not people: any object of a destination, with its own match rules."""

    connection: str = Field(description="The connection whose records are written.")
    object: str = Field(description="The object, in the vendor's own name: Case, tickets.")
    match: tuple[MatchRule, ...] = Field(
        min_length=1, description="How an answer finds its record; the first rule with any hit decides."
    )
    only: Mapping[str, Scalar | list[Scalar]] = Field(
        default={}, description="Only records with these values: a value or a list of values per field."
    )


def _to(value: object) -> str:
    return "target" if isinstance(value, Mapping | Target) else "name"


To = Annotated[Annotated[str, Tag("name")] | Annotated[Target, Tag("target")], Discriminator(_to)]


class VolumeSpec(_Part):
    """How many new answers are normal, by the days on which a source delivered some."""

    most: Times | None = Field(
        default=Multiple(10),
        description="Stop when a source brings more than so many times the answers of its busiest day in the last "
        "60 days; null for no limit.",
    )
    silence: Period | None = Field(
        default=timedelta(days=3),
        description="Tell (the run ends partial, nothing is stopped) when a source that usually delivers has brought "
        "no new answer for so long, and for twice its longest pause in the last 60 days; null: never.",
    )


class BreakerSpec(_Part):
    """Stops a run whose changes look like an accident, before the first write."""

    changed_share: Share = Field(
        default=Decimal("0.5"),
        description="Stop when more than this share of the records that already have values would change.",
    )
    match_rate_drop: Share = Field(
        default=Decimal("0.2"), description="Stop when the share of matched answers falls by more than this."
    )
    segment_swing: Share = Field(
        default=Decimal("0.3"),
        description="Stop when the share of detractors, passives or promoters moves by more than this: from what the "
        "records show now to what they would show, or from a source's earlier answers to its new ones.",
    )
    constant_share: Share = Field(
        default=Decimal("0.95"),
        description="Stop when more than this share of a field's changes would write one and the same value where "
        "different values are shown now.",
    )
    cleared_share: Share = Field(
        default=Decimal("0.2"),
        description="Stop when a field would be emptied on more than this share of the records that have values.",
    )
    volume: VolumeSpec = Field(default=VolumeSpec(), description="When too many answers arrive, or none.")
    canary: int = Field(
        default=50, ge=0, le=10_000, description="Write so many records first and read them back; 0 for none."
    )


class VerifySpec(_Part):
    """When records are compared with what npsync left there, and how many of them."""

    cron: Cron = Field(description='When `npsync serve` does it, as a cron line in time_zone: "30 2 * * *".')
    sample: int = Field(
        default=1000, ge=1, description="How many records are looked at each time: others every day."
    )


class SyncSpec(_Part):
    """One survey's answers onto one kind of record."""

    every: Period | None = Field(default=None, description='How often it runs: "15 minutes".')
    cron: Cron | None = Field(
        default=None, description='When it runs, as a cron line in time_zone: "*/15 * * * *".'
    )
    paused: bool = Field(
        default=False, description="true: the clock leaves it alone; `npsync run SYNC` still runs it."
    )
    jitter: Spread | None = Field(
        default=None,
        description="So much later at most it is run than it is due, always the same for this sync of this "
        'installation: not everybody asks a vendor in the same second. Default "30 seconds"; "0 seconds": to the '
        "moment. At most half the time to the next due time.",
    )
    survey: str = Field(description="The survey (of `surveys:`) whose answers are taken.")
    to: To = Field(
        description="Whose records: a name of `people:`, or {connection, object, match} for other records."
    )
    since: Day | None = Field(default=None, description="Answers given before this day do not count.")
    valid_for: Period | None = Field(
        default=None, description="The person's fields are cleared once the answer is older than this."
    )
    where: str | None = Field(
        default=None, description="CEL condition an answer has to meet; others are excluded."
    )
    fields: Mapping[str, FieldMapping] = Field(
        min_length=1, description="Record field → what it shows: a name (score, segment, …) or a mapping."
    )
    account: AccountSpec | None = Field(
        default=None, description="What the accounts of these people show: the NPS of their people."
    )
    breaker: BreakerSpec = Field(default=BreakerSpec(), description="When a run stops by itself.")
    verify: VerifySpec | None = Field(
        default=None, description="Compare a sample of the records with what was written, on a schedule."
    )
    history: HistorySpec | None = Field(
        default=None, description="Every answer as a record of its own, beside the customer's."
    )
    follow_up: tuple[FollowUpRule, ...] = Field(
        default=(), description="What happens after an answer: tasks, messages to people, places on lists."
    )
    follow_up_since: Day | None = Field(
        default=None,
        description="Answers given from this day on are followed up; without it those given after the first run with "
        "`follow_up`.",
    )
    tests: tuple[FieldTest, ...] = Field(
        default=(), description="Examples; `npsync test` checks them offline."
    )

    @model_validator(mode="after")
    def _one_schedule(self) -> SyncSpec:
        if (self.every is None) == (self.cron is None):
            raise ValueError('say when it runs: either every: "15 minutes" or cron: "*/15 * * * *"')
        return self
