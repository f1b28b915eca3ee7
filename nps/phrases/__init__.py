"""What npsync itself says to customers, on its page and in its messages, in a few languages.

The question comes from the YAML; everything around it is here. `choose` picks a language, `date_in` writes a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from nps.phrases import ar, de, en, es, fr, nl
from nps.phrases.wording import Phrases

DEFAULT = "en"

LANGUAGES: dict[str, Phrases] = {
    "en": en.PHRASES,
    "de": de.PHRASES,
    "fr": fr.PHRASES,
    "es": es.PHRASES,
    "nl": nl.PHRASES,
    "ar": ar.PHRASES,
}


def choose(wanted: Iterable[str | None], spoken: Iterable[str] = LANGUAGES) -> str:
    """The first wanted language (`de`, `de-AT`, `pt_BR`, or None) of those `spoken`, else the default."""
    known = set(spoken)
    for tag in wanted:
        language = (tag or "").replace("_", "-").partition("-")[0].strip().lower()
        if language in known:
            return language
    return DEFAULT


def accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header, the best first; what cannot be read is left out."""
    weighed = []
    for place, part in enumerate(header.split(",")[:20]):
        tag, _, rest = part.partition(";")
        weight = 1.0
        if rest.strip().startswith("q="):
            try:
                weight = float(rest.strip()[2:])
            except ValueError:
                continue
        if tag.strip() and weight > 0:
            weighed.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(weighed)]


def date_in(language: str, day: date) -> str:
    """`22 November 2026` as the language writes it."""
    phrases = LANGUAGES[language]
    return phrases.day.format(day=day.day, month=phrases.months[day.month - 1], year=day.year)
