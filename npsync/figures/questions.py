"""Questions as they are kept: what is asked, in words that mean the same tomorrow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from hashlib import blake2b

import msgspec

from nps import periods
from nps.periods import Every
from npsync import __version__
from npsync.config import Config
from npsync.reports import Compare, Wish, nps_surveys, wish
from npsync.reports.wish import (
    MONTHS,
    by_of,
    counting,
    dimensions,
    enough_of,
    guarded,
    name_of_accounts,
    whole_months,
)
from store.stirring import ANSWERS, ASKED

ACCOUNTS = "accounts"
REPORT = "report"
INVITATIONS = "invitations"
DAYS = (7, 30, 90, 365)  # before today, that what became of asking is told of
GROUPS = 100  # of a report that are told one by one
FEW = 2_000  # answers are counted while somebody waits, in less than a tenth of a second


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A report, a list of accounts, or what became of all invitations. Without `since` its time is the usual one, which
    moves on with the days."""

    kind: str
    survey: str = ""
    by: str | None = None
    every: Every = Every.MONTH
    compare: Compare = Compare.PREVIOUS
    since: date | None = None
    until: date | None = None
    guarded: bool = False

    @property
    def part(self) -> str:
        """What it is made of."""
        return ASKED if self.kind == INVITATIONS else ANSWERS

    def is_of(self, config: Config) -> bool:
        """Whether this configuration can be asked it."""
        return self.kind == INVITATIONS or self.survey in config.surveys

    def wish(self, config: Config, today: date) -> Wish:
        if self.guarded:
            return guarded(config, self.survey, today=today, by=self.by)
        return wish(
            config,
            self.survey,
            today=today,
            since=self.since,
            until=self.until,
            every=self.every,
            by=self.by,
            compare=self.compare,
        )

    def as_text(self) -> str:
        return msgspec.json.encode(self).decode()


def read(text: str) -> Question:
    return msgspec.json.decode(text, type=Question)


def about(config: Config, wanted: Wish, today: date) -> Question:
    """The question whose answer this wish is today."""
    usual = Question(
        kind=REPORT,
        survey=wanted.survey,
        by=wanted.by,
        every=wanted.every,
        compare=wanted.compare,
        guarded=wanted.guarded,
    )
    if usual.wish(config, today) == wanted:
        return usual
    return msgspec.structs.replace(usual, since=wanted.period.since, until=wanted.period.last)


def accounts_of(survey: str, *, guarded: bool = False) -> Question:
    return Question(kind=ACCOUNTS, survey=survey, guarded=guarded)


def since(days: int, today: date, zone: tzinfo) -> datetime:
    """The beginning of the day so many days ago: a whole day's figures are of one and the same time."""
    return periods.midnight(today - timedelta(days=days), zone)


def kept_ready(config: Config) -> Iterator[Question]:
    """What the pages show before anybody chooses anything else, and each of its groups."""
    yield Question(kind=INVITATIONS)
    for survey in nps_surveys(config):
        anonymous = survey in config.privacy.anonymous
        compare = Compare.NONE if anonymous else Compare.PREVIOUS
        for by in (None, *(name for name in dimensions(config) if by_of(config, name) is not None)):
            yield Question(kind=REPORT, survey=survey, by=by, compare=compare)
        if not anonymous:
            yield Question(kind=REPORT, survey=survey, compare=Compare.YEAR, guarded=True)
            yield accounts_of(survey)
            yield accounts_of(survey, guarded=True)


def key_of(config: Config, question: Question) -> str:
    """What is asked, of a configuration that says what counts: with another one it is another question."""
    if question.kind == INVITATIONS:
        return _digest(__version__, question.as_text(), str(config.time_zone), repr(DAYS))
    survey = config.surveys[question.survey]
    some_day = date(2000, 1, 1)
    return _digest(
        __version__,
        question.as_text(),
        repr(counting(config, question.survey, some_day, some_day + timedelta(days=1))),
        config.report.model_dump_json() if config.report is not None else "",
        repr((config.privacy.anonymous, config.privacy.min_group, str(config.time_zone))),
        repr((survey.own_page, len(survey.through), enough_of(config, question.survey))),
        repr(name_of_accounts(config)),
        repr([name for name, sync in config.sync.items() if sync.follow_up]),
    )


def _digest(*said: str) -> str:
    return blake2b("\n".join(said).encode(), digest_size=16).hexdigest()


def year_of(today: date, *, guarded: bool = False) -> tuple[date, date]:
    """The time that accounts are told of."""
    if guarded:
        return (whole := whole_months(today)).since, whole.end
    return periods.months_back(today, MONTHS), today + timedelta(days=1)
