"""What somebody wants to see: one survey, in a time, grouped and compared."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from mapping.names import root_of
from mapping.reporting import BUILT_IN, OWNER
from nps import periods
from nps.durations import in_words
from nps.errors import ConfigError
from nps.periods import Every, Period
from nps.surveys import Metric
from npsync.config.problems import meant_or_known
from store.api.tallying import By, Counting, Trait

if TYPE_CHECKING:
    from npsync.config import Config

MONTHS = 11  # and the current one: a year as people look at it
EARLIEST = date(1990, 1, 1)
ENOUGH = 3  # people of an account; where no sync says otherwise (`account.min_responses`)


class Compare(StrEnum):
    PREVIOUS = "previous"  # as many days right before
    YEAR = "year"  # the same days a year before
    NONE = "none"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """`by` is None, or one of `dimensions`. `guarded`: for whoever may see figures and no person (`guarded` below)."""

    survey: str
    period: Period
    every: Every = Every.MONTH
    by: str | None = None
    compare: Compare = Compare.PREVIOUS
    guarded: bool = False

    @property
    def compared_with(self) -> Period | None:
        match self.compare:
            case Compare.PREVIOUS:
                return periods.before(self.period)
            case Compare.YEAR:
                return periods.year_before(self.period)
            case Compare.NONE:
                return None


def wish(
    config: Config,
    survey: str,
    *,
    today: date,
    since: date | None = None,
    until: date | None = None,
    every: Every = Every.MONTH,
    by: str | None = None,
    compare: Compare = Compare.PREVIOUS,
) -> Wish:
    """What was asked for, checked. Without `since` a year of months; `until` is the last day (else today).

    Of an anonymous programme always the whole is told, by months: two times that differ by a day, or months beside
    weeks, would tell one answer by their difference. Raises ConfigError with what to write instead.
    """
    last = until or today
    first = since or periods.months_back(last, MONTHS)
    if first > last:
        raise ConfigError(f"--since {first} is after --until {last}; swap them")
    if first < EARLIEST:
        raise ConfigError(f"--since {first} is before {EARLIEST}; nobody asked for an NPS then")
    if last > today + timedelta(days=1):
        raise ConfigError(f"--until {last} is in the future; today is {today}")
    if survey not in config.surveys:
        raise ConfigError(
            f'{config.file}: there is no survey "{survey}"{meant_or_known(survey, nps_surveys(config))}'
        )
    if (metric := config.surveys[survey].metric) is not Metric.NPS:
        raise ConfigError(f'the survey "{survey}" measures {metric.value}; a report tells the NPS')
    if by is not None and by not in (known := dimensions(config)):
        raise ConfigError(
            f'there is no group "{by}"{meant_or_known(by, known)}; report.by in the YAML names more'
        )
    if survey in config.privacy.anonymous:
        whole = Period("all answers so far", EARLIEST, today + timedelta(days=1))
        return Wish(survey=survey, period=whole, by=by, compare=Compare.NONE)
    period = Period(f"{first} to {last}", first, last + timedelta(days=1))
    if len(periods.cut(first, period.end, every, today=today)) > periods.MOST:
        raise ConfigError(
            f"{in_words(timedelta(days=period.days))} are more than {periods.MOST} {every.value}s; "
            "take a later --since or a longer --every"
        )
    return Wish(survey=survey, period=period, every=every, by=by, compare=compare)


def guarded(config: Config, survey: str, *, today: date, by: str | None = None) -> Wish:
    """What somebody is told who may see figures and no person: always the twelve whole months before this one, by
    months, against the same months of the year before. Two times that differ by little, or a time that moves on every
    day, would tell one answer by their difference. Raises ConfigError."""
    asked = wish(config, survey, today=today, by=by)
    if survey in config.privacy.anonymous:
        return asked
    return Wish(survey=survey, period=whole_months(today), by=by, compare=Compare.YEAR, guarded=True)


def whole_months(today: date) -> Period:
    """The twelve before this one."""
    end = periods.months_back(today, 0)
    since = periods.months_back(end, MONTHS + 1)
    return Period(f"{since} to {end - timedelta(days=1)}", since, end)


def nps_surveys(config: Config) -> list[str]:
    """The surveys that measure an NPS, in the YAML's order."""
    return [name for name, survey in config.surveys.items() if survey.metric is Metric.NPS]


def dimensions(config: Config) -> list[str]:
    """Everything answers can be grouped by."""
    named = list(config.report.by) if config.report is not None else []
    owner = [OWNER] if config.report is not None and any(p.owner for p in config.people.values()) else []
    return list(dict.fromkeys([*BUILT_IN, *owner, *named]))


def by_of(config: Config, name: str) -> By | None:
    """How the store groups by this; None for segment, which follows from the scores."""
    if name in ("channel", "source", "survey"):
        return By(Trait(name))
    path = config.report.by.get(name) if config.report is not None else None
    if isinstance(path, str) and root_of(path) == "properties":
        return By(Trait.PROPERTY, path.removeprefix("properties."))
    return None if name in BUILT_IN else By(Trait.RECORD, name)


def counting(config: Config, survey: str, *cuts: date) -> Counting:
    """Which answers count, with periods that begin and end at midnight of the business zone."""
    spec = config.surveys[survey]
    ids = {source: config.surveys[survey].at.get(source, (survey,)) for source in spec.sources}
    return Counting(
        places=ids,
        syncs=[name for name, sync in config.sync.items() if sync.survey == survey],
        cuts=[periods.midnight(day, config.time_zone) for day in cuts],
        metric=spec.metric.value,
        anonymous=survey if survey in config.privacy.anonymous else "",
        labelled=spec.score.labelled if spec.score is not None else None,
    )


def enough_of(config: Config, survey: str, *, guarded: bool = False) -> int:
    """From how many people on an account has a figure, and is told of at all where the wish is `guarded`."""
    said = [
        sync.account.min_responses
        for sync in config.sync.values()
        if sync.survey == survey and sync.account is not None
    ]
    enough = said[0] if said else ENOUGH
    return max(enough, config.privacy.min_group) if guarded else enough


def name_of_accounts(config: Config) -> str | None:
    """The group of the report that is the account's name, where one is declared."""
    if config.report is None:
        return None
    named = ("account.name", "account.displayname")
    for name, given in config.report.by.items():
        paths = [given] if isinstance(given, str) else given.values()
        if all(path.lower() in named for path in paths):
            return name
    return None
