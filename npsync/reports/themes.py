"""What comes up again and again in comments, and whether detractors or promoters say it.

No model and no download: words are cut to their stems, words that every text has are left out, and what is left is
counted once per comment. Which segment a theme belongs to is the log-odds of its shares, weighed by what all comments
say (Monroe, Colaresi and Quinn, "Fightin' Words", Political Analysis 16:4, 2008): a word of three comments does not
beat one of three hundred.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache

import msgspec

from nps.errors import ConfigError
from nps.score import Segment
from npsync.reports.stopwords import STOPWORDS

SHORTEST, LONGEST = 3, 40  # letters of a word
LEAST = 5  # comments; what fewer have is no theme
MOST_WORDS = 200_000  # remembered while counting; then what came once is forgotten
PRIOR = 10.0  # how many comments' worth of doubt a word begins with
TOLD_APART = 3.0  # of many words that are tried some lean by 2 by chance alone

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")

Stem = Callable[[str], str]


class Theme(msgspec.Struct, frozen=True, kw_only=True):
    """A word or two, as most people wrote it, and how many comments of each segment have it."""

    label: str
    promoters: int
    passives: int
    detractors: int
    leaning: float  # above zero: rather detractors; z of the log-odds

    @property
    def comments(self) -> int:
        return self.promoters + self.passives + self.detractors

    @property
    def of(self) -> Segment | None:
        """Whose theme it is, beyond chance."""
        if abs(self.leaning) < TOLD_APART:
            return None
        return Segment.DETRACTOR if self.leaning > 0 else Segment.PROMOTER


class Themes(msgspec.Struct, frozen=True, kw_only=True):
    """`commented`: comments per segment that were looked at."""

    themes: Sequence[Theme]
    commented: Mapping[Segment, int]

    def share(self, theme: Theme, segment: Segment) -> tuple[int, int]:
        """(comments of the segment that have it, comments of the segment)."""
        counts = {
            Segment.PROMOTER: theme.promoters,
            Segment.PASSIVE: theme.passives,
            Segment.DETRACTOR: theme.detractors,
        }
        return counts[segment], self.commented.get(segment, 0)


def themes(remarks: Iterable[tuple[int, str]], *, least: int = LEAST, limit: int = 20) -> Themes:
    """The themes of (score, comment), those that say most first. Raises ConfigError without the library."""
    languages = _languages()
    commented: Counter[Segment] = Counter()
    said: dict[Segment, Counter[str]] = {segment: Counter() for segment in Segment}
    written: dict[str, Counter[str]] = {}
    for score, text in remarks:
        segment = Segment.of(score)
        commented[segment] += 1
        for stem, form in dict(_units(text, languages)).items():
            said[segment][stem] += 1
            written.setdefault(stem, Counter())[form] += 1
        if len(written) > MOST_WORDS:
            _forget_rare(said, written)
    total = sum(said.values(), Counter())
    often = {stem for stem, many in total.items() if many >= least}
    found = [_theme(stem, said, commented, written) for stem in often - _parts(often, total)]
    found.sort(key=lambda theme: (-abs(theme.leaning), -theme.comments, theme.label))
    return Themes(themes=found[:limit], commented=dict(commented))


# ------------------------------------------------------------ words


class _Language(msgspec.Struct, frozen=True):
    stop: frozenset[str]
    stem: Stem


@cache
def _languages() -> tuple[_Language, ...]:
    try:
        from snowballstemmer import stemmer
    except ImportError:
        raise ConfigError(
            "themes need a small library that is not installed: pip install 'npsync[themes]'"
        ) from None
    return tuple(_Language(stop, cache(stemmer(name).stemWord)) for name, stop in STOPWORDS.items())


def _units(text: str, languages: Sequence[_Language]) -> Iterator[tuple[str, str]]:
    """(stem, as it was written) of every word that says something, and of every two that stand side by side."""
    text = text.lower().replace("’", "'")
    found = list(_WORD.finditer(text))
    language = max(languages, key=lambda each: sum(word[0] in each.stop for word in found))
    before: tuple[str, str] | None = None
    end = 0
    for place in found:
        word = _without_article(place[0])
        if not SHORTEST <= len(word) <= LONGEST or place[0] in language.stop or word in language.stop:
            before = None
            continue
        unit = (language.stem(word), word)
        yield unit
        if before is not None and before[0] != unit[0] and text[end : place.start()].isspace():
            yield f"{before[0]} {unit[0]}", f"{before[1]} {unit[1]}"
        before, end = unit, place.end()


def _without_article(word: str) -> str:
    """l'équipe is équipe, team's is team."""
    head, apostrophe, tail = word.partition("'")
    return word if not apostrophe else tail if len(head) <= 2 else head


def _forget_rare(said: Mapping[Segment, Counter[str]], written: dict[str, Counter[str]]) -> None:
    rare = [stem for stem, forms in written.items() if sum(forms.values()) < 2]
    for stem in rare:
        del written[stem]
        for counts in said.values():
            counts.pop(stem, None)


def _parts(often: set[str], total: Mapping[str, int]) -> set[str]:
    """Single words that nearly always stand in one pair: the pair says more."""
    return {
        stem
        for pair in often
        if " " in pair
        for stem in pair.split(" ")
        if stem in often and total[pair] >= 0.8 * total[stem]
    }


# ------------------------------------------------------------ whose it is


def _theme(
    stem: str,
    said: Mapping[Segment, Counter[str]],
    commented: Mapping[Segment, int],
    written: Mapping[str, Counter[str]],
) -> Theme:
    counts = {segment: said[segment][stem] for segment in Segment}
    form = min(written[stem].items(), key=lambda pair: (-pair[1], pair[0]))[0]
    return Theme(
        label=form,
        promoters=counts[Segment.PROMOTER],
        passives=counts[Segment.PASSIVE],
        detractors=counts[Segment.DETRACTOR],
        leaning=leaning(
            counts[Segment.DETRACTOR],
            commented[Segment.DETRACTOR],
            counts[Segment.PROMOTER],
            commented[Segment.PROMOTER],
            sum(counts.values()) / sum(commented.values()),
        ),
    )


def leaning(
    detractors: int, of_detractors: int, promoters: int, of_promoters: int, everywhere: float
) -> float:
    """z of the log-odds of a word among detractors against promoters, with a prior of `everywhere` its share."""
    if not of_detractors or not of_promoters:
        return 0.0
    yes, no = PRIOR * everywhere, PRIOR * (1 - everywhere) + 0.5

    def odds(has: int, of: int) -> float:
        return (has + yes) / (of - has + no)

    difference = math.log(odds(detractors, of_detractors)) - math.log(odds(promoters, of_promoters))
    return difference / math.sqrt(1 / (detractors + yes) + 1 / (promoters + yes))
