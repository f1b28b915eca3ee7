"""What is asked, and where it is answered: the `surveys:` part of the YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from nps.durations import Duration, Period
from nps.phrases import LANGUAGES, choose
from nps.score import Segment
from nps.suspicion import Hold, HoldSpec

OWN_PAGE = "npsync"
"""The source of answers given on our own page: the one connection that nobody names in the YAML."""


class Metric(StrEnum):
    """What the answer's number means. Only `nps` has segments."""

    NPS = "nps"  # 0 to 10
    CSAT = "csat"  # 1 to 5
    CES = "ces"  # 1 to 7


class Kind(StrEnum):
    """Picks the rest period between two questions to one person."""

    RELATIONSHIP = "relationship"
    TRANSACTIONAL = "transactional"


def _survey_id(value: object) -> str:
    """Tools show ids as bare numbers; `at: {email: 1146}` means the same as the quoted text."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or value == "":
        raise ValueError("the survey id is empty; to take every survey of a tool, list connections instead")
    raise ValueError(f'a survey id is text; quote it: "{value}"')


def _survey_ids(value: object) -> tuple[str, ...]:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not several:
        raise ValueError(
            "name at least one survey id; to take every survey of a tool, list connections instead"
        )
    return tuple(_survey_id(each) for each in several)


def _whole_connections(value: object) -> object:
    """A list of connections means: whatever they deliver is this survey."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    for name in value:
        if not isinstance(name, str):
            raise ValueError(f'"{name}" is not the name of a connection')
    return dict.fromkeys(value, ())


_ID_SCHEMA = {"type": ["string", "integer"]}

SurveyIds = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda value: value if value == () else _survey_ids(value)),
    WithJsonSchema({"anyOf": [_ID_SCHEMA, {"type": "array", "items": _ID_SCHEMA, "minItems": 1}]}),
]

At = Annotated[
    Mapping[str, SurveyIds],
    BeforeValidator(_whole_connections),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {
                    "type": "object",
                    "additionalProperties": {
                        "anyOf": [_ID_SCHEMA, {"type": "array", "items": _ID_SCHEMA, "minItems": 1}]
                    },
                },
            ]
        }
    ),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScoreRule(_Part):
    """How a score that comes as text is read. Without a rule only a plain whole number is a score."""

    labelled: Literal["leading_number", "trailing_number"] = Field(
        description='Where the number stands in labelled text: "10 - Extremely likely" leads, '
        '"Extremely likely - 10" trails.'
    )


class Through(_Part):
    """One way to ask, tried in the order of the list."""

    use: str = Field(description="The connection that asks.")
    when: str | None = Field(default=None, description="CEL condition on the record; without it everybody.")
    after: Duration | None = Field(
        default=None, description="Only when the way before was not answered for so long."
    )


class Labels(_Part):
    """What the two ends of the scale mean, in words."""

    low: str = Field(description="The lowest number: Very difficult.")
    high: str = Field(description="The highest number: Very easy.")


class Then(_Part):
    """The open question after the score, worded for those who gave it."""

    promoter: str = Field(description="After a 9 or 10.")
    passive: str = Field(description="After a 7 or 8.")
    detractor: str = Field(description="After 0 to 6.")


class Translation(_Part):
    """The same question in another language."""

    ask: str = Field(description="The question.")
    then: str | Then | None = Field(default=None, description="The open question after the score.")
    labels: Labels | None = Field(default=None, description="What the ends of the scale mean.")
    thanks: str | None = Field(default=None, description="What happens next, on the last page.")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A survey's own words in one language; what is empty is said in npsync's (`nps.phrases`). `then` is keyed by
    segment, "" for whatever the score."""

    language: str
    ask: str
    then: Mapping[str, str] = {}
    labels: tuple[str, str] | None = None
    thanks: str = ""


def _by_segment(then: str | Then | None) -> Mapping[str, str]:
    if isinstance(then, Then):
        return {segment: getattr(then, segment) for segment in Segment}
    return {"": then} if then else {}


def _language(text: str) -> str:
    if text not in LANGUAGES:
        raise ValueError(f'npsync does not speak "{text}"; it speaks {", ".join(LANGUAGES)}')
    return text


Language = Annotated[str, AfterValidator(_language), WithJsonSchema({"enum": list(LANGUAGES)})]


class SurveySpec(_Part):
    """One question, wherever it is asked."""

    metric: Metric = Field(default=Metric.NPS, description="nps (0-10), csat (1-5) or ces (1-7).")
    kind: Kind = Field(
        default=Kind.RELATIONSHIP,
        description="relationship or transactional: picks the rest period between two asks.",
    )
    at: At = Field(
        default={},
        description="This survey's id (or list of ids) in each connection; or a list of connections, "
        "whose every answer then belongs to this survey. Their order decides between equally new answers.",
    )
    score: ScoreRule | None = Field(default=None, description="How a score that comes as text is read.")
    ask: str | None = Field(default=None, description="The question, for surveys npsync asks itself.")
    then: str | Then | None = Field(
        default=None,
        description="The open question after the score; one for all, or {promoter, passive, detractor}.",
    )
    labels: Labels | None = Field(
        default=None, description="What the ends of the scale mean, if not what npsync says by itself."
    )
    thanks: str | None = Field(default=None, description="What happens next: said on the last page.")
    language: Language = Field(
        default="en", description="The language of `ask`: two letters, of those npsync speaks."
    )
    translations: Mapping[Language, Translation] = Field(
        default={}, description="The same question in other languages, by their two letters."
    )
    through: tuple[Through, ...] = Field(default=(), description="How npsync asks it, in order.")
    remind: tuple[Period, ...] = Field(default=(), description="Remind after each of these, unless answered.")
    expires: Period | None = Field(default=None, description="An invitation is void after so long.")

    hold: Hold = Field(
        default=HoldSpec(),
        description="Which answers look as if a program gave them, and are held until a person decides; `off`: none.",
    )

    edit_window: Duration = Field(
        default=timedelta(days=7),
        description="How long a person may change an answer given on our own page, from the first one on.",
    )

    @property
    def spoken(self) -> tuple[str, ...]:
        """The languages it is asked in, its own first."""
        return (self.language, *self.translations)

    def said(self, language: str | None = None) -> Said:
        """Its words in this language (`de`, `de-AT`), else in its own."""
        chosen = choose([language, self.language], self.spoken)
        words = self.translations.get(chosen) or self
        labels = words.labels
        return Said(
            language=chosen,
            ask=words.ask or "",
            then=_by_segment(words.then),
            labels=None if labels is None else (labels.low, labels.high),
            thanks=words.thanks or "",
        )

    @property
    def own_page(self) -> bool:
        """Whether answers may come from our own page: npsync has the question, and asks it (or nobody does)."""
        return bool(self.ask) and (bool(self.through) or not self.at)

    @property
    def sources(self) -> tuple[str, ...]:
        """The connections that deliver this survey, in the YAML's order; our own page comes last."""
        return (*self.at, OWN_PAGE) if self.own_page else tuple(self.at)

    def includes(self, source: str, survey: str | None) -> bool:
        """Whether an answer of this connection, under this survey id of the source, belongs to it."""
        ids = self.at.get(source)
        return ids is not None and (not ids or survey in ids)
