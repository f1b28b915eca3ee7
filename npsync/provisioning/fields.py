"""A field as it would be created, from the mapping that fills it."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.provisioning import WantedField
from mapping.fields import SKIP, CompiledFields, compile_fields
from mapping.selftest import person_of
from mapping.spec import FieldMapping
from nps.errors import RejectedError
from nps.schema import FieldType, ObjectSchema
from nps.surveys import Metric
from npsync.checking.live import outputs, shown_type, unbounded
from npsync.config import Config
from sync.spec import SyncSpec

_SCORE_DIGITS = 3
_SCORES = {Metric.NPS: (0, 6, 7, 8, 9, 10), Metric.CSAT: (1, 2, 3, 4, 5), Metric.CES: (1, 3, 4, 5, 7)}


def field(
    object: str, name: str, mapping: FieldMapping, type: FieldType | None, metric: Metric, *, help: str
) -> WantedField:
    """A field that shows what a mapping gives."""
    options = _options(mapping, metric)
    if type is FieldType.TEXT and options:
        type = FieldType.CHOICE
    is_score = mapping.map is None and mapping.from_ in ("score", "previous_score")
    return WantedField(
        object,
        name,
        type,
        options=options if type in (FieldType.CHOICE, FieldType.MULTI) else (),
        length=mapping.truncate,
        long=type is FieldType.TEXT and unbounded(mapping),
        label=label(name),
        help=help,
        digits=_SCORE_DIGITS if is_score else None,
    )


def type_of(config: Config, spec: SyncSpec, mapping: FieldMapping, object: str) -> FieldType | None:
    """What a mapping shows; an expression is tried out."""
    type = shown_type(mapping, ObjectSchema(object, {}))
    if type is not None or mapping.expr is None:
        return type
    compiled = compile_fields({"tried": mapping}, where=None, zone=config.time_zone)
    return _tried(compiled, config.surveys[spec.survey].metric)


def _tried(compiled: CompiledFields, metric: Metric) -> FieldType | None:
    """The type of all that some usual answers show; None where they show several, or nothing."""
    types: set[FieldType] = set()
    for score in _SCORES[metric]:
        for before in (None, *_SCORES[metric]):
            given = {"score": score} | ({} if before is None else {"previous_score": before})
            try:
                shown = compiled.snapshot(person_of(given, metric.value)).get("tried")
            except RejectedError:
                return None
            types |= set(_types([shown]))
    return types.pop() if len(types) == 1 else None


def _types(shown: Iterable[object]) -> Iterable[FieldType]:
    for value in shown:
        if isinstance(value, bool):
            yield FieldType.BOOLEAN
        elif isinstance(value, int):
            yield FieldType.INTEGER
        elif isinstance(value, str):
            yield FieldType.TEXT
        elif value is not None and value is not SKIP:
            yield FieldType.OTHER


def _options(mapping: FieldMapping, metric: Metric) -> tuple[str, ...]:
    """The texts a field will hold, where all of them are known."""
    is_listed = mapping.map is not None or mapping.from_ in ("segment", "previous_segment")
    values = [value for value, _ in outputs(mapping, metric) if value not in (None, "")] if is_listed else []
    texts = [value for value in values if isinstance(value, str)]
    return tuple(dict.fromkeys(texts)) if len(texts) == len(values) else ()


def label(name: str) -> str:
    """ "custom_attributes.nps_last_survey" is "NPS last survey"."""
    words = name.rpartition(".")[2].removesuffix("__c").removesuffix("__pc").replace("_", " ").split()
    told = " ".join(
        word.upper() if word.lower() in ("nps", "csat", "ces") else word.lower() for word in words
    )
    return told[:1].upper() + told[1:]
