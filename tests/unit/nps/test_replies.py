"""A score somebody texts back is read by rule, never guessed."""

from __future__ import annotations

import pytest

from nps.replies import read_score


@pytest.mark.parametrize(
    ("text", "score", "comment"),
    [
        ("9", 9, None),
        ("10", 10, None),
        ("0", 0, None),
        (" 10 \n", 10, None),
        ("9 love it", 9, "love it"),
        ("9, love it", 9, "love it"),
        ("9. Love it. 2 things though", 9, "Love it. 2 things though"),
        ("7 - could be faster", 7, "could be faster"),
        ("9/10", 9, None),
        ("9 / 10 great", 9, "great"),
        ("8 out of 10, thanks", 8, "thanks"),
        ("９ 最高", 9, "最高"),
        ("I'd say 8", 8, "I'd say 8"),
        ("Definitely a 3, sorry", 3, "Definitely a 3, sorry"),
    ],
)
def test_a_score_is_read_and_the_rest_is_the_comment(text, score, comment):
    assert read_score(text) == (score, comment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thanks",
        "11",
        "-1",
        "score -8",
        "5-6",
        "5 – 6",
        "9.5",
        "9,5",
        "90%",
        "9%",
        "3/4",
        "9/5",
        "100",
        "10am works for me",
        "call me at 4 or 5",
        "v2 is bad",
        "it costs 3.50",
        "nine",
    ],
)
def test_what_is_not_surely_a_score_is_none(text):
    assert read_score(text) is None


def test_the_scale_is_the_survey_s():
    assert read_score("5", 1, 5) == (5, None)
    assert read_score("4/5", 1, 5) == (4, None)
    assert read_score("0", 1, 5) is None
    assert read_score("9", 1, 5) is None
    assert read_score("4/10", 1, 5) is None
