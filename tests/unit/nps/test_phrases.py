"""npsync says the same things in every language it speaks."""

from __future__ import annotations

import re
from datetime import date

import msgspec
import pytest

from nps.phrases import LANGUAGES, accepted, choose, date_in

EVERY = [
    pytest.param(language, field, id=f"{language}-{field}")
    for language in LANGUAGES
    for field in msgspec.structs.asdict(LANGUAGES["en"])
]
ENGLISH_ONLY = {"why"}  # it completes an English sentence


def braces(text: object) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text)) if isinstance(text, str) else set()


@pytest.mark.parametrize(("language", "field"), EVERY)
def test_a_phrase_is_there_and_tells_the_same_facts_in_every_language(language, field):
    said, english = getattr(LANGUAGES[language], field), getattr(LANGUAGES["en"], field)
    if field in ENGLISH_ONLY:
        return
    assert said or field == "right_to_left"
    assert braces(said) == braces(english)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_is_written_with_the_languages_own_month(language):
    assert len(LANGUAGES[language].months) == 12
    written = date_in(language, date(2026, 2, 3))
    assert LANGUAGES[language].months[1] in written
    assert "2026" in written


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", ["de-AT", "de", "en"]),
        ("en;q=0.3, fr", ["fr", "en"]),
        ("*;q=0, nl;q=x, es", ["es"]),
        ("", []),
    ],
)
def test_a_browser_says_which_languages_it_prefers(header, wanted):
    assert accepted(header) == wanted


@pytest.mark.parametrize(
    ("wanted", "spoken", "chosen"),
    [
        (["de-AT", "en"], LANGUAGES, "de"),
        (["pt_BR", "es_MX"], LANGUAGES, "es"),
        ([None, "AR"], LANGUAGES, "ar"),
        (["sw"], LANGUAGES, "en"),
        (["fr"], ["en", "de"], "en"),
    ],
)
def test_the_first_wanted_language_that_is_spoken_is_chosen(wanted, spoken, chosen):
    assert choose(wanted, spoken) == chosen
