"""Reading a segment back from what a field shows: the other direction of `from: score` and `from: segment`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mapping.convert import plain
from mapping.spec import FieldMapping
from nps.score import Segment
from nps.values import Json

ReadSegment = Callable[[Json], Segment | None]

# What these names hold is often the same for everybody.
_ALIKE = frozenset({"survey", "channel", "source", "answers"})


def segment_readers(fields: Mapping[str, FieldMapping]) -> dict[str, ReadSegment]:
    """The fields that tell a record's segment, and how. A field whose words name no segment alone is not among them."""
    readers: dict[str, ReadSegment] = {}
    for name, mapping in fields.items():
        if mapping.from_ == "score" and mapping.map is None:
            readers[name] = _of_score
        elif mapping.from_ == "segment" and (words := _words(mapping)) is not None:
            readers[name] = _of_word(words)
    return readers


def same_for_all(fields: Mapping[str, FieldMapping]) -> frozenset[str]:
    """Fields that may well show one value for everybody: a constant, a channel."""
    return frozenset(
        name for name, mapping in fields.items() if mapping.says("value") or mapping.from_ in _ALIKE
    )


def _of_score(shown: Json) -> Segment | None:
    """Vendors show a number as 9, 9.0 or "9"; what somebody else left there may be no score at all."""
    try:
        score = float(shown) if isinstance(shown, int | float | str) and not isinstance(shown, bool) else -1.0
    except ValueError:
        return None
    return Segment.of(int(score)) if score.is_integer() and 0 <= score <= 10 else None


def _words(mapping: FieldMapping) -> dict[str, Segment] | None:
    """What the field shows for each segment; None unless all three differ."""
    shown = mapping.map or {segment.value: segment.value for segment in Segment}
    words = {str(plain(word)).casefold(): Segment(key) for key, word in shown.items() if key in set(Segment)}
    return words if len(words) == len(Segment) else None


def _of_word(words: Mapping[str, Segment]) -> ReadSegment:
    return lambda shown: words.get(str(shown).casefold())
