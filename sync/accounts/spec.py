"""What a sync's accounts show: `account:` in the YAML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from mapping.spec import AccountMapping
from nps.durations import Period
from sync.crontab import Cron

FIGURES = ("nps", "previous_nps", "margin", "coverage")
"""What is rounded to `places`."""


class AccountSpec(BaseModel):
    """The latest answer of each of an account's people, in figures on the account. It needs people.*.account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: Period = Field(
        default=timedelta(days=365),
        description="Answers older than this do not count any more: an account's figures age out by themselves.",
    )
    min_responses: int = Field(
        default=3,
        ge=1,
        description="With fewer answers nps, previous_nps and margin are empty: never a number that isn't one. The "
        "counts, lowest_score and last_answered_at are shown all the same.",
    )
    compare: Period = Field(
        default=timedelta(days=90),
        description="previous_nps is the same figure as of so long ago: from the answers given until then, within the "
        "window as it was then.",
    )
    places: int = Field(
        default=0, ge=0, le=2, description="Decimals of nps, previous_nps, margin and coverage."
    )
    cron: Cron = Field(
        default="0 3 * * *",
        description="When all accounts are worked out anew, as answers age out and people change accounts: a cron "
        "line in time_zone. Beside that, every run brings up to date the accounts of which it settled an answer.",
    )
    fields: Mapping[str, AccountMapping] = Field(
        min_length=1,
        description="Account field → what it shows: nps, responses, promoters, passives, detractors, margin, "
        "coverage, previous_nps, last_answered_at, lowest_score, or a mapping.",
    )
