"""The comments of what was asked for: found, and their themes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import structs

from npsync.reports.comments import comments
from npsync.reports.making import least_of
from npsync.reports.themes import LEAST, Themes, themes
from npsync.reports.wish import Wish, counting
from store.api.tallying import Counting

if TYPE_CHECKING:
    from npsync.config import Config
    from store.api import Store
    from store.api.remarks import Remark

MOST = 20_000  # comments that themes are looked for in: the latest


def counting_of(config: Config, store: Store, wanted: Wish) -> Counting:
    """The answers of this time. Of an anonymous programme with too few of them: none."""
    what = counting(config, wanted.survey, wanted.period.since, wanted.period.end)
    least = least_of(config, wanted.survey, guarded=wanted.guarded)
    return structs.replace(what, places={}) if least and store.tallied(what)[0].people < least else what


def least_said(config: Config, wanted: Wish) -> int:
    """From how many comments on a word is a theme."""
    return max(LEAST, least_of(config, wanted.survey, guarded=wanted.guarded))


def themes_of(config: Config, store: Store, wanted: Wish, *, limit: int = 20) -> Themes:
    """Raises ConfigError without the library."""
    said = comments(store, counting_of(config, store, wanted), most=MOST)
    if least_of(config, wanted.survey, guarded=wanted.guarded):
        said = _one_of_each(said)  # what one person says again and again is not what many say
    return themes(
        ((remark.score, remark.text) for remark in said), least=least_said(config, wanted), limit=limit
    )


def _one_of_each(said: Iterable[Remark]) -> Iterator[Remark]:
    """The first of each person's."""
    heard: set[str] = set()
    for remark in said:
        if remark.who not in heard:
            heard.add(remark.who)
            yield remark
