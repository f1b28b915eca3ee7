"""What mappings and conditions may name: about one person their answers, or, before there are any, their records; about
one account what its people answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from nps.responses import SurveyResponse
from nps.values import Fields, Json


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a mapping may name about one person: the names of DESIGN 3, "Names", as one frozen value.

    `score` is parsed by the survey's metric; `record` and `account` hold typed live values (None for empty), and are
    empty mappings where nothing of them was asked for. `survey` is the survey's name in the YAML.
    """

    response: SurveyResponse
    score: int
    survey: str
    metric: str = "nps"
    previous_score: int | None = None
    answers: int = 1
    record_id: str = ""
    record: Fields = {}
    account_id: str | None = None
    account: Fields = {}
    event: Mapping[str, Json] = {}


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition may name about a person who has not answered yet (`where`, `when`, `never_ask`): the event, the
    person's record and its account, as typed live values.

    `account_known` False: there is an account, and it could not be read. A person without one has no `account_id`.
    """

    record_id: str = ""
    record: Fields = {}
    account_id: str | None = None
    account: Fields = {}
    account_known: bool = True
    event: Mapping[str, Json] = {}


class AccountStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a mapping may name about one account: the figures of its people's latest answers.

    A figure that would not be one is None: `nps` and `previous_nps` where too few answered, `margin` where the formula
    says nothing reliable, `coverage` (the percentage of its contacts that answered) where nobody says how many there
    are. The counts always stand.
    """

    account_id: str
    survey: str
    responses: int = 0
    promoters: int = 0
    passives: int = 0
    detractors: int = 0
    nps: int | Decimal | None = None
    margin: int | Decimal | None = None
    coverage: int | Decimal | None = None
    previous_nps: int | Decimal | None = None
    last_answered_at: datetime | None = None
    lowest_score: int | None = None
    account: Fields = {}
