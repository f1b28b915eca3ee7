"""What control may switch: limits, and every place where the vendor's documents leave a choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

TIME_FORMATS = ("offset", "bare", "iso")


@dataclass(frozen=True, slots=True)
class Settings:
    per_minute: int = 0  # list calls per token and minute; 0 is the account without a limit
    token_seconds: int = 7200
    time_zone: str = "America/Los_Angeles"  # what timestamps are written in, daylight saving included
    time_format: str = (
        "offset"  # "2016-12-16 09:05:00 -0800"; bare: UTC without an offset; iso: with milliseconds
    )
    emails_in_rows: bool = False  # a client of 2022 read `end_user.email`; the documents do not have it
    text_properties_every: int = 50  # each such end user's properties come as a string; 0: nobody's
    answers_touch_people: bool = False  # does an answer move the end user's updated_at? Not documented
    multi_account: bool = False  # the login owns two accounts, so tokens need ?account_token=

    email_throttle: int = 0  # days since the last e-mail sent by API; off until vendor support enables it
    survey_token_in_body: bool = (
        False  # is /v1/email_survey happy with the header alone? Not shown in the samples
    )

    def changed(self, wanted: Mapping[str, Any]) -> Settings:
        """ValueError names a switch that does not exist or a value it cannot take."""
        known = {one.name: type(getattr(self, one.name)) for one in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"no setting {name}; there are: {', '.join(known)}")
            if type(value) is not known[name]:
                raise ValueError(f"{name} takes a {known[name].__name__}")
        settings = replace(self, **wanted)
        if settings.time_format not in TIME_FORMATS:
            raise ValueError(f"time_format is one of {', '.join(TIME_FORMATS)}")
        try:
            ZoneInfo(settings.time_zone)
        except ZoneInfoNotFoundError as unknown:
            raise ValueError(f"no time zone {settings.time_zone}") from unknown
        return settings
