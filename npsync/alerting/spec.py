"""Who is told what: the `alerts:` part of the YAML, and `report.digests`."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mapping.reporting import ReportSpec
from nps.durations import Period
from sync.crontab import Cron

OWN = ""  # the connection's own channel or address


class On(StrEnum):
    """What is told."""

    FALL = "fall"
    RUN_FAILED = "run_failed"
    RUN_STOPPED = "run_stopped"
    RUN_DEGRADED = "run_degraded"
    SOURCE_SILENT = "source_silent"
    CREDENTIALS = "credentials"
    DEAD_LETTERS = "dead_letters"
    REVIEW = "review"
    FOLLOW_UP_REJECTED = "follow_up_rejected"
    HELD = "held"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _whole_days(length: timedelta) -> timedelta:
    if length % timedelta(days=1):
        raise ValueError('figures are compared by whole days: write it like "90 days"')
    return length


Days = Annotated[Period, AfterValidator(_whole_days)]


class AlertSpec(_Part):
    """One message for one occasion, to people who can do something about it."""

    connection: str = Field(description="The connection that tells it: Slack, mail or a webhook.")
    to: str = Field(
        default=OWN, description="A channel or an address; without it the connection's own. Mail needs one."
    )
    on: tuple[On, ...] = Field(
        min_length=1,
        description="fall (an NPS fell by more than chance), run_failed, run_stopped (by the breaker), run_degraded "
        "(it did not get through everything), source_silent, credentials (a vendor refuses them), dead_letters, review "
        "(more than more_than wait), follow_up_rejected (a task, a kept answer or the like was refused), held (what "
        "looks like a program's).",
    )
    surveys: tuple[str, ...] = Field(
        default=(), description="Of `fall`: only these; without it every survey that measures an NPS."
    )
    by: tuple[str, ...] | None = Field(
        default=None,
        description="Of `fall`: the groups that are looked at, besides the whole: owner, channel, source or names of "
        "report.by. Without it owner and everything report.by names.",
    )
    over: Days = Field(
        default=timedelta(days=90), description="Of `fall`: these days are compared with as many before them."
    )
    again_after: Period = Field(
        default=timedelta(days=1),
        description="Of `fall`, `follow_up_rejected` and `held`: the same occasion is told again after so long at the "
        "earliest. What lasts is told once, and when it is over.",
    )
    more_than: int = Field(
        default=25,
        ge=0,
        description="Of `dead_letters` and `review`: told when more than so many wait in a sync, and when half of them "
        "are left.",
    )


class DigestSpec(_Part):
    """Figures for one audience, on a schedule: aggregates only, nobody's name, score or comment."""

    audience: str = Field(
        min_length=1, max_length=60, description="For whom it is, as its title says: Leadership."
    )
    connection: str = Field(description="The connection that delivers it: mail, Slack or a webhook.")
    to: str = Field(
        default=OWN, description="A channel or an address; without it the connection's own. Mail needs one."
    )
    cron: Cron = Field(
        default="0 8 * * mon", description="When, as a cron line in time_zone: Mondays at eight."
    )
    surveys: tuple[str, ...] = Field(
        default=(), description="Which; without it every survey that measures an NPS."
    )
    by: tuple[str, ...] = Field(
        default=(), description="Groups to look at: owner, channel, source or names of report.by."
    )
    over: Days = Field(
        default=timedelta(days=30), description="These days, compared with as many before them."
    )


class ReportingSpec(ReportSpec):
    """What `npsync report` and the dashboard group answers by, what is at stake, what is aimed at, and who gets it."""

    digests: tuple[DigestSpec, ...] = Field(
        default=(), description="Figures that people get on a schedule, by mail or Slack."
    )
