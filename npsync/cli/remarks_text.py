"""Comments and their themes as text, at most 100 columns."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from nps.score import Segment
from npsync.cli import output
from npsync.reports.comments import Hits, excerpt
from npsync.reports.themes import Theme, Themes
from npsync.reports.wording import percent


def tell_hits(hits: Hits, words: str, zone: ZoneInfo) -> None:
    of = f"{hits.comments:,} comment{'' if hits.comments == 1 else 's'}"
    if not hits.comments:
        output.say(
            "There is no comment in this time. They are kept where a sync shows them: fields: {…: comment}."
        )
        return
    if not hits.found:
        output.say(f'None of {of} has "{words}".')
        return
    output.say(
        f'{hits.found:,} of {of} {"has" if hits.found == 1 else "have"} "{words}".' if words else f"{of}."
    )
    output.table(
        ("day", "score", "what they wrote", "record"),
        [
            (
                f"{one.at.astimezone(zone):%Y-%m-%d}",
                f"{one.score} {Segment.of(one.score).value}",
                excerpt(one.text, words),
                one.record_id or "–",
            )
            for one in hits.shown
        ],
    )
    if hits.page < hits.pages:
        output.say(f"\nPage {hits.page} of {hits.pages}; the next: --page {hits.page + 1}")


def tell_themes(found: Themes, least: int) -> None:
    commented = sum(found.commented.values())
    if not found.themes:
        output.say(f"No theme: of {commented:,} comments no word comes up in {least} or more.")
        return
    output.say(f"What comes up in {least} or more of {commented:,} comments, the most telling first:")
    output.table(
        ("theme", "comments", "of detractors", "of promoters", "rather said by"),
        [
            (
                theme.label,
                f"{theme.comments:,}",
                _share(found, theme, Segment.DETRACTOR),
                _share(found, theme, Segment.PROMOTER),
                f"{theme.of.value}s" if theme.of is not None else "both",
            )
            for theme in found.themes
        ],
    )


def hits_json(hits: Hits) -> dict[str, Any]:
    return {
        "found": hits.found,
        "comments": hits.comments,
        "page": hits.page,
        "pages": hits.pages,
        "shown": [
            {
                "at": one.at.isoformat(),
                "score": one.score,
                "segment": Segment.of(one.score).value,
                "comment": one.text,
                "answer": f"{one.source}:{one.id}",
                "record": one.record_id,
            }
            for one in hits.shown
        ],
    }


def themes_json(found: Themes) -> dict[str, Any]:
    return {
        "commented": {segment.value: found.commented.get(segment, 0) for segment in Segment},
        "themes": [
            {
                "theme": theme.label,
                "comments": theme.comments,
                "promoters": theme.promoters,
                "passives": theme.passives,
                "detractors": theme.detractors,
                "z": round(theme.leaning, 2),
                "rather_said_by": theme.of.value if theme.of is not None else None,
            }
            for theme in found.themes
        ],
    }


def _share(found: Themes, theme: Theme, segment: Segment) -> str:
    many, of = found.share(theme, segment)
    return f"{many:,} ({percent(many, of)})" if of else "–"
