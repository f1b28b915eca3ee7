"""Comments are found however they are spelled, and what comes up again and again is told with its counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from answered import ANONYMOUS, NOW, config_in, matched, people

from nps.score import Segment
from npsync.config import Config
from npsync.reports import wish
from npsync.reports.comments import Hits, excerpt, folded, search
from npsync.reports.remarks import counting_of, themes_of
from npsync.reports.themes import leaning, themes
from npsync.reports.wish import guarded
from store import open_store
from store.sql import SqlStore

needs_stems = pytest.mark.usefixtures("stems")


@pytest.fixture
def stems() -> None:
    """The themes' library is an extra; `make` installs it for development."""
    pytest.importorskip("snowballstemmer")


@pytest.fixture
def config(tmp_path: Path, sqlite_url: str) -> Config:
    return config_in(tmp_path)


@pytest.fixture
def store(config: Config) -> SqlStore:
    return open_store(config.store)


def found(config: Config, store: SqlStore, words: str, **others) -> Hits:
    wanted = wish(config, "relationship", today=date(2025, 12, 15))
    return search(store, counting_of(config, store, wanted), words, **others)


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("ecole", ["L'École est fermée"]),
        ("ÉCOLE fermee", ["L'École est fermée"]),
        ("strasse", ["Die Straße ist lang"]),
        ("100%", ["100% slow_ness"]),
        ("w_n", ["100% slow_ness"]),
        ("الدعم", ["الدعم بطيء"]),
        ("", ["الدعم بطيء", "100% slow_ness", "Die Straße ist lang", "L'École est fermée"]),
        ("nothing", []),
    ],
)
def test_case_and_accents_do_not_matter_and_nothing_is_a_wildcard(config, store, words, texts):
    people(
        store,
        [9, 9, 3, 3],
        comments=["L'École est fermée", "Die Straße ist lang", "100% slow_ness", "الدعم بطيء"],
    )
    hits = found(config, store, words)
    assert [one.text for one in hits.shown] == texts
    assert (hits.found, hits.comments) == (len(texts), 4)


def test_what_is_found_comes_a_page_at_a_time_and_says_how_many(config, store):
    people(store, [9] * 45, comments=["slow"])
    pages = [found(config, store, "slow", page=page, limit=20) for page in (1, 2, 3, 4)]
    assert [len(each.shown) for each in pages] == [20, 20, 5, 0]
    assert {(each.found, each.pages) for each in pages} == {(45, 3)}
    assert len({one.id for each in pages for one in each.shown}) == 45


def test_comments_of_one_segment_are_searched_alone(config, store):
    people(store, [9, 7, 3], comments=["slow"])
    assert found(config, store, "slow", segment=Segment.DETRACTOR).found == 1


def test_held_answers_are_not_searched(config, store):
    matched(store, people(store, [3], comments=["slow"]), state="held")
    assert found(config, store, "slow").comments == 0


def test_few_answers_of_an_anonymous_programme_are_not_told(tmp_path, sqlite_url):
    config = config_in(tmp_path, ANONYMOUS)
    store = open_store(config.store)
    wanted = wish(config, "pulse", today=NOW.date())
    people(store, [9] * 4, comments=["slow"])
    store.publish("pulse", {"mail": ("1146",)}, 1, now=NOW)
    assert search(store, counting_of(config, store, wanted), "").comments == 0
    people(store, [9], comments=["slow"])
    store.publish("pulse", {"mail": ("1146",)}, 1, now=NOW)
    assert search(store, counting_of(config, store, wanted), "").comments == 5


def test_a_long_comment_is_shown_around_what_was_found():
    assert excerpt("short\n and simple", "x") == "short and simple"
    told = excerpt("a " * 300 + "Élan " + "b " * 300, "elan", 40)
    assert (len(told), "Élan" in told) == (42, True)


@pytest.mark.parametrize(
    ("text", "plain"), [("Straße", "strasse"), ("ÅNGSTRÖM", "angstrom"), ("ｱ", "ア"), ("A b", "a b")]
)
def test_folding(text, plain):
    assert folded(text) == plain


# ------------------------------------------------------------ themes

