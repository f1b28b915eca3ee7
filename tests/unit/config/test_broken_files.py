"""A corpus of broken files: each names at its top, as `# expect: CODE at LINE:COLUMN`, all that is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from builders_config import ENV, problems_of

from npsync.config import ConfigProblems, load

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
EXPECTED = re.compile(r"^# expect: (\w+) at (\d+):(\d+)$", re.MULTILINE)


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(BROKEN) >= 60


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_a_broken_file_gives_its_codes_at_their_places_and_nothing_else(file):
    with pytest.raises(ConfigProblems) as raised:
        load(file, ENV)
    told = [(problem.code, problem.line, problem.column) for problem in raised.value.problems]
    expected = [(code, int(line), int(column)) for code, line, column in EXPECTED.findall(file.read_text())]
    assert expected, "the file has to say what it expects"
    assert sorted(told) == sorted(expected)


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_no_problem_tells_a_value_of_the_environment(file):
    with pytest.raises(ConfigProblems) as raised:
        load(file, ENV)
    for value in filter(None, ENV.values()):
        assert value not in str(raised.value)
        assert value not in repr(raised.value.problems)


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"", "empty", 1, 1),
        (b"time_zone: UTC\nx-name: M\xfcller\n", "encoding", 2, 10),
        ("time_zone: UTC\n".encode("utf-16"), "encoding", 1, 1),
        (b"time_zone: UTC\nx-a: \x01\n", "bad_character", 2, 6),
        (b"x: [1\n", "syntax", 2, 1),
        (b"# " + b"x" * 1_000_001, "too_large", 1, 1),
        (b"a:\n" + b"".join(b" " * n + b"b:\n" for n in range(1, 1200)), "too_deep", 40, 40),
    ],
    ids=["empty", "latin-1", "utf-16", "control-character", "half-a-file", "huge", "deep"],
)
def test_bytes_that_are_no_usable_text_are_refused_at_their_place(tmp_path, data, code, line, column):
    [problem] = problems_of(data, tmp_path)
    assert (problem.code, problem.line, problem.column) == (code, line, column)


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path):
    text = "time_zone: Mars\npeople:\n  crm:\n    object: Contact\nsync:\n  a:\n    survey: none\n"
    problems = problems_of(text, tmp_path)
    assert [problem.line for problem in problems] == sorted(problem.line for problem in problems)
    assert {"unknown_time_zone", "unknown_connection", "unknown_survey", "missing_key"} <= {
        problem.code for problem in problems
    }
