"""Where a person stands: the answer that counts, the one before it, and how many there were."""

from __future__ import annotations

from collections.abc import Mapping

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