SAID = (
    [(3, "Support was slow to answer."), (2, "The slow support!"), (1, "slow supports, again")] * 10
    + [(9, "Great onboarding"), (10, "The onboarding was great"), (10, "easy onboarding; great")] * 10
    + [(8, "It is fine"), (9, "A report"), (3, "the reports"), (0, "reporting")] * 3
)


@needs_stems
def test_themes_are_counted_once_a_comment_and_told_with_whose_they_are():
    found = themes(SAID, least=5)
    by = {theme.label: theme for theme in found.themes}
    assert (by["slow"].detractors, by["slow"].promoters, by["slow"].of) == (30, 0, Segment.DETRACTOR)
    assert (by["onboarding"].promoters, by["onboarding"].of) == (30, Segment.PROMOTER)
    assert by["great"].of is Segment.PROMOTER
    assert found.commented == {Segment.DETRACTOR: 36, Segment.PROMOTER: 33, Segment.PASSIVE: 3}
    assert found.share(by["slow"], Segment.DETRACTOR) == (30, 36)


@needs_stems
def test_forms_of_a_word_are_one_theme_called_as_most_wrote_it():
    found = {theme.label: theme for theme in themes(SAID, least=5).themes}
    assert found["report"].comments == 9
    assert found["report"].of is None
    assert "reports" not in found


@needs_stems
def test_two_words_side_by_side_are_a_theme_but_not_across_a_stop():
    found = {theme.label for theme in themes([(3, "support team. Slow export")] * 9, least=5).themes}
    assert {"support team", "slow export"} <= found
    assert "team slow" not in found
    assert "support" not in found  # the pair says more


@needs_stems
@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("L'équipe est très réactive", "équipe réactive"),
        ("Der Support ist nicht erreichbar", "erreichbar"),
        ("El soporte es muy lento", "lento"),
        ("De ondersteuning is te langzaam", "langzaam"),
        ("الدعم بطيء جدا", "الدعم بطيء"),
    ],
)
def test_words_that_every_text_has_are_left_out_in_its_language(text, label):
    found = {theme.label for theme in themes([(3, text)] * 6, least=5).themes}
    assert any(label.split()[-1] in each for each in found)
    assert not found & {"est", "très", "der", "ist", "nicht", "es", "muy", "de", "is", "te", "جدا"}


@needs_stems
def test_what_fewer_say_than_the_smallest_group_is_no_theme(config, store):
    people(store, [3] * 4, comments=["slow export"])
    wanted = wish(config, "relationship", today=NOW.date())
    assert themes_of(config, store, wanted).themes == []
    people(store, [3], comments=["slow export"])
    assert [theme.label for theme in themes_of(config, store, wanted).themes] == ["slow export"]


@needs_stems
def test_what_one_person_says_again_and_again_is_no_theme_for_who_sees_nobody(config, store):
    october = datetime(2025, 10, 7, tzinfo=UTC)
    for name, known in (("kim", True), ("lou", False)):
        answers = people(store, [3] * 6, at=october, names=[name] * 6, comments=["slow export"])
        if known:
            matched(store, answers)
    people(store, [9] * 6, at=october, comments=["friendly support"])
    today = NOW.date()
    seen, hidden = wish(config, "relationship", today=today), guarded(config, "relationship", today=today)
    assert {one.label: one.comments for one in themes_of(config, store, seen).themes} == {
        "slow export": 12,
        "friendly support": 6,
    }
    assert [one.label for one in themes_of(config, store, hidden).themes] == ["friendly support"]


@needs_stems
def test_no_comments_no_themes():
    assert themes([]).themes == []


def test_a_few_comments_do_not_beat_many():
    assert leaning(3, 3, 0, 100, 0.03) < leaning(60, 100, 10, 100, 0.35)
    assert leaning(50, 100, 50, 100, 0.5) == 0
    assert leaning(50, 100, 0, 0, 0.5) == 0
    assert leaning(10, 100, 60, 100, 0.35) == -leaning(60, 100, 10, 100, 0.35)


def test_without_the_library_it_is_said_what_to_install(monkeypatch):
    import sys

    from nps.errors import ConfigError
    from npsync.reports.themes import _languages

    _languages.cache_clear()
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    with pytest.raises(ConfigError, match=r"npsync\[themes\]"):
        themes([(9, "slow")])
    _languages.cache_clear()
