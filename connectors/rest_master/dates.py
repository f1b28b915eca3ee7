"""How a master writes its dates: DD/MM/YYYY, a format with its separator apart, or ISO."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

_PART = re.compile(r"[Yy]+|[Mm]+|[Dd]+")
_KINDS = {"yyyy": "year", "yy": "short year", "mm": "month", "m": "month", "dd": "day", "d": "day"}
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\dT")


@dataclass(frozen=True)
class DateFormat:
    """`parts` are year, short year, month and day in their order, each with its width; `between` what separates them
    (one text less than parts)."""

    parts: tuple[tuple[str, int], ...]
    between: tuple[str, ...]

    def written(self, day: date) -> str:
        texts = [_part(day, kind, width) for kind, width in self.parts]
        return texts[0] + "".join(f"{gap}{text}" for gap, text in zip(self.between, texts[1:], strict=True))

    def read(self, text: str) -> date | None:
        """None for what is no date in this format."""
        found = self._pattern().fullmatch(text.strip())
        if found is None:
            return None
        held = {kind: int(number) for (kind, _), number in zip(self.parts, found.groups(), strict=True)}
        year = held.get("year", 2000 + held.get("short year", 0))
        try:
            return date(year, held["month"], held["day"])
        except ValueError:
            return None

    def _pattern(self) -> re.Pattern[str]:
        groups = [rf"(\d{{{width}}})" if width > 1 else r"(\d{1,2})" for _, width in self.parts]
        rest = "".join(
            f"{re.escape(gap)}{group}" for gap, group in zip(self.between, groups[1:], strict=True)
        )
        return re.compile(groups[0] + rest, re.ASCII)

    @property
    def shown(self) -> str:
        """For people: an example."""
        return self.written(date(2026, 3, 21))


def date_format(text: str, separator: str | None = None) -> DateFormat:
    """What a format means. Letters other than those of year, month and day separate; a `separator` of its own replaces
    whatever stands between the parts. ValueError for what is no date's format."""
    found = list(_PART.finditer(text))
    kinds = [_KINDS.get(one[0].lower()) for one in found]
    if len(found) != 3 or {str(kind).removeprefix("short ") for kind in kinds} != {"year", "month", "day"}:
        raise ValueError(
            f'"{text}" is no format of a date; write YYYY, MM and DD in their order, like DD/MM/YYYY'
        )
    between = [text[one.end() : after.start()] for one, after in pairwise(found)]
    outside = text[: found[0].start()] + text[found[-1].end() :]
    if outside.strip():
        raise ValueError(f'"{text}" is no format of a date: "{outside.strip()}" stands outside of it')
    if separator:
        between = [separator, separator]
    parts = tuple((str(kind), len(one[0])) for kind, one in zip(kinds, found, strict=True))
    if any(
        not gap and 1 in (width, after)
        for gap, (_, width), (_, after) in zip(between, parts, parts[1:], strict=False)
    ):
        raise ValueError(f'"{text}" cannot be read back: nothing separates numbers of one or two digits')
    return DateFormat(parts, tuple(between))


ISO = date_format("YYYY-MM-DD")


def iso_day(text: str) -> date | None:
    """The day of a text in ISO form, a time behind it or not; None for anything else."""
    day = text[:10] if _ISO_TIME.match(text) else text
    try:
        return date.fromisoformat(day) if len(day) == 10 else None
    except ValueError:
        return None


def _part(day: date, kind: str, width: int) -> str:
    number = {"year": day.year, "short year": day.year % 100, "month": day.month, "day": day.day}[kind]
    return str(number).zfill(width)
